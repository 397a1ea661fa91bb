"""Joint recovery is a damped Gauss-Newton descent on the surviving weights."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skprune.readouts import losses
from skprune.readouts.joint import (
    Matching,
    Survivors,
    output_derivative,
    refit_jointly,
)
from skprune.readouts.network import Network, Signals

SIZES = (5, 6, 4, 3)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def random_network(rng, activation="tanh", sizes=SIZES):
    coefs = [rng.normal(size=shape) for shape in pairwise(sizes)]
    return Network(coefs, [rng.normal(size=n) for n in sizes[1:]], activation)


def pruned(network, rng):
    masks = [rng.random(W.shape) < 0.6 for W in network.coefs]
    coefs = [W * mask for W, mask in zip(network.coefs, masks)]
    return Network(coefs, network.intercepts, network.activation), masks


@pytest.mark.parametrize("activation", ["tanh", "logistic", "identity"])
def test_output_derivative_is_derivative(rng, activation):
    """Each column is the central difference of the output by one free weight."""
    network, masks = pruned(random_network(rng, activation), rng)
    X, survivors = rng.normal(size=(7, SIZES[0])), Survivors.of(masks)
    n_weights = len(survivors.flatten(network.coefs, network.intercepts))

    derivative = output_derivative(Signals(network, X), survivors, 1)

    for q in range(n_weights):
        step = 1e-6 * np.eye(n_weights)[q]
        ahead = Signals(survivors.shifted(network, -step), X).output[:, 1]
        behind = Signals(survivors.shifted(network, step), X).output[:, 1]
        assert_allclose(derivative[:, q], (ahead - behind) / 2e-6, atol=1e-6)


@pytest.mark.parametrize("loss", [losses.SQUARED, losses.LOGISTIC, losses.SOFTMAX])
def test_curvature_is_gauss_newton_matrix(rng, loss):
    """The curvature is J^T C J with C by central differences of the loss gradient."""
    network, masks = pruned(random_network(rng), rng)
    X, survivors = rng.normal(size=(9, SIZES[0])), Survivors.of(masks)
    weights = rng.random(9)
    weights /= weights.sum()
    signals = Signals(network, X)
    Y = loss.gradient(signals.output, np.zeros_like(signals.output))
    J = np.stack([output_derivative(signals, survivors, k) for k in range(3)], axis=1)
    expected = 0.0
    for k, shift in enumerate(1e-6 * np.eye(3)):
        ahead = loss.gradient(signals.output + shift, Y)
        behind = loss.gradient(signals.output - shift, Y)
        C = (ahead - behind) / 2e-6
        expected = expected + np.einsum("n,nl,nlp,nq->pq", weights, C, J, J[:, k])

    matching = Matching(X, Y, weights, loss)
    curvature = matching.curvature(network, survivors, J.shape[2], n_rows=9)

    assert_allclose(curvature, expected, atol=1e-6)


def test_one_layer_is_least_squares(rng):
    """With one layer and squared error the result is that of lstsq on the support."""
    X, weights = rng.normal(size=(80, 5)), np.full(80, 1 / 80)
    teacher = Network([rng.normal(size=(5, 2))], [rng.normal(size=2)], "relu")
    small, masks = pruned(teacher, rng)

    fitted = refit_jointly(small, masks, Signals(teacher, X), weights, losses.SQUARED)

    target = Signals(teacher, X).output
    for j in range(2):
        inputs = np.column_stack([X[:, masks[0][:, j]], np.ones(80)])
        expected = inputs @ np.linalg.lstsq(inputs, target[:, j], rcond=None)[0]
        assert_allclose(Signals(fitted, X).output[:, j], expected, atol=1e-4)


def test_closer_to_teacher_and_zeros_stay(rng):
    """The predictions come closer to the teacher's, and removed weights stay zero."""
    X, weights = rng.normal(size=(2000, SIZES[0])), np.full(2000, 1 / 2000)
    teacher = random_network(rng, "relu")
    small, masks = pruned(teacher, rng)
    signals = Signals(teacher, X)

    fitted = refit_jointly(small, masks, signals, weights, losses.SOFTMAX)

    targets = losses.SOFTMAX.gradient(signals.output, np.zeros_like(signals.output))
    matching = Matching(X, targets, weights, losses.SOFTMAX)
    excess = [
        matching.value(Signals(network, X)) - matching.value(signals)
        for network in (fitted, small)
    ]
    assert excess[0] < 0.3 * excess[1]
    assert all((W[~mask] == 0).all() for W, mask in zip(fitted.coefs, masks))


def test_what_would_cost_too_much_is_left_alone(rng):
    """With few samples a network of many free weights comes back as it is."""
    network = random_network(rng, sizes=(200, 20, 2))
    masks = [np.ones(W.shape, dtype=bool) for W in network.coefs]
    signals = Signals(network, rng.normal(size=(5, 200)))

    fitted = refit_jointly(network, masks, signals, np.full(5, 0.2), losses.SOFTMAX)

    assert fitted is network
