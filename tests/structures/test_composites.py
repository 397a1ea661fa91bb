"""Containers of several models hand each of them what it was fitted to."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
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
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skprune.structures import Samples, final_models, locate

X, CODES = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)[::2]
LABELS = np.array(["c", "a", "b"])[CODES[::2]]
VALUES = X @ [1.0, -2.0, 0.5, 0.1] + np.sin(X[:, 0])
SEVERAL = np.stack([X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > X[:, 0]], axis=1).astype(int)
WORDS = np.array(["no", "yes"])[SEVERAL]
OUTPUTS = np.stack([VALUES, X[:, 0] ** 2], axis=1)
WEIGHTS = np.linspace(0.5, 2.0, len(X))


class Spy(LogisticRegression):
    """Keeps what it was fitted to."""

    def fit(self, X, y, sample_weight=None):
        self.seen_ = X, y, sample_weight
        return super().fit(X, y, sample_weight)


class SpyRegressor(Ridge):
    """Keeps what it was fitted to."""

    def fit(self, X, y, sample_weight=None):
        self.seen_ = X, y, sample_weight
        return super().fit(X, y, sample_weight)


SPIES = [("one", Spy(C=0.1)), ("no", "drop"), ("two", make_pipeline(Spy()))]
REGRESSORS = [("one", SpyRegressor()), ("two", make_pipeline(SpyRegressor()))]
COMPOSITES = {
    "stacking": (StackingClassifier(SPIES, Spy(), cv=3), LABELS),
    "stacking labels": (StackingClassifier(SPIES[:1], Spy(), cv=3), WORDS[:, 0]),
    "stacking passthrough": (
        StackingRegressor(REGRESSORS, SpyRegressor(), passthrough=True, cv=3),
        VALUES,
    ),
    "voting": (VotingClassifier(SPIES, voting="soft"), LABELS),
    "voting values": (VotingRegressor(REGRESSORS), VALUES),
    "one-vs-rest": (OneVsRestClassifier(Spy()), LABELS),
    "one-vs-rest of two": (OneVsRestClassifier(Spy()), WORDS[:, 0]),
    "one-vs-rest labels": (OneVsRestClassifier(Spy()), SEVERAL),
    "one-vs-one": (OneVsOneClassifier(make_pipeline(Spy())), LABELS),
    "code": (OutputCodeClassifier(Spy(), code_size=3, random_state=1), LABELS),
    "outputs": (MultiOutputClassifier(Spy()), WORDS),
    "output values": (MultiOutputRegressor(SpyRegressor()), OUTPUTS),
    "chain": (ClassifierChain(Spy(), order=[2, 0, 1]), SEVERAL),
    "chain values": (RegressorChain(SpyRegressor(), order=[1, 0]), OUTPUTS),
    "calibrated": (CalibratedClassifierCV(Spy(), cv=2, ensemble=False), LABELS),
}
IS_FITTED_ON_FOLDS = ("final_estimator_", "calibrated_classifiers_")


@pytest.mark.parametrize("frame", ["array", "sparse", "pandas"])
@pytest.mark.parametrize("name", COMPOSITES)
def test_models_see_what_they_were_fitted_to(name, frame):
    """Targets as coded, rows as chosen, X as augmented, to each model inside."""
    model, y = COMPOSITES[name]
    given = as_frame(frame)
    fitted = clone(model).fit(given, y)
    location = locate(fitted, Samples(given, y, trained_on=True))
    assert [(m.name, m.model) for m in location.members] == final_models(fitted)
    for member in location.members:
        seen, targets, _ = member.model.seen_
        assert member.samples.trained_on is (member.name != "final_estimator_")
        assert_array_equal(member.samples.y, targets)
        if member.samples.trained_on:
            assert_array_equal(dense(member.samples.X), dense(seen))
        assert set(np.unique(member.samples.y)) <= set(np.unique(targets))


def as_frame(kind):
    """The samples as an array, a sparse one or a table with names."""
    if kind == "pandas":
        pandas = pytest.importorskip("pandas")
        return pandas.DataFrame(X, columns=list("abcd"))
    return X if kind == "array" else sparse.csr_matrix(X)


def dense(X):
    """As an array."""
    return X.toarray() if sparse.issparse(X) else np.asarray(X)


@pytest.mark.parametrize("name", [n for n in COMPOSITES if n != "calibrated"])
def test_metadata_is_routed_to_each_model(name):
    """Weights go where models request them, cut to their rows, under their alias."""
    model, y = COMPOSITES[name]
    with config_context(enable_metadata_routing=True):
        model = clone(model)
        for _, spy in final_models(model):
            spy.set_fit_request(sample_weight="importance")
        if hasattr(model, "final_estimator"):
            model.final_estimator = type(model.final_estimator)()
            params = {"importance": WEIGHTS}
            for _, inner in model.estimators:
                if inner != "drop":
                    final_models(inner)[0][1].set_fit_request(sample_weight=True)
            params = {"sample_weight": WEIGHTS}
        else:
            params = {"importance": WEIGHTS}
        fitted = model.fit(X, y, **params)
        location = locate(fitted, Samples(X, y, fit_params=params))
        assert len(location.members) > 0
        for member in location.members:
            _, _, weights = member.model.seen_
            assert_array_equal(member.samples.sample_weight, weights)


def test_weights_go_along_without_routing():
    """Without metadata routing all models have the weights of their rows."""
    for name in ("stacking", "voting values", "outputs"):
        model, y = COMPOSITES[name]
        model = clone(model)
        if name != "outputs":  # a pipeline takes no weights
            model.estimators = model.estimators[:1]
        fitted = model.fit(X, y, sample_weight=WEIGHTS)
        for member in locate(fitted, Samples(X, y, WEIGHTS)).members:
            assert_array_equal(member.samples.sample_weight, member.model.seen_[2])
    pairs = OneVsOneClassifier(Spy()).fit(X, LABELS)
    for member in locate(pairs, Samples(X, LABELS, list(WEIGHTS))).members:
        rows = [np.flatnonzero((X == x).all(axis=1))[0] for x in member.model.seen_[0]]
        assert_array_equal(member.samples.sample_weight, WEIGHTS[rows])


def test_final_model_of_a_stack_sees_what_the_others_predict():
    """Its samples are the outputs of the models as trained, beside X if passed on."""
    for name in ("stacking", "stacking passthrough"):
        model, y = COMPOSITES[name]
        fitted = clone(model).fit(X, y)
        final = locate(fitted, Samples(X, y, trained_on=True)).members[-1]
        assert_allclose(final.samples.X, fitted.transform(X))
        assert final.model is fitted.final_estimator_
        fitted.set_output(transform="pandas")
        final = locate(fitted, Samples(X, y)).members[-1]
        assert type(final.samples.X) is np.ndarray


def test_models_that_were_fitted_before_keep_their_labels():
    """A prefit stack and a frozen model know the labels, not their codes."""
    ready = [("one", LogisticRegression().fit(X, LABELS))]
    stack = StackingClassifier(ready, cv="prefit").fit(X, LABELS)
    first, final = locate(stack, Samples(X, LABELS, trained_on=True)).members
    assert_array_equal(first.samples.y, LABELS)
    assert_array_equal(np.array(["a", "b", "c"])[final.samples.y], LABELS)
    assert not first.samples.trained_on and final.samples.trained_on

    frozen = [("one", FrozenEstimator(ready[0][1]))]
    voting = VotingClassifier(frozen, voting="soft").fit(X, LABELS)
    (only,) = locate(voting, Samples(X, LABELS, trained_on=True)).members
    assert_array_equal(only.samples.y, LABELS)
    assert not only.samples.trained_on


@pytest.mark.parametrize("chain_method", ["predict", "predict_proba"])
def test_a_chain_fitted_on_folds_sees_its_own_outputs(chain_method):
    """Models later in the chain see what the earlier ones say, not the truth."""
    chain = ClassifierChain(Spy(), cv=3, chain_method=chain_method).fit(X, SEVERAL)
    members = locate(chain, Samples(X, SEVERAL, trained_on=True)).members
    said = getattr(chain.estimators_[0], chain_method)(X)
    assert_allclose(members[1].samples.X[:, -1], np.reshape(said, (len(X), -1))[:, -1])
    assert not any(member.samples.trained_on for member in members)


def test_calibrated_models_see_the_classes_of_their_folds():
    """All rows of the classes that a model knows; it was fitted to some of them."""
    common, rare = np.flatnonzero(LABELS != "a"), np.flatnonzero(LABELS == "a")[:2]
    order = np.concatenate([common, rare])
    y = LABELS[order]
    rows = X[order]
    rare = np.flatnonzero(y == "a")
    others = np.flatnonzero(y != "a")
    folds = [(others, rare), (np.arange(len(y)), np.arange(len(y)))]
    fitted = CalibratedClassifierCV(Spy(), cv=folds).fit(rows, y)
    first, second = locate(fitted, Samples(rows, y, trained_on=True)).members
    assert_array_equal(first.samples.X, rows[others])
    assert_array_equal(second.samples.y, y)
    assert not first.samples.trained_on


def test_defaults_are_known_before_the_fit():
    """What stands for None is what scikit-learn takes."""
    stacks = StackingClassifier([("r", Ridge())]), StackingRegressor([("r", Ridge())])
    finals = [type(final_models(stack)[-1][1]) for stack in stacks]
    assert finals == [LogisticRegression, RidgeCV]
    assert type(final_models(CalibratedClassifierCV())[0][1]) is LinearSVC
