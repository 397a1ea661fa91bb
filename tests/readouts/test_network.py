"""Forward and backward passes of a network equal scikit-learn's and differences."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier

from skprune.readouts import losses
from skprune.readouts.network import Network, Signals

ACTIVATIONS = ["identity", "relu", "tanh", "logistic"]


@pytest.fixture
def signals():
    rng = np.random.default_rng(0)
    sizes = (4, 6, 5, 3)
    coefs = [rng.normal(size=(n, m)) for n, m in pairwise(sizes)]
    intercepts = [rng.normal(size=m) for m in sizes[1:]]
    X = rng.normal(size=(8, 4))
    return lambda activation: Signals(Network(coefs, intercepts, activation), X)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_output_is_that_of_scikit_learn(activation):
    """The softmax of the output is scikit-learn's predict_proba."""
    X, y = load_iris(return_X_y=True)
    net = MLPClassifier((7, 5), activation=activation, solver="lbfgs", max_iter=20)
    net.fit(X, y)

    Z = Signals(Network(net.coefs_, net.intercepts_, activation), X).output

    shares = np.exp(Z - Z.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    assert_allclose(shares, net.predict_proba(X), atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_backward_is_derivative_of_loss(signals, activation):
    """D of each layer is the central difference of the loss by its intercepts."""
    given = signals(activation)
    Y = np.eye(3)[np.arange(8) % 3]
    D = losses.SOFTMAX.gradient(given.output, Y)

    gradients = given.backward(D)

    def loss(layer, unit, step):
        intercepts = [b.copy() for b in given.network.intercepts]
        intercepts[layer][unit] += step
        moved = Network(given.network.coefs, intercepts, activation)
        return losses.SOFTMAX.value(Signals(moved, given.X).output, Y).sum()

    for layer, gradient in enumerate(gradients):
        for unit, total in enumerate(gradient.sum(axis=0)):
            change = loss(layer, unit, 1e-6) - loss(layer, unit, -1e-6)
            assert_allclose(total, change / 2e-6, atol=1e-6)


def test_resting_is_activation_without_inputs(signals):
    """A neuron whose inputs are zero emits the activation of its intercept."""
    given = signals("logistic")
    still = Network(
        [np.zeros_like(W) for W in given.network.coefs],
        given.network.intercepts,
        "logistic",
    )

    assert_allclose(Signals(still, given.X).inputs[1][0], given.network.resting(0))
