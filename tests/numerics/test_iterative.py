"""Conjugate gradients find what the direct solution is."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skprune.numerics import iterative, least_squares


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
