"""Leaves are estimated as an independent solver would, and only where it helps."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize

from skprune.readouts import leaves as leaves_module
from skprune.readouts.leaf_solvers import Probabilities
from skprune.readouts.leaves import (
    BOUND_STRENGTH,
    LeafProblem,
    bound_values,
    free_values,
    held_out_loss,
    recover_leaves,
)

N_LEAVES = np.array([4, 3, 5])


def squares(Z, Y, spread):
    """Half the squared error, less what missing trees add to it."""
    return ((Z - Y) ** 2 - spread).sum(axis=1) / 2


def problem(n_samples=60, *, n_classes=0, noise=0.1, seed=0, votes=None):
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
        votes=votes,
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


def test_bound_values_are_the_constrained_optimum():
    """A general solver finds the same probabilities."""
    given = problem(n_classes=3)
    Z = dense(given.leaves)
    target = 0.6 * given.targets + 0.4 / 3
    start = 0.6 * given.prior + 0.4 / 3

    def loss(v):
        values = v.reshape(start.shape)
        error = given.weights @ ((Z @ values / 3 - target) ** 2)
        return (error.sum() + BOUND_STRENGTH * ((values - start) ** 2 / 9).sum()) / 2

    values = bound_values(given, given.weights, 0.6, start, 1e-9)
    best = minimize(
        loss,
        start.ravel(),
        bounds=[(0, 1)] * start.size,
        constraints={"type": "eq", "fun": lambda v: v.reshape(-1, 3).sum(axis=1) - 1},
        options={"maxiter": 500, "ftol": 1e-13},
    )

    assert best.success
    assert_allclose(loss(values.ravel()), best.fun, rtol=1e-6)
    assert_allclose(values.ravel(), best.x, atol=1e-3)


def test_probabilities_stay_probabilities():
    """Recovered leaves of a classifier are not negative and sum to one."""
    values, choice = recover_leaves(problem(400, n_classes=4))

    assert choice is not None
    assert (values >= 0).all()
    assert_allclose(values.sum(axis=1), 1)


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

    before, _ = held_out_loss(every, rows, every.prior)
    after, _ = held_out_loss(every, rows, values)
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


def test_loss_by_some_trees_is_that_by_all_in_the_mean():
    """Over many random votes the held-out loss is the loss with all trees."""
    n_trees, n_samples = 12, 30
    rng = np.random.default_rng(0)
    given = LeafProblem(
        leaves=rng.integers(4, size=(n_trees, n_samples)),
        n_leaves=np.full(n_trees, 4),
        scale=np.full(4 * n_trees, 1 / n_trees),
        prior=rng.normal(size=(4 * n_trees, 1)),
        targets=rng.normal(size=(n_samples, 1)),
        weights=np.ones(n_samples),
        fold=np.zeros(n_samples, dtype=int),
        votes=None,
        limits=None,
        loss=squares,
    )
    rows = np.arange(n_samples)
    expected, _ = held_out_loss(given, rows, given.prior)

    draws = []
    for _ in range(2000):
        rank = rng.random((n_trees, n_samples)).argsort(axis=0)
        some = replace(given, votes=rank < 4)
        draws.append(held_out_loss(some, rows, given.prior)[0])

    error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws) - expected) < 4 * error
    assert np.mean(draws) + given.prior.var() / 6 * n_samples / 2 > expected + 4 * error


def test_samples_without_a_vote_do_not_count():
    """A sample that every tree was trained on takes no part in the choice."""
    votes = np.ones((3, 60), dtype=bool)
    votes[:, :10] = False
    given = problem(votes=votes)
    every = held_out_loss(given, np.arange(60), given.prior)
    others = held_out_loss(given, np.arange(10, 60), given.prior)

    assert every == others


def test_many_samples_are_judged_by_one_fold(monkeypatch):
    """No more folds are fitted than are needed to hold out enough samples."""
    given, held = problem(), []
    monkeypatch.setattr(leaves_module, "HELD_OUT", 20)
    original = leaves_module.held_out_loss
    monkeypatch.setattr(
        leaves_module,
        "held_out_loss",
        lambda p, rows, v: held.append(tuple(rows)) or original(p, rows, v),
    )

    recover_leaves(given)

    assert len(set(held)) == 1


def test_blocks_of_strengths_change_nothing(monkeypatch):
    """Solved one by one or together, strengths give the same choice and values."""
    expected, choice = recover_leaves(problem(noise=2.0))
    monkeypatch.setattr(leaves_module, "BLOCK_VALUES", 1)

    values, same = recover_leaves(problem(noise=2.0))

    assert same.strength == choice.strength
    assert_allclose(values, expected, rtol=1e-6)
