"""The normal equations and their solutions, against direct computations."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, Ridge

from skprune.numerics import moments
from skprune.numerics.least_squares import (
    normal_equations,
    ridge_strength,
    solve_iteratively,
    solve_masked,
    solve_nonnegative,
    solve_rows,
)

N_SAMPLES, N_INPUTS, N_OUTPUTS = 60, 8, 4


@pytest.fixture
def problem():
    """Inputs, targets, weights that sum to one, and a prior."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(N_SAMPLES, N_INPUTS)) + 3
    Z = rng.normal(size=(N_SAMPLES, N_OUTPUTS)) - 1
    weights = rng.random(N_SAMPLES)
    prior = rng.normal(size=(N_INPUTS, N_OUTPUTS))
    return A, Z, weights / weights.sum(), prior


@pytest.mark.parametrize("block", [7, 4096])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_second_moments(problem, centred, kind, block, monkeypatch):
    """Weighted moments about the mean, the same for sparse inputs and in blocks."""
    monkeypatch.setattr(moments, "BLOCK", block)
    A, Z, weights, _ = problem
    found = normal_equations(kind(A), Z, weights, centred=centred)
    if centred:
        A, Z = A - weights @ A, Z - weights @ Z
    assert_allclose(found.gram, A.T @ (weights[:, None] * A), atol=1e-12)
    assert_allclose(found.cross, A.T @ (weights[:, None] * Z), atol=1e-12)


def test_intercept(problem):
    """With its intercept the fit has the mean of the targets."""
    A, Z, weights, W = problem
    equations = normal_equations(A, Z, weights)
    fitted = A @ W + equations.intercept(W)
    assert_allclose(weights @ fitted, weights @ Z)


def test_equations_of_some_outputs(problem):
    """Taking columns is making the equations of those columns."""
    A, Z, weights, W = problem
    part = normal_equations(A, Z, weights).take([2, 0])
    wanted = normal_equations(A, Z[:, [2, 0]], weights)
    assert_allclose(part.cross, wanted.cross)
    assert_allclose(part.intercept(W[:, :2]), wanted.intercept(W[:, :2]))


def direct(problem, support, ridge, j):
    """Ridge toward the prior on a support, as rows added to least squares."""
    A, Z, weights, prior = problem
    centred = A[:, support] - weights @ A[:, support]
    root = np.sqrt(weights)[:, None]
    pull = np.sqrt(ridge[support])
    rows = np.vstack([root * centred, np.diag(pull)])
    target = root[:, 0] * (Z[:, j] - weights @ Z[:, j])
    right = np.r_[target, pull * prior[support, j]]
    return np.linalg.lstsq(rows, right, rcond=None)[0]


@pytest.mark.parametrize("density", [0.0, 0.3, 0.6, 0.9, 1.0])
def test_solution_with_a_support_for_each_output(problem, density):
    """Many or few weights left: each output is its own ridge regression."""
    A, Z, weights, prior = problem
    rng = np.random.default_rng(1)
    mask = rng.random(prior.shape) < density
    ridge = rng.uniform(0.01, 1, N_INPUTS)
    W = solve_masked(normal_equations(A, Z, weights), mask, prior, ridge)
    assert not W[~mask].any()
    for j in range(N_OUTPUTS):
        support = np.flatnonzero(mask[:, j])
        assert_allclose(W[support, j], direct(problem, support, ridge, j), rtol=1e-8)


def test_solution_with_one_support(problem):
    """All outputs on the same rows; none left is none found."""
    A, Z, weights, prior = problem
    ridge, rows = np.full(N_INPUTS, 0.3), np.array([1, 4, 5])
    equations = normal_equations(A, Z, weights)
    W = solve_rows(equations, rows, prior, ridge)
    for j in range(N_OUTPUTS):
        assert_allclose(W[rows, j], direct(problem, rows, ridge, j))
    assert not np.delete(W, rows, axis=0).any()
    assert not solve_rows(equations, rows[:0], prior, ridge).any()


def test_solution_is_that_of_scikit_learn(problem):
    """Without a prior it is a weighted ridge regression."""
    A, Z, weights, prior = problem
    equations = normal_equations(A, Z, weights)
    every = np.ones_like(prior, dtype=bool)
    W = solve_masked(equations, every, np.zeros_like(prior), np.full(N_INPUTS, 0.2))
    model = Ridge(alpha=0.2).fit(A, Z, sample_weight=weights)
    assert_allclose(W, model.coef_.T)
    assert_allclose(equations.intercept(W), model.intercept_)


