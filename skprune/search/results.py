"""Results of a search over rates, in the form of scikit-learn's ``cv_results_``."""

from dataclasses import dataclass, fields
from operator import attrgetter

import numpy as np
from scipy.stats import rankdata

from skprune.structures import ModelSize

SIZES = tuple(field.name for field in fields(ModelSize))


@dataclass(frozen=True)
class Trial:
    """Result of one rate on one split.

    Attributes
    ----------
    fit_time : float
        Seconds for fitting the model, which all rates of a split share, and for
        pruning it at this rate.
    score_time : float
        Seconds for scoring.
    scores : dict of str to float
        Scores of the held-out samples by the name of the metric.
    n_units : int
        Number of remaining units.
    size : ModelSize
        Size of the pruned model.
    n_worse, n_better : int or None
        Number of held-out samples that only the unpruned, and only the pruned model
        predicts correctly; None if not counted.
    """

    fit_time: float
    score_time: float
    scores: dict[str, float]
    n_units: int
    size: ModelSize
    n_worse: int | None
    n_better: int | None


def tabulate(rates, folds):
    """Make ``cv_results_`` from lists of a `Trial` per rate, one list per split.

    It has the keys of `GridSearchCV` over the parameter ``rate``, and the mean number
    of units and sizes of the pruned models.
    """
    table = {}
    for name in ("fit_time", "score_time"):
        table.update(_mean_and_std(name, _by_rate(folds, attrgetter(name))))
    table["param_rate"] = np.ma.MaskedArray(np.array(rates), mask=False)
    table["params"] = [{"rate": rate} for rate in rates]
    for metric in folds[0][0].scores:
        by_rate = [[trial.scores[metric] for trial in row] for row in zip(*folds)]
        table.update(_scored(f"test_{metric}", np.array(by_rate)))
    table["mean_n_units"] = np.average(_by_rate(folds, attrgetter("n_units")), axis=1)
    for name in SIZES:
        values = _by_rate(folds, attrgetter(f"size.{name}"))
        table[f"mean_{name}"] = np.average(values, axis=1)
    if folds[0][0].n_worse is not None:
        for name in ("n_worse", "n_better"):
            table[name] = _by_rate(folds, attrgetter(name)).sum(axis=1)
    return table


def _by_rate(folds, value):
    """Return an array with one row per rate and one column per split."""
    return np.array([[value(trial) for trial in row] for row in zip(*folds)])


def _mean_and_std(name, values):
    means = np.average(values, axis=1)
    # written as in scikit-learn, so that results are equal bit for bit
    stds = np.sqrt(np.average((values - means[:, np.newaxis]) ** 2, axis=1))
    return {f"mean_{name}": means, f"std_{name}": stds}


def _scored(name, values):
    splits = {f"split{i}_{name}": column for i, column in enumerate(values.T)}
    summary = _mean_and_std(name, values)
    means = summary[f"mean_{name}"]
    worst = np.where(np.isnan(means), -np.inf, means)
    ranks = rankdata(-worst, method="min").astype(np.int32)
    return {**splits, **summary, f"rank_{name}": ranks}
