"""A PruningEstimator is to others what the model inside would be."""

import re
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import RFE, SelectFromModel, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import RocCurveDisplay
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    learning_curve,
    validation_curve,
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
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import LinearSVC
from sklearn.utils import get_tags

from skprune import PruningEstimator, PruningEstimatorCV, model_size, prune
from skprune.structures import Samples, final_model, locate
from tests.cases import dataset

IRIS, KINDS = load_iris(return_X_y=True)
METHODS = ("predict_proba", "predict_log_proba", "decision_function", "transform")


def pruned_logistic(**options):
    """A pruned logistic regression that keeps most of its coefficients."""
    return PruningEstimator(LogisticRegression(), **{"rate": 0.3, **options})


def pruned_ridge():
    """The same of a ridge."""
    return PruningEstimator(Ridge(), rate=0.3)


@pytest.fixture(scope="module")
def iris(iris):
    """Standardised X and three classes."""
    X, y = iris
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="module")
def cancer(cancer):
    """Standardised X and two classes."""
    X, y = cancer
    return StandardScaler().fit_transform(X), y


CLASSIFIERS = {
    "AdaBoost": AdaBoostClassifier(pruned_logistic(), n_estimators=3, random_state=0),
    "Bagging": BaggingClassifier(pruned_logistic(), n_estimators=3, random_state=0),
    "Calibrated": CalibratedClassifierCV(pruned_logistic(), cv=2),
    "FixedThreshold": FixedThresholdClassifier(pruned_logistic()),
    "OneVsOne": OneVsOneClassifier(pruned_logistic()),
    "OneVsRest": OneVsRestClassifier(pruned_logistic()),
    "OutputCode": OutputCodeClassifier(pruned_logistic(), code_size=6, random_state=0),
    "RFE": RFE(pruned_logistic(), n_features_to_select=3),
    "Stacking": StackingClassifier([("a", pruned_logistic())], cv=2),
    "TunedThreshold": TunedThresholdClassifierCV(pruned_logistic(), cv=2),
    "Voting": VotingClassifier(
        [("a", pruned_logistic()), ("b", pruned_logistic(rate=0.5))], voting="soft"
    ),
    "pipeline": make_pipeline(StandardScaler(), pruned_logistic()),
    "selected": make_pipeline(
        SelectFromModel(pruned_logistic(granularity="feature"), threshold=1e-9),
        LogisticRegression(),
    ),
    "sequential": make_pipeline(
        SequentialFeatureSelector(pruned_logistic(), n_features_to_select=2, cv=2),
        LogisticRegression(),
    ),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifier_inside_a_meta_estimator(name, iris, cancer):
    """Meta-estimators accept a pruned classifier like any other."""
    X, y = cancer if name.endswith("Threshold") else iris
    model = clone(CLASSIFIERS[name]).fit(X, y)
    assert is_classifier(model)
    assert model.score(X, y) > 0.85


def test_self_training(iris):
    """Samples without a label are labelled by the pruned model itself."""
    X, y = iris
    partly = np.where(np.arange(len(y)) % 3, y, -1)
    model = SelfTrainingClassifier(pruned_logistic()).fit(X, partly)
    assert model.score(X, y) > 0.85
    assert (model.transduction_ >= 0).mean() > (partly >= 0).mean()


def test_pruned_twice(cancer):
    """What was pruned can be frozen and pruned again."""
    once = pruned_logistic().fit(*cancer)
    twice = PruningEstimator(FrozenEstimator(once.estimator_)).fit(*cancer)
    assert twice.n_units_ == once.support_.sum() == 21
    assert np.count_nonzero(twice.coef_) == 11
    assert twice.score(*cancer) > 0.95


REGRESSORS = {
    "AdaBoost": AdaBoostRegressor(pruned_ridge(), n_estimators=3, random_state=0),
    "Bagging": BaggingRegressor(pruned_ridge(), n_estimators=3, random_state=0),
    "RFE": RFE(pruned_ridge(), n_features_to_select=6),
    "Stacking": StackingRegressor([("a", pruned_ridge())], cv=2),
    "TransformedTarget": TransformedTargetRegressor(
        pruned_ridge(), func=np.log, inverse_func=np.exp
    ),
    "Voting": VotingRegressor([("a", pruned_ridge()), ("b", pruned_ridge())]),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressor_inside_a_meta_estimator(name, diabetes):
    """Meta-estimators accept a pruned regressor like any other."""
    model = clone(REGRESSORS[name]).fit(*diabetes)
    assert is_regressor(model)
    assert model.score(*diabetes) > 0.35


@pytest.mark.parametrize("chained", [False, True])
def test_several_outputs_by_meta_estimators(chained, iris, diabetes):
    """Multi-output meta-estimators hold one pruned model per output."""
    X, y = iris
    labels = np.column_stack([y == 0, y == 2]).astype(int)
    kind = ClassifierChain if chained else MultiOutputClassifier
    assert kind(pruned_logistic()).fit(X, labels).score(X, labels) > 0.85
    X, y = diabetes
    targets = np.column_stack([y, -y])
    kind = RegressorChain if chained else MultiOutputRegressor
    assert kind(pruned_ridge()).fit(X, targets).score(X, targets) > 0.4


def test_several_outputs_with_weights(iris):
    """Meta-estimators detect that sample weights are accepted."""
    X, y = iris
    labels, weights = np.column_stack([y == 0, y == 2]).astype(int), 1.0 + y
    model = MultiOutputClassifier(pruned_logistic())
    model.fit(X, labels, sample_weight=weights)
    alone = pruned_logistic().fit(X, labels[:, 0], sample_weight=weights)
    assert_array_equal(model.estimators_[0].coef_, alone.coef_)


def test_curves_and_inspection(cancer):
    """Learning curves, validation curves and other tools accept it as a model."""
    X, y = cancer
    model = pruned_logistic()
    _, _, scores = learning_curve(model, X, y, cv=2, train_sizes=[0.5, 1.0])
    assert (scores > 0.9).all()
    _, scores = validation_curve(
        model, X, y, param_name="rate", param_range=[0.0, 0.5], cv=2
    )
    assert (scores > 0.9).all()
    proba = cross_val_predict(model, X, y, cv=2, method="predict_proba")
    assert_allclose(proba.sum(axis=1), 1.0)
    importances = permutation_importance(model.fit(X, y), X, y, n_repeats=2)
    gone = ~model.support_
    assert_array_equal(importances.importances_mean[gone], 0.0)


def test_displays_of_scikit_learn(cancer):
    """Displays of scikit-learn work on a pruned classifier."""
    mpl.use("Agg")
    display = RocCurveDisplay.from_estimator(pruned_logistic().fit(*cancer), *cancer)
    assert display.roc_auc > 0.99


@pytest.mark.parametrize(
    "model",
    [LogisticRegression(), Ridge(), LinearSVC(), RandomForestClassifier()],
    ids=lambda model: type(model).__name__,
)
def test_type_and_tags_are_those_of_the_model(model):
    """All tags but those of pruning itself are copied, and copied deeply."""
    outer, inner = get_tags(PruningEstimator(model)), get_tags(model)
    for name in ("estimator_type", "target_tags", "input_tags", "classifier_tags"):
        assert getattr(outer, name) == getattr(inner, name)
    assert is_classifier(PruningEstimator(model)) == is_classifier(model)


@pytest.mark.parametrize(
    "model",
    [LogisticRegression(), Ridge(), LinearSVC(), LinearDiscriminantAnalysis()],
    ids=lambda model: type(model).__name__,
)
def test_methods_are_those_of_the_model(model, iris):
    """A method exists if the model has it, before and after fit."""
    unfitted = PruningEstimator(model)
    fitted = clone(unfitted).fit(*iris)
    for name in METHODS:
        present = hasattr(model, name)
        assert hasattr(unfitted, name) == present
        assert hasattr(fitted, name) == present
        if present:
            wanted = getattr(fitted.estimator_, name)(iris[0])
            assert_array_equal(getattr(fitted, name)(iris[0]), wanted)


def test_method_that_depends_on_a_parameter():
    """predict_proba of SGDClassifier exists for some losses only."""
    assert not hasattr(PruningEstimator(SGDClassifier()), "predict_proba")
    assert hasattr(PruningEstimator(SGDClassifier(loss="log_loss")), "predict_proba")


@pytest.mark.parametrize("name", ["classes_", "coef_", "intercept_"])
def test_fitted_attributes(name, iris):
    """Attributes of the fitted model exist after fit, and not before."""
    model = pruned_logistic()
    assert not hasattr(model, name)
    with pytest.raises(AttributeError, match=f"{name} exists only after fit"):
        getattr(model, name)
    model.fit(*iris)
    assert_array_equal(getattr(model, name), getattr(model.estimator_, name))
    assert not hasattr(model, "feature_importances_")


def test_feature_importances_of_a_forest(iris):
    """The wrapper has the feature importances of the pruned forest."""
    model = PruningEstimator(RandomForestClassifier(n_estimators=4), random_state=0)
    importances = model.fit(*iris).feature_importances_
    assert_array_equal(importances, model.estimator_.feature_importances_)


def test_not_fitted():
    """Predicting before fit raises NotFittedError."""
    with pytest.raises(NotFittedError, match="PruningEstimator"):
        pruned_logistic().predict([[0.0]])


def test_unsupported_model_has_no_partial_fit():
    """Asking for a method never raises anything but AttributeError."""
    assert not hasattr(PruningEstimator(KNeighborsClassifier()), "partial_fit")
    assert not hasattr(pruned_logistic(), "partial_fit")


def test_output_container_reaches_model_inside(iris):
    """set_output before fit and after fit chooses what transform returns."""
    model = PruningEstimator(LinearDiscriminantAnalysis()).set_output(
        transform="pandas"
    )
    frame = model.fit_transform(*iris)
    assert list(frame.columns) == list(model.get_feature_names_out())
    model.set_output(transform="default")
    assert isinstance(model.transform(iris[0]), np.ndarray)


@pytest.mark.parametrize("kind", ["classes", "regression"])
def test_forest_answers_as_its_own_model(kind):
    """The short way to its answers has the values and errors of the long one."""
    pd, (X, y) = pytest.importorskip("pandas"), dataset(kind)
    forest = RandomForestClassifier if kind == "classes" else RandomForestRegressor
    frame = pd.DataFrame(X, columns=[f"f{j}" for j in range(X.shape[1])])
    weights = np.linspace(0, 1, len(y))
    pruner = PruningEstimator(forest(5, random_state=0)).fit(frame, y)

    assert pruner.score(frame, y) == pruner.estimator_.score(frame, y)
    weighted = pruner.estimator_.score(frame, y, sample_weight=weights)
    assert pruner.score(frame, y, sample_weight=weights) == weighted
    assert_array_equal(pruner.predict(frame), pruner.estimator_.predict(frame))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        pruner.predict(X)
    for wrong, message in (
        (X[:, :3], "X has 3 features"),
        (X[0], "Expected 2D array"),
        (np.where(X > 2, np.inf, X), "infinity"),
        (frame.iloc[:, ::-1], "feature names should match"),
    ):
        for model in (pruner, pruner.estimator_):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with pytest.raises(ValueError, match=message):
                    model.predict(wrong)


@pytest.mark.parametrize("X", [5, "a", None, [1.0, 2.0]], ids=str)
@pytest.mark.parametrize(
    "model",
    [LogisticRegression(), RandomForestClassifier(3)],
    ids=lambda model: type(model).__name__,
)
def test_what_is_no_table_is_refused_by_the_model(model, X):
    """The error is that of the model itself, word for word."""
    pruner = PruningEstimator(model).fit(*dataset("classes"))
    with pytest.raises(ValueError) as expected:
        pruner.estimator_.predict(X)
    with pytest.raises(ValueError, match=re.escape(str(expected.value))):
        pruner.predict(X)


def test_what_is_pruned_can_be_pruned_again():
    """Pruning neurons, then weights, gives a plain model pruned by both rates."""
    net = MLPClassifier((10,), solver="lbfgs", max_iter=200, random_state=0)
    neurons = PruningEstimator(net, granularity="neuron", rate=0.5)
    both = PruningEstimator(neurons, rate=0.4, random_state=0).fit(IRIS, KINDS)
    assert type(both.estimator_) is MLPClassifier
    assert both.estimator_.hidden_layer_sizes == (5,)
    assert both.n_units_ == 5 * 4 + 5 * 3
    weights = np.concatenate([np.ravel(coef) for coef in both.estimator_.coefs_])
    assert np.count_nonzero(weights) == 35 - round(0.4 * 35)


def test_a_fitted_pruner_is_a_container():
    """Within a search in a pipeline, the pruned model is found and measured."""
    pruner = PruningEstimator(LogisticRegression(max_iter=500))
    search = GridSearchCV(pruner, {"rate": [0.25, 0.5]}, cv=2)
    pipe = make_pipeline(StandardScaler(), search)
    assert type(final_model(pipe)) is LogisticRegression
    pipe.fit(IRIS, KINDS)
    pruned = pipe[-1].best_estimator_.estimator_
    assert final_model(pipe) is pruned
    assert model_size(pipe) == model_size(pruned)

    location = locate(pipe, Samples(IRIS, KINDS, trained_on=True))
    assert location.model is pruned
    assert not location.samples.trained_on
    again = prune(pipe, IRIS, KINDS, rate=0.5)
    assert type(again[-1].best_estimator_) is LogisticRegression


def test_a_search_that_was_not_refitted_holds_no_model():
    """Locating its model raises NotFittedError."""
    search = PruningEstimatorCV(LogisticRegression(), rates=[0.2], cv=2, refit=False)
    search.fit(IRIS, KINDS)
    with pytest.raises(NotFittedError, match="refit=False"):
        locate(search, Samples(IRIS, KINDS))


@pytest.mark.parametrize("kind", [PruningEstimator, PruningEstimatorCV])
def test_metadata_reaches_the_model_inside(kind):
    """Aliases of the model are followed through the estimators of skprune."""
    weights = np.ones(len(KINDS))
    with config_context(enable_metadata_routing=True):
        model = LogisticRegression().set_fit_request(sample_weight="importance")
        pipe = make_pipeline(clone(kind(model))).fit(IRIS, KINDS, importance=weights)
        samples = Samples(IRIS, KINDS, fit_params={"importance": weights})
        assert locate(pipe, samples).samples.sample_weight is weights
        samples = Samples(IRIS, KINDS, fit_params={})
        assert locate(pipe, samples).samples.sample_weight is None