def test_nonnegative_solution(problem):
    """As scikit-learn's least squares with positive coefficients."""
    A, Z, weights, prior = problem
    mask = np.ones_like(prior, dtype=bool)
    mask[:2] = False
    equations = normal_equations(A, Z, weights)
    W = solve_nonnegative(equations, mask, prior, np.full(N_INPUTS, 1e-12))
    for j in range(N_OUTPUTS):
        model = LinearRegression(positive=True)
        model.fit(A[:, 2:], Z[:, j], sample_weight=weights)
        assert_allclose(W[2:, j], model.coef_, atol=1e-7)
    assert not W[:2].any()


def test_strong_ridge_is_the_prior(problem):
    """With a ridge beyond the data the weights stay as they were."""
    A, Z, weights, prior = problem
    mask = np.random.default_rng(0).random(prior.shape) < 0.5
    equations = normal_equations(A, Z, weights)
    W = solve_masked(equations, mask, prior, np.full(N_INPUTS, 1e9))
    assert_allclose(W, np.where(mask, prior, 0), atol=1e-6)


def test_dependent_inputs_can_be_solved(problem):
    """The floor of the ridge makes the equations of a repeated input solvable."""
    A, Z, weights, prior = problem
    A = np.column_stack([A[:, :4], A[:, :4]])
    equations = normal_equations(A, Z, weights)
    ridge = ridge_strength(equations.gram, 1e-10)
    W = solve_masked(equations, np.ones_like(prior, dtype=bool), prior, ridge)
    best = np.linalg.lstsq(A - weights @ A, Z - weights @ Z, rcond=None)[0]
    assert np.isfinite(W).all()
    plain = normal_equations(A[:, :4], Z, weights)
    wanted = np.linalg.solve(plain.gram, plain.cross)
    assert_allclose(
        A @ W - weights @ A @ W, (A[:, :4] - weights @ A[:, :4]) @ wanted, atol=1e-4
    )
    assert best.shape == W.shape


def test_ridge_of_inputs_without_variance():
    """There is always something to hold the equations up."""
    assert_allclose(ridge_strength(np.zeros((2, 2)), 0.1), 1.0)
    assert_allclose(ridge_strength(np.diag([1.0, 3.0]), 0.1), 0.2)


def test_single_precision_inputs(problem):
    """float32 inputs are summed without losing more than their own precision."""
    A, Z, weights, _ = problem
    small = [part.astype(np.float32) for part in (A, Z, weights)]
    found, wanted = normal_equations(*small), normal_equations(A, Z, weights)
    assert_allclose(found.gram, wanted.gram, rtol=1e-4, atol=1e-5)


@pytest.fixture
def sparse_problem():
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
def test_iterations_reach_the_direct_solution(sparse_problem, kind, centred):
    """Each output has its own support and its own ridge."""
    A, Z, weights, prior = sparse_problem
    mask = np.random.default_rng(1).random(prior.shape) < 0.6
    ridge = np.array([0.01, 0.1, 1.0])
    W, intercept = solve_iteratively(
        kind(A), Z, weights, mask, prior, ridge, centred=centred, tol=1e-12
    )
    equations = normal_equations(A, Z, weights, centred=centred)
    for j in range(3):
        part = equations.take([j]), mask[:, [j]], prior[:, [j]]
        wanted = solve_masked(*part, np.full(20, ridge[j]))
        assert_allclose(W[:, [j]], wanted, rtol=1e-6, atol=1e-9)
        assert_allclose(intercept[j], equations.take([j]).intercept(wanted)[0])
    assert not W[~mask].any()


def test_iterations_without_inputs(sparse_problem):
    """The intercept of an output without inputs is its mean."""
    A, Z, weights, prior = sparse_problem
    mask = np.zeros(prior.shape, dtype=bool)
    W, intercept = solve_iteratively(
        A, Z, weights, mask, prior, np.ones(3), centred=True
    )
    assert not W.any()
    assert_allclose(intercept, weights @ Z)


def test_too_few_iterations_warn(sparse_problem):
    """The weights are closer to the solution than the initial ones."""
    A, Z, weights, prior = sparse_problem
    every = np.ones(prior.shape, dtype=bool)
    with pytest.warns(ConvergenceWarning, match="after 3 iterations"):
        W, intercept = solve_iteratively(
            A, Z, weights, every, prior, np.full(3, 1e-3), centred=True, max_iter=3
        )
    error = weights @ ((A @ W + intercept - Z) ** 2)
    start = A @ prior - weights @ (A @ prior) + weights @ Z - Z
    assert (error < weights @ start**2).all()
