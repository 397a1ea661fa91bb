"""Probabilities of leaves: as a general solver finds them, and by few trees for all."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from skprune.readouts import bound_leaves, leaf_solvers
from skprune.readouts.bound_leaves import (
    BoundLeaves,
    choose_confidence,
    recover_bound,
)
from skprune.readouts.leaf_solvers import Probabilities
from skprune.readouts.leaves import LeafProblem

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
        votes=None,
        limits=Probabilities((n_classes,)),
        loss=lambda Z, Y, spread: ((Z - Y) ** 2 - spread).sum(axis=1) / 2,
    )


def objective(given, confidence, values):
    """What fits minimise, by dense algebra."""
    leaf = given.leaves + 4 * np.arange(len(given.leaves))[:, None]
    output = values[leaf].mean(axis=0)
    aim = confidence * given.targets + (1 - confidence) / 3
    centre = confidence * given.prior + (1 - confidence) / 3
    misses = given.weights @ ((output - aim) ** 2).sum(axis=1)
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
    direct = leaves.fitted(leaves.unmoved, confidence, TIGHT)
    between = leaves.fitted(leaves.unmoved, 0.8, 0.1)
    again = leaves.fitted(between, confidence, TIGHT)

    for fit in (direct, again):
        assert fit.confidence == confidence
        values = fit.descent.values
        assert_allclose(objective(given, confidence, values), least, rtol=1e-6)
        assert_allclose(values, expected, atol=1e-3)


def test_what_is_taken_over_ends_at_the_optimum():
    """A start from other trees does not change where a fit ends."""
    given = problem(n_trees=6)
    _, least = optimum(given, 1.0)
    few = BoundLeaves(given.thinned(2))

    fit = BoundLeaves(given).taken_over(few.fitted(few.unmoved, 1.0, 0.1), TIGHT)

    assert_allclose(objective(given, 1.0, fit.descent.values), least, rtol=1e-6)


def test_few_trees_move_all_of_them(monkeypatch):
    """Pulls of a quarter of the trees bring all near the optimum, before any step."""
    given = problem(n_trees=80, n_samples=400)
    every, few = BoundLeaves(given), BoundLeaves(given.thinned(20))
    solved = every.fitted(every.unmoved, 1.0, 1e-4).descent.values
    start = few.fitted(few.unmoved, 1.0, 0.1)
    monkeypatch.setattr(leaf_solvers, "MAX_ITERATIONS", 0)

    values = every.taken_over(start, 0.1).descent.values

    least, first, here = (
        objective(given, 1.0, v) for v in (solved, given.prior, values)
    )
    assert here - least < 0.1 * (first - least)


def test_start_is_the_mean_of_the_fits_to_the_folds(monkeypatch):
    """Values are means, and pulls belong to the samples of each fit."""
    given = problem(n_samples=90).in_single()
    folds = [np.flatnonzero(given.fold == k) for k in range(3)]
    monkeypatch.setattr(bound_leaves, "CONFIDENCES", (1.0,))

    choice, start = choose_confidence(given, folds)

    fits = []
    for rows in folds:
        part = BoundLeaves(given.of_samples(np.setdiff1d(np.arange(90), rows)))
        fits.append(part.fitted(part.unmoved, 1.0, bound_leaves.ROUGH).descent)
    assert choice.confidence == start.confidence == 1.0
    mean = np.mean([fit.values for fit in fits], axis=0)
    assert_allclose(start.descent.values, mean, atol=1e-6)
    total = sum(fit.pulls.sum(axis=0) for fit in fits) / 3
    assert_allclose(start.descent.pulls.sum(axis=0), total, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("trees", [5, 40])
def test_recovered_values_are_probabilities_near_the_optimum(trees, monkeypatch):
    """By a few trees or by all: they sum to one, and most of what can be is gained."""
    given = problem(n_trees=40, n_samples=600)
    monkeypatch.setattr(bound_leaves, "TREES", trees)
    monkeypatch.setattr(bound_leaves, "LEAVES", 1)
    folds = [np.flatnonzero(given.fold == 0)]

    values, choice = recover_bound(given, folds)

    assert (values >= 0).all()
    assert_allclose(values.sum(axis=1), 1, atol=1e-14)
    leaves = BoundLeaves(given)
    best = leaves.fitted(leaves.unmoved, choice.confidence, 1e-4).descent.values
    centre = leaves.softened(given.prior, choice.confidence)
    least, first, here = (
        objective(given, choice.confidence, v) for v in (best, centre, values)
    )
    assert here - least < 0.05 * (first - least)
