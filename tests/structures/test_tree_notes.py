"""Notes of trees say of samples what the trees themselves would."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.tree import DecisionTreeClassifier

from skprune.structures import Samples
from skprune.structures.tree_notes import tree_notes
from tests.tree_oracles import pruned_at, structure_of

IRIS, DIABETES = load_iris(return_X_y=True), load_diabetes(return_X_y=True)
MODELS = {
    "forest": (RandomForestClassifier(9, max_features=1), IRIS),
    "best-first": (ExtraTreesRegressor(4, max_leaf_nodes=40), DIABETES),
    "tree": (DecisionTreeClassifier(max_features=1), IRIS),
    "boosting": (GradientBoostingClassifier(n_estimators=4), IRIS),
    "histograms": (HistGradientBoostingRegressor(max_iter=4), DIABETES),
}


def noted(name, granularity="connection"):
    """Structures of a model that know nothing, and the notes of it."""
    model, (X, y) = MODELS[name]
    model.set_params(random_state=0).fit(X, y)
    notes = tree_notes(model, Samples(X, y, trained_on=True))
    structures = [
        structure_of(model, X, y, granularity, trained_on=True, notes=known)
        for known in (None, notes)
    ]
    return *structures, notes


def test_notes_are_leaves_and_bags():
    """Leaves are those that apply finds, bags the rows that no bootstrap drew."""
    _, _, notes = noted("forest")
    model, (X, _) = MODELS["forest"]

    assert_array_equal(notes.leaves.T, model.apply(X))
    drawn = np.ones((9, 150), dtype=bool)
    for t, rows in enumerate(model.estimators_samples_):
        drawn[t, rows] = False
    assert_array_equal(np.unpackbits(notes.bags, axis=1)[:, :150], drawn)


def test_leaves_of_small_trees_are_not_kept():
    """Where they would take more memory than the trees, notes are without them."""
    X, y = load_iris(return_X_y=True)
    model = RandomForestClassifier(3, max_depth=1, random_state=0).fit(X, y)
    X, y = np.tile(X, (10, 1)), np.tile(y, 10)

    notes = tree_notes(model, Samples(X, y))

    assert notes.leaves is None


@pytest.mark.parametrize("granularity", ["connection", "neuron", "layer", "feature"])
@pytest.mark.parametrize("name", [name for name in MODELS if name != "tree"])
def test_leaves_are_followed_through_cuts(name, granularity):
    """After two steps the samples are where the trees that are left send them."""
    plain, knowing, _ = noted(name, granularity)
    shared = plain.prepared()
    assert shared.prepared() is shared and plain.leaves is None

    for seed in range(2):
        plain, knowing, shared = (
            pruned_at(structure, 0.4, seed=seed)[1]
            for structure in (plain, knowing, shared)
        )
        for t in range(plain.forest.n_trees):
            for structure in (knowing, shared):
                leaves = plain.holder.leaves(t, plain.samples.X)
                assert_array_equal(structure._leaves(t), leaves)
        assert_array_equal(knowing.output(), plain.output())


@pytest.mark.parametrize("name", MODELS)
def test_recovery_with_notes_is_that_without(name):
    """The same leaves get the same values, to the last digit."""
    plain, knowing, _ = noted(name)

    plain, knowing = (
        pruned_at(structure, 0.5, compensate=True)[1] for structure in (plain, knowing)
    )

    assert_array_equal(knowing.forest.value, plain.forest.value)


def test_bags_are_not_those_of_other_samples():
    """Bootstraps say nothing of rows that the model was not trained on."""
    model, (X, y) = MODELS["forest"]
    _, knowing, notes = noted("forest")
    other = structure_of(model, X, y[::-1], notes=notes)

    assert knowing.samples.out_of_bag is not None
    assert other.samples.out_of_bag is None
    assert_allclose(other.output(), model.predict_proba(X))
