"""Bagging: trees that see some of the features, and what else a member has."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.tree import DecisionTreeClassifier, ExtraTreeRegressor

from skprune import prune
from skprune.structures import family_of
from tests.cases import dataset
from tests.tree_oracles import structure_of, walk

OPTIONS = {"n_estimators": 5, "max_features": 5, "random_state": 0}


def fitted(**options):
    """A small model on some features for each tree, and its samples."""
    X, y = dataset("classes")
    options = {**OPTIONS, "bootstrap_features": True, **options}
    return BaggingClassifier(**options).fit(X, y), X, y


@pytest.mark.parametrize("granularity", ["split", "tree", "depth", "feature"])
def test_trees_that_see_one_feature(granularity):
    """Each tree may see a single feature; what goes is counted as ever."""
    model, X, y = fitted(max_features=1, bootstrap_features=False)
    read = {int(seen[0]) for seen in model.estimators_features_}

    small = prune(model, X, y, rate=0.5, granularity=granularity)

    if granularity == "feature":
        splits = zip(small.estimators_, small.estimators_features_)
        left = {int(seen[0]) for tree, seen in splits if tree.get_depth()}
        assert left < read
        assert len(read) - len(left) == round(0.5 * len(read))
    assert np.isfinite(small.predict_proba(X)).all()


def test_kept_trees_vote_as_before():
    """The smaller model is the mean of the trees that are left, on their features."""
    model, X, y = fitted()
    gates = np.array([0, 1, 0, 1, 1.0])
    structure = structure_of(model, X, y, "neuron")

    smaller = structure.prune(gates, compensate=False, rng=None).finished()

    shares = [
        model.estimators_[t].predict_proba(X[:, model.estimators_features_[t]])
        for t in np.flatnonzero(gates)
    ]
    assert_allclose(smaller.predict_proba(X), np.mean(shares, axis=0))
    assert smaller.n_estimators == len(smaller.estimators_) == 3


def test_samples_of_kept_members_stay_known():
    """The seeds of the members go with them."""
    model, X, y = fitted()
    gates = np.array([0, 1, 0, 1, 1.0])
    structure = structure_of(model, X, y, "neuron")
    smaller = structure.prune(gates, compensate=True, rng=None).finished()
    for new, old in enumerate(np.flatnonzero(gates)):
        for name in ("estimators_samples_", "estimators_features_"):
            assert_array_equal(getattr(smaller, name)[new], getattr(model, name)[old])


def test_collapsed_splits_end_the_walk():
    """The rebuilt model predicts what a walk does that ends at the removed splits."""
    model, X, y = fitted()
    structure = structure_of(model, X, y)
    gone = structure.forest.depth[structure.forest.splits] >= 2
    smaller = structure.prune(1.0 - gone, compensate=False, rng=None).finished()
    offset = structure.forest.offset
    wanted = np.zeros((len(X), 3))
    for t, member in enumerate(model.estimators_):
        removed = structure.forest.splits[gone & (structure.forest.split_tree == t)]
        stops, seen = set(removed - offset[t]), model.estimators_features_[t]
        for i, x in enumerate(X[:, seen]):
            wanted[i] += member.tree_.value[walk(member.tree_, x, stops), 0] / 5
    assert_allclose(smaller.predict_proba(X), wanted)


def test_features_are_columns_of_the_input():
    """A removed feature is read by no member, under whatever number."""
    model, X, y = fitted()
    smaller = prune(model, X, y, rate=0.5, granularity="feature")
    use = family_of(model).feature_use(smaller)
    other = X.copy()
    other[:, use == 0] = 1e3
    assert (use == 0).sum() == 4
    assert_array_equal(smaller.predict_proba(other), smaller.predict_proba(X))


def test_out_of_bag_samples_judge_members():
    """Bagged trees are known not to have seen their out-of-bag samples."""
    model, X, y = fitted()
    held_out = structure_of(model, X, y, trained_on=True).samples.out_of_bag
    for t, rows in enumerate(model.estimators_samples_):
        assert_array_equal(np.flatnonzero(~held_out[t]), np.unique(rows))


def test_warm_start_forgets_seeds():
    """After a warm start the samples of the first members are known no more."""
    model, X, y = fitted(warm_start=True)
    model.set_params(n_estimators=8).fit(X, y)
    structure = structure_of(model, X, y, "neuron", trained_on=True)
    assert structure.samples.out_of_bag is None
    smaller = structure.prune(np.arange(8) % 2.0, compensate=True, rng=None)
    assert len(smaller.finished().estimators_) == 4


@pytest.mark.parametrize(
    "base", [None, DecisionTreeClassifier(max_depth=2), ExtraTreeRegressor()]
)
def test_bases_that_are_trees_are_accepted(base):
    """Fitted or not, a base that is a single tree will do."""
    kind = (
        BaggingRegressor if isinstance(base, ExtraTreeRegressor) else BaggingClassifier
    )
    assert family_of(kind(base)).name == "bagging of trees"
