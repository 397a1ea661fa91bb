"""The steps of a pruning: rank, choose gates, remove, recover, train."""

import warnings
from dataclasses import replace
from functools import partial

import numpy as np

from skprune.engine.budget import fewest_gone
from skprune.engine.progress import SILENT, StepLines
from skprune.engine.warnings import FlooredRateWarning

BELOW_ONE = float(np.nextafter(1.0, 0.0))


def removal_counts(n_units, rate, n_steps):
    """Number of units removed after each step, cumulated.

    Each step removes the same share of the survivors [1]_: after step k of T the rate
    is ``1 - (1 - rate) ** (k / T)``. The last step ends at exactly
    ``round(rate * n_units)``.

    Parameters
    ----------
    n_units : int
        Units before the first step.
    rate : float
        Share of the units that is removed in the end, in [0, 1).
    n_steps : int
        Number of steps.

    Returns
    -------
    list of int
        One count a step, never decreasing.

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


def run_steps(first, plan, rate, fit, task):
    """Prune a structure to a rate, step by step.

    Parameters
    ----------
    first : FirstRanking
        Of the structure.
    plan : Plan
        Checked.
    rate : float
        Fraction of units to remove.
    fit : Fit
        The model as trained.
    task : Task
        The pruning, whose steps callbacks follow.

    Returns
    -------
    structure : Structure
        What is left.
    importances : ndarray of shape (n_units,)
        Of the last ranking that saw each unit; zero where none did.
    support : ndarray of bool of shape (n_units,)
        Which units are left.
    """
    structure = first.structure
    n_units, removable = structure.n_units, structure.units.removable
    importances, support = np.zeros(n_units), np.ones(n_units, dtype=bool)
    _warn_if_floored(rate, removable, structure)
    counts = removal_counts(n_units, rate, plan.n_steps)
    take_step, lines = _strategy(plan), StepLines(plan.n_steps, n_units)
    for step, n_gone in enumerate(counts, start=1):
        with task.subtask("step", plan.finetune) as subtask:
            n_keep = n_units - min(n_gone, removable)
            n_left = structure.n_units
            if n_keep < n_left:
                if structure is first.structure:
                    ranking = first.at(n_keep)
                else:
                    ranking = ranking.again(structure, n_keep)
                ranking, structure, kept = take_step(
                    ranking, n_left - n_keep, plan, subtask.passes
                )
                importances[support] = ranking.importances
                support[support] = kept
            subtask.reached(partial(_rebuilt, fit, structure))
        if plan.verbose:
            lines.show(step, structure.n_units, structure.loss())
    if plan.compensate and not plan.finetune and not support.all():
        structure = structure.polished()
    return structure, importances, support


def _rebuilt(fit, structure):
    return fit.location.rebuild(structure.finished())


def _strategy(plan):
    """The function that takes one step of a plan.

    It returns the ranking of the step, the structure after it, and which units remain.
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


def rate_within(budget, first, plan, fit):
    """Find the smallest rate that meets a budget.

    Parameters
    ----------
    budget : Budget
        What the model may cost.
    first, plan, fit
        As in `run_steps`.

    Returns
    -------
    float
        In [0, 1).

    Raises
    ------
    ValueError
        If no rate meets it; says what the largest rate reaches.
    """
    units, X = first.structure.units, fit.location.samples.X
    quiet = replace(plan, verbose=0)
    sketch = replace(quiet, n_steps=1, compensate=False, finetune=0)

    def rate_of(n_gone):
        return min(n_gone / max(units.n_units, 1), BELOW_ONE)

    def excess(plan, n_gone):
        structure, *_ = run_steps(first, plan, rate_of(n_gone), fit, SILENT)
        return budget.excess(structure.finished(), X)

    n_gone = fewest_gone(
        units.removable,
        lambda n_gone: not excess(sketch, n_gone),
        lambda n_gone: not excess(quiet, n_gone),
    )
    if n_gone is None:
        least = excess(quiet, units.removable)
        reached = ", ".join(f"{name}={value:.6g}" for name, value in least.items())
        raise ValueError(
            f"rate={budget!r} cannot be met by {type(fit.model).__name__} with "
            f"granularity={plan.granularity!r}: the smallest it can reach is {reached}."
        )
    return rate_of(n_gone)
