"""Units of the members of bagging, which see some features and classes each."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits, make_regression
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from skprune import PruningEstimator, PruningSelector, model_size, prune
from skprune.numerics.units import keep_units
from tests.bagged import SCALED, bagged
from tests.cases import dataset
from tests.tree_oracles import structure_of

NET = MLPRegressor(
    hidden_layer_sizes=(4,), solver="lbfgs", max_iter=3000, random_state=0
)
FOREST = RandomForestRegressor(3, random_state=0)


def coefficients(model):
    """Those of all members, members inside a Pipeline included."""
    bases = [m[-1] if hasattr(m, "steps") else m for m in model.estimators_]
    return np.concatenate([np.ravel(base.coef_) for base in bases])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_coefficients_of_all_members_are_ranked_together(rate):
    """The share that goes is of all coefficients, not of each member's."""
    model, X, y = bagged(SCALED, max_features=6)
    smaller = prune(model, X, y, rate=rate, compensate=False)
    gone = coefficients(smaller) == 0
    assert gone.sum() == round(rate * gone.size)
    by_member = gone.reshape(4, -1).sum(axis=1)
    assert len(set(by_member)) > 1
    kept = ~gone
    assert_array_equal(coefficients(smaller)[kept], coefficients(model)[kept])


def test_each_member_is_recovered_toward_itself():
    """A pruned member is what pruning the member alone to its support gives."""
    model, X, y = bagged(Ridge(), "regression", max_features=5)
    smaller = prune(model, X, y, rate=0.4)
    triples = zip(model.estimators_, smaller.estimators_, model.estimators_features_)
    for old, new, seen in triples:
        kept = np.flatnonzero(new.coef_)
        Z = old.predict(X[:, seen])
        A = X[:, seen][:, kept]
        centred = A - A.mean(axis=0)
        moments = centred.T @ centred + old.alpha * np.eye(len(kept))
        pull = centred.T @ (Z - Z.mean()) + old.alpha * old.coef_[kept]
        assert_allclose(new.coef_[kept], np.linalg.solve(moments, pull), rtol=1e-5)


def test_a_member_that_saw_not_all_classes():
    """It is pruned on the samples of the classes that it knows."""
    X, y = dataset("classes")
    rows = np.concatenate([np.flatnonzero(y != "c"), np.flatnonzero(y == "c")[:2]])
    base = LinearDiscriminantAnalysis()  # takes no weights, so that it sees no others
    model = BaggingClassifier(base, n_estimators=6, max_samples=20, random_state=0)
    model.fit(X[rows], y[rows])
    assert {len(member.classes_) for member in model.estimators_} == {2, 3}

    smaller = prune(model, X, y, rate=0.5)

    gone = coefficients(smaller) == 0
    assert gone.sum() == round(0.5 * gone.size)
    assert_allclose(smaller.predict_proba(X).sum(axis=1), 1)


