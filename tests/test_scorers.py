"""Scorers of size and time measure what `model_size` and a clock do."""

import numpy as np
import pytest
from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune import PruningEstimator, model_size, scorers
from skprune.engine import budget
from tests.cases import dataset

X, Y = dataset("classes")
SIZES = ("n_parameters", "n_nonzero", "n_macs", "n_bytes")


@pytest.mark.parametrize("name", SIZES)
def test_size_is_negated(name):
    """The scorer is minus the size, in any container."""
    pipe = make_pipeline(StandardScaler(), PruningEstimator(LogisticRegression()))
    pipe.fit(X, Y)
    expected = -getattr(model_size(pipe[-1].estimator_), name)
    assert getattr(scorers, name)(pipe, X, Y) == expected
    assert getattr(scorers, name)(pipe[-1], X, Y) == expected
    assert getattr(scorers, name)(pipe[-1].estimator_, X, Y) == expected


def test_sizes_stand_beside_the_score_in_a_grid_search():
    """Several metrics in one search, sample weights among its parameters or not."""
    scoring = {"accuracy": "accuracy", **{n: getattr(scorers, n) for n in SIZES}}
    model = PruningEstimator(LogisticRegression())
    grid = {"rate": [0, 0.5]}
    search = GridSearchCV(model, grid, scoring=scoring, refit="n_nonzero")
    for weights in (None, np.ones(len(Y))):
        search.fit(X, Y, sample_weight=weights)
        assert search.best_params_ == {"rate": 0.5}
        assert search.cv_results_["mean_test_n_nonzero"].tolist() == [-27, -15]


class Clock:
    """A clock that a model moves on by predicting, each time by what it is told."""

    def __init__(self, delays):
        self.delays, self.now = list(delays), 0.0

    def predict(self, X):
        self.now += self.delays.pop(0)

    def __call__(self):
        return self.now


def test_prediction_time_is_a_median_without_the_first_call(monkeypatch):
    """A slow first call and one interruption do not count; the scorer is negated."""
    clock = Clock([9, 1, 5, 1])
    monkeypatch.setattr(budget, "perf_counter", clock)
    assert budget.prediction_seconds(clock, X, n_runs=3) == 1
    clock.delays = [1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    assert scorers.prediction_time(clock, X) == -2


@pytest.mark.parametrize(
    "model",
    [RandomForestClassifier(3), AdaBoostClassifier(n_estimators=3)],
    ids=lambda model: type(model).__name__,
)
def test_prediction_time_is_of_the_ensemble(model):
    """``estimator_`` of scikit-learn's ensembles is not mistaken for a pruned model."""
    assert scorers.prediction_time(model.fit(X, Y), X) < 0
    pruner = PruningEstimator(model)
    with pytest.raises(NotFittedError):
        scorers.prediction_time(pruner, X)
    assert scorers.prediction_time(pruner.fit(X, Y), X) < 0
