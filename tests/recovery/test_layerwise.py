"""Recovery layer by layer, against least squares solved in another way."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skprune.numerics.network import TANH, Network, Signals
from skprune.recovery import layerwise
from skprune.recovery.layerwise import LayerTarget, LayerwiseRecovery
from tests.numerics.test_network import make_network

RIDGE = 1e-2
WIDTHS = (8, 7, 6, 3)


def problem(n_samples=60, seed=0):
    """A teacher, weights of its samples, and random masks."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, WIDTHS[0])) * rng.uniform(0.5, 2, WIDTHS[0])
    teacher = Signals(make_network("tanh", WIDTHS), X)
    weights = rng.uniform(0.2, 1, n_samples)
    masks = [rng.random(W.shape) < 0.6 for W in teacher.network.coefs]
    return teacher, weights / weights.sum(), masks


def targets(teacher, masks):
    """Every layer aims at the same layer of the teacher."""
    coefs = teacher.network.coefs
    return [
        LayerTarget(layer, np.arange(W.shape[1]), W, mask)
        for layer, (W, mask) in enumerate(zip(coefs, masks))
    ]


def least_squares_column(A, z, weights, rows, prior, strength):
    """Weighted ridge on some columns, with a free intercept, by numpy's lstsq."""
    root = np.sqrt(weights)[:, None]
    design = np.hstack([A[:, rows], np.ones((len(A), 1))]) * root
    penalty = np.hstack([np.eye(len(rows)), np.zeros((len(rows), 1))])
    stacked = np.vstack([design, np.sqrt(strength) * penalty])
    right = np.concatenate([root[:, 0] * z, np.sqrt(strength) * prior[rows]])
    return np.linalg.lstsq(stacked, right, rcond=None)[0]


def test_each_layer_is_masked_ridge_on_pruned_inputs():
    """Each layer solves its own ridge problem on what the layers below now give."""
    teacher, weights, masks = problem()

    solved = LayerwiseRecovery(teacher, weights).solve(targets(teacher, masks), RIDGE)

    A = teacher.X
    for layer, mask in enumerate(masks):
        Z, prior = teacher.preactivation(layer), teacher.network.coefs[layer]
        centred = A - weights @ A
        strength = RIDGE * np.mean(weights @ centred**2)
        W, b = solved.network.coefs[layer], solved.network.intercepts[layer]
        assert not W[~mask].any()
        for j, column in enumerate(mask.T):
            rows = np.flatnonzero(column)
            expected = least_squares_column(
                A, Z[:, j], weights, rows, prior[:, j], strength
            )
            assert_allclose(W[rows, j], expected[:-1], rtol=1e-8, atol=1e-10)
            assert_allclose(b[j], expected[-1], rtol=1e-8, atol=1e-10)
        A = np.tanh(A @ W + b)


def test_nothing_removed_gives_the_teacher():
    """Where nothing is gone, the weights are those of the teacher, to the last bit."""
    teacher, weights, masks = problem()
    everything = targets(teacher, [np.ones_like(mask) for mask in masks])

    solved = LayerwiseRecovery(teacher, weights).solve(everything, RIDGE)

    for W, V in zip(solved.network.coefs, teacher.network.coefs):
        assert_array_equal(W, V)
    assert solved.inputs[1] is teacher.inputs[1]


def test_layers_below_the_first_change_stay():
    """A layer with everything below and in it untouched is not estimated anew."""
    teacher, weights, masks = problem()
    masks[0] = np.ones_like(masks[0])

    solved = LayerwiseRecovery(teacher, weights).solve(targets(teacher, masks), RIDGE)

    assert_array_equal(solved.network.coefs[0], teacher.network.coefs[0])
    assert not np.array_equal(solved.network.coefs[1], teacher.network.coefs[1])


def test_columns_and_skipped_layers():
    """A target may ask for some outputs, and for a later layer of the teacher."""
    teacher, weights, _ = problem()
    columns = np.array([4, 1])
    first = LayerTarget(1, columns, np.zeros((8, 2)), np.ones((8, 2), bool))
    last = LayerTarget(2, np.arange(3), np.zeros((2, 3)), np.ones((2, 3), bool))

    solved = LayerwiseRecovery(teacher, weights).solve([first, last], RIDGE)

    assert [W.shape for W in solved.network.coefs] == [(8, 2), (2, 3)]
    Z = solved.network.layer(0, teacher.X)
    wanted = teacher.preactivation(1)[:, columns]
    spread = np.sqrt(weights @ (wanted - weights @ wanted) ** 2)
    assert (np.sqrt(weights @ (Z - wanted) ** 2) < spread).all()
    assert_allclose(weights @ Z, weights @ wanted, rtol=1e-10)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_wide_inputs_are_solved_by_iteration(monkeypatch, form):
    """Without second moments, conjugate gradients give the same weights."""
    teacher, weights, masks = problem()
    direct = LayerwiseRecovery(teacher, weights).solve(targets(teacher, masks), RIDGE)
    monkeypatch.setattr(layerwise, "DIRECT", 0)
    same = Signals(teacher.network, form(teacher.X))

    solved = LayerwiseRecovery(same, weights).solve(targets(same, masks), RIDGE)

    for W, V in zip(solved.network.coefs, direct.network.coefs):
        assert_allclose(W, V, rtol=1e-4, atol=1e-5)


def test_single_precision_is_kept():
    """A float32 teacher gives float32 weights close to those of float64."""
    teacher, weights, masks = problem()
    network = Network(
        [W.astype(np.float32) for W in teacher.network.coefs],
        [b.astype(np.float32) for b in teacher.network.intercepts],
        [TANH] * 2,
    )
    single = Signals(network, teacher.X.astype(np.float32))

    double = LayerwiseRecovery(teacher, weights).solve(targets(teacher, masks), RIDGE)
    solved = LayerwiseRecovery(single, weights.astype(np.float32)).solve(
        targets(single, masks), RIDGE
    )

    for W, V in zip(solved.network.coefs, double.network.coefs):
        assert W.dtype == np.float32
        assert_allclose(W, V, rtol=1e-2, atol=1e-3)


def test_samples_without_weight_do_not_count():
    """A sample of weight zero is as good as none."""
    teacher, weights, masks = problem()
    weights[40:] = 0
    weights /= weights.sum()
    fewer = Signals(teacher.network, teacher.X[:40])

    solved = LayerwiseRecovery(teacher, weights).solve(targets(teacher, masks), RIDGE)
    expected = LayerwiseRecovery(fewer, weights[:40]).solve(
        targets(fewer, masks), RIDGE
    )

    for W, V in zip(solved.network.coefs, expected.network.coefs):
        assert_allclose(W, V, rtol=1e-8, atol=1e-10)
