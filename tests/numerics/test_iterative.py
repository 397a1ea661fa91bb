"""Conjugate gradients find what the direct solution is."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skprune.numerics import iterative, least_squares
from skprune.numerics.iterative import Orthogonality, conjugate_gradients


@pytest.fixture
def problem():
    """Inputs of different scales, targets, weights and a prior."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(100, 20)) * rng.lognormal(sigma=2, size=20) + 1
    A[rng.random(A.shape) < 0.5] = 0
    weights = rng.random(100)
    return (
        A,
        rng.normal(size=(100, 3)),
        weights / weights.sum(),
        rng.normal(size=(20, 3)),
    )


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_same_as_direct_solution(problem, kind, centred):
    """Each output with its own support and its own ridge."""
    A, Z, weights, prior = problem
    mask = np.random.default_rng(1).random(prior.shape) < 0.6
    ridge = np.array([0.01, 0.1, 1.0])
    W, intercept = iterative.solve_masked(
        kind(A), Z, weights, mask, prior, ridge, centred=centred, tol=1e-12
    )
    equations = least_squares.normal_equations(A, Z, weights, centred=centred)
    for j in range(3):
        part = equations.take([j]), mask[:, [j]], prior[:, [j]]
        wanted = least_squares.solve_masked(*part, np.full(20, ridge[j]))
        assert_allclose(W[:, [j]], wanted, rtol=1e-6, atol=1e-9)
        assert_allclose(intercept[j], equations.take([j]).intercept(wanted)[0])
    assert not W[~mask].any()


def test_nothing_left(problem):
    """An output without inputs is its mean."""
    A, Z, weights, prior = problem
    mask = np.zeros(prior.shape, dtype=bool)
    W, intercept = iterative.solve_masked(
        A, Z, weights, mask, prior, np.ones(3), centred=True
    )
    assert not W.any()
    assert_allclose(intercept, weights @ Z)


def test_too_few_iterations_are_said(problem):
    """A warning, and weights that are nearer than those it began with."""
    A, Z, weights, prior = problem
    every = np.ones(prior.shape, dtype=bool)
    with pytest.warns(ConvergenceWarning, match="after 3 iterations"):
        W, intercept = iterative.solve_masked(
            A, Z, weights, every, prior, np.full(3, 1e-3), centred=True, max_iter=3
        )
    error = weights @ ((A @ W + intercept - Z) ** 2)
    start = A @ prior - weights @ (A @ prior) + weights @ Z - Z
    assert (error < weights @ start**2).all()


def test_conjugate_gradients_solve_the_system():
    """As many iterations as unknowns solve it; the quadratic form falls on the way."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(12, 8))
    H, right = root.T @ root, rng.normal(size=8)

    solved = [
        conjugate_gradients(
            H.__matmul__, right, np.diag(H), tol=1e-12, max_iter=max_iter
        )[0]
        for max_iter in (1, 3, 8)
    ]

    assert_allclose(solved[-1], np.linalg.solve(H, right), rtol=1e-8)
    forms = [x @ H @ x / 2 - right @ x for x in solved]
    assert 0 > forms[0] > forms[1] > forms[2]


def test_conjugate_gradients_do_not_amplify_rounding():
    """With products in single precision the direction is that in double precision."""
    rng = np.random.default_rng(0)
    values = np.r_[np.logspace(0, -4, 60), 1e3, 1e2]
    basis = np.linalg.qr(rng.normal(size=(62, 62)))[0]
    H, right = (basis * values) @ basis.T, basis @ rng.normal(size=62)
    small = H.astype(np.float32)
    scale = np.ones(62)

    exact, found = (
        conjugate_gradients(
            product,
            right,
            scale,
            tol=1e-6,
            max_iter=10,
            clean=Orthogonality(scale, 10),
        )[0]
        for product in (H.__matmul__, lambda v: small @ v.astype("f"))
    )

    assert_allclose(found, exact, atol=1e-3 * np.abs(exact).max())


def test_columns_are_systems_of_their_own():
    """Several right-hand sides, from any start, give what each gives alone."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(12, 8))
    H, right = root.T @ root, rng.normal(size=(8, 3))
    options = {"tol": 1e-12, "max_iter": 50}

    together, solved = conjugate_gradients(
        H.__matmul__,
        right,
        np.diag(H)[:, None],
        start=rng.normal(size=(8, 3)),
        **options,
    )

    assert solved
    assert_allclose(together, np.linalg.solve(H, right), rtol=1e-8)
    for column, wanted in zip(right.T, together.T):
        alone, _ = conjugate_gradients(H.__matmul__, column, np.diag(H), **options)
        assert_allclose(alone, wanted, rtol=1e-8)


def test_unsolved_systems_are_reported():
    """After too few iterations it is said that some column is not solved."""
    H, right = np.diag([1.0, 2.0, 4.0]), np.ones(3)

    solved = [
        conjugate_gradients(H.__matmul__, right, np.ones(3), tol=1e-9, max_iter=n)[1]
        for n in (2, 3)
    ]

    assert solved == [False, True]
