"""Recovery layer by layer is ridge least squares toward the teacher."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skprune.readouts.layerwise import LayerTarget, LayerwiseRecovery
from skprune.readouts.network import Network, Signals

RIDGE = 1e-3


@pytest.fixture
def teacher():
    rng = np.random.default_rng(0)
    sizes = (6, 8, 5, 2)
    coefs = [rng.normal(size=(n, m)) for n, m in pairwise(sizes)]
    intercepts = [rng.normal(size=m) for m in sizes[1:]]
    return Signals(Network(coefs, intercepts, "relu"), rng.normal(size=(300, 6)))


def targets_of(teacher, masks):
    coefs = teacher.network.coefs
    return [
        LayerTarget(layer, np.arange(W.shape[1]), W, mask)
        for layer, (W, mask) in enumerate(zip(coefs, masks))
    ]


def ridge_solution(A, Z, W0, mask, weights):
    """Each output apart: augmented least squares on its support, by numpy's lstsq."""
    A, mean = A - weights @ A, weights @ A
    root = np.sqrt(weights)[:, None]
    strength = RIDGE * np.mean(weights @ A**2)
    W = np.zeros_like(W0)
    for j in range(Z.shape[1]):
        rows = np.flatnonzero(mask[:, j])
        pull = np.sqrt(strength) * np.eye(len(rows))
        design = np.vstack([root * A[:, rows], pull])
        target = root[:, 0] * (Z[:, j] - weights @ Z[:, j])
        right = np.concatenate([target, np.sqrt(strength) * W0[rows, j]])
        W[rows, j] = np.linalg.lstsq(design, right, rcond=None)[0]
    return W, weights @ Z - mean @ W


def test_equals_lstsq_on_each_support(teacher):
    """Every layer is the least-squares solution from the pruned layers below it."""
    rng = np.random.default_rng(1)
    masks = [rng.random(W.shape) < 0.5 for W in teacher.network.coefs]
    weights = rng.random(300)
    weights /= weights.sum()

    found = LayerwiseRecovery(teacher, weights).solve(targets_of(teacher, masks), RIDGE)

    A = teacher.X
    for layer, mask in enumerate(masks):
        Z = teacher.preactivation(layer)
        W, b = ridge_solution(A, Z, teacher.network.coefs[layer], mask, weights)
        assert_allclose(found.network.coefs[layer], W, atol=1e-8)
        assert_allclose(found.network.intercepts[layer], b, atol=1e-8)
        A = np.maximum(A @ W + b, 0)


def test_nothing_removed_changes_nothing(teacher):
    """With full masks the weights come back as they are."""
    masks = [np.ones(W.shape, dtype=bool) for W in teacher.network.coefs]
    recovery = LayerwiseRecovery(teacher, np.full(300, 1 / 300))

    found = recovery.solve(targets_of(teacher, masks), RIDGE)

    for W, expected in zip(found.network.coefs, teacher.network.coefs):
        assert_array_equal(W, expected)


def test_samples_without_weight_do_not_count(teacher):
    """A sample of weight zero is as good as none."""
    rng = np.random.default_rng(1)
    masks = [rng.random(W.shape) < 0.5 for W in teacher.network.coefs]
    half = Signals(teacher.network, teacher.X[:150])
    weights = np.repeat([1 / 150, 0], 150)

    weighted = LayerwiseRecovery(teacher, weights)
    fewer = LayerwiseRecovery(half, np.full(150, 1 / 150))

    first = weighted.solve(targets_of(teacher, masks), RIDGE).network
    second = fewer.solve(targets_of(half, masks), RIDGE).network
    for W, expected in zip(first.coefs, second.coefs):
        assert_allclose(W, expected, atol=1e-9)
