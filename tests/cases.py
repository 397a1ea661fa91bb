"""Models for the laws and for scikit-learn's checks, one line a case.

To add a family, add cases to `CASES`, one cheap model to `CHECKED_ALWAYS`,
and any further models to `CHECKED_SLOWLY`.
"""

import warnings
from dataclasses import dataclass
from functools import cache

import numpy as np
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    MultiTaskLasso,
    Perceptron,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from skprune.testing.structure_laws import Specimen

SCIKIT_LEARN = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
LINEAR = ("connection", "feature")
MLP = ("connection", "neuron", "layer", "feature")
TREE = ("connection", "layer", "feature")
FOREST = ("connection", "neuron", "layer", "feature")
BAGGED_LINEAR = ("connection", "feature", "estimator")
BAGGED = ("connection", "neuron", "layer", "feature", "estimator")


@dataclass(frozen=True)
class Case:
    """Model with the name of its data set and the granularities of its family."""

    name: str
    model: object
    data: str
    granularities: tuple

    def fitted(self):
        """Return the fitted model, the same object at each call."""
        return _fitted(self)

    def samples(self):
        """Return X and y."""
        return dataset(self.data)

    def specimen(self, granularity):
        """Make the specimen on which the laws are checked."""
        return Specimen(self.fitted(), *self.samples(), granularity)


@cache
def _fitted(case):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(case.model).fit(*case.samples())


@cache
def dataset(name):
    """Make a small X and y by name."""
    X, classes = make_classification(
        90, 8, n_informative=6, n_classes=3, class_sep=2.0, random_state=0
    )
    _, target = make_regression(90, 8, noise=5.0, random_state=0)
    target = X @ np.arange(8) + np.sin(3 * X[:, 0]) + 0.01 * target
    counts = np.round(np.exp(X[:, 0] / 3)) + 1.0
    thin = np.where(np.abs(X) > 1, X, 0.0)
    holes = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
    coded = np.where(np.arange(8) % 3 == 1, 3 * np.clip(np.round(X), -2, 2) + 9, X)
    odd = (coded[:, 1] % 2 == 1) ^ (np.arange(90) % 9 == 0)
    return {
        "binary": (X, np.array(["no", "yes"])[(classes > 0).astype(int)]),
        "categories": (np.where(np.isnan(holes), holes, coded), odd),
        "classes": (X, np.array(["a", "b", "c"])[classes]),
        "counts": (X, counts),
        "holes": (holes, classes),
        "labels": (X, np.column_stack([classes == 0, classes > 1]).astype(int)),
        "outputs": (X, np.column_stack([target, X[:, 0] ** 2, counts])),
        "regression": (X, target),
        "single": (X.astype(np.float32), classes),
        "sparse": (sparse.csr_array(thin), classes),
    }[name]


def _mlp(kind, **options):
    options = {"hidden_layer_sizes": (6, 5), "max_iter": 60, **options}
    return kind(random_state=0, **options)


def _tree(kind, **options):
    return kind(random_state=0, **options)


def _forest(kind, **options):
    return kind(random_state=0, **{"n_estimators": 4, **options})


def _hist(kind, **options):
    return kind(random_state=0, **{"max_iter": 4, "min_samples_leaf": 5, **options})


