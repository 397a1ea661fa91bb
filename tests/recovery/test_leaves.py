"""Leaves are estimated as an independent solver would, and only where it helps."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skprune.recovery import leaves as leaves_module
from skprune.recovery.leaf_choice import HeldOutLoss
from skprune.recovery.leaf_solvers import Probabilities
from skprune.recovery.leaves import (
    LeafProblem,
    curvature_weights,
    free_values,
    recover_boosted,
    recover_leaves,
)

N_LEAVES = np.array([4, 3, 5])


def squares(Z, Y, spread):
    """Half the squared error, less what missing trees add to it."""
    return ((Z - Y) ** 2 - spread).sum(axis=1) / 2


def problem(n_samples=60, *, n_classes=0, noise=0.1, seed=0, out_of_bag=None):
    """Three trees, whose leaves miss a part of the targets."""
    rng = np.random.default_rng(seed)
    leaves = rng.integers(N_LEAVES[:, None], size=(3, n_samples))
    Z = dense(leaves)
    if n_classes:
        truth = rng.dirichlet(np.full(n_classes, 0.3), N_LEAVES.sum())
        probabilities = Z @ truth / 3
        classes = (rng.random((n_samples, 1)) > probabilities.cumsum(axis=1)).sum(1)
        targets = np.eye(n_classes)[np.minimum(classes, n_classes - 1)]
        prior = rng.dirichlet(np.ones(n_classes), N_LEAVES.sum())
    else:
        truth = rng.normal(size=(N_LEAVES.sum(), 2))
        targets = Z @ truth / 3 + noise * rng.normal(size=(n_samples, 2))
        prior = truth + rng.normal(size=truth.shape)
    return LeafProblem(
        leaves=leaves,
        n_leaves=N_LEAVES,
        scale=np.full(N_LEAVES.sum(), 1 / 3),
        prior=prior,
        targets=targets,
        weights=rng.random(n_samples) + 0.5,
        fold=np.arange(n_samples) % 3,
        out_of_bag=out_of_bag,
        limits=Probabilities((n_classes,)) if n_classes else None,
        loss=squares,
    )


def dense(leaves):
    """Z as an array."""
    first = np.cumsum(N_LEAVES) - N_LEAVES
    Z = np.zeros((leaves.shape[1], N_LEAVES.sum()))
    for f, leaf in zip(first, leaves):
        Z[np.arange(len(Z)), f + leaf] = 1
    return Z


def test_free_values_are_a_dense_ridge_toward_the_prior():
    """Each strength gives the solution of the dense normal equations."""
    given = problem()
    Z, W = dense(given.leaves), np.diag(given.weights)
    residual = given.targets - Z @ given.prior / 3
    for strength, values in zip(
        (1.0, 50.0), free_values(given, given.weights, (1.0, 50.0), 1e-12)
    ):
        H = Z.T @ W @ Z + strength * np.eye(Z.shape[1])
        expected = given.prior + 3 * np.linalg.solve(H, Z.T @ W @ residual)
        assert_allclose(values, expected, rtol=1e-8)


def test_recovered_values_are_those_of_the_chosen_strength():
    """Recovery returns the dense solution on all samples at the strength it names."""
    given = problem()
    Z, W = dense(given.leaves), np.diag(given.weights)

    values, choice = recover_leaves(given)

    H = Z.T @ W @ Z + choice.strength * np.eye(Z.shape[1])
    residual = given.targets - Z @ given.prior / 3
    expected = given.prior + 3 * np.linalg.solve(H, Z.T @ W @ residual)
    assert_allclose(values, expected, rtol=1e-5)
    assert choice.strength == min(leaves_module.STRENGTHS)  # hardly any noise


@pytest.mark.parametrize("n_classes", [0, 3])
def test_leaves_that_nothing_can_improve_stay(n_classes):
    """Where the prior is right and the targets are noise, values do not move."""
    given = problem(90, n_classes=n_classes, noise=1.0)
    rng = np.random.default_rng(1)
    if n_classes:
        prior = np.full_like(given.prior, 1 / 3)
        targets = np.eye(3)[rng.integers(3, size=90)]
    else:
        prior, targets = np.zeros_like(given.prior), rng.normal(size=(90, 2))

    values, choice = recover_leaves(replace(given, prior=prior, targets=targets))

    assert choice is None
    assert_array_equal(values, prior)


@pytest.mark.parametrize("n_classes", [0, 3])
def test_recovery_lowers_the_loss_on_new_samples(n_classes):
    """Samples that took no part are predicted better than with the prior."""
    every = problem(500, n_classes=n_classes)
    first, rows = np.arange(300), np.arange(300, 500)
    given = replace(
        every,
        leaves=every.leaves[:, first],
        targets=every.targets[first],
        weights=every.weights[first],
        fold=every.fold[first],
    )

    values, _ = recover_leaves(given)

    before, _ = HeldOutLoss(every, rows).evaluate(every.prior)
    after, _ = HeldOutLoss(every, rows).evaluate(values)
    assert after < (0.95 if n_classes else 0.1) * before


def test_one_fold_is_too_few_to_choose_by():
    """With samples that are all alike nothing is held out, and leaves stay."""
    given = problem()
    values, choice = recover_leaves(replace(given, fold=np.zeros(60, dtype=int)))

    assert choice is None
    assert_array_equal(values, given.prior)


def test_values_keep_their_lowest():
    """A fit that would go below the lowest value stops there."""
    given = replace(problem(), lowest=0.2)

    free, bounded = (
        free_values(p, p.weights, (3.0,), 1e-6)[0] for p in (problem(), given)
    )

    assert_array_equal(bounded, np.maximum(free, 0.2))


def test_many_samples_are_judged_by_one_fold(monkeypatch):
    """No more folds are fitted than are needed to hold out enough samples."""
    given, held = problem(), []
    monkeypatch.setattr(leaves_module, "ENOUGH_SAMPLES", 20)
    monkeypatch.setattr(
        leaves_module,
        "HeldOutLoss",
        lambda p, rows: held.append(tuple(rows)) or HeldOutLoss(p, rows),
    )

    recover_leaves(given)

    assert len(held) == 1


def test_blocks_of_strengths_change_nothing(monkeypatch):
    """Solved one by one or together, strengths give the same choice and values."""
    expected, choice = recover_leaves(problem(noise=2.0))
    monkeypatch.setattr(leaves_module, "BLOCK_VALUES", 1)

    values, same = recover_leaves(problem(noise=2.0))

    assert same.strength == choice.strength
    assert_allclose(values, expected, rtol=1e-6)


def boosted_problem(prior, n_samples=120, seed=0):
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
        out_of_bag=None,
        limits=None,
        loss=squares,
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
    problem, column, targets = boosted_problem(np.zeros((12, 1)))
    values, choices = recover_boosted(problem, column, targets, np.ones_like(targets))
    error = np.abs(sums_of(problem, values, column) - targets).max()
    assert error < 0.02 * np.abs(targets).max()
    assert set(choices) == {0, 1}


def test_outputs_are_apart():
    """The targets of one output move no leaf of another."""
    problem, column, targets = boosted_problem(np.zeros((12, 1)))
    values, _ = recover_boosted(problem, column, targets, np.ones_like(targets))
    flat = np.ones_like(targets)
    changed, _ = recover_boosted(problem, column, targets * [1.0, -2.0], flat)
    of_first = np.repeat(column == 0, 3)
    assert_array_equal(changed[of_first], values[of_first])
    assert_allclose(changed[~of_first], -2 * values[~of_first])


def test_leaves_without_anything_to_gain_stay():
    """Where the prior meets its targets, no leaf moves."""
    prior = np.random.default_rng(1).standard_normal((12, 1))
    problem, column, _ = boosted_problem(prior)
    targets = sums_of(problem, prior, column)
    values, choices = recover_boosted(problem, column, targets, np.ones_like(targets))
    assert_array_equal(values, prior)
    assert choices is None


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_curvature_weights_keep_the_weight_and_follow_the_curvature(scale):
    """Samples count alike in sum, more where the loss bends more, and none nothing."""
    rng = np.random.default_rng(0)
    curvature, weights = scale * rng.random(50) ** 4, rng.random(50)
    factors = curvature_weights(curvature, weights)
    assert_allclose(weights @ factors, weights.sum())
    assert_array_equal(np.argsort(factors), np.argsort(curvature))
    assert factors.min() > 0.2


def test_samples_count_alike_where_the_loss_is_flat():
    """A loss without curvature anywhere leaves the weights as they are."""
    assert_array_equal(curvature_weights(np.zeros(5), np.ones(5)), np.ones(5))


def test_leaves_serve_samples_of_high_curvature():
    """Targets that no leaf can meet are met better where the loss bends more."""
    problem, column, _ = boosted_problem(np.zeros((12, 1)), n_samples=600)
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
