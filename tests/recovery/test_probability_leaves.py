"""Probabilities of leaves: as a general solver finds them, and by few trees for all."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize

from skprune.recovery import probability_leaves as bound_leaves
from skprune.recovery.leaf_solvers import Probabilities
from skprune.recovery.leaves import LeafProblem
from skprune.recovery.probability_leaves import (
    BoundLeaves,
    choose_confidence,
    recover_bound,
)

TIGHT = 1e-9


def problem(n_trees=3, n_leaves=4, n_samples=60, n_classes=3):
    """Trees that cut one number each at random, and the classes of samples."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_samples, 4))
    scores = x @ rng.normal(size=(4, n_classes)) * 2
    targets = np.eye(n_classes)[scores.argmax(axis=1)]
    of_tree = x[:, rng.integers(4, size=n_trees)].T
    cuts = np.sort(rng.normal(size=(n_trees, n_leaves - 1)), axis=1)
    leaves = np.array([c.searchsorted(own) for c, own in zip(cuts, of_tree)])
    return LeafProblem(
        leaves=leaves,
        n_leaves=np.full(n_trees, n_leaves),
        scale=np.full(n_trees * n_leaves, 1 / n_trees),
        prior=rng.dirichlet(np.ones(n_classes), n_trees * n_leaves),
        targets=targets,
        weights=rng.random(n_samples) + 0.5,
        fold=np.arange(n_samples) % 3,
        out_of_bag=None,
        limits=Probabilities((n_classes,)),
        loss=lambda Z, Y, spread: ((Z - Y) ** 2 - spread).sum(axis=1) / 2,
    )


def objective(given, confidence, values):
    """Objective of the fits, by dense algebra."""
    leaf = given.leaves + 4 * np.arange(len(given.leaves))[:, None]
    output = values[leaf].mean(axis=0)
    target = confidence * given.targets + (1 - confidence) / 3
    centre = confidence * given.prior + (1 - confidence) / 3
    misses = given.weights @ ((output - target) ** 2).sum(axis=1)
    ridge = given.bound_strength * ((values - centre) ** 2).sum()
    return (misses + ridge / len(given.leaves) ** 2) / 2


def optimum(given, confidence):
    """Probabilities that a general solver finds, and their objective."""
    shape = given.prior.shape
    best = minimize(
        lambda v: objective(given, confidence, v.reshape(shape)),
        given.prior.ravel(),
        bounds=[(0, 1)] * given.prior.size,
        constraints={"type": "eq", "fun": lambda v: v.reshape(shape).sum(axis=1) - 1},
        options={"maxiter": 500, "ftol": 1e-13},
    )
    assert best.success
    return best.x.reshape(shape), best.fun


@pytest.mark.parametrize("confidence", [1.0, 0.6])
def test_fitted_values_are_the_constrained_optimum(confidence):
    """A general solver finds the same probabilities, wherever the fit begins."""
    given = problem()
    expected, least = optimum(given, confidence)

    leaves = BoundLeaves(given)
    direct = leaves.lowered(leaves.as_trained, confidence)
    between = leaves.fitted(leaves.as_trained, 0.1)

    for start in (direct, leaves.lowered(between, confidence)):
        fit = leaves.fitted(start, TIGHT)
        assert fit.confidence == confidence
        values = fit.descent.values
        assert_allclose(objective(given, confidence, values), least, rtol=1e-6)
        assert_allclose(values, expected, atol=1e-3)


def test_what_is_taken_over_ends_at_the_optimum():
    """A start from other trees does not change where a fit ends."""
    given = problem(n_trees=6)
    _, least = optimum(given, 1.0)
    few = BoundLeaves(given.thinned(2))

    every = BoundLeaves(given)
    fit = every.fitted(every.moved_by(few.fitted(few.as_trained, 0.1)), TIGHT)

    assert_allclose(objective(given, 1.0, fit.descent.values), least, rtol=1e-6)


