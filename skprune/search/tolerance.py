"""Choosing the rate: the largest one whose score is close enough to the best."""

from functools import partial
from numbers import Real

import numpy as np


def check_tolerance(tolerance, n_splits):
    """Raise where a tolerance is not a bound on the loss of a mean score.

    Parameters
    ----------
    tolerance : "1se" or float
        What was given.
    n_splits : int
        Number of scores behind each mean.

    Raises
    ------
    ValueError
        Says what would be right.
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
            f"tolerance={tolerance!r} must be '1se' or a number that is not negative: "
            "the largest accepted loss of the mean score."
        )


def largest_within(means, stds, n_splits, rates, tolerance):
    """Index of the largest rate whose mean score is within a tolerance of the best.

    Parameters
    ----------
    means, stds : ndarray of shape (n_candidates,)
        Of the scores over the splits; greater is better. Candidates whose mean is NaN
        are left out.
    n_splits : int
        Number of splits.
    rates : ndarray of shape (n_candidates,)
        Among equal rates the one of better score is taken.
    tolerance : "1se" or float
        Within one standard error, ``std / sqrt(n_splits)``, of the best mean [1]_, or
        at most so much below it.

    Returns
    -------
    int
        Index of the candidate.

    Raises
    ------
    ValueError
        If all means are NaN.

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
    best = np.nanargmax(means)
    loss = stds[best] / np.sqrt(n_splits) if tolerance == "1se" else tolerance
    within = np.flatnonzero(means >= means[best] - loss)
    order = np.lexsort((means[within], rates[within]))
    return int(within[order[-1]])


def within_tolerance(tolerance="1se", *, metric="score", param=None):
    """A ``refit`` for searches over a rate: the largest one that is good enough.

    Parameters
    ----------
    tolerance : "1se" or float, default="1se"
        The candidate of the largest rate is chosen among those within one standard
        error of the best mean score, or at most so much below it. Among candidates of
        the same rate, that of the best score.
    metric : str, default="score"
        Which score decides, in a search over several.
    param : str, default=None
        Name of the rate in the grid; None finds the one that is ``rate`` or ends in
        ``__rate``.

    Returns
    -------
    callable
        ``refit(cv_results)``, which returns ``best_index_``.

    Raises
    ------
    ValueError
        For a tolerance out of its range; when called, for results without a rate, or
        whose rates are not numbers.

    See Also
    --------
    PruningEstimatorCV : Fits the model once a fold, whatever the number of rates.

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
    key = f"test_{metric}"
    if f"mean_{key}" not in cv_results:
        known = [name[10:] for name in cv_results if name.startswith("mean_test_")]
        raise ValueError(f"metric={metric!r} was not scored; choose one of {known}.")
    n_splits = sum(
        name.startswith("split") and name.endswith(f"_{key}") for name in cv_results
    )
    check_tolerance(tolerance, n_splits)
    means, stds = cv_results[f"mean_{key}"], cv_results[f"std_{key}"]
    rates = candidate_rates(cv_results, rate_parameter(cv_results, param))
    return largest_within(means, stds, n_splits, rates, tolerance)


def rate_parameter(cv_results, param=None):
    """Name of the parameter of a search that is a rate.

    Parameters
    ----------
    cv_results : dict of str to ndarray or list
        Of the search.
    param : str, default=None
        The name; None finds the one that is ``rate`` or ends in ``__rate``.

    Returns
    -------
    str
        As in the grid.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    names = [name[6:] for name in cv_results if name.startswith("param_")]
    named = [n for n in names if n == "rate" or n.endswith("__rate")]
    chosen = named if param is None else [name for name in names if name == param]
    if len(chosen) != 1:
        raise ValueError(
            f"param={param!r} names no rate of the search, whose parameters are "
            f"{names}; give the name of one."
        )
    return chosen[0]


def candidate_rates(cv_results, param):
    """The rate of each candidate of a search.

    Parameters
    ----------
    cv_results : dict of str to ndarray or list
        Of the search.
    param : str
        Name of the rate.

    Returns
    -------
    ndarray of shape (n_candidates,)
        In the order of the candidates.

    Raises
    ------
    ValueError
        If a candidate has no rate that is a number.
    """
    values = np.ma.filled(cv_results[f"param_{param}"].astype(object), np.nan)
    numbers = [isinstance(value, Real) and value == value for value in values]
    if not all(numbers):
        raise ValueError(
            f"{param} has the values {list(values)}; largest among them can be "
            "found only where each candidate has a number."
        )
    return values.astype(float)
