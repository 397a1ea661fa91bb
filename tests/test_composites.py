"""Ensembles of several models are pruned member by member, and come back plain."""

import pickle
import warnings

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    BaggingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import (
    OneVsOneClassifier,
    OneVsRestClassifier,
    OutputCodeClassifier,
)
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skprune import (
    Budget,
    PruningEstimator,
    PruningEstimatorCV,
    PruningSelector,
    Taylor,
    model_size,
    prune,
    pruning_path,
)
from skprune.engine.warnings import FlooredRateWarning, LostClassWarning
from skprune.structures import Samples, family_of, final_model, final_models, locate

RNG = np.random.default_rng(0)
IRIS, CODES = load_iris(return_X_y=True)
X = np.hstack([StandardScaler().fit_transform(IRIS), RNG.normal(size=(len(IRIS), 4))])
LABELS = np.array(["one", "two", "three"])[CODES]
BINARY = np.where(CODES == 2, "yes", "no")
VALUES = X @ RNG.normal(size=8) + np.sin(2 * X[:, 0])
SEVERAL = (X[:, :3] + 0.1 * RNG.normal(size=(len(X), 3)) > 0).astype(int)
OUTPUTS = np.stack([VALUES, X[:, 0] * X[:, 1]], axis=1)

LINEAR = LogisticRegression(C=0.5)
TREE = DecisionTreeClassifier(max_depth=4, random_state=0)
FOREST = RandomForestClassifier(5, max_depth=4, random_state=0)
NET = MLPClassifier((6,), solver="lbfgs", max_iter=100, random_state=0)
# the trees of other algorithms count how often they are asked
NEIGHBOURS = ("knn", KNeighborsClassifier(algorithm="brute"))
NEIGHBOUR_MODELS = KNeighborsClassifier | KNeighborsRegressor
CLASSIFIERS = [("linear", make_pipeline(StandardScaler(), LINEAR)), ("forest", FOREST)]
REGRESSORS = [("ridge", Ridge()), ("forest", RandomForestRegressor(4, random_state=0))]
COMPOSITES = {
    "stacking": (StackingClassifier([*CLASSIFIERS, NEIGHBOURS], cv=2), LABELS),
    "passthrough": (StackingRegressor(REGRESSORS, passthrough=True, cv=2), VALUES),
    "voting": (VotingClassifier([*CLASSIFIERS, NEIGHBOURS], voting="soft"), LABELS),
    "voting values": (
        VotingRegressor([*REGRESSORS, ("knn", KNeighborsRegressor(algorithm="brute"))]),
        VALUES,
    ),
    "one-vs-rest": (OneVsRestClassifier(LINEAR), LABELS),
    "one-vs-rest labels": (OneVsRestClassifier(TREE), SEVERAL),
    "one-vs-one": (OneVsOneClassifier(TREE), LABELS),
    "code": (OutputCodeClassifier(LINEAR, code_size=3, random_state=0), LABELS),
    "outputs": (MultiOutputClassifier(NET), SEVERAL),
    "output values": (MultiOutputRegressor(Ridge()), OUTPUTS),
    "chain": (ClassifierChain(LINEAR, order=[2, 0, 1]), SEVERAL),
    "chain values": (RegressorChain(REGRESSORS[1][1], order=[1, 0]), OUTPUTS),
    "calibrated": (CalibratedClassifierCV(LINEAR, cv=2), LABELS),
    "calibrated default": (CalibratedClassifierCV(cv=2), BINARY),
    "tuned": (TunedThresholdClassifierCV(LINEAR, cv=2), CODES == 2),
    "fixed": (FixedThresholdClassifier(LINEAR, threshold=0.4), CODES == 2),
}
NAMES = pytest.mark.parametrize("name", COMPOSITES)


def units_of(fitted, X, y):
    """Number of connections of each model inside that can be pruned, by name."""
    return {
        member.name: family_of(member.model)
        .structures["connection"](member.model, member.samples)
        .n_units
        for member in locate(fitted, Samples(X, y)).members
    }


