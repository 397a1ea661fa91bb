"""What boosting families share: losses, packed stages, constants of removed trees."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from skprune.numerics import losses
from skprune.structures.boosting import places, without_trees
from skprune.structures.tree_models import tree_model
from skprune.testing.structure_laws import Specimen

X, Y = load_iris(return_X_y=True)
KINDS = {
    "classes": (GradientBoostingClassifier(n_estimators=3, random_state=0), Y),
    "regression": (
        GradientBoostingRegressor(n_estimators=4, max_depth=2, random_state=0),
        X[:, 3],
    ),
    "histograms": (HistGradientBoostingClassifier(max_iter=3), Y),
}


@pytest.mark.parametrize(
    ("model", "y", "loss"),
    [
        (GradientBoostingClassifier(), Y, losses.SOFTMAX),
        (GradientBoostingClassifier(), Y > 0, losses.LOGISTIC),
        (GradientBoostingClassifier(loss="exponential"), Y > 0, losses.EXPONENTIAL),
        (GradientBoostingRegressor(), X[:, 3], losses.SQUARED),
        (GradientBoostingRegressor(loss="huber"), X[:, 3], None),
        (HistGradientBoostingClassifier(), Y, losses.SOFTMAX),
        (HistGradientBoostingRegressor(loss="quantile", quantile=0.2), X[:, 3], None),
    ],
    ids=["classes", "two", "exponential", "squared", "huber", "histograms", "quantile"],
)
def test_loss_is_the_one_of_training(model, y, loss):
    """Losses without a second derivative are none."""
    count = "max_iter" if hasattr(model, "max_iter") else "n_estimators"
    assert tree_model(model.set_params(**{count: 2}).fit(X, y)).loss() is loss


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_loss_with_a_log_link(loss):
    """The deviance by the logarithm of the mean."""
    model = HistGradientBoostingRegressor(loss=loss, max_iter=2).fit(X, X[:, 3])
    assert tree_model(model).loss().name == losses.tweedie(1).name


def test_places_of_packed_stages():
    """Trees of one output keep their order and leave no gap."""
    column = np.array([0, 1, 2, 1, 2, 2])
    packed = places(column)
    assert_array_equal(packed[:, 1], column)
    assert_array_equal(packed[:, 0], [0, 0, 0, 1, 1, 2])


def forest_of(name):
    """The flat forest of a fitted model, one tree of it without a split."""
    model, y = KINDS[name]
    structure = Specimen(model.fit(X, y), X, y, "neuron").structure()
    return structure, structure.forest


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("share", [0.4, 1.0])
def test_constants_of_trees_that_go_stay_in_the_output(name, share):
    """A tree of one value goes, and what it added is added by another one."""
    structure, forest = forest_of(name)
    rng = np.random.default_rng(0)
    stays = rng.random(forest.n_trees) >= share
    value = forest.value.copy()
    for t in np.flatnonzero(~stays):
        value[forest.nodes(t)] = rng.normal()
    flat = replace(forest, value=value)

    smaller, kept, trees = without_trees(flat, stays)

    left = {output: trees[smaller.column == output] for output in set(forest.column)}
    assert all(len(own) for own in left.values())  # an output has a tree, if a leaf
    assert set(np.flatnonzero(stays)) <= set(trees)
    assert len(kept) == len(smaller.value)
    for output in left:
        before = constants(flat, output)
        assert_allclose(constants(smaller, output), before, atol=1e-12)
    assert structure.forest is forest


def constants(forest, output):
    """Sum of the values at the first leaf of each tree of an output."""
    total = 0.0
    for t in np.flatnonzero(forest.column == output):
        node = forest.offset[t]
        while forest.left[node] >= 0:
            node = forest.left[node]
        total += forest.scale[t] * forest.value[node, 0]
    return total


@pytest.mark.parametrize("name", KINDS)
def test_removed_tree_leaves_its_mean_behind(name):
    """Without recovery the mean of the raw prediction stays as it was."""
    structure, _ = forest_of(name)
    gates = np.ones(structure.n_units)
    gates[::2] = 0
    smaller = structure.prune(gates, compensate=False, rng=np.random.default_rng(0))
    assert smaller.n_units == np.count_nonzero(gates)
    assert_allclose(smaller.output().mean(axis=0), structure.output().mean(axis=0))
    assert_allclose(smaller.output(), structure.output(gates), atol=1e-10)
