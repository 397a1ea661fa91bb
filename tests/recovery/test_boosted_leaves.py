"""Recovery of boosted trees: one ridge for each output, toward the teacher."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skprune.recovery.boosted_leaves import importance, recover_boosted
from skprune.recovery.leaves import LeafProblem
from skprune.structures.tree_samples import held_out_squares


def problem_of(prior, n_samples=120, seed=0):
    """Four random trees of three leaves, and noise-free targets of two outputs."""
    rng = np.random.default_rng(seed)
    leaves = rng.integers(3, size=(4, n_samples))
    wanted, column = rng.standard_normal((4, 3)), np.array([0, 1, 0, 1])
    targets = np.zeros((n_samples, 2))
    for t in range(4):
        targets[:, column[t]] += 0.1 * wanted[t, leaves[t]]
    problem = LeafProblem(
        leaves=leaves,
        n_leaves=np.full(4, 3),
        scale=np.full(12, 0.1),
        prior=prior,
        targets=np.full((n_samples, 2), np.nan),
        weights=np.ones(n_samples),
        fold=np.arange(n_samples) % 3,
        votes=None,
        limits=None,
        loss=held_out_squares,
    )
    return problem, column, targets


def sums_of(problem, values, column):
    """What the trees add up to for each output."""
    total = np.zeros((problem.leaves.shape[1], 2))
    for t, leaf in enumerate(problem.leaves):
        total[:, column[t]] += 0.1 * values[3 * t : 3 * t + 3, 0][leaf]
    return total


def test_leaves_reach_targets_that_they_can():
    """Targets made by the same leaves are met but for the ridge."""
    problem, column, targets = problem_of(np.zeros((12, 1)))
    values, choices = recover_boosted(problem, column, targets, np.ones_like(targets))
    error = np.abs(sums_of(problem, values, column) - targets).max()
    assert error < 0.02 * np.abs(targets).max()
    assert set(choices) == {0, 1}


def test_outputs_are_apart():
    """What one output aims at moves no leaf of another."""
    problem, column, targets = problem_of(np.zeros((12, 1)))
    values, _ = recover_boosted(problem, column, targets, np.ones_like(targets))
    flat = np.ones_like(targets)
    changed, _ = recover_boosted(problem, column, targets * [1.0, -2.0], flat)
    of_first = np.repeat(column == 0, 3)
    assert_array_equal(changed[of_first], values[of_first])
    assert_allclose(changed[~of_first], -2 * values[~of_first])


def test_leaves_without_anything_to_gain_stay():
    """Where the prior meets its targets, no leaf moves."""
    prior = np.random.default_rng(1).standard_normal((12, 1))
    problem, column, _ = problem_of(prior)
    targets = sums_of(problem, prior, column)
    values, choices = recover_boosted(problem, column, targets, np.ones_like(targets))
    assert_array_equal(values, prior)
    assert choices is None


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_importance_keeps_the_weight_and_follows_the_curvature(scale):
    """Samples count alike in sum, more where the loss bends more, and none nothing."""
    rng = np.random.default_rng(0)
    curvature, weights = scale * rng.random(50) ** 4, rng.random(50)
    factors = importance(curvature, weights)
    assert_allclose(weights @ factors, weights.sum())
    assert_array_equal(np.argsort(factors), np.argsort(curvature))
    assert factors.min() > 0.2


def test_samples_count_alike_where_the_loss_is_flat():
    """A loss without curvature anywhere leaves the weights as they are."""
    assert_array_equal(importance(np.zeros(5), np.ones(5)), np.ones(5))


def test_leaves_serve_samples_of_high_curvature():
    """Targets that no leaf can meet are met better where the loss bends more."""
    problem, column, _ = problem_of(np.zeros((12, 1)), n_samples=600)
    targets = np.random.default_rng(2).standard_normal((600, 2))
    first = problem.leaves[0] == 0
    targets[first, 0] += np.arange(600)[first] % 2 * 4
    curvature = np.where(targets > 2, 1.0, 0.01)
    alike, weighted = (
        recover_boosted(problem, column, targets, h)[0]
        for h in (np.ones_like(targets), curvature)
    )
    high = (targets > 2)[:, 0]
    errors = [
        np.abs(sums_of(problem, values, column) - targets)[high, 0].mean()
        for values in (alike, weighted)
    ]
    assert errors[1] < 0.7 * errors[0]
