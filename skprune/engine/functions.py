"""The functions: prune a fitted model at one rate, or at many from one ranking."""

from copy import deepcopy
from dataclasses import astuple, dataclass, fields
from numbers import Integral, Real

import numpy as np

from skprune.engine.fits import Fit
from skprune.engine.plan import check_rate, plan_for
from skprune.engine.pruning import make_generator, prunings
from skprune.engine.recall import report_with_recall
from skprune.engine.report import PruningReport
from skprune.structures import ModelSize, Samples

SIZES = tuple(field.name for field in fields(ModelSize))
LARGEST = 0.99  # of the rates that are laid out where only their number is given
CLOSE = 1e-9  # rates nearer than this are the same when a path is asked for one


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
        TransformedTargetRegressor or FrozenEstimator that holds one, or an ensemble of
        several (stacking, voting, one-vs-rest, ...). It is not changed.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Calibration data, on which units are ranked and the remaining parameters
        re-estimated: the samples that the model was trained on, or others like them.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    rate : float or Budget
        Fraction of units to remove, in [0, 1): exactly ``round(rate * n_units)`` of
        them. Or a `Budget`, for the smallest rate that meets it.
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
    check_rate(rate)
    plan = plan_for(
        estimator,
        method=method,
        granularity=granularity,
        scope=scope,
        n_steps=n_steps,
        compensate=compensate,
        finetune=finetune,
        verbose=verbose,
    )
    fit = Fit(estimator, Samples(X, y, sample_weight))
    rng = make_generator(random_state)
    [pruned] = prunings(fit, plan, [rate], rng)
    report_with_recall(pruned)
    return pruned.estimator


def pruning_path(
    estimator,
    X,
    y,
    *,
    rates,
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
    """Prune a fitted model at several rates.

    Each model of the path is exactly the one that `prune` returns at its rate with the
    same `random_state`. The work that the rates share is done once: the units are found
    and ranked (`L1` ranks for each rate, as its penalty follows from it). With
    ``n_steps > 1`` only the first ranking is shared. The path needs the memory of one
    pruning and of the models that it returns.

    Parameters
    ----------
    estimator : estimator
        A fitted linear model, MLP, tree or forest, or a Pipeline, search,
        TransformedTargetRegressor or FrozenEstimator that holds one, or an ensemble of
        several (stacking, voting, one-vs-rest, ...). It is not changed.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Calibration data, on which units are ranked and the remaining parameters
        re-estimated: the samples that the model was trained on, or others like them.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    rates : array-like of shape (n_rates,)
        Fractions of units to remove, each in [0, 1). They are sorted, and a repeated
        rate counts once.
    method, granularity, scope, n_steps, compensate, finetune, verbose
        As in `PruningEstimator`.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.
    random_state : int, RandomState instance or None, default=None
        Seed of methods that draw, and of the order of samples in `finetune`; the same
        for each rate.

    Returns
    -------
    PruningPath
        The pruned models, in ascending order of the rates.

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
    prune : One rate.
    PruningEstimatorCV : Chooses the rate by cross-validation.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skprune import pruning_path
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> forest = RandomForestClassifier(n_estimators=10, random_state=0).fit(X, y)
    >>> path = pruning_path(forest, X, y, rates=[0.5, 0.8], granularity="tree")
    >>> [len(model.estimators_) for rate, model in path]
    [5, 2]
    """
    rates = check_rates(rates)
    plan = plan_for(
        estimator,
        method=method,
        granularity=granularity,
        scope=scope,
        n_steps=n_steps,
        compensate=compensate,
        finetune=finetune,
        verbose=verbose,
    )
    fit = Fit(estimator, Samples(X, y, sample_weight))
    rng = make_generator(random_state)
    # the largest model last: it is a copy, made when nothing else needs memory
    order = sorted(rates, key=lambda rate: (rate == 0, rate))
    pruned = prunings(fit, plan, order, rng)
    found = {rate: _model_and_report(next(pruned)) for rate in order}
    estimators, reports = zip(*(found[rate] for rate in rates))
    return PruningPath(np.array(rates), list(estimators), list(reports))


def _model_and_report(pruned):
    report, model = report_with_recall(pruned), pruned.estimator
    # arrays that compensation left alone may be shared by all models of the path
    return model if pruned.is_own else deepcopy(model), report


def check_rates(rates):
    """Sort rates and drop repeated ones, a list of float.

    Raises a ValueError if there is none, or one is not a number in [0, 1).
    """
    values = np.atleast_1d(np.asarray(rates, dtype=object))
    if values.ndim > 1 or not len(values):
        raise ValueError(
            f"rates={rates!r} is not a list of rates; it must hold at least one number "
            "in [0, 1)."
        )
    for rate in values:
        number = isinstance(rate, Real) and not isinstance(rate, bool | np.bool_)
        if not number or not 0 <= rate < 1:
            raise ValueError(
                f"rates={rates!r} has {rate!r}, which is not a fraction of units; each "
                "rate must be a number in [0, 1)."
            )
    return sorted({float(rate) for rate in values})


def rate_grid(rates):
    """The candidates of a search in ascending order, from rates or their number.

    Examples
    --------
    >>> rate_grid(5)
    [0.0, 0.6838, 0.9, 0.9684, 0.99]
    """
    if isinstance(rates, Integral):
        rates = np.round(1 - np.geomspace(1, 1 - LARGEST, rates), 4)
    return check_rates(rates)


@dataclass(frozen=True, eq=False)
class PruningPath:
    """A model pruned at several rates.

    ``path[0.9]`` is the model pruned at that rate, ``len(path)`` the number of rates,
    and iterating gives pairs of a rate and its model.

    Attributes
    ----------
    rates : ndarray of shape (n_rates,)
        In ascending order.
    estimators : list of estimator
        The pruned models, plain and fitted, one a rate.
    reports : list of PruningReport
        Units and sizes before and after, one a rate.
    """

    rates: np.ndarray
    estimators: list
    reports: list[PruningReport]

    def __len__(self):
        return len(self.rates)

    def __iter__(self):
        return zip(self.rates.tolist(), self.estimators)

    def __getitem__(self, rate):
        distance = np.abs(self.rates - rate)
        nearest = int(np.argmin(distance))
        if distance[nearest] > CLOSE:
            raise KeyError(
                f"no model of the path has rate {rate}; its rates are "
                f"{self.rates.tolist()}."
            )
        return self.estimators[nearest]

    def to_frame(self):
        """Units and sizes by rate.

        Returns
        -------
        pandas.DataFrame
            One row per rate, with the columns ``rate``, ``n_units`` (those that
            remain), ``n_parameters``, ``n_nonzero``, ``n_macs`` and ``n_bytes``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        rows = [
            (rate, sum(group.n_kept for group in report.groups), *astuple(report.after))
            for rate, report in zip(self.rates, self.reports)
        ]
        return pd.DataFrame(rows, columns=["rate", "n_units", *SIZES])
