"""Another kind of network joins by one view and one registration."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from skprune import PruningEstimator
from skprune.readouts import SOFTMAX
from skprune.structures import (
    FAMILIES,
    TANH,
    Activation,
    NetView,
    Recipe,
    Samples,
    register_nets,
)
from skprune.structures.net_layers import NetLayers
from skprune.testing import check_structure


class Dense:
    """A layer as other libraries have it: a row of weights for each output."""

    def __init__(self, weight, bias, activation=None):
        self.weight, self.bias, self.activation = weight, bias, activation

    def __call__(self, A):
        Z = A @ self.weight.T + self.bias
        return {"tanh": np.tanh, "silu": lambda Z: Z * expit(Z)}.get(
            self.activation, lambda Z: Z
        )(Z)


class StackNet(ClassifierMixin, BaseEstimator):
    """A classifier that is a list of layers, whose activations differ."""

    def __init__(self, widths=(9, 8), random_state=0):
        self.widths = widths
        self.random_state = random_state

    def fit(self, X, y):
        """Draw hidden layers, and fit the last one by least squares."""
        rng = np.random.default_rng(self.random_state)
        self.classes_ = np.unique(y)
        self.stack_, A = [], np.asarray(X)
        for width, activation in zip(self.widths, ["tanh", "silu"]):
            weight = rng.normal(size=(width, A.shape[1])) / np.sqrt(A.shape[1])
            self.stack_.append(Dense(weight, rng.normal(size=width), activation))
            A = self.stack_[-1](A)
        Y = 5.0 * (np.reshape(y, (-1, 1)) == self.classes_)
        W = np.linalg.lstsq(np.column_stack([A, np.ones(len(A))]), Y, rcond=None)[0]
        self.stack_.append(Dense(W[:-1].T.copy(), W[-1].copy()))
        return self

    def decision_function(self, X):
        """Logits."""
        A = np.asarray(X)
        for layer in self.stack_:
            A = layer(A)
        return A

    def predict(self, X):
        """The most probable class."""
        return self.classes_[self.decision_function(X).argmax(axis=1)]


def silu(Z, out=None):
    """Z times its sigmoid."""
    return np.multiply(Z, expit(Z), out=out)


def silu_derivative(Z):
    """Derivative of `silu`."""
    return expit(Z) * (1 + Z * expit(-Z))


SILU = Activation(silu, silu_derivative, from_output=False)


class StackView(NetView):
    """The view: where the layers are, and how they are written back."""

    weights = "stack_"
    loss = SOFTMAX
    recipe = Recipe(rate=0.01)

    @property
    def layers(self):
        return [(layer.weight.T, layer.bias) for layer in self.model.stack_]

    @property
    def activations(self):
        known = {"tanh": TANH, "silu": SILU}
        return [known[layer.activation] for layer in self.model.stack_[:-1]]

    def features(self, X, dtype):
        return np.asarray(X, dtype)

    def targets(self, y):
        return np.reshape(y, (-1, 1)) == self.model.classes_

    def with_network(self, network):
        names = {id(TANH): "tanh", id(SILU): "silu"}
        activations = [names[id(own)] for own in network.activations] + [None]
        model = copy.copy(self.model)
        layers = zip(network.coefs, network.intercepts, activations, strict=True)
        model.stack_ = [Dense(W.T.copy(), b.copy(), name) for W, b, name in layers]
        return model


@pytest.fixture(scope="module", autouse=True)
def family():
    """The family of such networks, while these tests run."""
    register_nets(StackNet, StackView, name="stacks")
    yield
    FAMILIES.pop(0)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return scale(X), y


@pytest.mark.parametrize("granularity", ["connection", "neuron", "layer", "feature"])
def test_foreign_network_keeps_the_laws(iris, granularity):
    """Every granularity of networks keeps every law of a structure."""
    X, y = iris
    check_structure(StackNet().fit(X, y), X, y, granularity)


@pytest.mark.parametrize(("gates", "left"), [([0, 1], SILU), ([1, 0], TANH)])
def test_layers_that_stay_keep_their_activation(iris, gates, left):
    """Without one hidden layer, the other one is activated as it was."""
    X, y = iris
    structure, rng = NetLayers(StackNet().fit(X, y), Samples(X, y)), None
    gates = np.array(gates, dtype=float)

    for compensate in (False, True):
        smaller = structure.prune(gates, compensate=compensate, rng=rng)
        assert smaller.network.activations == [left]


def test_foreign_network_trains_by_passes(iris):
    """The recipe of the view trains what is left: the accuracy comes back."""
    X, y = iris
    options = {"rate": 0.8, "compensate": False, "random_state": 0}

    plain = PruningEstimator(StackNet(), **options).fit(X, y)
    trained = PruningEstimator(StackNet(), finetune=30, **options).fit(X, y)

    assert trained.score(X, y) > plain.score(X, y) + 0.1
    nonzero = [np.count_nonzero(layer.weight) for layer in trained.estimator_.stack_]
    assert sum(nonzero) == trained.support_.sum()


def test_reports_use_the_names_of_the_view(iris):
    """Layers are called as the model calls them, and counted as it stores them."""
    X, y = iris

    report = PruningEstimator(StackNet(), rate=0.5).fit(X, y).report_

    assert [group.name for group in report.groups] == [f"stack_[{k}]" for k in range(3)]
    sizes = report.parts_before["stack_[0]"], report.parts_after["stack_[0]"]
    assert [size.n_parameters for size in sizes] == [4 * 9 + 9] * 2
    assert_allclose(sizes[1].n_nonzero - 9, report.groups[0].n_kept)
