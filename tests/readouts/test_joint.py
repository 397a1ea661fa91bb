"""Joint recovery is a damped Gauss-Newton descent on the surviving weights."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skprune.readouts import joint, losses
from skprune.readouts.joint import (
    Curvature,
    Matching,
    Survivors,
    conjugate_gradients,
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


def products(network, masks, X, loss, weights=None):
    """The curvature on some samples, and how many weights are free."""
    survivors = Survivors.of(masks)
    weights = np.full(len(X), 1 / len(X)) if weights is None else weights
    n_weights = len(survivors.flatten(network.coefs, network.intercepts))
    return Curvature(Signals(network, X), survivors, weights, loss), n_weights


@pytest.mark.parametrize("activation", ["tanh", "logistic", "identity"])
def test_change_is_derivative_of_output(rng, activation):
    """Each product is the central difference of the output by one free weight."""
    network, masks = pruned(random_network(rng, activation), rng)
    X, survivors = rng.normal(size=(7, SIZES[0])), Survivors.of(masks)
    curvature, n_weights = products(network, masks, X, losses.SQUARED)

    for direction in np.eye(n_weights):
        ahead = Signals(survivors.shifted(network, -1e-6 * direction), X).output
        behind = Signals(survivors.shifted(network, 1e-6 * direction), X).output
        change = curvature.change(direction)
        assert_allclose(change, (ahead - behind) / 2e-6, atol=1e-6)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("loss", [losses.SQUARED, losses.LOGISTIC, losses.SOFTMAX])
def test_curvature_is_gauss_newton_matrix(rng, loss, form):
    """Products are those of J^T C J with C by central differences of the gradient."""
    network, masks = pruned(random_network(rng), rng)
    X, weights = rng.normal(size=(9, SIZES[0])), rng.random(9)
    weights /= weights.sum()
    curvature, n_weights = products(network, masks, form(X), loss, weights)
    Z = Signals(network, X).output
    J = np.stack([curvature.change(v) for v in np.eye(n_weights)], axis=2)
    expected = 0.0
    for k, shift in enumerate(1e-6 * np.eye(3)):
        C = (loss.gradient(Z + shift, Z) - loss.gradient(Z - shift, Z)) / 2e-6
        expected = expected + np.einsum("n,nl,nlp,nq->pq", weights, C, J, J[:, k])

    H = np.column_stack([curvature.product(v) for v in np.eye(n_weights)])

    assert_allclose(H, expected, atol=1e-6)


@pytest.mark.parametrize("loss", [losses.SQUARED, losses.SOFTMAX])
def test_drawn_labels_give_the_diagonal(rng, loss):
    """On many samples the estimate is close to the diagonal of the matrix."""
    network, masks = pruned(random_network(rng), rng)
    X = rng.normal(size=(4000, SIZES[0]))
    curvature, n_weights = products(network, masks, X, loss)

    exact = [curvature.product(v)[q] for q, v in enumerate(np.eye(n_weights))]

    assert_allclose(curvature.diagonal(), exact, rtol=0.2)


def test_conjugate_gradients_solve_the_system(rng):
    """As many iterations as unknowns solve it; the quadratic form falls on the way."""
    root = rng.normal(size=(12, 8))
    H, right = root.T @ root, rng.normal(size=8)

    solved = [
        conjugate_gradients(H.__matmul__, right, np.diag(H).copy(), n_iterations)
        for n_iterations in (1, 3, 8)
    ]

    assert_allclose(solved[-1], np.linalg.solve(H, right), rtol=1e-8)
    forms = [x @ H @ x / 2 - right @ x for x in solved]
    assert 0 > forms[0] > forms[1] > forms[2]


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


def test_goal_may_be_another_output(rng):
    """With an output of its own to aim at, the network leaves that of the teacher."""
    X, weights = rng.normal(size=(80, 5)), np.full(80, 1 / 80)
    teacher = Network([rng.normal(size=(5, 2))], [rng.normal(size=2)], "relu")
    masks, goal = [np.ones((5, 2), dtype=bool)], X @ rng.normal(size=(5, 2))
    loss = losses.SQUARED

    fitted = refit_jointly(teacher, masks, Signals(teacher, X), weights, loss, goal)

    assert_allclose(Signals(fitted, X).output, goal, atol=1e-4)


def test_too_few_samples_leave_the_network_alone(rng):
    """With few samples a network of many free weights comes back as it is."""
    network = random_network(rng, sizes=(200, 20, 2))
    masks = [np.ones(W.shape, dtype=bool) for W in network.coefs]
    signals = Signals(network, rng.normal(size=(5, 200)))

    fitted = refit_jointly(network, masks, signals, np.full(5, 0.2), losses.SOFTMAX)

    assert fitted is network


def test_what_would_cost_too_much_is_left_alone(rng, monkeypatch):
    """A step of more multiply-adds than are allowed is not taken."""
    small, masks = pruned(random_network(rng), rng)
    signals = Signals(random_network(rng), rng.normal(size=(200, SIZES[0])))
    weights = np.full(200, 1 / 200)
    assert refit_jointly(small, masks, signals, weights, losses.SOFTMAX) is not small
    monkeypatch.setattr(joint, "WORK", 1e3)

    fitted = refit_jointly(small, masks, signals, weights, losses.SOFTMAX)

    assert fitted is small
