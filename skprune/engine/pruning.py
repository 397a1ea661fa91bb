"""The pruning of a fitted model: rank, choose gates, remove, recover, train.

`prune` is the function for a model that is already fitted; `PruningEstimator` calls
the same code after it has fitted the model itself.
"""

from dataclasses import replace
from functools import cached_property

import numpy as np
from sklearn.utils import check_random_state

from skprune.engine.account import account_of
from skprune.engine.budget import Budget
from skprune.engine.plan import Plan
from skprune.engine.progress import SILENT
from skprune.engine.ranking import FirstRanking
from skprune.engine.recall import recall_after, warn_of_lost_classes
from skprune.engine.report import (
    GroupReport,
    PruningReport,
    changed_size,
    part_sizes,
    total_size,
)
from skprune.engine.sharing import Beginning, structure_of
from skprune.engine.steps import rate_within, run_steps
from skprune.methods import make_method
from skprune.structures import (
    Samples,
    final_model,
    locate,
)


class Pruned:
    """A pruned model, built when it is asked for, and the account of its pruning.

    Parameters
    ----------
    location : Location
        Where the model was.
    structure : Structure
        What is left of it.
    method : Method
        That ranked its units.
    importances : ndarray of shape (n_units,)
        Of the last ranking that saw each unit.
    support : ndarray of bool of shape (n_units,)
        Which units are left.

    Attributes
    ----------
    structure : Structure or None
        None once the model is built.
    is_own : bool
        Whether the model shares no array with one that is pruned to another rate.
    report : PruningReport
        Sizes before and after.
    """

    report: PruningReport

    def __init__(self, location, structure, method, importances, support):
        self.location = location
        self.structure = structure
        self.is_own = structure.finishes_own
        self.method = method
        self.importances = importances
        self.support = support

    @property
    def rate(self):
        """Share of the units that went."""
        return int((~self.support).sum()) / max(len(self.support), 1)

    @cached_property
    def estimator(self):
        """Plain and fitted, of the class of the one that was given."""
        finished, self.structure = self.structure.finished(), None
        return self.location.rebuild(finished)


def prune(
    estimator,
    X,
    y,
    *,
    rate,
    method="magnitude",
    granularity="connection",
    scope="global",
    n_steps=1,
    compensate=True,
    finetune=0,
    sample_weight=None,
    random_state=None,
    verbose=0,
):
    """Prune a fitted model and return a smaller one.

    Parameters
    ----------
    estimator : estimator
        A fitted linear model, MLP, tree or forest, or a Pipeline, search,
        TransformedTargetRegressor or FrozenEstimator that holds one. It is not
        changed.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples on which units are ranked and survivors re-estimated: those that the
        model was trained on, or others like them.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    rate : float or Budget
        Share of the units that is removed, in [0, 1): exactly
        ``round(rate * n_units)`` of them go. Or a `Budget`, for the smallest rate
        that meets it.
    method, granularity, scope, n_steps, compensate, finetune, verbose
        As in `PruningEstimator`.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.
    random_state : int, RandomState instance or None, default=None
        Seed of methods that draw, and of the order of samples in `finetune`.

    Returns
    -------
    estimator
        A plain fitted estimator of the same class, which needs no skprune to predict.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    TypeError
        If its model is of no family that can be pruned.
    ValueError
        If a parameter is out of its range or does not fit the model, or a budget is
        below what pruning can reach.

    See Also
    --------
    PruningEstimator : Fits the model and prunes it, as one estimator.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skprune import model_size, prune
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> forest = RandomForestClassifier(n_estimators=10, random_state=0).fit(X, y)
    >>> smaller = prune(forest, X, y, rate=0.5, granularity="tree", random_state=0)
    >>> len(forest.estimators_), len(smaller.estimators_)
    (10, 5)
    """
    plan = Plan(
        method=make_method(method),
        rate=rate,
        granularity=granularity,
        scope=scope,
        n_steps=n_steps,
        compensate=compensate,
        finetune=finetune,
        verbose=verbose,
    )
    plan.check(estimator)
    samples, rng = Samples(X, y, sample_weight), make_generator(random_state)
    return prune_fitted(estimator, samples, plan, rng).estimator


def make_generator(random_state):
    """A numpy Generator from what scikit-learn takes as `random_state`.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        As in `sklearn.utils.check_random_state`.

    Returns
    -------
    numpy.random.Generator
        Seeded by one draw.
    """
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    return np.random.default_rng(seed)


