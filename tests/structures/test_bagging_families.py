"""Which models bagging may hold, and the words for its units."""

import numpy as np
import pytest
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
from sklearn.tree import DecisionTreeRegressor

from skprune import model_size, prune
from skprune.structures import FAMILIES, family_of
from tests.bagged import bagged
from tests.cases import CASES

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
