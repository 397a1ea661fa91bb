"""Recovery of boosted trees: one ridge for each output, toward the teacher."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from skprune.readouts.boosted_leaves import recover_boosted
from skprune.readouts.leaves import LeafProblem
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
    values, choices = recover_boosted(problem, column, targets)
    error = np.abs(sums_of(problem, values, column) - targets).max()
    assert error < 0.02 * np.abs(targets).max()
    assert set(choices) == {0, 1}


def test_outputs_are_apart():
    """What one output aims at moves no leaf of another."""
    problem, column, targets = problem_of(np.zeros((12, 1)))
    values, _ = recover_boosted(problem, column, targets)
    changed, _ = recover_boosted(problem, column, targets * [1.0, -2.0])
    of_first = np.repeat(column == 0, 3)
    assert_array_equal(changed[of_first], values[of_first])
    assert_allclose(changed[~of_first], -2 * values[~of_first])


def test_leaves_without_anything_to_gain_stay():
    """Where the prior meets its targets, no leaf moves."""
    prior = np.random.default_rng(1).standard_normal((12, 1))
    problem, column, _ = problem_of(prior)
    targets = sums_of(problem, prior, column)
    values, choices = recover_boosted(problem, column, targets)
    assert_array_equal(values, prior)
    assert choices is None
