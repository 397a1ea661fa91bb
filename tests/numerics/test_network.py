"""Forward and backward passes of multilayer perceptrons."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.neural_network import MLPClassifier

from skprune.numerics import moments
from skprune.numerics.losses import SOFTMAX
from skprune.numerics.network import (
    IDENTITY,
    RELU,
    SIGMOID,
    TANH,
    Activation,
    Network,
    Signals,
)


def silu(Z, out=None):
    """Z times its sigmoid, which two different Z can share."""
    return np.multiply(Z, expit(Z), out=out)


def silu_derivative(Z):
    """Derivative of `silu`."""
    return expit(Z) * (1 + Z * expit(-Z))


SILU = Activation(silu, silu_derivative, from_output=False)
ACTIVATIONS = {
    "identity": IDENTITY,
    "relu": RELU,
    "tanh": TANH,
    "logistic": SIGMOID,
    "silu": SILU,
}


def make_network(activation, widths=(6, 5, 4, 3), seed=0):
    """A network with random weights, whose hidden layers have one activation."""
    rng = np.random.default_rng(seed)
    coefs = [rng.standard_normal(pair) for pair in pairwise(widths)]
    intercepts = [rng.standard_normal(n) for n in widths[1:]]
    return Network(coefs, intercepts, [ACTIVATIONS[activation]] * (len(widths) - 2))


def features(n_samples=7, n_features=6):
    """Random samples."""
    return np.random.default_rng(1).standard_normal((n_samples, n_features))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "logistic"])
def test_output_is_that_of_scikit_learn(activation):
    """The output through the link is predict_proba of the model with these weights."""
    X, y = features(40), np.arange(40) % 3
    model = MLPClassifier((5, 4), activation=activation, max_iter=2).fit(X, y)

    network = Network(model.coefs_, model.intercepts_, [ACTIVATIONS[activation]] * 2)

    output = softmax(Signals(network, X).output, axis=1)
    assert_allclose(output, model.predict_proba(X), rtol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_backward_is_derivative_by_z(activation, layer):
    """D of each layer is the central difference of each sample's loss by its Z."""
    X, network, step = features(), make_network(activation), 1e-6
    Y = np.eye(3)[np.arange(7) % 3]

    def loss(shift):
        intercepts = list(network.intercepts)
        intercepts[layer] = intercepts[layer] + shift
        moved = replace(network, intercepts=intercepts)
        return SOFTMAX.value(Signals(moved, X).output, Y)

    signals = Signals(network, X)
    D = signals.backward(SOFTMAX.gradient(signals.output, Y))[layer]

    shifts = step * np.eye(D.shape[1])
    slopes = [(loss(shift) - loss(-shift)) / (2 * step) for shift in shifts]
    assert_allclose(D, np.transpose(slopes), rtol=1e-5, atol=1e-8)


def test_hidden_layers_may_differ_in_their_activation():
    """Each hidden layer is activated, and differentiated, by a function of its own."""
    X, network = features(), make_network("tanh")
    network = replace(network, activations=[TANH, SILU])
    first = np.tanh(X @ network.coefs[0] + network.intercepts[0])
    second = silu(first @ network.coefs[1] + network.intercepts[1])

    signals = Signals(network, X)

    assert_allclose(signals.inputs[2], second, rtol=1e-12)
    D = np.ones((7, 3))
    back = D @ network.coefs[2].T
    back = back * silu_derivative(signals.preactivation(1)) @ network.coefs[1].T
    assert_allclose(signals.backward(D)[0], back * (1 - first**2), rtol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_resting_activations_are_those_of_no_input(activation):
    """A hidden layer whose inputs are zero rests at phi(b)."""
    network = make_network(activation)
    nothing = np.zeros((1, 6))

    hidden = Signals(network, nothing).inputs[1]

    assert_allclose(hidden[0], network.resting(0), rtol=1e-15)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_mean_slope_of_one_sample_is_the_jacobian(activation):
    """On one sample, the mean slope is the derivative of Z by the inputs of a layer."""
    network, x, step = make_network(activation), features(1), 1e-6

    slope = Signals(network, x).mean_slope(0, 2, np.ones(1))

    moved = [
        Signals(network, x + step * e).output - Signals(network, x - step * e).output
        for e in np.eye(6)
    ]
    assert_allclose(slope, np.vstack(moved) / (2 * step), rtol=1e-5, atol=1e-8)


def test_sparse_features_give_the_same_signals():
    """A CSR array of features gives dense signals equal to those of the dense array."""
    X, network = features(), make_network("relu")

    dense, thin = Signals(network, X), Signals(network, sparse.csr_array(X))

    assert isinstance(thin.output, np.ndarray)
    assert_allclose(thin.output, dense.output, rtol=1e-12)
    assert_allclose(thin.inputs[1], dense.inputs[1], rtol=1e-12)


def test_known_inputs_are_taken_over():
    """Inputs that are known already are not computed again."""
    X, network = features(), make_network("tanh")
    inputs = Signals(network, X).inputs

    again = Signals(network, X, inputs)

    assert again.inputs is inputs
    assert_allclose(again.output, Signals(network, X).output, rtol=0)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_output_does_not_depend_on_what_is_held(kind, monkeypatch):
    """To the last digit the same, whether the inputs of all layers are held or not."""
    monkeypatch.setattr(moments, "BLOCK", 3)
    X, network = kind(features(10)), make_network("tanh")
    lean, full = Signals(network, X), Signals(network, X)

    parts = [[part.copy() for part in inputs[1:]] for _, inputs in lean.blocks()]

    assert [len(part) for part, _ in parts] == [3, 3, 3, 1]
    assert_allclose(lean.output, network.layer(2, full.inputs[2]), rtol=1e-12)
    assert_array_equal(lean.output, full.output)
    for layer, blocks in enumerate(zip(*parts), start=1):
        assert_array_equal(np.vstack(blocks), full.inputs[layer])
    assert "inputs" in vars(full) and "inputs" not in vars(lean)


@pytest.mark.parametrize("block", [4, 512])
def test_spreads_are_weighted_standard_deviations(block, monkeypatch):
    """Of the inputs of each layer, as numpy has them; what is constant has none."""
    monkeypatch.setattr(moments, "BLOCK", block)
    X, network, weights = 100 + features(30), make_network("relu"), np.arange(30) / 435
    network.coefs[1][:, 0], network.intercepts[1][0] = 0, 0.1
    signals = Signals(network, X)

    spreads = signals.spreads(weights)

    assert "inputs" not in vars(signals)
    for spread, A in zip(spreads, signals.inputs, strict=True):
        variance = np.cov(A.T, aweights=weights, ddof=0).diagonal()
        assert_allclose(spread, np.sqrt(variance), rtol=1e-10)
    assert spreads[2][0] == 0


def test_what_is_held_is_known_by_its_identity():
    """The inputs of a layer are recognised, and not computed for it."""
    X, network = features(), make_network("relu")
    signals = Signals(network, X)
    other = Signals(network, X).inputs[1]

    assert signals.holds(0, X) and not signals.holds(0, X.copy())
    assert not signals.holds(1, other) and "inputs" not in vars(signals)
    assert signals.holds(1, signals.inputs[1]) and not signals.holds(1, other)


def test_some_of_the_samples():
    """Signals of some samples are rows of those of all."""
    X, network, rows = features(), make_network("tanh"), np.array([5, 0])

    taken = Signals(network, X).take(rows)

    assert_allclose(taken.output, Signals(network, X[rows]).output, rtol=1e-12)