def prune_fitted(fitted, samples, plan, rng, task=SILENT, account=None):
    """Prune a fitted estimator.

    Parameters
    ----------
    fitted : estimator
        A fitted model or container; not changed.
    samples : Samples
        As the estimator takes them.
    plan : Plan
        Checked.
    rng : numpy.random.Generator
        Source of randomness.
    task : Task, default=SILENT
        The pruning, whose steps callbacks follow.
    account : Account, default=None
        Of the estimator, where it is known.

    Returns
    -------
    Pruned
        The smaller model, which shares nothing with the given one.
    """
    rates = [plan.rate]
    return next(prune_at_rates(fitted, samples, plan, rates, rng, task, account))


def prune_at_rates(fitted, samples, plan, rates, rng, task=SILENT, account=None):
    """Prune a fitted estimator at several rates, each from the estimator as it is.

    What rates share is made once: the structure, and the ranking where the method
    allows it.

    Parameters
    ----------
    fitted, samples, plan, rng, task, account
        As in `prune_fitted`; the rate of the plan does not count.
    rates : iterable of float or Budget
        Shares of the units that go, or what the model may cost.

    Yields
    ------
    Pruned
        One a rate, in their order: the same as `prune_fitted` at that rate.
    """
    first = Beginning(fitted, samples, plan, account)
    units = first.location, first.structure
    for pruned in prune_structure(*units, plan, rates, rng, task, account):
        first.keep()
        yield pruned


def prune_structure(location, structure, plan, rates, rng, task=SILENT, account=None):
    """Prune a structure of a model at several rates.

    Parameters
    ----------
    location : Location
        Where the model is.
    structure : Structure
        Of that model.
    plan, rates, rng, task, account
        As in `prune_at_rates`.

    Yields
    ------
    Pruned
        One a rate, in their order.
    """
    before = account_of(location) if account is None else account
    sizes = before.size, before.parts
    for pruned in prune_candidates(location, structure, plan, rates, rng, task, sizes):
        after = before.recall
        if plan.finetune or not pruned.support.all():
            after = recall_after(pruned, location.samples.X, before.rows)
        warn_of_lost_classes(before.recall, after)
        recall = {"recall_before": before.recall, "recall_after": after}
        pruned.report = replace(pruned.report, **recall)
        yield pruned


def prune_candidates(location, structure, plan, rates, rng, task=SILENT, sizes=None):
    """Prune a structure at several rates, of which most will not be kept.

    Parameters
    ----------
    location, structure, plan, rates, rng, task
        As in `prune_structure`.
    sizes : tuple of ModelSize and dict of str to ModelSize, default=None
        Of the model and of its parts, where they are known.

    Yields
    ------
    Pruned
        One a rate, in their order; the reports say nothing of recall, which costs
        predictions.
    """
    rates = list(rates)
    shared = plan.compensate and len(rates) > 1
    structure = structure.prepared() if shared else structure
    first = FirstRanking(structure, plan.method, rng)
    if sizes is None:
        parts = part_sizes(location.model)
        sizes = total_size(location.model, parts), parts
    size, parts = sizes
    blank = PruningReport([], size, size, parts, parts)
    for rate in rates:
        if isinstance(rate, Budget):
            rate = rate_within(rate, first, plan, location)
        yield _pruned(location, first, replace(plan, rate=rate), blank, task)


def _pruned(location, first, plan, blank, task):
    """The model at one rate; what led to it is let go of on return."""
    structure, importances, support = run_steps(first, plan, location, task)
    pruned = Pruned(location, structure, plan.method, importances, support)
    groups = _group_reports(first.structure, support)
    after, parts = _sizes_after(pruned, blank)
    pruned.report = replace(blank, groups=groups, after=after, parts_after=parts)
    return pruned


def _sizes_after(pruned, blank):
    """Size of a pruned model and of its parts; built for it only if need be."""
    measured = pruned.structure.measured()
    if measured is None:
        model = final_model(pruned.estimator)
        parts = part_sizes(model)
        return total_size(model, parts), parts
    parts, dropped = measured
    return changed_size(blank.before, blank.parts_before, parts, dropped), parts


def train_on(fitted, samples, rng):
    """Train a pruned estimator for one pass, removed units held at zero.

    Parameters
    ----------
    fitted : estimator
        A pruned model or container; not changed.
    samples : Samples
        As the estimator takes them.
    rng : numpy.random.Generator
        Order of the samples.

    Returns
    -------
    estimator
        Plain and fitted, with the weights that are zero as they are.
    """
    location = locate(fitted, samples)
    structure = structure_of(location, "connection")
    return location.rebuild(structure.finetune(1, rng).finished())


def _group_reports(structure, support):
    units = structure.units
    n_kept = np.bincount(units.group[support], minlength=len(units.floor)).tolist()
    sizes = units.group_size
    ends = np.cumsum(sizes)
    ranges = (ends - sizes).tolist(), ends.tolist()
    return list(map(GroupReport, structure.group_names, *ranges, n_kept))
