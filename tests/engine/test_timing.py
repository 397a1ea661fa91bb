"""Predictions are timed by the median of several calls."""

import numpy as np

from skprune.engine import timing
from skprune.engine.timing import prediction_seconds


class Timed:
    """A model whose predictions advance a clock of their own."""

    def __init__(self, durations):
        self.durations = list(durations)
        self.now = 0.0

    def predict(self, X):
        self.now += self.durations.pop(0)
        return X


def test_median_of_the_calls_after_the_first(monkeypatch):
    """The first call warms up; one slow call among the others does not count."""
    model = Timed([100.0, 1.0, 9.0, 2.0])
    monkeypatch.setattr(timing, "perf_counter", lambda: model.now)
    assert prediction_seconds(model, np.zeros((3, 1)), n_runs=3) == 2.0
    assert model.durations == []