@pytest.mark.slow
def test_networks_lose_neurons_and_little_else():
    """Half of all hidden neurons go at two points of accuracy at most."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0)
    net = MLPClassifier((30,), max_iter=150, learning_rate_init=0.01, random_state=0)
    model = BaggingClassifier(net, n_estimators=4, random_state=0).fit(X, y)

    smaller = prune(model, X, y, rate=0.5, granularity="neuron")

    sizes = [member.hidden_layer_sizes[0] for member in smaller.estimators_]
    assert sum(sizes) == 60
    assert smaller.score(X_test, y_test) > model.score(X_test, y_test) - 0.02
    assert model_size(smaller).n_parameters < 0.6 * model_size(model).n_parameters


def test_training_passes_are_refused_in_words():
    """An ensemble of networks is not trained by passes."""
    net = MLPClassifier((4,), max_iter=5, random_state=0)
    X, y = dataset("classes")
    model = PruningEstimator(BaggingClassifier(net, n_estimators=2), finetune=3)
    with pytest.raises(ValueError, match="finetune=3"):
        model.fit(X, y)


def test_a_grid_searches_the_rate():
    """It is an estimator like others."""
    X, y = dataset("classes")
    search = GridSearchCV(
        PruningEstimator(BaggingClassifier(SCALED, n_estimators=3, random_state=0)),
        {"rate": [0.2, 0.5], "granularity": ["feature", "estimator"]},
        cv=2,
    ).fit(X, y)
    assert search.best_score_ > 0.6
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()


def test_weights_of_zero_are_samples_removed():
    """Weights go to each member with the samples that it knows."""
    model, X, y = bagged(Ridge(), "regression", max_features=5)
    present = np.arange(len(X)) % 3 > 0
    weighted = prune(model, X, y, rate=0.4, sample_weight=list(present.astype(float)))
    removed = prune(model, X[present], y[present], rate=0.4)
    assert_allclose(coefficients(weighted), coefficients(removed), rtol=1e-6)


@pytest.mark.parametrize(
    ("base", "data"),
    [
        (RandomForestClassifier(3, max_depth=4), "classes"),
        (GradientBoostingClassifier(n_estimators=3), "classes"),
        (HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=4), "holes"),
        (AdaBoostRegressor(n_estimators=3), "regression"),
        (make_pipeline(StandardScaler(), DecisionTreeRegressor()), "outputs"),
        (BaggingRegressor(n_estimators=3), "regression"),
    ],
)
def test_splits_of_all_members_are_ranked_together(base, data):
    """Members that are ensembles lose splits in one ranking, inner ones first."""
    model, X, y = bagged(base, data, max_features=6)
    structure = structure_of(model, X, y, "connection")
    units = structure.units
    assert len(np.unique(units.group)) > len(model.estimators_) or data == "outputs"

    pruner = PruningEstimator(FrozenEstimator(model), rate=0.6, random_state=0)
    report = pruner.fit(X, y).report_

    support, n_units = pruner.support_, units.n_units
    assert n_units - support.sum() == round(0.6 * n_units)
    below = units.parent >= 0
    assert (support[units.parent[below]] >= support[below]).all()
    kept = [group.n_kept / (group.stop - group.start) for group in report.groups]
    assert len(set(kept)) > 1
    assert report.after.n_parameters < 0.7 * report.before.n_parameters


def test_a_forest_in_bagging_is_recovered_as_alone():
    """A member that is a forest has the leaves that pruning it alone would give it."""
    model, X, y = bagged(RandomForestRegressor(3, max_depth=4), "regression")
    structure = structure_of(model, X, y, "connection")
    gates = np.random.default_rng(0).random(structure.n_units)
    gates = keep_units(gates, structure.n_units // 2, structure.units, "global")
    smaller = structure.prune(gates.astype(float), compensate=True, rng=None).finished()

    member = structure_of(model.estimators_[1], X, y, "connection")
    start = structure_of(model.estimators_[0], X, y, "connection").n_units
    own = gates[start : start + member.n_units].astype(float)
    alone = member.prune(own, compensate=True, rng=None).finished()

    assert_array_equal(smaller.estimators_[1].predict(X), alone.predict(X))


@pytest.mark.parametrize("base", [Ridge(), RandomForestRegressor(3)])
def test_removed_features_are_read_by_no_member(base):
    """What stands in the columns that are gone changes no prediction any more."""
    model, X, y = bagged(base, "regression", max_features=6, bootstrap_features=True)
    pruner = PruningEstimator(
        FrozenEstimator(model), rate=0.5, granularity="feature", random_state=0
    ).fit(X, y)
    read = np.unique(np.concatenate(model.estimators_features_))
    assert pruner.support_.sum() == len(read) - round(len(read) / 2)
    is_kept = np.isin(np.arange(8), read[pruner.support_])

    others = np.where(is_kept, X, 1e3 * X[::-1])

    assert_allclose(pruner.predict(others), pruner.predict(X))
    changed = np.where(is_kept, 1e3 * X[::-1], X)
    assert not np.allclose(pruner.predict(changed), pruner.predict(X))


def test_surviving_features_are_refitted_in_each_member():
    """Every member is what pruning it alone to the same features gives."""
    model, X, y = bagged(Ridge(), "regression", max_features=5)
    structure = structure_of(model, X, y, "feature")
    gates = np.array([1, 0, 1, 1, 0, 1, 0, 1.0])
    read = np.unique(np.concatenate(model.estimators_features_))
    smaller = structure.prune(gates[read], compensate=True, rng=None).finished()
    triples = zip(model.estimators_, smaller.estimators_, model.estimators_features_)
    for old, new, seen in triples:
        alone = structure_of(old, X[:, seen], y, "feature")
        wanted = alone.prune(gates[seen], compensate=True, rng=None).finished()
        assert_allclose(new.coef_, wanted.coef_)
        assert_allclose(new.intercept_, wanted.intercept_)


@pytest.mark.parametrize("base", [Ridge(), NET, FOREST])
def test_a_member_may_lose_all_its_features(base):
    """It is then a constant; of a linear model and a net, the mean of what it said."""
    model, X, y = bagged(base, "regression", max_features=2, bootstrap=False)
    first = model.estimators_features_[0]
    read = np.unique(np.concatenate(model.estimators_features_))
    structure = structure_of(model, X, y, "feature")

    gates = np.where(np.isin(read, first), 0.0, 1.0)
    smaller = structure.prune(gates, compensate=True, rng=None).finished()

    before, after = (m.estimators_[0].predict(X[:, first]) for m in (model, smaller))
    assert_allclose(after, after[0])
    if base is not FOREST:
        assert_allclose(after[0], before.mean(), rtol=1e-6)


def test_transformers_that_make_features_are_refused_in_words():
    """Features of a member that are no columns of X cannot go for all members."""
    base = make_pipeline(PCA(3), Ridge())
    model, X, y = bagged(base, "regression")
    with pytest.raises(ValueError, match="PCA makes features that are not columns"):
        prune(model, X, y, rate=0.5, granularity="feature")


def test_selector_finds_the_features_that_matter():
    """Features of no use go first, and the members that are left predict as well."""
    X, y, coef = make_regression(
        200, 12, n_informative=4, noise=1.0, coef=True, random_state=0
    )
    model = BaggingRegressor(Ridge(), n_estimators=5, max_features=0.6, random_state=0)
    selector = PruningSelector(model, n_features_to_select=4, random_state=0).fit(X, y)
    assert_array_equal(selector.get_support(indices=True), np.flatnonzero(coef))

    grouped = clone(selector).set_params(
        n_features_to_select=2, groups=np.arange(12) // 2
    )
    support = grouped.fit(X, y).support_.reshape(6, 2)
    assert (support[:, 0] == support[:, 1]).all()
    assert support.sum() == 4


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