@NAMES
def test_each_member_is_pruned_to_the_rate(name):
    """Exactly the rate of each, and what comes back is plain, whole and the same."""
    model, y = COMPOSITES[name]
    fitted = clone(model).fit(X, y)
    before, units = joblib.hash(fitted), units_of(fitted, X, y)

    small = prune(fitted, X, y, rate=0.4, random_state=0)

    assert joblib.hash(fitted) == before
    assert type(small) is type(fitted)
    kept = {name: n - round(0.4 * n) for name, n in units.items()}
    assert units_of(small, X, y) == kept
    assert len(kept) == len([1 for _, inner in final_models(fitted) if plain(inner)])
    for method in ("predict", "predict_proba", "decision_function", "transform"):
        assert hasattr(small, method) is hasattr(fitted, method)
        if hasattr(fitted, method):
            output = getattr(small, method)(X)
            assert np.shape(output) == np.shape(getattr(fitted, method)(X))
    assert b"skprune" not in pickle.dumps(small)
    assert small.score(X, y) > fitted.score(X, y) - 0.25


def plain(model):
    """Whether a model inside can be pruned."""
    return not isinstance(model, NEIGHBOUR_MODELS | SVC)


@NAMES
def test_rate_zero_changes_no_prediction(name):
    """The copy predicts as the model that was given."""
    model, y = COMPOSITES[name]
    fitted = clone(model).fit(X, y)
    same = prune(fitted, X, y, rate=0)
    assert_array_equal(same.predict(X), fitted.predict(X))
    assert same is not fitted


@NAMES
def test_estimator_of_a_composite(name):
    """It fits, prunes and predicts; units and groups are those of all members."""
    model, y = COMPOSITES[name]
    pruner = clone(PruningEstimator(model, rate=0.5, random_state=0)).fit(X, y)
    units = units_of(pruner.estimator.fit(X, y), X, y)
    assert is_classifier(pruner) is is_classifier(model)
    if "random_state" not in str(model.get_params()):
        assert pruner.n_units_ == sum(units.values())
    assert len(pruner.support_) == len(pruner.importances_) == pruner.n_units_
    last = pruner.report_.groups[-1]
    assert last.stop == pruner.n_units_
    assert sum(group.n_kept for group in pruner.report_.groups) == pruner.support_.sum()
    assert pruner.report_.after == model_size(pruner) == model_size(pruner.estimator_)
    assert np.isfinite(np.asarray(pruner.predict(X) == y)).all()
    assert not hasattr(pruner, "partial_fit")
    assert b"skprune" not in pickle.dumps(pruner.estimator_)


@NAMES
def test_tables_and_frozen_composites(name):
    """Names of columns go to the models that know them, and a frozen one is pruned."""
    pandas = pytest.importorskip("pandas")
    model, y = COMPOSITES[name]
    table = pandas.DataFrame(X, columns=list("abcdefgh"))
    fitted = clone(model).fit(table, y)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*feature names")
        small = PruningEstimator(FrozenEstimator(fitted), rate=0.3).fit(table, y)
        assert type(small.estimator_) is type(fitted)
        small.predict(table)
    known = getattr(fitted, "feature_names_in_", None)
    assert_array_equal(getattr(small, "feature_names_in_", None), known)


def test_names_of_members_stay_consistent():
    """An ensemble knows each member by its name and by its number alike."""
    fitted = clone(COMPOSITES["stacking"][0]).fit(X, LABELS)
    small = prune(fitted, X, LABELS, rate=0.5)
    for name, member in zip(("linear", "forest", "knn"), small.estimators_):
        assert small.named_estimators_[name] is member
    assert joblib.hash(small.estimators_[2]) == joblib.hash(fitted.estimators_[2])
    pruner = PruningEstimator(clone(fitted), rate=0.5).fit(X, LABELS)
    prefixes = {group.name.split(".")[0] for group in pruner.report_.groups}
    assert prefixes == {"linear", "forest", "final_estimator_"}
    assert {name.split(".")[0] for name in pruner.report_.parts_after} == prefixes
    parts = pruner.report_.parts_after.values()
    total = sum(part.n_parameters for part in parts)
    assert total == model_size(pruner).n_parameters


