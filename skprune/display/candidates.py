"""What a search has found, as arrays that are ready to be drawn."""

import numpy as np


def standard_error(scores):
    """Standard error of the mean of each row.

    Parameters
    ----------
    scores : ndarray of shape (n_candidates, n_splits)
        By candidate and split.

    Returns
    -------
    ndarray of shape (n_candidates,)
        As the tolerance "1se" counts it.
    """
    return scores.std(axis=1) / np.sqrt(scores.shape[1])


def scores_by_split(cv_results, metric):
    """Scores of a search.

    Parameters
    ----------
    cv_results : dict of str to ndarray or list
        Of the search.
    metric : str
        Which score.

    Returns
    -------
    ndarray of shape (n_candidates, n_splits)
        By candidate and split.

    Raises
    ------
    ValueError
        For a metric that was not scored; names those that were.
    """
    end = f"_test_{metric}"
    names = [n for n in cv_results if n.startswith("split") and n.endswith(end)]
    if not names:
        known = [name[10:] for name in cv_results if name.startswith("mean_test_")]
        raise ValueError(f"metric={metric!r} was not scored; choose one of {known}.")
    return np.transpose([cv_results[name] for name in names])


def accepted_loss(scores, tolerance):
    """How far below the best mean score is good enough.

    Parameters
    ----------
    scores : ndarray of shape (n_candidates, n_splits)
        By candidate and split.
    tolerance : "1se" or float
        As in `PruningEstimatorCV`.

    Returns
    -------
    float
        In units of the score.
    """
    best = np.nanargmax(scores.mean(axis=1))
    return standard_error(scores)[best] if tolerance == "1se" else tolerance


def curve_names(params, rate):
    """Name of the curve of each candidate: what differs besides the rate.

    Parameters
    ----------
    params : list of dict
        Parameters of each candidate.
    rate : str
        Which of them is the rate.

    Returns
    -------
    list of str of length n_candidates or None
        None where nothing else differs.
    """
    names = dict.fromkeys(name for candidate in params for name in candidate)
    columns = [
        [str(candidate.get(name, "")) for candidate in params]
        for name in names
        if name != rate
    ]
    varied = [column for column in columns if len(set(column)) > 1]
    return [", ".join(row) for row in zip(*varied)] if varied else None