def test_few_trees_move_all_of_them():
    """Residuals of a quarter of the trees bring all near the optimum."""
    given = problem(n_trees=80, n_samples=400)
    every, few = BoundLeaves(given), BoundLeaves(given.thinned(20))

    start = every.moved_by(few.fitted(few.as_trained, 0.1))

    solved = every.fitted(every.as_trained, 1e-4).descent.values
    least, first, here = (
        objective(given, 1.0, v) for v in (solved, given.prior, start.descent.values)
    )
    assert here - least < 0.1 * (first - least)


def test_residuals_are_those_of_the_values():
    """However values came about, residuals are the targets minus the sums of values."""
    given = problem(n_trees=6)
    every, few = BoundLeaves(given), BoundLeaves(given.thinned(2))
    fit = few.fitted(few.as_trained, 0.1)
    lower = few.lowered(fit, 0.6)
    taken = every.moved_by(lower)
    parts = [np.arange(40), np.arange(20, 60)]
    averaged = few.averaged([part_of(given.thinned(2), rows) for rows in parts], parts)

    for leaves, one in ((few, fit), (few, lower), (every, taken), (few, averaged)):
        target = one.confidence * given.targets + (1 - one.confidence) / 3
        output = leaves.squares.dot(one.descent.values)
        assert_allclose(one.descent.residual, target - output, atol=1e-12)


def part_of(given, rows):
    """A fit to some of the samples."""
    part = BoundLeaves(given.of_samples(rows))
    return part.fitted(part.as_trained, 0.1)


def test_averaged_fits_are_their_mean():
    """Values are means, and residual sums belong to the samples of each fit."""
    given = problem()
    parts = [np.arange(40), np.arange(20, 60)]
    fits = [part_of(given, rows) for rows in parts]

    averaged = BoundLeaves(given).averaged(fits, parts).descent

    one, other = (fit.descent for fit in fits)
    assert_allclose(averaged.values, (one.values + other.values) / 2)
    assert_allclose(averaged.residual_sum[:20], one.residual_sum[:20] / 2)
    assert_allclose(
        averaged.residual_sum[20:40],
        (one.residual_sum[20:] + other.residual_sum[:20]) / 2,
    )
    assert_allclose(averaged.residual_sum[40:], other.residual_sum[20:] / 2)


def test_the_fit_of_each_fold_has_not_seen_it(monkeypatch):
    """The choice is between fits to the samples of the other folds alone."""
    given = problem(n_samples=90)
    folds = [np.flatnonzero(given.fold == k) for k in range(3)]
    monkeypatch.setattr(bound_leaves, "CONFIDENCES", (1.0,))
    monkeypatch.setattr(bound_leaves, "CHOICE_TOLERANCE", 0.1)

    choice, fits, parts = choose_confidence(given, folds)

    assert np.isfinite(choice.strength)
    for rows, fit, part in zip(folds, fits, parts):
        assert_array_equal(part, np.setdiff1d(np.arange(90), rows))
        expected = part_of(given, part).descent.values
        assert_array_equal(fit.descent.values, expected)


@pytest.mark.parametrize("trees", [5, 40])
def test_recovered_values_are_probabilities_near_the_optimum(trees, monkeypatch):
    """By a few trees or by all: they sum to one, and most of what can be is gained."""
    given = problem(n_trees=40, n_samples=600)
    monkeypatch.setattr(bound_leaves, "N_TREES", trees)
    monkeypatch.setattr(bound_leaves, "N_LEAVES", 1)
    folds = [np.flatnonzero(given.fold == 0)]

    values, choice = recover_bound(given, folds)

    assert (values >= 0).all()
    assert_allclose(values.sum(axis=1), 1, atol=1e-14)
    leaves = BoundLeaves(given)
    best = leaves.fitted(leaves.lowered(leaves.as_trained, choice.confidence), 1e-4)
    centre = leaves.softened(given.prior, choice.confidence)
    least, first, here = (
        objective(given, choice.confidence, v)
        for v in (best.descent.values, centre, values)
    )
    assert here - least < 0.05 * (first - least)