CASES = [
    Case("LogisticRegression", LogisticRegression(), "classes", LINEAR),
    Case("LogisticRegression-binary", LogisticRegression(), "binary", LINEAR),
    Case("LogisticRegression-float32", LogisticRegression(), "single", LINEAR),
    Case("LinearRegression", LinearRegression(), "regression", LINEAR),
    Case("Ridge-outputs", Ridge(), "outputs", LINEAR),
    Case("Ridge-no-intercept", Ridge(fit_intercept=False), "regression", LINEAR),
    Case("Lasso", Lasso(alpha=0.1), "regression", LINEAR),
    Case("ElasticNet-positive", ElasticNet(positive=True), "regression", LINEAR),
    Case("HuberRegressor", HuberRegressor(), "regression", LINEAR),
    Case("PoissonRegressor", PoissonRegressor(), "counts", LINEAR),
    Case("RidgeClassifier-labels", RidgeClassifier(), "labels", LINEAR),
    Case("LinearSVC-sparse", LinearSVC(), "sparse", LINEAR),
    Case("SGDClassifier", SGDClassifier(random_state=0), "classes", LINEAR),
    Case("LinearDiscriminantAnalysis", LinearDiscriminantAnalysis(), "classes", LINEAR),
    Case("MLPClassifier", _mlp(MLPClassifier), "classes", MLP),
    Case("MLPClassifier-tanh", _mlp(MLPClassifier, activation="tanh"), "binary", MLP),
    Case("MLPClassifier-float32", _mlp(MLPClassifier), "single", MLP),
    Case("MLPClassifier-labels", _mlp(MLPClassifier, solver="sgd"), "labels", MLP),
    Case("MLPClassifier-sparse", _mlp(MLPClassifier), "sparse", MLP),
    Case("MLPRegressor", _mlp(MLPRegressor, solver="lbfgs"), "regression", MLP),
    Case(
        "MLPRegressor-logistic",
        _mlp(MLPRegressor, activation="logistic"),
        "outputs",
        MLP,
    ),
    Case("DecisionTreeClassifier", _tree(DecisionTreeClassifier), "classes", TREE),
    Case(
        "DecisionTreeClassifier-best-first",
        _tree(DecisionTreeClassifier, max_leaf_nodes=9),
        "holes",
        TREE,
    ),
    Case("DecisionTreeRegressor", _tree(DecisionTreeRegressor), "outputs", TREE),
    Case("ExtraTreeClassifier", _tree(ExtraTreeClassifier), "labels", TREE),
    Case("ExtraTreeRegressor", _tree(ExtraTreeRegressor), "regression", TREE),
    Case("RandomForestClassifier", _forest(RandomForestClassifier), "holes", FOREST),
    Case(
        "RandomForestClassifier-labels",
        _forest(RandomForestClassifier),
        "labels",
        FOREST,
    ),
    Case("RandomForestRegressor", _forest(RandomForestRegressor), "regression", FOREST),
    Case("ExtraTreesClassifier", _forest(ExtraTreesClassifier), "sparse", FOREST),
    Case("ExtraTreesRegressor", _forest(ExtraTreesRegressor), "outputs", FOREST),
    Case(
        "AdaBoostClassifier",
        _forest(AdaBoostClassifier, estimator=DecisionTreeClassifier(max_depth=3)),
        "classes",
        FOREST,
    ),
    Case(
        "AdaBoostClassifier-binary",
        _forest(AdaBoostClassifier, n_estimators=6),
        "binary",
        FOREST,
    ),
    Case("AdaBoostRegressor", _forest(AdaBoostRegressor), "regression", FOREST),
    Case(
        "BaggingClassifier",
        _forest(BaggingClassifier, max_features=0.5, bootstrap_features=True),
        "holes",
        FOREST,
    ),
    Case("BaggingClassifier-sparse", _forest(BaggingClassifier), "sparse", FOREST),
    Case(
        "BaggingRegressor",
        _forest(
            BaggingRegressor, estimator=ExtraTreeRegressor(), max_features=6, n_jobs=1
        ),
        "outputs",
        FOREST,
    ),
    Case(
        "BaggingClassifier-logistic",
        _forest(
            BaggingClassifier,
            estimator=make_pipeline(StandardScaler(), LogisticRegression()),
            max_features=5,
        ),
        "classes",
        BAGGED_LINEAR,
    ),
    Case(
        "BaggingClassifier-votes",
        _forest(BaggingClassifier, estimator=RidgeClassifier(), max_samples=0.3),
        "sparse",
        BAGGED_LINEAR,
    ),
    Case(
        "BaggingRegressor-ridge",
        _forest(BaggingRegressor, estimator=Ridge(), max_features=6),
        "outputs",
        BAGGED_LINEAR,
    ),
    Case(
        "BaggingClassifier-MLP",
        _forest(BaggingClassifier, estimator=_mlp(MLPClassifier), n_estimators=3),
        "classes",
        BAGGED,
    ),
    Case(
        "BaggingRegressor-MLP",
        _forest(
            BaggingRegressor,
            estimator=_mlp(MLPRegressor, solver="lbfgs"),
            max_features=6,
            n_estimators=3,
        ),
        "regression",
        BAGGED,
    ),
    Case(
        "BaggingRegressor-forest",
        _forest(
            BaggingRegressor,
            estimator=RandomForestRegressor(n_estimators=3, max_depth=3),
            max_features=6,
            n_estimators=3,
        ),
        "outputs",
        BAGGED,
    ),
    Case(
        "BaggingClassifier-histograms",
        _forest(
            BaggingClassifier,
            estimator=_hist(HistGradientBoostingClassifier, max_iter=2),
            n_estimators=2,
        ),
        "holes",
        BAGGED,
    ),
    Case(
        "BaggingClassifier-bagging",
        _forest(
            BaggingClassifier,
            estimator=_forest(
                BaggingClassifier, estimator=LogisticRegression(), n_estimators=2
            ),
            max_features=6,
            n_estimators=3,
        ),
        "classes",
        BAGGED_LINEAR,
    ),
    Case(
        "GradientBoostingClassifier",
        _forest(GradientBoostingClassifier),
        "classes",
        FOREST,
    ),
    Case(
        "GradientBoostingClassifier-exponential",
        _forest(GradientBoostingClassifier, loss="exponential", subsample=0.7),
        "binary",
        FOREST,
    ),
    Case(
        "GradientBoostingRegressor",
        _forest(GradientBoostingRegressor, init=Ridge(), max_leaf_nodes=6),
        "regression",
        FOREST,
    ),
    Case(
        "GradientBoostingRegressor-quantile",
        _forest(GradientBoostingRegressor, init="zero", loss="quantile"),
        "regression",
        FOREST,
    ),
    Case(
        "HistGradientBoostingClassifier",
        _hist(HistGradientBoostingClassifier),
        "holes",
        FOREST,
    ),
    Case(
        "HistGradientBoostingClassifier-categories",
        _hist(HistGradientBoostingClassifier, categorical_features=[1, 4]),
        "categories",
        FOREST,
    ),
    Case(
        "HistGradientBoostingRegressor",
        _hist(HistGradientBoostingRegressor, loss="poisson", early_stopping=True),
        "counts",
        FOREST,
    ),
]

