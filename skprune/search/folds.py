"""Splits of a search over rates: on each, the model is fitted once and pruned often."""

import warnings
from copy import copy
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from skprune._compat import _safe_indexing, method_params
from skprune.engine.progress import SILENT, data_of
from skprune.engine.pruning import make_generator, prunings
from skprune.engine.warnings import PruningWarning
from skprune.estimators.routing import trainer
from skprune.search.results import Trial


@dataclass(frozen=True)
class FoldPlan:
    """What a search does on every split.

    Attributes
    ----------
    pruner : PruningEstimator
        Unfitted; its rate is not used.
    rates : list of float
        Candidates, in ascending order.
    scorer : callable
        ``scorer(estimator, X, y, **params)`` returns a score or a dict of scores.
    metric : str
        Name of the score that decides, which must not be NaN.
    fit_params, score_params : dict
        Metadata of all samples for ``fit`` and for the scorer.
    counts_losses : bool
        Whether predictions are compared with those of the unpruned model.
    verbose : int
        If positive, a line is printed for each rate.
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
    """Run all splits, pairs of rows for training and testing, as parts of a task.

    Returns a list of `Trial`, one per rate, for each split.
    """
    with task.subtask("search", len(splits)) as search:
        # all of them made before the first one runs
        tasks = [search.part("split", 2) for _ in splits]
        return Parallel(n_jobs=n_jobs)(
            delayed(run_fold)(plan, X, y, number, *split, part)
            for number, (split, part) in enumerate(zip(splits, tasks))
        )


def run_fold(plan, X, y, number, train, test, task=SILENT):
    """Fit on the training part of a split and score each rate on the held-out part.

    Returns a `Trial` per rate. Raises ValueError if the score that decides is NaN.
    """
    X_train, y_train = _part(X, y, train)
    params = method_params(X, plan.fit_params, train)
    weights = params.pop("sample_weight", None)
    with task.seeing(data_of(X_train, y_train, weights)).running() as split:
        start, pruner = perf_counter(), clone(plan.pruner)
        fit = trainer(pruner, X_train, y_train, weights, params)(task=split)
        seconds = perf_counter() - start
        with split.subtask("prune", len(plan.rates) * pruner.n_steps) as steps:
            held_out = _held_out(plan, X, y, number, test, fit)
            rng = make_generator(pruner.random_state)
            pruned = prunings(fit, pruner._plan(), plan.rates, rng, steps)
            return _trials(plan, held_out, pruned, seconds)


@dataclass(frozen=True)
class HeldOut:
    """Held-out part of a split, with what scores it.

    Attributes
    ----------
    X, y : array-like
        Samples and targets.
    score_params : dict
        Metadata for the scorer.
    number : int
        Number of the split.
    correct : ndarray of bool of shape (n_samples,) or None
        Which samples the unpruned model predicts correctly; None if not needed.
    """

    X: object
    y: object
    score_params: dict
    number: int
    correct: np.ndarray | None


def _held_out(plan, X, y, number, test, fit):
    X_test, y_test = _part(X, y, test)
    correct = _correct(fit.fitted, X_test, y_test) if plan.counts_losses else None
    params = method_params(X, plan.score_params, test)
    return HeldOut(X_test, y_test, params, number, correct)


def _trials(plan, held_out, prunings, fit_seconds):
    trials = []
    for rate in plan.rates:
        start = perf_counter()
        with warnings.catch_warnings():
            # only the chosen rate warns, when it is fitted. The score is outside since
            # a forest would set up the filters again for each tree
            warnings.simplefilter("ignore", PruningWarning)
            pruned = next(prunings)
            model = copy(plan.pruner).set_params(rate=rate)
            model._record(pruned, pruned.report)
        seconds = fit_seconds + perf_counter() - start
        trials.append(_trial(plan, held_out, rate, model, seconds))
    return trials


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
    """Count the samples that only the unpruned and only the pruned model predicts."""
    before = held_out.correct
    if before is None:
        return None, None
    after = _correct(pruned, held_out.X, held_out.y)
    return int((before & ~after).sum()), int((after & ~before).sum())


def _correct(estimator, X, y):
    """Return for which samples all outputs are predicted correctly, (n_samples,)."""
    y = np.asarray(y)
    equal = np.asarray(estimator.predict(X)) == y
    return equal.reshape(len(y), -1).all(axis=1)


def _check_scores(scores, metric, place):
    if metric not in scores:
        raise ValueError(
            f"The scorer returned {sorted(scores)}, and refit={metric!r} is not one "
            "of them; set refit to the name of the metric that decides."
        )
    if np.isnan(scores[metric]):
        raise ValueError(
            f"The {metric} at {place} is NaN, and so no rate can be chosen; use a "
            "scoring that is defined on every split."
        )
