"""Bagging: trees that see some of the features, and what else a member has."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    GradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeRegressor,
)

from skprune import model_size, prune
from skprune.structures import FAMILIES, family_of
from tests.bagged import bagged
from tests.cases import CASES, dataset
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


BASES = {type(case.model): case.model for case in CASES}


@pytest.mark.parametrize("base", BASES.values(), ids=[kind.__name__ for kind in BASES])
def test_every_model_may_be_a_base(base):
    """Bagging of a model has its granularities, but for what a whole member is."""
    own = family_of(base)
    family = family_of(BaggingClassifier(base))
    assert family.name.startswith("bagging of ")
    assert set(family.structures) >= set(own.structures)
    assert family.granularity("estimator") in ("estimator", "neuron")
    words = [word for word in own.synonyms if word != "estimator"]
    for word in words:
        assert family.granularity(word) == own.granularity(word)


def test_granularities_are_named():
    """The error lists what bagging of the base has; trees know the word as well."""
    model, X, y = bagged(Ridge(), "regression")
    with pytest.raises(ValueError, match=r"'layer'.*bagging of linear.*'estimator'"):
        prune(model, X, y, rate=0.5, granularity="layer")
    trees, X, y = bagged(None)
    assert len(prune(trees, X, y, rate=0.5, granularity="estimator").estimators_) == 2


@pytest.mark.parametrize(
    "base", [KNeighborsClassifier(), BaggingClassifier(KNeighborsClassifier())]
)
def test_other_bases_are_refused_in_words(base):
    """What cannot be pruned by itself cannot be in bagging either."""
    with pytest.raises(TypeError, match="its base cannot be pruned by itself"):
        family_of(BaggingClassifier(base))
    assert not any(family.accepts(BaggingClassifier(base)) for family in FAMILIES)


def test_bagging_of_bagging_of_bagging():
    """The units are those of the innermost members, removed to the exact number."""
    base = BaggingRegressor(BaggingRegressor(Ridge(), n_estimators=2), n_estimators=2)
    model, X, y = bagged(base, "regression")
    smaller = prune(model, X, y, rate=0.3)
    coefs = [
        inner.coef_
        for outer in smaller.estimators_
        for middle in outer.estimators_
        for inner in middle.estimators_
    ]
    assert len(coefs) == 16
    assert np.count_nonzero(coefs) == 128 - round(0.3 * 128)


def test_sizes_are_those_of_the_parts_of_members():
    """Each tree of each member counts, under its own name."""
    base = GradientBoostingRegressor(n_estimators=2, max_depth=2)
    model, *_ = bagged(base, "regression", n_estimators=3)
    parts = family_of(model).part_sizes(model)
    assert len(parts) == 6
    assert all(name.startswith("estimators_[") for name in parts)
    alone = sum(model_size(member).n_parameters for member in model.estimators_)
    assert model_size(model).n_parameters == alone


@pytest.mark.parametrize(
    ("base", "n_read"),
    [(Ridge(), 1), (DecisionTreeRegressor(max_depth=1), None)],
    ids=["linear", "pipeline of a tree"],
)
def test_use_of_a_feature_is_summed_over_members(base, n_read):
    """A feature counts as often as weights or splits of all members read it."""
    pipe = make_pipeline(StandardScaler(), base)
    model, *_ = bagged(pipe, "regression", max_features=5, bootstrap_features=True)
    wanted = np.zeros(8, dtype=int)
    for member, seen in zip(model.estimators_, model.estimators_features_):
        if n_read is None:
            wanted[seen[member[-1].tree_.feature[0]]] += 1
        else:
            np.add.at(wanted, seen, n_read)
    np.testing.assert_array_equal(family_of(model).feature_use(model), wanted)


def test_forests_in_bagging_shrink():
    """A rate of .9 leaves about a tenth of the nodes, and most of the accuracy."""
    X, y = load_breast_cancer(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    base = RandomForestClassifier(10, random_state=0)
    model = BaggingClassifier(base, n_estimators=3, random_state=0).fit(X, y)
    smaller = prune(model, X, y, rate=0.9)
    before, after = model_size(model), model_size(smaller)
    assert after.n_bytes < 0.3 * before.n_bytes
    assert smaller.score(X_test, y_test) > model.score(X_test, y_test) - 0.03