NOTHING_TO_PRUNE = [
    Lasso(alpha=1e6),
    MLPRegressor(hidden_layer_sizes=(), max_iter=50, random_state=0),
    DecisionTreeRegressor(min_samples_split=1000),
    RandomForestRegressor(n_estimators=3, min_samples_split=1000, random_state=0),
]


def _quick(kind, **options):
    options = {"hidden_layer_sizes": (12,), "max_iter": 60, **options}
    return kind(random_state=0, **options)


def l1_logistic(C):
    """Make an L1 logistic regression; scikit-learn 1.8 renamed the penalty."""
    penalty = {"l1_ratio": 1} if SCIKIT_LEARN >= (1, 8) else {"penalty": "l1"}
    return LogisticRegression(C=C, solver="saga", max_iter=20000, tol=1e-6, **penalty)


def _logistic_cv():
    """Make a LogisticRegressionCV that does not warn in scikit-learn 1.8 and later."""
    options = {"Cs": 2, "cv": 2, "scoring": "accuracy"}
    if "use_legacy_attributes" in LogisticRegressionCV().get_params():
        options |= {"l1_ratios": (0.0,), "use_legacy_attributes": False}
    return LogisticRegressionCV(**options)


# a classifier and a regressor of each family are checked on every run
CHECKED_ALWAYS = [
    LogisticRegression(),
    _quick(MLPRegressor, learning_rate_init=0.01),
    DecisionTreeRegressor(),
    RandomForestClassifier(n_estimators=4),
    _forest(BaggingRegressor),
    AdaBoostRegressor(n_estimators=4, random_state=1),
    _forest(GradientBoostingRegressor, n_estimators=8),
    _hist(HistGradientBoostingClassifier, max_iter=8),
]
CHECKED_SLOWLY = [
    Ridge(),
    _quick(MLPClassifier, learning_rate_init=0.02),
    DecisionTreeClassifier(),
    RandomForestRegressor(n_estimators=4),
    _forest(BaggingClassifier),
    _forest(AdaBoostClassifier, n_estimators=8),
    _forest(GradientBoostingClassifier, n_estimators=8),
    _hist(HistGradientBoostingRegressor, max_iter=8),
    _logistic_cv(),
    LinearRegression(),
    RidgeCV(alphas=[1.0]),
    RidgeClassifier(),
    RidgeClassifierCV(alphas=[1.0]),
    Lasso(alpha=0.01),
    LassoCV(alphas=3, cv=2),
    ElasticNet(alpha=0.01),
    MultiTaskLasso(alpha=0.01),
    BayesianRidge(),
    SGDClassifier(),
    SGDRegressor(),
    Perceptron(),
    LinearSVC(),
    LinearSVR(),
    HuberRegressor(),
    QuantileRegressor(alpha=0.01),
    PoissonRegressor(),
    GammaRegressor(),
    TweedieRegressor(),
    LinearDiscriminantAnalysis(),
    _quick(MLPClassifier, solver="lbfgs", activation="tanh"),
    ExtraTreeClassifier(),
    ExtraTreeRegressor(),
    ExtraTreesClassifier(n_estimators=4),
    ExtraTreesRegressor(n_estimators=4),
    _forest(BaggingRegressor, estimator=Ridge()),
]