def test_members_are_pruned_as_if_alone():
    """A member is what pruning it alone on its samples gives."""
    voting = VotingRegressor(REGRESSORS).fit(X, VALUES)
    small = prune(voting, X, VALUES, rate=0.5)
    alone = prune(voting.estimators_[0], X, VALUES, rate=0.5)
    assert_array_equal(small.estimators_[0].coef_, alone.coef_)
    binary = OneVsRestClassifier(LINEAR).fit(X, LABELS)
    small = prune(binary, X, LABELS, rate=0.5)
    third = (LABELS == binary.classes_[2]).astype(int)
    alone = prune(binary.estimators_[2], X, third, rate=0.5)
    assert_array_equal(small.estimators_[2].coef_, alone.coef_)


def test_nested_at_will():
    """A search over a stack of a pipeline of bagging, and a voting ensemble."""
    bagging = BaggingClassifier(LogisticRegression(), n_estimators=2, random_state=0)
    voting = VotingClassifier([("net", NET), ("svc", SVC())])
    stack = StackingClassifier(
        [("pipe", make_pipeline(StandardScaler(), bagging)), ("voting", voting)],
        OneVsRestClassifier(LINEAR),
        stack_method="predict",
        cv=2,
    )
    search = GridSearchCV(make_pipeline(StandardScaler(), stack), {}, cv=2)
    fitted = search.fit(X, CODES)
    units = units_of(fitted, X, CODES)
    finals = [f"final_estimator_.estimators_[{k}]" for k in range(3)]
    assert list(units) == ["pipe", "voting.net", *finals]
    small = prune(fitted, X, CODES, rate=0.3)
    kept = {name: n - round(0.3 * n) for name, n in units.items()}
    assert units_of(small, X, CODES) == kept
    assert small.score(X, CODES) > 0.8


def test_a_grid_searches_the_rate_of_a_stack():
    """It is an estimator like others, also with a cache."""
    model = PruningEstimator(COMPOSITES["stacking"][0], random_state=0)
    grid = {"rate": [0.2, 0.6], "method": ["magnitude", "taylor", "random"]}
    search = GridSearchCV(model, grid, cv=2).fit(X, LABELS)
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    assert search.best_score_ > 0.85


def test_a_cache_changes_nothing(tmp_path):
    """The same models come from a cache, each with its own members."""
    model = PruningEstimator(COMPOSITES["voting"][0], random_state=0)
    plain = clone(model).fit(X, LABELS)
    cached = clone(model).set_params(memory=str(tmp_path))
    for rate in (0.2, 0.5):
        cached.set_params(rate=rate).fit(X, LABELS)
    assert_array_equal(plain.support_, cached.support_)
    assert_allclose(plain.predict_proba(X), cached.predict_proba(X), atol=1e-10)


def test_search_and_path_of_a_composite():
    """Each rate is that of `prune`, and the search chooses among them."""
    fitted = clone(COMPOSITES["voting"][0]).fit(X, LABELS)
    path = pruning_path(fitted, X, LABELS, rates=[0, 0.3, 0.6], random_state=0)
    for rate, model in path:
        alone = prune(fitted, X, LABELS, rate=rate, random_state=0)
        assert_allclose(model.predict_proba(X), alone.predict_proba(X), atol=1e-10)
    search = PruningEstimatorCV(clone(fitted), rates=[0.2, 0.5, 0.8], cv=3)
    search.fit(X, LABELS)
    assert search.rate_ in search.rates_
    assert search.score(X, LABELS) > 0.85


def test_seeds_decide_what_is_drawn():
    """Members draw apart from each other, and the same with the same seed."""
    pair = [("a", LINEAR), ("b", LINEAR)]
    fitted = VotingClassifier(pair).fit(X, LABELS)
    same, again, other = (
        prune(fitted, X, LABELS, rate=0.5, method="random", random_state=seed)
        for seed in (0, 0, 1)
    )
    supports = [[m.coef_ != 0 for m in small.estimators_] for small in (same, other)]
    assert_array_equal(same.estimators_[1].coef_, again.estimators_[1].coef_)
    assert (supports[0][0] != supports[0][1]).any()
    assert (supports[0][0] != supports[1][0]).any()


