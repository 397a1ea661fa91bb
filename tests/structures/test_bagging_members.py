"""Bagging of linear models and of MLPs: members that see some features and classes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, make_regression
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune import PruningEstimator, PruningSelector, model_size, prune
from skprune.structures import family_of
from tests.cases import dataset
from tests.tree_oracles import structure_of

SCALED = make_pipeline(StandardScaler(), LogisticRegression())


def bagged(base, data="classes", **options):
    """A small ensemble and its samples."""
    X, y = dataset(data)
    kind = BaggingRegressor if data in ("regression", "outputs") else BaggingClassifier
    options = {"n_estimators": 4, "random_state": 0, **options}
    return kind(base, **options).fit(X, y), X, y


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


def test_granularities_are_named():
    """The error lists what bagging of the base has; trees know the word as well."""
    model, X, y = bagged(Ridge(), "regression")
    with pytest.raises(ValueError, match=r"'layer'.*bagging of linear.*'estimator'"):
        prune(model, X, y, rate=0.5, granularity="layer")
    trees, X, y = bagged(None)
    assert len(prune(trees, X, y, rate=0.5, granularity="estimator").estimators_) == 2


def test_other_bases_are_refused_in_words():
    """The error says which bases there are."""
    refused = BaggingClassifier(RandomForestClassifier())
    with pytest.raises(TypeError, match="single trees, linear models and MLPs"):
        family_of(refused)


def test_features_of_members_are_no_columns():
    """A selector, which drops columns for all members, refuses such a model."""
    X, y = dataset("classes")
    model = BaggingClassifier(SCALED, n_estimators=2, random_state=0)
    with pytest.raises(TypeError, match="bagging of linear models do not say"):
        PruningSelector(model).fit(X, y)


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
