"""The pruning of a fitted model: one generator for all functions and estimators.

`prune`, `pruning_path` and the estimators all iterate over `prunings`, which ranks
the units of a `Fit` and runs the steps to each rate.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.utils import check_random_state

from skprune.engine.budget import Budget
from skprune.engine.fits import Fit
from skprune.engine.progress import SILENT
from skprune.engine.ranking import first_rankings
from skprune.engine.report import GroupReport, PruningReport, part_sizes, total_size
from skprune.engine.steps import rate_within, run_steps
from skprune.methods import Method
from skprune.numerics.units import Units
from skprune.structures import Structure, dotted, final_model


@dataclass(frozen=True)
class Pruned:
    """Result of one pruning, whose model and report are made on demand.

    `before` and `after` have the structures of each model of `fit`, as trained and
    pruned. The `importances` of units are those in their last ranking. `support` are
    the remaining units.
    """

    fit: Fit
    before: list[Structure]
    after: list[Structure]
    method: Method
    importances: np.ndarray
    support: np.ndarray

    @property
    def rate(self):
        """Fraction of units removed."""
        return int((~self.support).sum()) / max(len(self.support), 1)

    @property
    def is_own(self):
        """Whether the model shares no array with one pruned to another rate."""
        return all(structure.finishes_own for structure in self.after)

    @cached_property
    def estimator(self):
        """Plain fitted estimator of the class of the given one."""
        return self.fit.rebuilt(self.after)

    @cached_property
    def report(self):
        """PruningReport of units and sizes before and after, without recalls."""
        model = final_model(self.estimator)
        parts = part_sizes(model)
        return PruningReport(
            groups=self._groups(),
            before=self.fit.size,
            after=total_size(model, parts),
            parts_before=self.fit.parts,
            parts_after=parts,
        )

    def _groups(self):
        ends = np.cumsum([structure.n_units for structure in self.before])
        each = zip(self.fit.location.members, self.before, ends)
        return [
            group
            for member, structure, end in each
            for group in group_reports(structure, self.support[:end], member.name)
        ]


def prunings(fit, plan, rates, rng, task=SILENT):
    """Prune a fitted model to several rates, each time from the model as trained.

    Yields one `Pruned` for each of `rates`, which are fractions of units or a `Budget`.
    The rates share the structure, and the first ranking if the method allows it. Each
    draws random numbers as if it were the only one. Callbacks follow the steps of
    `task`.
    """
    shared = plan.compensate and (len(rates) > 1 or fit.reused)
    structures = fit.structures(plan.granularity, shared)
    firsts = first_rankings(structures, plan.method, rng)
    for rate in rates:
        if isinstance(rate, Budget):
            rate = rate_within(rate, firsts, plan, fit)
        # a local variable would keep one pruning in memory during the next
        yield _pruned(
            fit, structures, plan.method, run_steps(firsts, plan, rate, fit, task)
        )


def _pruned(fit, structures, method, courses):
    return Pruned(
        fit=fit,
        before=structures,
        after=[course.structure for course in courses],
        method=method,
        importances=_joined([course.importances for course in courses], float),
        support=_joined([course.support for course in courses], bool),
    )


def _joined(parts, dtype):
    """Concatenate arrays; an ensemble of constants has none."""
    return np.concatenate([np.zeros(0, dtype), *parts])


def train_on(fit, rng):
    """Train a pruned model for one pass over the samples of its fit.

    Removed units stay at zero. Returns the plain fitted estimator.
    """
    return fit.rebuilt([structure.finetune(1, rng) for structure in fit.structures()])


def make_generator(random_state):
    """Make a numpy Generator, seeded by a draw of a scikit-learn ``random_state``."""
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    return np.random.default_rng(seed)


def group_reports(structure, support, member=""):
    """List the GroupReport of each layer or tree of a structure.

    The units of the structure are the last ones of `support`.
    """
    units: Units = structure.units
    start = len(support) - units.n_units
    kept = units.group[support[start:]]
    n_kept = np.bincount(kept, minlength=len(units.floor)).tolist()
    ends = start + np.cumsum(units.group_size)
    starts = (ends - units.group_size).tolist()
    names = [dotted(member, name) for name in structure.group_names]
    return list(map(GroupReport, names, starts, ends.tolist(), n_kept))