@pytest.mark.parametrize("granularity", ["neuron", "feature"])
def test_weights_of_zero_are_samples_removed(granularity):
    """Weights go along to each member, and are cut with its samples."""
    present = (np.arange(len(X)) % 3 > 0).astype(float)
    rows = present > 0
    for kind in (OneVsOneClassifier, OneVsRestClassifier):
        fitted = kind(LINEAR).fit(X, LABELS)
        options = {"rate": 0.4, "granularity": granularity}
        weighted = prune(fitted, X, LABELS, sample_weight=present, **options)
        removed = prune(fitted, X[rows], LABELS[rows], **options)
        for one, two in zip(weighted.estimators_, removed.estimators_):
            assert_allclose(one.coef_, two.coef_, rtol=1e-5)


def test_weights_of_fit_reach_the_members():
    """Without routing all of them are given the weights, with it those that ask."""
    weights = np.where(LABELS == "one", 3.0, 1.0)
    pair = [("linear", LINEAR), ("forest", FOREST)]
    model = PruningEstimator(VotingClassifier(pair), rate=0.5)
    weighted = clone(model).fit(X, LABELS, sample_weight=weights)
    fitted = VotingClassifier(pair).fit(X, LABELS, sample_weight=weights)
    alone = prune(fitted, X, LABELS, rate=0.5, sample_weight=weights)
    coefs = [m.estimators_[0].coef_ for m in (weighted.estimator_, alone)]
    assert_allclose(*coefs)
    with config_context(enable_metadata_routing=True):
        asks = clone(LINEAR).set_fit_request(sample_weight="importance")
        binary = PruningEstimator(OneVsRestClassifier(asks), rate=0.5)
        routed = binary.fit(X, LABELS, importance=weights)
    fitted = OneVsRestClassifier(LINEAR)
    with config_context(enable_metadata_routing=True):
        fitted.estimator.set_fit_request(sample_weight=True)
        fitted.fit(X, LABELS, sample_weight=weights)
        fitted.estimator.set_fit_request(sample_weight=None)
    alone = prune(fitted, X, LABELS, rate=0.5, sample_weight=weights)
    for one, two in zip(routed.estimator_.estimators_, alone.estimators_):
        assert_allclose(one.coef_, two.coef_)


@pytest.mark.parametrize("method", ["fit", "prune"])
def test_nothing_to_prune_is_said_before_the_fit(method):
    """The error names what is inside."""
    voting = VotingClassifier([("svc", SVC()), NEIGHBOURS])
    with pytest.raises(TypeError, match="it holds KNeighborsClassifier, SVC; skprune"):
        if method == "fit":
            PruningEstimator(voting).fit(None, None)
        else:
            prune(voting.fit(X, LABELS), X, LABELS, rate=0.5)
    with pytest.raises(TypeError, match="SVC cannot be pruned"):
        PruningEstimator(OneVsRestClassifier(SVC())).fit(None, None)


@pytest.mark.parametrize("kind", [OneVsRestClassifier, OutputCodeClassifier])
def test_an_ensemble_of_constants_has_no_units(kind):
    """With one class there is nothing to prune, and nothing goes wrong."""
    y = np.full(len(X), "one")
    pruner = PruningEstimator(kind(LINEAR), rate=0.5).fit(X, y)
    assert pruner.n_units_ == pruner.rate_ == 0
    assert (pruner.predict(X) == "one").all()
    assert model_size(pruner).n_parameters == 0
    with pytest.raises(ValueError, match="cannot be met"):
        prune(pruner.estimator_, X, y, rate=Budget(n_bytes=1))


def test_plans_are_checked_for_each_member_before_the_fit():
    """The error names the member that does not have the granularity, or the passes."""
    voting = VotingClassifier([*CLASSIFIERS, NEIGHBOURS])
    with pytest.raises(ValueError, match=r"linear: granularity='layer'"):
        PruningEstimator(voting, granularity="layer").fit(None, None)
    nets = VotingClassifier([("net", NET), *CLASSIFIERS])
    with pytest.raises(ValueError, match=r"linear: finetune=2 asks"):
        PruningEstimator(nets, finetune=2).fit(None, None)
    asks = Taylor(order=2, score="weight")
    with pytest.raises(ValueError, match=r"forest: .*score='weight'"):
        PruningEstimator(voting, method=asks).fit(None, None)
    with pytest.raises(ValueError, match=r"^granularity='layer'"):
        PruningEstimator(LINEAR, granularity="layer").fit(None, None)


