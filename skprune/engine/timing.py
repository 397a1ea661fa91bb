"""How long a prediction takes."""

from time import perf_counter

import numpy as np


def prediction_seconds(estimator, X, n_runs=11):
    """Median wall time of predicting some samples.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples that one call of ``predict`` takes.
    n_runs : int, default=11
        How many calls are timed, after one that is not.

    Returns
    -------
    float
        In seconds.
    """
    estimator.predict(X)
    return float(np.median([_seconds(estimator, X) for _ in range(n_runs)]))


def _seconds(estimator, X):
    start = perf_counter()
    estimator.predict(X)
    return perf_counter() - start
