"""Whole members of a bagging ensemble as units."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_regression
from sklearn.ensemble import BaggingRegressor
from sklearn.linear_model import Ridge

from skprune import prune
from tests.bagged import SCALED, bagged
from tests.tree_oracles import structure_of


def test_whole_members_go():
    """The smaller ensemble is the mean of the members that are left."""
    model, X, y = bagged(SCALED, max_features=5, n_estimators=6)
    smaller = prune(model, X, y, rate=0.5, granularity="estimator")
    assert len(smaller.estimators_) == smaller.n_estimators == 3
    pairs = zip(smaller.estimators_, smaller.estimators_features_)
    shares = [member.predict_proba(X[:, seen]) for member, seen in pairs]
    assert_allclose(smaller.predict_proba(X), np.mean(shares, axis=0))
    given = {tuple(seen) for seen in model.estimators_features_}
    assert {tuple(seen) for seen in smaller.estimators_features_} <= given


def test_samples_of_kept_members_stay_known():
    """The seeds of the members go with them."""
    model, X, y = bagged(Ridge(), "regression", n_estimators=5)
    gates = np.array([0, 1, 0, 1, 1.0])
    structure = structure_of(model, X, y, "estimator")
    smaller = structure.prune(gates, compensate=True, rng=None).finished()
    for new, old in enumerate(np.flatnonzero(gates)):
        drawn = smaller.estimators_samples_[new]
        assert_array_equal(drawn, model.estimators_samples_[old])


def test_useless_members_go_first():
    """Members that were trained on noise are what backward elimination removes."""
    X, y = make_regression(200, 6, noise=1.0, random_state=0)
    model = BaggingRegressor(Ridge(), n_estimators=6, random_state=0).fit(X, y)
    for t in (1, 4):
        model.estimators_[t].coef_ = np.zeros(6)
        model.estimators_[t].intercept_ = 0.0
    smaller = prune(model, X, y, rate=1 / 3, granularity="estimator")
    assert all(member.coef_.any() for member in smaller.estimators_)
    assert smaller.score(X, y) > model.score(X, y)
