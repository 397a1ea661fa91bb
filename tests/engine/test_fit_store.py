"""Prunings of one cached fit share what they can, and change no other's result."""

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
from skprune.engine import fits
from skprune.engine.fits import Fit, FitStore
from skprune.numerics.held import arrays_of, held_bytes
from skprune.structures import Samples, family_of, final_model

X, Y = load_iris(return_X_y=True)
MODELS = [
    RandomForestClassifier(5),
    make_pipeline(StandardScaler(), LogisticRegression()),
    MLPClassifier((8, 6), max_iter=20, tol=1.0, n_iter_no_change=1),
]


@pytest.fixture(autouse=True)
def store(monkeypatch):
    """An empty store of fits."""
    monkeypatch.setattr(fits, "STORE", FitStore(10**7))
    return fits.STORE


def assert_same(fitted, other):
    """Hold a fitted pruner to the arrays of another, bit for bit."""
    pairs = zip(arrays_of(fitted.estimator_), arrays_of(other.estimator_), strict=True)
    for one, two in pairs:
        assert_array_equal(one, two, strict=True)
    assert fitted.report_ == other.report_


@pytest.mark.parametrize("model", MODELS, ids=["forest", "pipeline", "net"])
def test_prunings_in_any_order_are_as_if_alone(model, store, tmp_path):
    """Whatever ran before on the same fit, no bit of a result changes."""
    pruner = PruningEstimator(model, random_state=0)
    cached = clone(pruner).set_params(memory=str(tmp_path))
    for options in (
        {"granularity": granularity, "method": method, "compensate": compensate}
        for granularity in family_of(final_model(model)).structures
        for method, compensate in (("taylor", True), ("random", False), ("l1", True))
    ):
        for rate in (0.6, 0.3):
            options["rate"] = rate
            alone, shared = (
                clone(own).set_params(**options).fit(X, Y) for own in (pruner, cached)
            )
            assert_same(shared, alone)
    assert len(store) == 1


def test_only_cached_fits_are_kept(store, tmp_path):
    """Without memory nothing outlives the pruning; with it one fit serves all."""
    model = PruningEstimator(MODELS[0], random_state=0).fit(X, Y)
    assert len(store) == 0

    model.set_params(memory=str(tmp_path)).fit(X, Y)
    [name] = store._kept
    first = store.get(name).structures("split")[0]
    model.set_params(rate=0.9, method="random").fit(X, Y)

    assert list(store._kept) == [name]
    assert store.get(name).structures("split")[0] is first


def test_samples_that_are_changed_later_change_nothing(monkeypatch, tmp_path):
    """The caller may write into the samples: the store holds copies."""
    options = {"random_state": 0, "memory": str(tmp_path)}
    pruner = PruningEstimator(LogisticRegression(), method="taylor", **options)
    wanted = clone(pruner).fit(X, Y)
    monkeypatch.setattr(fits, "STORE", FitStore(10**7))

    given, targets = X.copy(), Y.copy()
    clone(pruner).set_params(method="random").fit(given, targets)
    given[:], targets[:] = 0, np.roll(Y, 75)

    assert_same(clone(pruner).fit(X, Y), wanted)


def test_large_samples_are_not_kept(monkeypatch, store, tmp_path):
    """They are not copied, and nothing of them outlives the pruning."""
    monkeypatch.setattr(fits, "MOST_SAMPLE_BYTES", X.nbytes)
    model = PruningEstimator(MODELS[0], random_state=0, memory=str(tmp_path))
    for _ in range(2):
        model.fit(X, Y)
    assert len(store) == 0


def test_least_recently_used_fits_are_evicted():
    """The limit counts the bytes of samples and structures, the newest stay."""
    one, two, three = (Fit(LogisticRegression(), Samples(X.copy(), Y)) for _ in "123")
    store = FitStore(int(2.5 * held_bytes(vars(one))))
    store.keep("one", one)
    store.keep("two", two)
    store.keep("one", one)

    store.keep("three", three)

    assert store.get("two") is None
    assert store.get("one") is one and store.get("three") is three


def test_fit_larger_than_the_limit_is_not_kept():
    """It is used, and forgotten at once."""
    store = FitStore(100)
    store.keep("large", Fit(LogisticRegression(), Samples(X, Y)))
    assert len(store) == 0
