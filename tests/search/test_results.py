"""The table of a search has the keys and the numbers of scikit-learn's."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV

from skprune import ModelSize, PruningEstimator
from skprune.search.results import Trial, tabulate

RATES = [0.0, 0.5, 0.9]


def trial(score, *, n_units=4, n_worse=None, **scores):
    """One rate on one split; the times follow from the score."""
    size = ModelSize(n_units + 1, n_units, 1.0 * n_units, 8 * n_units)
    better = None if n_worse is None else 1
    named = {"score": score, **scores}
    return Trial(abs(score) + 1, abs(score), named, n_units, size, n_worse, better)


@pytest.fixture
def folds():
    """Two splits, three rates, the last two of equal mean."""
    return [
        [trial(0.9, n_units=9), trial(0.5, n_units=5), trial(0.7, n_units=1)],
        [trial(0.7, n_units=7), trial(0.7, n_units=5), trial(0.5, n_units=3)],
    ]


def test_means_ranks_and_sizes(folds):
    """Means are over the splits; equal means share the better rank."""
    table = tabulate(RATES, folds)
    assert_allclose(table["mean_test_score"], [0.8, 0.6, 0.6])
    assert_allclose(table["std_test_score"], 0.1)
    assert_array_equal(table["rank_test_score"], [1, 2, 2])
    assert_array_equal(table["split1_test_score"], [0.7, 0.7, 0.5])
    assert_array_equal(table["mean_n_units"], [8, 5, 2])
    assert_array_equal(table["mean_n_bytes"], [64, 40, 16])
    assert_allclose(table["mean_fit_time"], [1.8, 1.6, 1.6])
    assert table["params"] == [{"rate": rate} for rate in RATES]
    assert "n_worse" not in table


def test_keys_are_those_of_a_grid_search(folds, diabetes):
    """The table has the keys and types of GridSearchCV."""
    X, y = diabetes
    grid = GridSearchCV(PruningEstimator(Ridge()), {"rate": RATES}, cv=2).fit(X, y)
    assert set(grid.cv_results_) <= set(tabulate(RATES, folds))
    table = tabulate(RATES, folds)
    for name, values in grid.cv_results_.items():
        assert type(values) is type(table[name])
        assert len(values) == len(table[name])


def test_several_metrics():
    """Each metric has its own columns and its own ranks."""
    folds = [[trial(0.1, auc=0.9), trial(0.2, auc=0.8)]]
    table = tabulate([0.1, 0.2], folds)
    assert_array_equal(table["rank_test_score"], [2, 1])
    assert_array_equal(table["rank_test_auc"], [1, 2])


def test_rate_without_a_score_ranks_last():
    """NaN has the lowest rank."""
    table = tabulate(RATES, [[trial(np.nan), trial(-3.0), trial(2.0)]])
    assert_array_equal(table["rank_test_score"], [3, 2, 1])


def test_counted_losses_are_summed():
    """Changed predictions are summed over all splits."""
    folds = [[trial(0.5, n_worse=3)], [trial(0.5, n_worse=4)]]
    table = tabulate([0.5], folds)
    assert table["n_worse"] == [7] and table["n_better"] == [2]
