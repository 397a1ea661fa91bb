"""The pruning of a fitted model: rank, choose gates, remove, recover, train.

`prune` is the function for a model that is already fitted; `PruningEstimator` calls
the same code after it has fitted the model itself.
"""

import warnings
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skprune.methods import Method, make_method
from skprune.readouts.selection import SCOPES
from skprune.schedule import removal_counts
from skprune.size import GroupReport, PruningReport, model_size, part_sizes
from skprune.structures import (
    Samples,
    check_targets,
    family_of,
    final_model,
    locate,
)


@dataclass(frozen=True)
class Plan:
    """How to prune: the parameters of `prune`, checked against a model.

    Attributes
    ----------
    method : Method
        What ranks the units.
    rate : float
        Share of the units that goes.
    granularity : str
        What a unit is; the name that the family uses or a synonym.
    scope : {"global", "local", "lamp"}
        How layers or trees compete.
    n_steps : int
        Number of steps.
    compensate : bool
        Whether survivors are estimated anew after each step.
    finetune : int
        Passes over the samples after each step.
    verbose : int
        Whether each step prints a line.
    """

    method: Method
    rate: float = 0.5
    granularity: str = "connection"
    scope: str = "global"
    n_steps: int = 1
    compensate: bool = True
    finetune: int = 0
    verbose: int = 0

    def check(self, estimator):
        """Raise where the plan does not fit the estimator, fitted or not.

        Parameters
        ----------
        estimator : estimator
            A model or a container of one.

        Raises
        ------
        TypeError
            If the model is not one that can be pruned.
        ValueError
            If the family of the model does not have the granularity, or is not
            trained by passes and `finetune` asks for some, or if a value is out of
            its range.
        """
        family = family_of(final_model(estimator))
        family.granularity(self.granularity)
        self.method.check()
        check_rate(self.rate)
        if self.scope not in SCOPES:
            raise ValueError(
                f"scope={self.scope!r} is not known; choose one of {SCOPES}."
            )
        _check_count("n_steps", self.n_steps, least=1)
        _check_count("finetune", self.finetune, least=0)
        if self.finetune and not family.trains_by_passes:
            raise ValueError(
                f"finetune={self.finetune} asks for training passes, but {family.name} "
                "are not trained by passes; set finetune=0."
            )


@dataclass(frozen=True)
class Pruned:
    """A pruned model and the account of its pruning.

    Attributes
    ----------
    estimator : estimator
        Plain and fitted, of the class of the one that was given.
    importances : ndarray of shape (n_units,)
        Of the last ranking that saw each unit.
    support : ndarray of bool of shape (n_units,)
        Which units are left.
    rate : float
        Share of the units that went.
    report : PruningReport
        Sizes before and after.
    """

    estimator: object
    importances: np.ndarray
    support: np.ndarray
    rate: float
    report: PruningReport


def check_rate(rate):
    """Raise if a rate is not a number in [0, 1).

    Parameters
    ----------
    rate : float
        Share of the units that goes.

    Raises
    ------
    ValueError
        Says the value and the range.
    """
    number = isinstance(rate, Real) and not isinstance(rate, bool)
    if not number or not 0 <= float(rate) < 1:
        raise ValueError(
            f"rate={rate!r} is not a share of units; it must be a number in [0, 1)."
        )


def _check_count(name, value, *, least):
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}={value!r} must be an integer of at least {least}.")


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
    rate : float
        Share of the units that is removed, in [0, 1): exactly
        ``round(rate * n_units)`` of them go.
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
        If a parameter is out of its range or does not fit the model.

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


def prune_fitted(fitted, samples, plan, rng):
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

    Returns
    -------
    Pruned
        The smaller model, which shares nothing with the given one.
    """
    location = locate(fitted, samples)
    model = location.model
    structure = _structure(location, plan.granularity)
    units, names = structure.units, structure.group_names
    structure, importances, support = _run_steps(structure, plan, rng)
    smaller = structure.finished()
    report = PruningReport(
        groups=_group_reports(units, names, support),
        before=model_size(model),
        after=model_size(smaller),
        parts_before=part_sizes(model),
        parts_after=part_sizes(smaller),
    )
    n_gone = int((~support).sum())
    return Pruned(
        estimator=location.rebuild(smaller),
        importances=importances,
        support=support,
        rate=n_gone / max(len(support), 1),
        report=report,
    )


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
    structure = _structure(location, "connection")
    return location.rebuild(structure.finetune(1, rng).finished())


def _structure(location, granularity):
    check_targets(location.model, location.samples)
    family = family_of(location.model)
    structure = family.structures[family.granularity(granularity)]
    return structure(location.model, location.samples)


def _run_steps(structure, plan, rng):
    n_units, removable = structure.n_units, structure.units.removable
    importances, alive = np.zeros(n_units), np.arange(n_units)
    _warn_if_floored(round(plan.rate * n_units), removable, structure, plan)
    counts = removal_counts(n_units, plan.rate, plan.n_steps)
    for step, n_gone in enumerate(counts, start=1):
        n_remove = min(n_gone, removable) - (n_units - len(alive))
        if n_remove <= 0:
            continue
        readouts, units = structure.readouts(), structure.units
        scores = plan.method.rank(readouts, len(alive) - n_remove, rng)
        importances[alive] = scores
        gates = plan.method.gates(readouts, scores, n_remove, units, plan.scope, rng)
        structure = structure.prune(gates, compensate=plan.compensate, rng=rng)
        alive = alive[gates != 0]
        if plan.finetune:
            structure = structure.finetune(plan.finetune, rng)
        if plan.verbose:
            print(
                f"[skprune] step {step}/{plan.n_steps}: {len(alive)} of {n_units} "
                f"units left, loss {structure.loss():.4g}"
            )
    support = np.zeros(n_units, dtype=bool)
    support[alive] = True
    return structure, importances, support


def _warn_if_floored(wanted, removable, structure, plan):
    if wanted > removable:
        warnings.warn(
            f"rate={plan.rate} asks for {wanted} of {structure.n_units} units of "
            f"{type(structure.estimator).__name__} to go, but only {removable} can: "
            "each layer, and each ensemble, keeps at least one. rate_ says what was "
            "reached.",
            UserWarning,
            stacklevel=2,
        )


def _group_reports(units, names, support):
    ends = np.cumsum(units.group_size)
    starts = ends - units.group_size
    return [
        GroupReport(name, int(i), int(j), int(support[i:j].sum()))
        for name, i, j in zip(names, starts, ends)
    ]
