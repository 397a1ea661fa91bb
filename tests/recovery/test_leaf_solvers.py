"""Ridge problems on leaves: as dense algebra and general optimisers solve them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from skprune.recovery import leaf_solvers
from skprune.recovery.leaf_solvers import (
    Descent,
    LeafIndicator,
    LeafSquares,
    Probabilities,
    projected_descent,
    ridge,
)

N_LEAVES = np.array([3, 1, 4])


def project(V):
    """The nearest probabilities of one output."""
    return Probabilities((V.shape[1],)).project(V)


def indicator(n_samples=12, mask=None):
    """Z as an operator, and as an array."""
    rng = np.random.default_rng(0)
    leaves = rng.integers(N_LEAVES[:, None], size=(len(N_LEAVES), n_samples))
    dense = np.zeros((n_samples, N_LEAVES.sum()))
    for first, leaf, entry in zip(
        np.cumsum(N_LEAVES) - N_LEAVES,
        leaves,
        np.ones(leaves.shape) if mask is None else mask,
    ):
        dense[np.arange(n_samples), first + leaf] = entry
    return LeafIndicator(leaves, N_LEAVES, mask), dense


@pytest.mark.parametrize("entries", [2**22, 20])
def test_products_are_those_of_the_matrix(entries, monkeypatch):
    """Products with Z and its transpose are those of the array, block by block too."""
    monkeypatch.setattr(leaf_solvers, "BLOCK_ENTRIES", entries)
    rng = np.random.default_rng(1)
    Z, dense = indicator(mask=rng.random((3, 12)) < 0.6)
    V, R = rng.normal(size=(8, 2)), rng.normal(size=(12, 2))

    assert_allclose(Z.dot(V), dense @ V)
    assert_allclose(Z.T_dot(R), dense.T @ R)


def test_ridge_solves_the_normal_equations():
    """Each column is the solution with its own lambda."""
    Z, dense = indicator()
    rng = np.random.default_rng(2)
    weights, right = rng.random(12), rng.normal(size=(8, 3))
    strengths = np.array([0.1, 1.0, 10.0])

    solved = ridge(Z, weights, right, strengths, 1e-12)

    for k, strength in enumerate(strengths):
        H = dense.T @ (weights[:, None] * dense) + strength * np.eye(8)
        assert_allclose(solved[:, k], np.linalg.solve(H, right[:, k]), rtol=1e-8)


def leaf_squares(strength):
    """Squares of twelve samples with weights and leaves with scales."""
    Z, dense = indicator()
    rng = np.random.default_rng(3)
    scale, weights = rng.random((8, 1)) + 0.5, rng.random((12, 1)) + 0.5
    return LeafSquares(Z, scale, weights, strength), dense * scale.T


def test_bound_is_not_smaller_than_the_second_derivative():
    """The difference to the dense matrix has no negative eigenvalue."""
    squares, dense = leaf_squares(0.5)

    H = dense.T @ (squares.weights * dense) + np.diag(squares.ridge[:, 0])
    difference = np.diag(squares.bound[:, 0]) - H

    assert_allclose(squares.ridge, 0.5 * squares.scale**2)
    assert np.linalg.eigvalsh(difference).min() > -1e-12


def test_projected_descent_finds_the_constrained_optimum():
    """A general solver finds no better probabilities for the leaves."""
    squares, dense = leaf_squares(0.5)
    rng = np.random.default_rng(4)
    centre, target = rng.dirichlet(np.ones(2), 8), 4 * rng.normal(size=(12, 2))

    def loss(v):
        v = v.reshape(8, 2)
        misses = squares.weights * (target - dense @ v) ** 2
        return (misses.sum() + (squares.ridge * (v - centre) ** 2).sum()) / 2

    start = Descent(centre, target - dense @ centre, np.zeros_like(target))
    solved = projected_descent(squares, project, centre, start, 1e-10)
    best = minimize(
        loss,
        centre.ravel(),
        bounds=[(0, 1)] * 16,
        constraints={"type": "eq", "fun": lambda v: v.reshape(8, 2).sum(axis=1) - 1},
        options={"maxiter": 500, "ftol": 1e-12},
    )

    assert best.success
    assert_allclose(solved.values.sum(axis=1), 1, atol=1e-12)
    assert_allclose(loss(solved.values.ravel()), best.fun, rtol=1e-6)
    assert_allclose(solved.values.ravel(), best.x, atol=1e-4)
    assert_allclose(solved.residual, target - dense @ solved.values, atol=1e-12)


def test_residual_sum_is_how_leaves_have_moved():
    """Without constraints, leaves move by the sum of the residuals of all steps."""
    squares, dense = leaf_squares(1e-12)
    centre, target = np.zeros((8, 2)), np.random.default_rng(5).normal(size=(12, 2))
    start = Descent(centre, target, np.zeros_like(target))

    solved = projected_descent(
        squares, lambda v: np.array(v, order="F"), centre, start, 1e-2
    )

    moved = dense.T @ (squares.weights * solved.residual_sum) / squares.bound
    assert np.abs(moved).max() > 0.1
    assert_allclose(solved.values, moved, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n_columns", [1, 2, 3, 10])
@pytest.mark.parametrize("spread", [0.05, 1.0, 30.0])
def test_projection_is_the_nearest_point(n_columns, spread):
    """It is what sorting each row gives, and stays where a row is a probability."""
    V = np.random.default_rng(4).normal(size=(300, n_columns)) * spread + 0.3
    descending = -np.sort(-V, axis=1)
    excess = (np.cumsum(descending, axis=1) - 1) / np.arange(1, n_columns + 1)
    last = (descending > excess).sum(axis=1) - 1
    expected = np.maximum(V - excess[np.arange(300), last][:, None], 0)

    nearest = project(V)

    assert_allclose(nearest, expected, atol=1e-12 * spread)
    assert_allclose(project(nearest), nearest, atol=1e-12)


def test_outputs_are_projected_separately():
    """Every output sums to one, and columns that only pad stay zero."""
    limits = Probabilities((3, 2))
    V = np.random.default_rng(5).normal(size=(20, 6))

    P = limits.project(V)

    assert_allclose(P[:, :3], project(V[:, :3]))
    assert_allclose(P[:, 3:5], project(V[:, 3:5]))
    assert (P[:, 5] == 0).all()
    assert_allclose(limits.uniform, [1 / 3, 1 / 3, 1 / 3, 1 / 2, 1 / 2, 0])


def test_errors_are_the_share_of_wrong_outputs():
    """A sample with one of two outputs wrong counts one half."""
    limits = Probabilities((2, 2))
    Y = np.array([[1.0, 0, 1, 0]] * 3)
    Z = np.array([[0.9, 0.1, 0.6, 0.4], [0.2, 0.8, 0.6, 0.4], [0.2, 0.8, 0.3, 0.7]])

    assert_allclose(limits.errors(Z, Y), [0, 0.5, 1])
