"""Shrinking: units are removed while the model is trained, not before.

Between two updates all units are shortened by the same length, and those that are
shorter become zero: the proximal step of a penalty on the norms of units [1]_. The
strength of the penalty is found anew each time so that the schedule of the rate is met.

References
----------
.. [1] N. Parikh and S. Boyd, "Proximal Algorithms", Foundations and Trends in
   Optimization 2014.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skprune.numerics.units import Units, keep_units


@dataclass(frozen=True)
class SoftThreshold:
    """Factors of the weights of each unit during a training.

    Attributes
    ----------
    sizes : ndarray of shape (n_units,)
        Norms of the units before the training, in a scale common to all read-outs.
    n_remove : int
        Number of units that are removed at the end.
    units : Units
        Groups and floors. Each group has its own threshold if a floor or the scope
        gives it another number of units.
    scope : {"global", "local", "lamp"}
        How groups compete.
    """

    sizes: np.ndarray
    n_remove: int
    units: Units
    scope: str

    def __call__(self, growth, progress):
        """Compute the factors in [0, 1], zero for exactly the units to remove by now.

        `growth` has the norms relative to those before the training. `progress` is from
        zero to one: equal intervals remove the same fraction of the remaining units, as
        the steps of a pruning do.
        """
        norms = self.sizes * growth
        kept = keep_units(norms**2, self._n_removed(progress), self.units, self.scope)
        threshold = np.zeros(len(self.units.floor))
        np.maximum.at(threshold, self.units.group[~kept], norms[~kept])
        shortened = norms - threshold[self.units.group]
        factors = np.divide(shortened, norms, out=np.ones_like(norms), where=norms > 0)
        return np.where(kept, factors, 0.0)

    def _n_removed(self, progress):
        n_units = len(self.sizes)
        share_left = (1 - self.n_remove / max(n_units, 1)) ** progress
        return round(n_units * (1 - share_left)) if progress < 1 else self.n_remove


@dataclass(frozen=True)
class Shrinking:
    """Step in which a training decides which units are removed.

    Units shrink in the first two thirds of the passes. Those that reached zero are then
    removed, and the others get their length back. The remaining passes train them.
    `method` ranks the units, before and after they have shrunk.
    """

    method: Any

    def check(self, plan, family, granularity):
        """Raise a ValueError if the plan has no passes, or if units cannot shrink.

        The family must be trained by passes, and the units of its granularity must have
        weights of their own.
        """
        claim = f"method={self.method!r} shrinks units while the model is trained, but "
        if not family.trains_by_passes:
            raise ValueError(
                f"{claim}{family.name} are not trained by passes; choose another one."
            )
        able = [name for name, kind in family.structures.items() if can_shrink(kind)]
        if granularity not in able:
            raise ValueError(
                f"{claim}a unit of granularity={plan.granularity!r} has no weights of "
                f"its own that could; choose {', '.join(map(repr, able))}."
            )
        if not plan.finetune:
            raise ValueError(
                f"{claim}finetune=0 trains it for no pass; set finetune to at least 1, "
                "or choose another method."
            )

    def step(self, ranking, n_remove, plan, passes):
        """Remove units of a ranked structure, whose class has ``shrink``.

        Iterates over ``passes(epochs)``, one item per pass. Returns the ranking of the
        trained structure, the structure with the remaining units, and which of the
        units remain, an ndarray of bool.
        """
        structure, rng = ranking.structure, ranking.rng
        n_shrinking = -(-2 * plan.finetune // 3)
        sizes = np.sqrt(ranking.importances)
        threshold = SoftThreshold(sizes, n_remove, structure.units, plan.scope)
        trained = ranking.again(
            structure.shrink(threshold, n_shrinking, rng, passes),
            structure.n_units - n_remove,
        )
        gates = trained.gates(n_remove, plan.scope)
        if plan.compensate:
            structure = structure.prune(gates, compensate=True, rng=rng).polished()
        else:
            structure = trained.structure.prune(gates, compensate=False, rng=rng)
        if plan.finetune > n_shrinking:
            structure = structure.finetune(plan.finetune - n_shrinking, rng, passes)
        return trained, structure, gates != 0


def can_shrink(kind):
    """Whether the units of a class of structures have weights that can shrink."""
    return hasattr(kind, "shrink")
