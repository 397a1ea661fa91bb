"""The steps of a pruning: rank, choose gates, prune, compensate, fine-tune."""

import warnings
from dataclasses import replace
from functools import partial

import numpy as np

from skprune.engine.budget import fewest_removed
from skprune.engine.progress import SILENT, StepLines
from skprune.engine.warnings import FlooredRateWarning

BELOW_ONE = float(np.nextafter(1.0, 0.0))


def removal_counts(n_units, rate, n_steps):
    """Cumulative number of units removed after each step, a list of int.

    Each step removes the same fraction of the remaining units [1]_: after step k of T
    the rate is ``1 - (1 - rate) ** (k / T)``. The last step ends at exactly
    ``round(rate * n_units)``.

    References
    ----------
    .. [1] H. Tanaka et al., "Pruning neural networks without any data by iteratively
       conserving synaptic flow", NeurIPS 2020.

    Examples
    --------
    >>> removal_counts(100, 0.9, 3)
    [54, 78, 90]
    """
    rates = [1 - (1 - rate) ** (k / n_steps) for k in range(1, n_steps)]
    return [round(r * n_units) for r in [*rates, rate]]


class Course:
    """The steps of one model to a rate, with its structure after the last one.

    The `importances` of units are those in their last ranking, zero if they were in
    none. `support` are the remaining units.
    """

    def __init__(self, first, plan, rate):
        self.first, self.plan = first, plan
        self.structure = first.structure
        self.n_units = self.structure.n_units
        self.importances = np.zeros(self.n_units)
        self.support = np.ones(self.n_units, dtype=bool)
        removable = self.structure.units.removable
        _warn_if_floored(rate, removable, self.structure)
        counts = removal_counts(self.n_units, rate, plan.n_steps)
        self._n_keep = [
            self.n_units - min(n_removed, removable) for n_removed in counts
        ]
        self._take_step, self._last = _strategy(plan), None

    def advance(self, step, task):
        """Run a step, numbered from zero; callbacks follow its training passes."""
        n_keep = self._n_keep[step]
        n_remove = self.structure.n_units - n_keep
        if n_remove == 0:
            return
        ranking, structure, kept = self._take_step(
            self._ranking(n_keep), n_remove, self.plan, task.passes
        )
        self.importances[self.support] = ranking.importances
        self.support[self.support] = kept
        self.structure, self._last = structure, ranking

    def _ranking(self, n_keep):
        if self._last is None:
            return self.first.at(n_keep)
        return self._last.again(self.structure, n_keep)

    def polish(self):
        """Compensate once more, all remaining units together."""
        plan = self.plan
        if plan.compensate and not plan.finetune and not self.support.all():
            self.structure = self.structure.polished()


def run_steps(firsts, plan, rate, fit, task):
    """Prune all models of a fit to a rate, step by step.

    `firsts` has the first ranking of each model. Returns a list of Course, one for each
    model; callbacks follow the steps of `task`.
    """
    courses = [Course(first, plan, rate) for first in firsts]
    lines = StepLines(plan.n_steps, sum(course.n_units for course in courses))
    for step in range(plan.n_steps):
        with task.subtask("step", plan.finetune * len(courses)) as subtask:
            for course in courses:
                course.advance(step, subtask)
            structures = [course.structure for course in courses]
            subtask.reached(partial(fit.rebuilt, structures))
        if plan.verbose and courses:
            n_left = sum(structure.n_units for structure in structures)
            losses = [structure.loss() for structure in structures]
            lines.show(step + 1, n_left, float(np.mean(losses)))
    for course in courses:
        course.polish()
    return courses


def _strategy(plan):
    """Choose the function of one step of a plan.

    It returns the ranking of the step, the new structure, and which units remain.
    """
    in_training = plan.method.in_training if plan.finetune else None
    return _prune_and_train if in_training is None else in_training.step


def _prune_and_train(ranking, n_remove, plan, passes):
    gates = ranking.gates(n_remove, plan.scope)
    structure = ranking.structure.prune(
        gates, compensate=plan.compensate, rng=ranking.rng
    )
    if plan.finetune:
        if plan.compensate and n_remove:
            structure = structure.polished()
        structure = structure.finetune(plan.finetune, ranking.rng, passes)
    return ranking, structure, gates != 0


def _warn_if_floored(rate, removable, structure):
    wanted = round(rate * structure.n_units)
    if wanted > removable:
        warnings.warn(
            f"rate={rate} asks to remove {wanted} of {structure.n_units} units of "
            f"{type(structure.estimator).__name__}, but only {removable} can be "
            "removed: each layer, and each ensemble, keeps at least one. rate_ is the "
            "rate that was reached.",
            FlooredRateWarning,
            stacklevel=2,
        )


def rate_within(budget, firsts, plan, fit):
    """Find the smallest rate that meets a budget, which counts several models together.

    If no rate meets the budget, the ValueError has the size at the largest rate.
    """
    model_only = replace(fit.location, container=fit.model)
    units = [first.structure.units for first in firsts]
    n_units = sum(own.n_units for own in units)
    quiet = replace(plan, verbose=0)
    sketch = replace(quiet, n_steps=1, compensate=False, finetune=0)

    def rate_of(n_removed):
        return min(n_removed / max(n_units, 1), BELOW_ONE)

    def excess(plan, n_removed):
        with warnings.catch_warnings():
            # one model may be at its floor while others have units to remove
            warnings.simplefilter("ignore", FlooredRateWarning)
            courses = run_steps(firsts, plan, rate_of(n_removed), fit, SILENT)
        pruned = [course.structure.finished() for course in courses]
        return budget.excess(model_only.rebuild(*pruned), model_only.samples.X)

    # number of all units to remove that brings every model to its floor
    floors = [-(-own.removable * n_units // max(own.n_units, 1)) for own in units]
    most = max(floors, default=0)
    n_removed = fewest_removed(
        most,
        likely=lambda n_removed: not excess(sketch, n_removed),
        certain=lambda n_removed: not excess(quiet, n_removed),
    )
    if n_removed is None:
        least = excess(quiet, most)
        reached = ", ".join(f"{name}={value:.6g}" for name, value in least.items())
        raise ValueError(
            f"rate={budget!r} cannot be met by {type(fit.model).__name__} with "
            f"granularity={plan.granularity!r}: the smallest it can reach is {reached}."
        )
    return rate_of(n_removed)
