"""Warnings about prunings are of one kind, so that one filter silences them."""

import warnings

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from skprune import prune
from skprune.engine.warnings import FlooredRateWarning, PruningWarning


def test_one_filter_silences_all():
    """A floored rate and a lost class warn, and neither does behind the filter."""
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(X, y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        prune(model, X, y, rate=0.99, compensate=False)
    kinds = {warning.category for warning in caught}
    assert FlooredRateWarning in kinds and all(
        issubclass(k, PruningWarning) for k in kinds
    )

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", PruningWarning)
        prune(model, X, y, rate=0.99, compensate=False)
    assert caught == []