def test_selector_refuses_several_models():
    """It says so before the fit: which columns stay is not one model's to say."""
    for model in (VotingClassifier(CLASSIFIERS), OneVsRestClassifier(LINEAR)):
        pipe = make_pipeline(StandardScaler(), model)
        with pytest.raises(TypeError, match=rf"{type(model).__name__}.*several models"):
            PruningSelector(pipe).fit(X, LABELS)


def test_networks_of_an_ensemble_are_trained_on():
    """Fine-tuning and shrinking in training go through all members."""
    net = MLPClassifier((8,), learning_rate_init=0.02, random_state=0)
    voting = VotingClassifier([("a", net), ("b", clone(net).set_params(alpha=0.1))])
    for method in ("magnitude", "l1"):
        pruner = PruningEstimator(voting, method=method, rate=0.5, finetune=5)
        assert pruner.fit(X, LABELS).score(X, LABELS) > 0.8
        for member in pruner.estimator_.estimators_:
            coefs = np.concatenate([np.ravel(c) for c in member.coefs_])
            assert np.count_nonzero(coefs) == len(coefs) - round(0.5 * len(coefs))


def test_a_budget_is_for_the_whole():
    """The smallest rate at which all members together cost no more."""
    fitted = VotingClassifier(CLASSIFIERS).fit(X, LABELS)
    before = model_size(fitted).n_nonzero
    budget = Budget(n_nonzero=before // 2)
    small = prune(fitted, X, LABELS, rate=budget)
    assert 0.4 * before < model_size(small).n_nonzero <= before // 2
    pruner = PruningEstimator(clone(fitted), rate=budget).fit(X, LABELS)
    assert 0 < pruner.rate_ < 1
    with pytest.raises(ValueError, match=r"VotingClassifier.*smallest it can reach"):
        prune(fitted, X, LABELS, rate=Budget(n_nonzero=1))


def test_floors_are_those_of_members():
    """A member that cannot reach the rate is named in the warning."""
    fitted = VotingClassifier([("linear", LINEAR), ("forest", FOREST)]).fit(X, LABELS)
    with pytest.warns(FlooredRateWarning, match="of RandomForestClassifier"):
        small = prune(fitted, X, LABELS, rate=0.95, granularity="neuron")
    assert len(small.estimators_[1].estimators_) == 1


def test_lost_classes_are_those_of_the_whole():
    """What the ensemble predicts is judged, under the labels that it was given."""
    model = OneVsRestClassifier(SGDClassifier(random_state=0))
    with pytest.warns(LostClassWarning):
        pruner = PruningEstimator(model, rate=0.9, method="random", compensate=False)
        pruner.set_params(random_state=0).fit(X, LABELS)
    assert set(pruner.report_.recall_before) == {"one", "two", "three"}


def test_steps_of_members_are_printed_together(capsys):
    """One line a step, with the units of all members."""
    fitted = VotingClassifier(CLASSIFIERS).fit(X, LABELS)
    n_units = sum(units_of(fitted, X, LABELS).values())
    prune(fitted, X, LABELS, rate=0.5, n_steps=3, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(f"of {n_units:,} units left" in line for line in lines)


def test_pruned_composites_are_pruned_again():
    """In pipelines too; a pruner inside vanishes."""
    inner = PruningEstimator(LINEAR, rate=0.25)
    fitted = VotingClassifier([("a", inner), ("b", LINEAR)]).fit(X, LABELS)
    small = prune(make_pipeline(fitted).fit(X, LABELS), X, LABELS, rate=0.5)
    first, second = final_model(small).estimators_
    assert type(first) is LogisticRegression
    assert np.count_nonzero(first.coef_) == 18 - round(0.5 * 18)
    assert np.count_nonzero(second.coef_) == 12
