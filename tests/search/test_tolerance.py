"""The rate that a tolerance chooses, in any search over one."""

import pickle

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune import PruningEstimator, PruningEstimatorCV, within_tolerance
from skprune.search.tolerance import largest_within
from tests.cases import dataset

X, Y = dataset("classes")
RATES = np.array([0.0, 0.5, 0.8, 0.9])
MEANS = np.array([0.90, 0.92, 0.91, 0.80])
STDS = np.array([0.01, 0.04, 0.01, 0.01])


@pytest.mark.parametrize(
    ("tolerance", "n_splits", "chosen"),
    [("1se", 4, 2), ("1se", 10_000, 1), (0, 4, 1), (0.01, 4, 2), (0.5, 4, 3)],
)
def test_largest_rate_within(tolerance, n_splits, chosen):
    """One standard error is that of the best mean; a number is a difference."""
    assert largest_within(MEANS, STDS, n_splits, RATES, tolerance) == chosen


def test_tie_goes_to_the_larger_rate_and_then_the_better_score():
    """Equal scores: the larger rate. Equal rates: the better score."""
    means, stds = np.array([0.9, 0.9, 0.89, 0.9]), np.zeros(4)
    assert largest_within(means, stds, 5, np.array([0, 0.5, 0.9, 0.2]), 0) == 1
    assert largest_within(means, stds, 5, np.array([0, 0.5, 0.9, 0.9]), 0.1) == 3


def test_nan_means_are_left_out():
    """A candidate that failed is never chosen; if all failed, an error says so."""
    means = np.array([0.9, np.nan, 0.9, np.nan])
    assert largest_within(means, STDS, 4, RATES, 0.5) == 2
    with pytest.raises(ValueError, match="All mean scores are NaN"):
        largest_within(np.full(4, np.nan), STDS, 4, RATES, 0.5)


@pytest.mark.parametrize("tolerance", ["1se", 0, 0.05])
def test_grid_search_chooses_as_pruning_estimator_cv(tolerance):
    """Over rates alone, both searches end at the same rate."""
    grid = GridSearchCV(
        PruningEstimator(LogisticRegression()),
        {"rate": RATES},
        refit=within_tolerance(tolerance),
    )
    search = PruningEstimatorCV(LogisticRegression(), rates=RATES, tolerance=tolerance)
    assert grid.fit(X, Y).best_params_["rate"] == search.fit(X, Y).rate_


def test_rate_is_found_among_other_parameters():
    """The rate of a step counts; a learning rate is none; masked ones are an error."""
    pipe = make_pipeline(StandardScaler(), PruningEstimator(LogisticRegression()))
    grid = {
        "pruningestimator__rate": [0, 0.5],
        "pruningestimator__estimator__C": [0.1, 1.0],
    }
    search = GridSearchCV(pipe, grid, refit=within_tolerance(1)).fit(X, Y)
    means = search.cv_results_["mean_test_score"]
    rates = search.cv_results_["param_pruningestimator__rate"].astype(float)
    assert search.best_index_ == np.lexsort((means, rates))[-1]
    search.set_params(param_grid=[grid, {"pruningestimator__estimator__C": [1.0]}])
    with pytest.raises(ValueError, match="give each candidate a number"):
        search.fit(X, Y)


def test_metric_is_named_in_a_search_over_several():
    """The deciding score is chosen by name; an unknown name is an error."""
    model = PruningEstimator(LogisticRegression())
    search = GridSearchCV(model, {"rate": RATES}, scoring=["accuracy", "f1_macro"])
    search.set_params(refit=within_tolerance(1, metric="f1_macro")).fit(X, Y)
    assert search.best_params_ == {"rate": 0.9}
    search.set_params(refit=within_tolerance(1))
    with pytest.raises(ValueError, match=r"'score' .*\['accuracy', 'f1_macro'\]"):
        search.fit(X, Y)


@pytest.mark.parametrize("param", [None, "learning_rate"])
def test_search_without_a_rate_is_an_error(param):
    """The error lists the parameters that were searched over."""
    search = GridSearchCV(LogisticRegression(), {"C": [1, 2]})
    search.set_params(refit=within_tolerance(param=param))
    with pytest.raises(ValueError, match=r"not name one rate.*\['C'\]"):
        search.fit(X, Y)


def test_refit_is_pickled_with_its_search():
    """The callable can be pickled with its search."""
    refit = pickle.loads(pickle.dumps(within_tolerance(0.1)))
    assert refit.keywords["tolerance"] == 0.1
