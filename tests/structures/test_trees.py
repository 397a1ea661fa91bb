"""Splits, depth levels and features of trees: what goes, and what the rest predicts."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import ExtraTreesClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skprune import prune
from skprune.structures import Samples, family_of
from tests.prunings import pruned_once
from tests.tree_oracles import (
    pruned_at,
    splits_of,
    structure_of,
    trees_of,
    walked_output,
)

X_IRIS, Y_IRIS = load_iris(return_X_y=True)
X_DIABETES, Y_DIABETES = load_diabetes(return_X_y=True)
HOLES = np.where(
    np.random.default_rng(0).random(X_DIABETES.shape) < 0.1, np.nan, X_DIABETES
)


def tree(**options):
    """A deep regression tree on few samples."""
    model = DecisionTreeRegressor(random_state=0, **options)
    return model.fit(X_DIABETES[:200], Y_DIABETES[:200])


def n_splits(model):
    """Number of splits of all trees."""
    return sum((t.children_left >= 0).sum() for t in trees_of(model))


def test_splits_are_the_units_of_a_tree():
    """There is a unit a split, and each hangs below the split above it."""
    model = tree(max_leaf_nodes=20)
    units = structure_of(model, X_DIABETES, Y_DIABETES).units
    nodes = [node for _, node in splits_of(model)]

    assert units.n_units == n_splits(model)
    for u, node in enumerate(nodes):
        above = units.parent[u]
        if above < 0:
            assert node == 0
            continue
        children = model.tree_.children_left, model.tree_.children_right
        assert node in (children[0][nodes[above]], children[1][nodes[above]])
        assert units.depth[u] == units.depth[above] + 1


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.77, 0.99])
def test_rate_of_splits_is_exact(rate):
    """Just so many splits of a forest go as the rate says."""
    model = RandomForestRegressor(5, random_state=0).fit(X_DIABETES, Y_DIABETES)
    before = n_splits(model)

    smaller = prune(model, X_DIABETES, Y_DIABETES, rate=rate)

    assert n_splits(smaller) == before - round(rate * before)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_cut_levels_give_the_tree_of_that_depth(depth):
    """A full tree without its lower levels is one grown to that depth."""
    full, X, y = tree(), X_DIABETES[:200], Y_DIABETES[:200]
    shallow = tree(max_depth=depth)
    structure = structure_of(full, X, y, "layer")
    assert structure.n_units == full.get_depth()

    gates = (np.arange(structure.n_units) < depth).astype(float)
    smaller = structure.prune(gates, compensate=False, rng=None).finished()

    assert smaller.get_depth() == depth
    assert_allclose(smaller.predict(X), shallow.predict(X))


def test_level_of_a_forest_is_one_of_one_tree():
    """Levels are units tree by tree, each below the one above it."""
    model = ExtraTreesClassifier(3, random_state=0).fit(X_IRIS, Y_IRIS)
    units = structure_of(model, X_IRIS, Y_IRIS, "layer").units

    assert_array_equal(units.group_size, [e.get_depth() for e in model.estimators_])
    below = units.parent >= 0
    assert_array_equal(units.parent[below], np.flatnonzero(below) - 1)
    assert_array_equal(units.depth[~below], 0)


@pytest.mark.parametrize("holes", [False, True])
def test_removed_features_are_not_asked(holes):
    """Splits on removed features are passed through to the heavier child."""
    X = HOLES if holes else X_DIABETES
    model = RandomForestRegressor(3, max_depth=7, random_state=0).fit(X, Y_DIABETES)
    structure = structure_of(model, X, Y_DIABETES, "feature")
    gates = np.where(np.isin(np.arange(10), [2, 3, 8]), 0.0, 1.0)
    skipped = [
        {n for t, n in splits_of(model) if t == k and tree.feature[n] in (2, 3, 8)}
        for k, tree in enumerate(trees_of(model))
    ]

    pruned = structure.prune(gates, compensate=False, rng=None)
    smaller = pruned.finished()

    rows = X[::9]
    expected = walked_output(model, rows, skipped=skipped)[:, 0]
    assert_allclose(smaller.predict(rows), expected)
    assert_allclose(structure.output(gates, rows)[:, 0], expected)
    changed = rows.copy()
    changed[:, [2, 3, 8]] = 1e6
    assert_allclose(smaller.predict(changed), expected)
    assert pruned.n_units == 7
    assert smaller.n_features_in_ == 10


def test_weights_flow_to_the_heavier_child():
    """After features went, the weight of each split is that of its two children."""
    model = RandomForestRegressor(3, random_state=0).fit(X_DIABETES, Y_DIABETES)
    structure = structure_of(model, X_DIABETES, Y_DIABETES, "feature")
    smaller = pruned_at(structure, 0.5)[1].finished()

    for old, new in zip(trees_of(model), trees_of(smaller)):
        weight, split = new.weighted_n_node_samples, new.children_left >= 0
        sides = new.children_left[split], new.children_right[split]
        assert_allclose(weight[split], weight[sides[0]] + weight[sides[1]])
        assert weight[0] == old.weighted_n_node_samples[0]


def test_a_feature_stays_a_unit_when_its_last_split_went_with_another():
    """As many units are left as gates were not zero, and a second pruning works."""
    structure = structure_of(tree(), X_DIABETES, Y_DIABETES, "feature")

    for _ in range(2):
        gates, pruned = pruned_at(structure, 0.6)
        assert pruned.n_units == np.count_nonzero(gates)
        assert np.isfinite(pruned.readouts()[0].contribution()).all()
        structure = pruned


@pytest.mark.parametrize("granularity", ["connection", "layer", "feature"])
def test_rescaled_units_are_rebuilt_as_gates_say(granularity):
    """Gates between zero and two are written into the values of the tree."""
    structure = structure_of(tree(max_depth=6), X_DIABETES, Y_DIABETES, granularity)
    gates, _ = pruned_at(structure, 0.4)
    gates *= np.random.default_rng(1).uniform(0.5, 2, len(gates))

    pruned = structure.prune(gates, compensate=False, rng=None)

    assert_allclose(pruned.output(), structure.output(gates))
    assert_allclose(
        pruned.finished().predict(X_DIABETES), structure.output(gates)[:, 0]
    )


def test_two_steps_are_one_without_recovery():
    """Nested steps of one ranking end at the same tree."""
    samples = Samples(X_DIABETES, Y_DIABETES)
    one, two = (
        pruned_once(tree(), samples, 0.8, compensate=False, n_steps=n_steps).estimator
        for n_steps in (1, 4)
    )

    assert_array_equal(one.tree_.threshold, two.tree_.threshold)
    assert_array_equal(one.tree_.value, two.tree_.value)


def test_gone_splits_are_those_of_least_impurity_decrease():
    """Magnitude removes the splits whose subtrees decrease the impurity least."""
    samples = Samples(X_DIABETES[:200], Y_DIABETES[:200])

    pruned = pruned_once(tree(), samples, 0.5, compensate=False)

    best_below, kept = pruned.importances.copy(), pruned.support
    parent = structure_of(tree(), samples.X, samples.y).units.parent
    for u in range(len(parent))[::-1]:
        if parent[u] >= 0:
            best_below[parent[u]] = max(best_below[parent[u]], best_below[u])
    assert best_below[kept].min() >= best_below[~kept].max()


def test_single_trees_have_no_trees_to_lose():
    """The granularity of whole trees is refused, naming those that there are."""
    with pytest.raises(ValueError, match=r"'connection' .*'layer' .*'feature'"):
        family_of(DecisionTreeClassifier()).granularity("neuron")


@pytest.mark.parametrize("granularity", ["connection", "layer", "feature"])
@pytest.mark.parametrize("compensate", [True, False])
def test_one_leaf_has_no_units(granularity, compensate):
    """A tree that never splits is pruned to itself."""
    model = DecisionTreeRegressor(max_depth=3).fit(X_DIABETES, np.ones(442))
    structure = structure_of(model, X_DIABETES, np.ones(442), granularity)

    smaller = prune(
        model,
        X_DIABETES,
        np.ones(442),
        rate=0.9,
        granularity=granularity,
        compensate=compensate,
    )

    assert structure.n_units == structure.units.removable == 0
    assert_array_equal(smaller.predict(X_DIABETES), 1)


@pytest.mark.parametrize("kind", [DecisionTreeClassifier, DecisionTreeRegressor])
def test_weights_of_samples_count_where_the_training_is_over(kind):
    """Weights given to a fitted tree make the contributions that training makes."""
    X, y = X_IRIS[::2], Y_IRIS[::2]
    weights = np.where(y == 2, 0.1, 3.0) + np.linspace(0, 1, len(y))
    model = kind(random_state=0).fit(X, y, sample_weight=weights)

    def contribution(sample_weight, trained_on):
        samples = Samples(X, y, sample_weight, trained_on=trained_on)
        structure = family_of(model).structures["connection"](model, samples)
        return structure.readouts()[0].contribution()

    as_trained = contribution(weights, trained_on=True)
    assert_allclose(contribution(weights, trained_on=False), as_trained)
    assert not np.allclose(contribution(weights[::-1], trained_on=False), as_trained)
