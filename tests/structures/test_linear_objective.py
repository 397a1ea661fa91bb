"""Loss, targets, penalty and weights of a linear model are those it was fitted with."""

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import (
    BayesianRidge,
    GammaRegressor,
    HuberRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skprune.numerics import losses
from skprune.structures.linear_objective import (
    dense_copy,
    linear_loss,
    linear_targets,
    penalty,
    weights_of,
    with_weights,
)


def samples(kind):
    """X and y of a kind: classes, binary, real or positive."""
    if kind == "real":
        return load_diabetes(return_X_y=True)
    if kind == "positive":
        X, y = load_diabetes(return_X_y=True)
        return 10 * X, y / 100
    X, y = (load_iris if kind == "classes" else load_breast_cancer)(return_X_y=True)
    return StandardScaler().fit_transform(X), y


TIGHT = {"tol": 1e-12, "max_iter": 20_000}
OPTIMA = {
    "linear": (LinearRegression(), "real"),
    "ridge": (Ridge(alpha=2.0), "real"),
    "ridge-cv": (RidgeCV(alphas=[0.5, 3.0]), "real"),
    "ridge-classifier": (RidgeClassifier(alpha=3.0), "binary"),
    "bayes": (BayesianRidge(tol=1e-12, max_iter=2000), "real"),
    "logistic": (LogisticRegression(C=0.3, **TIGHT), "binary"),
    "softmax": (LogisticRegression(C=0.3, **TIGHT), "classes"),
    "one-vs-rest": (
        LogisticRegression(C=0.3, solver="liblinear", tol=1e-12, intercept_scaling=1e4),
        "binary",
    ),
    "poisson": (PoissonRegressor(alpha=0.2, **TIGHT), "positive"),
    "gamma": (GammaRegressor(alpha=0.2, **TIGHT), "positive"),
    "tweedie": (TweedieRegressor(power=1.4, alpha=0.2, **TIGHT), "positive"),
    "tweedie-normal": (TweedieRegressor(power=0, alpha=0.2, **TIGHT), "positive"),
}


@pytest.mark.parametrize("name", OPTIMA)
def test_model_is_at_the_optimum_of_its_objective(name):
    """Loss gradient and penalty balance at the coefficients that were fitted."""
    model, kind = OPTIMA[name]
    X, y = samples(kind)
    model.fit(X, y)
    W, b = weights_of(model)
    D = linear_loss(model).gradient(X @ W + b, linear_targets(model, y))

    slope = X.T @ D / len(y)
    pull = np.mean(penalty(model, len(y))) * W

    assert_allclose(slope, -pull, atol=2e-5 * np.abs(X.T @ np.abs(D) / len(y)).max())
    assert_allclose(D.mean(axis=0), 0.0, atol=2e-4 * np.abs(D).mean())


@pytest.mark.parametrize(
    ("model", "loss"),
    [
        (HuberRegressor(), "squared error"),
        (SGDRegressor(), "squared error"),
        (LinearSVC(), "squared hinge"),
        (SGDClassifier(), "squared hinge"),
        (SGDClassifier(loss="log_loss"), "log-loss"),
        (LinearDiscriminantAnalysis(), "log-loss"),
    ],
    ids=str,
)
def test_stand_in_losses(model, loss):
    """Losses without curvature have a stand-in, those of probabilities their own."""
    assert linear_loss(model.fit(*samples("binary"))).name == loss


def test_loss_of_several_classes():
    """Softmax where the classes compete, one logistic a class where they do not."""
    X, y = samples("classes")
    assert linear_loss(LogisticRegression().fit(X, y)) is losses.SOFTMAX
    one_a_class = SGDClassifier(loss="log_loss", random_state=0).fit(X, y)
    assert linear_loss(one_a_class) is losses.LOGISTIC


def test_targets():
    """0 and 1 for probabilities, -1 and 1 for margins, numbers as they are."""
    X, y = samples("classes")
    words = np.array(["a", "b", "c"])[y]
    indicator = np.eye(3)[y]
    logistic, svc = LogisticRegression().fit(X, words), LinearSVC().fit(X, words)
    assert_array_equal(linear_targets(logistic, words), indicator)
    assert_array_equal(linear_targets(svc, words), 2 * indicator - 1)
    ridge = Ridge().fit(X, y)
    assert_array_equal(linear_targets(ridge, y.tolist()), y[:, None])
    labels = np.column_stack([y == 0, y == 1]).astype(int)
    several = RidgeClassifier().fit(X, labels)
    assert_array_equal(linear_targets(several, labels), 2 * labels - 1)


def test_penalty_of_each_output():
    """A ridge with a strength for each output has them all."""
    X, y = samples("real")
    model = Ridge(alpha=np.array([1.0, 4.0])).fit(X, np.column_stack([y, y]))
    assert_array_equal(penalty(model, 2.0), [0.5, 2.0])


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_penalty_that_is_not_quadratic_is_none():
    """An L1 penalty, or no penalty, adds no curvature."""
    l1 = LogisticRegression(l1_ratio=1.0, solver="saga", penalty="l1", max_iter=20)
    assert penalty(l1, 10.0) == 0.0
    assert penalty(LogisticRegression(C=np.inf), 10.0) == 0.0
    assert penalty(LinearRegression(), 10.0) == 0.0


@pytest.mark.parametrize("name", ["linear", "softmax", "logistic", "ridge-classifier"])
def test_weights_round_trip(name):
    """Weights taken out and put back give the model again, in its own shapes."""
    model, kind = OPTIMA[name]
    X, y = samples(kind)
    model.fit(X, y)
    W, b = weights_of(model)
    twin = with_weights(model, 2 * W, 3 * b)
    assert_allclose(twin.coef_, 2 * model.coef_)
    assert_allclose(twin.intercept_, 3 * np.asarray(model.intercept_))
    assert np.shape(twin.coef_) == np.shape(model.coef_)
    assert np.shape(twin.intercept_) == np.shape(model.intercept_)
    assert twin.coef_.flags.c_contiguous


def test_model_without_intercept_gets_none():
    """Where there is no intercept, none is put."""
    model = Ridge(fit_intercept=False).fit(*samples("real"))
    W, b = weights_of(model)
    assert_array_equal(b, [0.0])
    assert with_weights(model, W, b + 5).intercept_ == 0.0


def test_dense_copy():
    """The copy is dense, without state of training, and shares nothing."""
    X, y = samples("classes")
    model = SGDClassifier(average=True, random_state=0).fit(X, y).sparsify()
    before = joblib.hash(model)
    twin = dense_copy(model)
    assert sparse.issparse(model.coef_) and not sparse.issparse(twin.coef_)
    assert_array_equal(twin.predict(X), model.predict(X))
    assert not {"_average_coef", "_standard_coef"} & set(vars(twin))
    twin.coef_ += 1
    twin.classes_ += 1
    assert joblib.hash(model) == before
