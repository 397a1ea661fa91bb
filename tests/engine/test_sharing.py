"""Prunings of one cached fit begin with one structure, and change no other's result."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune import PruningEstimator
from skprune.engine import sharing
from skprune.engine.recent import Recent
from skprune.engine.report import arrays_of
from skprune.structures import family_of, final_model

X, Y = load_iris(return_X_y=True)
MODELS = [
    RandomForestClassifier(5),
    make_pipeline(StandardScaler(), LogisticRegression()),
    MLPClassifier((8, 6), max_iter=20, tol=1.0, n_iter_no_change=1),
]


@pytest.fixture(autouse=True)
def kept(monkeypatch):
    """An empty store of structures."""
    monkeypatch.setattr(sharing, "STRUCTURES", Recent(10**7))
    return sharing.STRUCTURES


def names_of(kept):
    """Fit, granularity and compensation of what is kept."""
    return list(kept._kept)


def assert_same(fitted, other):
    """Hold a fitted pruner to the arrays of another, to the last digit."""
    pairs = zip(arrays_of(fitted.estimator_), arrays_of(other.estimator_), strict=True)
    for one, two in pairs:
        assert_array_equal(one, two, strict=True)
    assert fitted.report_ == other.report_


@pytest.mark.parametrize("model", MODELS, ids=["forest", "pipeline", "net"])
def test_prunings_in_any_order_are_as_if_alone(model, kept, tmp_path):
    """Whatever ran before on the same structure, no digit of a result changes."""
    pruner = PruningEstimator(model, random_state=0)
    cached = clone(pruner).set_params(memory=str(tmp_path))
    granularities = list(family_of(final_model(model)).structures)
    for options in (
        {"granularity": granularity, "method": method, "compensate": compensate}
        for granularity in granularities
        for method in ("taylor", "random", "magnitude", "l1")
        for compensate in (True, False)
    ):
        for rate in (0.6, 0, 0.3):
            options["rate"] = rate
            alone, shared = (
                clone(own).set_params(**options).fit(X, Y) for own in (pruner, cached)
            )
            assert_same(shared, alone)
    assert len(names_of(kept)) == 2 * len(granularities)


def test_one_structure_serves_all_rates(kept, tmp_path):
    """The second pruning makes none; what is not cached shares nothing."""
    model = PruningEstimator(MODELS[0], random_state=0).fit(X, Y)
    assert names_of(kept) == []

    model.set_params(memory=str(tmp_path)).fit(X, Y)
    [name] = names_of(kept)
    _, first = kept.get(name)
    model.set_params(rate=0.9, method="random").fit(X, Y)

    assert names_of(kept) == [name] and kept.get(name)[1] is first


def test_samples_that_are_changed_later_change_nothing(monkeypatch, tmp_path):
    """Who gave the samples may write into them: what is kept has copies."""
    options = {"random_state": 0, "memory": str(tmp_path)}
    pruner = PruningEstimator(LogisticRegression(), method="taylor", **options)
    wanted = clone(pruner).fit(X, Y)
    monkeypatch.setattr(sharing, "STRUCTURES", Recent(10**7))

    given, targets = X.copy(), Y.copy()
    clone(pruner).set_params(method="random").fit(given, targets)
    given[:], targets[:] = 0, np.roll(Y, 75)

    assert_same(clone(pruner).fit(X, Y), wanted)


def test_large_samples_are_not_kept(monkeypatch, kept, tmp_path):
    """They are not copied, and nothing of them outlives the pruning."""
    monkeypatch.setattr(sharing, "MOST_BYTES", X.nbytes)
    model = PruningEstimator(MODELS[0], random_state=0, memory=str(tmp_path))
    for _ in range(2):
        model.fit(X, Y)
    assert names_of(kept) == []
