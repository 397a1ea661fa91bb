"""One split of a search over rates: the model is fitted once and pruned at each."""

import warnings
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from skprune._compat import _safe_indexing, method_params
from skprune.engine.progress import SILENT, data_of
from skprune.engine.pruning import make_generator, prunings
from skprune.engine.warnings import PruningWarning
from skprune.estimators.pruner import PruningEstimator
from skprune.estimators.routing import trainer
from skprune.search.results import Trial


@dataclass(frozen=True)
class FoldPlan:
    """What is done on every split.

    Attributes
    ----------
    pruner : PruningEstimator
        Not fitted; its rate does not count.
    rates : list of float
        In ascending order.
    scorer : callable
        ``scorer(estimator, X, y, **params)``, one score or a dict of several.
    metric : str
        The score that decides, which must not be NaN.
    fit_params, score_params : dict
        For ``fit`` and for the scorer, for all samples.
    counts_losses : bool
        Whether predictions are compared with those of the unpruned model.
    verbose : int
        Whether each rate prints a line.
    """

    pruner: object
    rates: list[float]
    scorer: object
    metric: str
    fit_params: dict
    score_params: dict
    counts_losses: bool
    verbose: int


def run_folds(plan, X, y, splits, n_jobs, task):
    """Run all splits of a search.

    Parameters
    ----------
    plan : FoldPlan
        What is done.
    X, y : array-like
        All samples and targets.
    splits : list of pairs of ndarray of int
        Rows of the two parts of each split.
    n_jobs : int or None
        Splits that run at the same time.
    task : Task
        The fit of the search.

    Returns
    -------
    list of list of Trial
        By split and rate.
    """
    with task.subtask("search", len(splits)) as search:
        tasks = [search.part("split", 2) for _ in splits]  # not made while one runs
        return Parallel(n_jobs=n_jobs)(
            delayed(run_fold)(plan, X, y, number, *split, part)
            for number, (split, part) in enumerate(zip(splits, tasks))
        )


def run_fold(plan, X, y, number, train, test, task=SILENT):
    """Fit on the training part of a split, and score each rate on the held-out part.

    Parameters
    ----------
    plan : FoldPlan
        What is done.
    X, y : array-like
        All samples and targets.
    number : int
        Of the split.
    train, test : ndarray of int
        Rows of its two parts.
    task : Task, default=SILENT
        The split, whose steps callbacks follow.

    Returns
    -------
    list of Trial
        One a rate.

    Raises
    ------
    ValueError
        If the score that decides is NaN.
    """
    X_train, y_train = _part(X, y, train)
    params = method_params(X, plan.fit_params, train)
    data = data_of(X_train, y_train, params.get("sample_weight"))
    with task.seeing(data).running() as split:
        start, pruner = perf_counter(), clone(plan.pruner)
        fit = trainer(pruner, X_train, y_train, **_split_weights(params))(task=split)
        seconds = perf_counter() - start
        with split.subtask("prune", len(plan.rates) * plan.pruner.n_steps) as steps:
            held_out = _held_out(plan, X, y, number, test, fit)
            rng = make_generator(pruner.random_state)
            pruned = prunings(fit, pruner._plan(), plan.rates, rng, steps)
            return _trials(plan, held_out, pruned, seconds)


def _split_weights(params):
    """Metadata for ``fit``, with the weights under a name of their own."""
    others = {name: params[name] for name in params if name != "sample_weight"}
    return {"sample_weight": params.get("sample_weight"), "fit_params": others}


def _held_out(plan, X, y, number, test, fit):
    X_test, y_test = _part(X, y, test)
    right = _is_right(fit.fitted, X_test, y_test) if plan.counts_losses else None
    params = method_params(X, plan.score_params, test)
    return HeldOut(X_test, y_test, params, number, right)


def _trials(plan, held_out, prunings, fit_seconds):
    trials, params = [], plan.pruner.get_params(deep=False)
    for rate in plan.rates:
        start = perf_counter()
        with warnings.catch_warnings():
            # no one has chosen it yet; the candidate chosen warns when it is fitted.
            # Not around the score: a forest sets up all filters again for each tree
            warnings.simplefilter("ignore", PruningWarning)
            pruned = next(prunings)
            model = PruningEstimator(**{**params, "rate": rate})
            model._record(pruned, pruned.report)
        seconds = fit_seconds + perf_counter() - start
        trials.append(_trial(plan, held_out, rate, model, seconds))
    return trials


@dataclass(frozen=True)
class HeldOut:
    """The held-out part of a split.

    Attributes
    ----------
    X, y : array-like
        Samples and targets.
    score_params : dict
        For the scorer.
    number : int
        Of the split.
    right : ndarray of bool of shape (n_samples,) or None
        Which samples the unpruned model predicts as they are.
    """

    X: object
    y: object
    score_params: dict
    number: int
    right: np.ndarray | None


def _part(X, y, rows):
    return _safe_indexing(X, rows), None if y is None else _safe_indexing(y, rows)


def _trial(plan, held_out, rate, pruned, fit_seconds):
    start = perf_counter()
    scores = plan.scorer(pruned, held_out.X, held_out.y, **held_out.score_params)
    seconds = perf_counter() - start
    if not isinstance(scores, dict):
        scores = {"score": scores}
    place = f"rate {rate:.4g} of split {held_out.number}"
    _check_scores(scores, plan.metric, place)
    if plan.verbose:
        text = ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
        print(f"[skprune] {place}: {text}")
    n_worse, n_better = _changes(held_out, pruned)
    return Trial(
        fit_time=fit_seconds,
        score_time=seconds,
        scores=scores,
        n_units=int(pruned.support_.sum()),
        size=pruned.report_.after,
        n_worse=n_worse,
        n_better=n_better,
    )


def _changes(held_out, pruned):
    """How many samples only the unpruned, and only the pruned model gets right."""
    before = held_out.right
    if before is None:
        return None, None
    after = _is_right(pruned, held_out.X, held_out.y)
    return int((before & ~after).sum()), int((after & ~before).sum())


def _is_right(estimator, X, y):
    """Whether all outputs of each sample are predicted as they are, (n_samples,)."""
    y = np.asarray(y)
    equal = np.asarray(estimator.predict(X)) == y
    return equal.reshape(len(y), -1).all(axis=1)


def _check_scores(scores, metric, place):
    if metric not in scores:
        raise ValueError(
            f"The scorer returned {sorted(scores)}, and refit={metric!r} is not one "
            "of them; name by refit the metric that decides."
        )
    if np.isnan(scores[metric]):
        raise ValueError(
            f"The {metric} at {place} is NaN, so that no rate can be chosen by it; "
            "choose a scoring that is defined on every split."
        )
