"""Choice of the rate: the largest one whose score is close enough to the best."""

from functools import partial
from numbers import Real

import numpy as np


def check_tolerance(tolerance, n_splits):
    """Raise ValueError unless a tolerance is "1se" or a number of at least zero.

    `n_splits` is the number of scores behind each mean; "1se" needs at least two.
    """
    if isinstance(tolerance, str) and tolerance == "1se":
        if n_splits < 2:
            raise ValueError(
                "tolerance='1se' needs the spread of at least two splits; give more "
                "splits, or a number."
            )
        return
    number = isinstance(tolerance, Real) and not isinstance(tolerance, bool)
    if not number or not 0 <= tolerance < np.inf:
        raise ValueError(
            f"tolerance={tolerance!r} must be '1se' or a non-negative number, the "
            "largest accepted loss of the mean score."
        )


def accepted_loss(means, stds, n_splits, tolerance):
    """Return how far below the best mean score a mean score may be."""
    if tolerance == "1se":
        return stds[np.nanargmax(means)] / np.sqrt(n_splits)
    return tolerance


def largest_within(means, stds, n_splits, rates, tolerance):
    """Return the index of the largest rate within a tolerance of the best mean score.

    A mean score may be one standard error, ``std / sqrt(n_splits)``, below the best
    one [1]_, or as much as `tolerance` states. Among equal rates the best score is
    taken. Candidates whose mean is NaN are left out; if all are NaN, a ValueError is
    raised.

    References
    ----------
    .. [1] L. Breiman, J. Friedman, R. Olshen and C. Stone, "Classification and
       Regression Trees", 1984.

    Examples
    --------
    >>> means, stds = np.array([0.9, 0.92, 0.91]), np.full(3, 0.02)
    >>> largest_within(means, stds, 4, np.array([0, 0.5, 0.9]), "1se")
    2
    """
    if np.isnan(means).all():
        raise ValueError("All mean scores are NaN; no rate can be chosen from them.")
    loss = accepted_loss(means, stds, n_splits, tolerance)
    within = np.flatnonzero(means >= np.nanmax(means) - loss)
    order = np.lexsort((means[within], rates[within]))
    return int(within[order[-1]])


def within_tolerance(tolerance="1se", *, metric="score", param=None):
    """Make a ``refit`` for a search that chooses the largest rate that is good enough.

    Parameters
    ----------
    tolerance : "1se" or float, default="1se"
        Which candidates are good enough: those whose mean score is within one standard
        error of the best, or at most that much below it. Of these, the one with the
        largest rate is chosen, and among equal rates the one with the best score.
    metric : str, default="score"
        Which score decides, in a search with several.
    param : str, default=None
        Name of the rate in the grid. None finds the parameter that is ``rate`` or ends
        in ``__rate``.

    Returns
    -------
    callable
        ``refit(cv_results)``, which returns ``best_index_``.

    Raises
    ------
    ValueError
        If the tolerance is invalid. When called, if the results have no rate, or rates
        that are not numbers.

    See Also
    --------
    PruningEstimatorCV : Fits the model once per fold, for any number of rates.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skprune import PruningEstimator, within_tolerance
    >>> X, y = load_iris(return_X_y=True)
    >>> model = PruningEstimator(LogisticRegression(max_iter=500))
    >>> grid = {"rate": [0, 0.25, 0.5, 0.75], "granularity": ["connection", "feature"]}
    >>> search = GridSearchCV(model, grid, refit=within_tolerance("1se")).fit(X, y)
    >>> bool(search.best_params_["rate"] >= 0.5)
    True
    """
    check_tolerance(tolerance, n_splits=2)
    return partial(_best_index, tolerance=tolerance, metric=metric, param=param)


def _best_index(cv_results, *, tolerance, metric, param):
    n_splits = scores_by_split(cv_results, metric).shape[1]
    check_tolerance(tolerance, n_splits)
    means, stds = (cv_results[f"{name}_test_{metric}"] for name in ("mean", "std"))
    rates = candidate_rates(cv_results, rate_parameter(cv_results, param))
    return largest_within(means, stds, n_splits, rates, tolerance)


def scores_by_split(cv_results, metric):
    """Return the scores of a search, (n_candidates, n_splits).

    Raises ValueError for a metric that was not scored.
    """
    end = f"_test_{metric}"
    names = [n for n in cv_results if n.startswith("split") and n.endswith(end)]
    if not names:
        known = [name[10:] for name in cv_results if name.startswith("mean_test_")]
        raise ValueError(f"metric={metric!r} was not scored; choose one of {known}.")
    return np.transpose([cv_results[name] for name in names])


def rate_parameter(cv_results, param=None):
    """Find the parameter of a search that is ``rate`` or ends in ``__rate``.

    If `param` is given, it must be one. Raises ValueError unless exactly one is found.
    """
    names = [name[6:] for name in cv_results if name.startswith("param_")]
    named = [n for n in names if n == "rate" or n.endswith("__rate")]
    chosen = named if param is None else [name for name in names if name == param]
    if len(chosen) != 1:
        raise ValueError(
            f"param={param!r} does not name one rate of the search; set it to one of "
            f"the parameters {names}."
        )
    return chosen[0]


def candidate_rates(cv_results, param):
    """Return the rate of each candidate; raise ValueError if one is not a number."""
    values = np.ma.filled(cv_results[f"param_{param}"].astype(object), np.nan)
    numbers = [isinstance(value, Real) and value == value for value in values]
    if not all(numbers):
        raise ValueError(
            f"{param} has the values {list(values)}; give each candidate a number, so "
            "that the largest rate can be found."
        )
    return values.astype(float)
