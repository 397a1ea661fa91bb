"""Metadata goes through the meta-estimators to each method that asks for it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune import PruningEstimator, PruningEstimatorCV, PruningSelector
from skprune.estimators.routing import ANSWERING

X, Y = load_iris(return_X_y=True)
COLOURS = np.arange(len(Y))
HEARD = {}


class Listener(LogisticRegression):
    """Notes the colours that each of its methods is called with."""

    def fit(self, X, y, sample_weight=None, colours=None):
        HEARD["fit"] = colours
        return super().fit(X, y, sample_weight)

    def predict(self, X, colours=None):
        HEARD["predict"] = colours
        return super().predict(X)

    def predict_proba(self, X, colours=None):
        HEARD["predict_proba"] = colours
        return super().predict_proba(X)

    def predict_log_proba(self, X, colours=None):
        HEARD["predict_log_proba"] = colours
        return super().predict_log_proba(X)

    def decision_function(self, X, colours=None):
        HEARD["decision_function"] = colours
        return super().decision_function(X)

    def transform(self, X, colours=None):
        HEARD["transform"] = colours
        return np.asarray(X)[:, :2]

    def score(self, X, y, sample_weight=None, colours=None):
        HEARD["score"] = colours
        return super().score(X, y, sample_weight)


@pytest.fixture(autouse=True)
def routing():
    """Metadata routing, and nothing heard so far."""
    HEARD.clear()
    with config_context(enable_metadata_routing=True):
        yield


def listener(*methods):
    """A model whose named methods ask for colours."""
    model = Listener(max_iter=300)
    for method in methods:
        getattr(model, f"set_{method}_request")(colours=True)
    return model


def pruners(model):
    """The meta-estimators that predict, around a model."""
    return [
        PruningEstimator(model, rate=0.2),
        PruningEstimatorCV(model, rates=[0.0, 0.2], cv=2, scoring="accuracy"),
    ]


@pytest.mark.parametrize("kind", [0, 1], ids=["PruningEstimator", "CV"])
@pytest.mark.parametrize("method", ANSWERING)
def test_metadata_reaches_the_method_that_asks(method, kind):
    """Each method passes on what the same method of the model requests."""
    pruner = pruners(listener(method))[kind].fit(X, Y)
    HEARD.clear()
    target = [Y] if method == "score" else []

    getattr(pruner, method)(X, *target, colours=COLOURS)

    assert_array_equal(HEARD[method], COLOURS)


@pytest.mark.parametrize("kind", [0, 1], ids=["PruningEstimator", "CV"])
def test_metadata_goes_through_a_pipeline(kind):
    """As the last step of a pipeline, to fit and to predict."""
    pruner = pruners(listener("fit", "predict"))[kind]
    pipe = make_pipeline(StandardScaler(), pruner)

    pipe.fit(X, Y, colours=COLOURS)
    assert HEARD["fit"] is not None
    assert_array_equal(pipe.predict(X, colours=COLOURS), pipe.predict(X))
    pipe.predict(X, colours=COLOURS)
    assert_array_equal(HEARD["predict"], COLOURS)


@pytest.mark.parametrize("asking", [("fit",), ("transform",), ("fit", "transform")])
@pytest.mark.parametrize("kind", [0, 1], ids=["PruningEstimator", "CV"])
def test_metadata_reaches_a_transformer_inside_a_pipeline(asking, kind):
    """fit and transform of a first step get the metadata they request."""
    model = listener().set_fit_request(colours="fit" in asking)
    model.set_transform_request(colours="transform" in asking)
    pruner = pruners(model)[kind]

    make_pipeline(pruner, LogisticRegression()).fit(X, Y, colours=COLOURS)

    assert (HEARD["fit"] is not None) == ("fit" in asking)
    assert (HEARD["transform"] is not None) == ("transform" in asking)


@pytest.mark.parametrize("method", ["fit", "predict", "transform", "score"])
@pytest.mark.parametrize("kind", [0, 1], ids=["PruningEstimator", "CV"])
def test_what_is_not_asked_for_is_refused(method, kind):
    """Metadata that nobody requests raises an error."""
    pruner = pruners(listener())[kind].fit(X, Y)
    target = [Y] if method in ("fit", "score") else []

    with pytest.raises(UnsetMetadataPassedError, match="colours"):
        getattr(pruner, method)(X, *target, colours=COLOURS)
    with pytest.raises(UnsetMetadataPassedError, match="colours"):
        clone(pruner).fit_transform(X, Y, colours=COLOURS)
    with pytest.raises(TypeError, match="shape"):
        getattr(pruner, method)(X, *target, shape=3)


@pytest.mark.parametrize("method", ["predict", "transform"])
def test_without_routing_nothing_is_passed(method):
    """The error names metadata routing."""
    pruner = PruningEstimator(listener(method), rate=0.2).fit(X, Y)

    with config_context(enable_metadata_routing=False):
        with pytest.raises(ValueError, match=f"to {method} only with metadata"):
            getattr(pruner, method)(X, colours=COLOURS)


def test_weights_of_partial_fit_are_those_of_fit(digits):
    """partial_fit accepts the weights that fit requests, and no others."""
    X, y = digits
    rows, weights = slice(0, 300), np.linspace(0, 2, 300)
    net = MLPClassifier((10,), max_iter=20, random_state=0)
    pruner = PruningEstimator(net, random_state=0).fit(X[rows], y[rows])
    asked = PruningEstimator(net.set_fit_request(sample_weight=True), random_state=0)
    asked.fit(X[rows], y[rows])
    with config_context(enable_metadata_routing=False):
        pruner.partial_fit(X[rows], y[rows], sample_weight=weights)

    asked.partial_fit(X[rows], y[rows], sample_weight=weights)

    assert_allclose(asked.predict_proba(X), pruner.predict_proba(X))
    refusing = clone(asked)
    refusing.estimator.set_fit_request(sample_weight=None)
    for _ in range(2):
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            refusing.partial_fit(X[rows], y[rows], sample_weight=weights)
        refusing.fit(X[rows], y[rows])


def test_selector_passes_metadata_on():
    """In a pipeline under a search, weights reach the model that ranks features."""
    selector = PruningSelector(listener("fit"), n_features_to_select=2)
    pipe = make_pipeline(selector, LogisticRegression())

    search = GridSearchCV(pipe, {"pruningselector__n_features_to_select": [2]}, cv=2)
    search.fit(X, Y, colours=COLOURS)

    assert_array_equal(HEARD["fit"], COLOURS)
    with pytest.raises(UnsetMetadataPassedError, match="colours"):
        PruningSelector(listener()).fit_transform(X, Y, colours=COLOURS)
