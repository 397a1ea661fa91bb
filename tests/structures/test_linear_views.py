"""Loss, targets, penalty and weights of a linear model are those it was fitted with."""

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import linear_model
from sklearn.base import BaseEstimator
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
from sklearn.utils import all_estimators

from skprune import prune
from skprune._compat import LINEAR_BASES, LinearClassifierMixin
from skprune.numerics import losses
from skprune.structures.linear_views import (
    LOSSES,
    LinearView,
    linear_view,
    register_linear_view,
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
    view = linear_view(model)
    W, b = view.weights
    D = view.loss().gradient(X @ W + b, view.targets(y))

    slope = X.T @ D / len(y)
    pull = np.mean(view.penalty(len(y))) * W

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
    assert linear_view(model.fit(*samples("binary"))).loss().name == loss


def test_loss_of_several_classes():
    """Softmax where the classes compete, one logistic a class where they do not."""
    X, y = samples("classes")
    assert linear_view(LogisticRegression().fit(X, y)).loss() is losses.SOFTMAX
    one_a_class = SGDClassifier(loss="log_loss", random_state=0).fit(X, y)
    assert linear_view(one_a_class).loss() is losses.LOGISTIC


def test_cross_validated_models_have_the_view_of_the_plain_ones():
    """A strength that was chosen by folds changes neither loss nor penalty."""
    for plain in (LogisticRegression, Ridge, RidgeClassifier):
        chosen = getattr(linear_model, plain.__name__ + "CV")
        assert type(linear_view(chosen())) is type(linear_view(plain()))


def test_targets():
    """0 and 1 for probabilities, -1 and 1 for margins, numbers as they are."""
    X, y = samples("classes")
    words = np.array(["a", "b", "c"])[y]
    indicator = np.eye(3)[y]
    logistic, svc = LogisticRegression().fit(X, words), LinearSVC().fit(X, words)
    assert_array_equal(linear_view(logistic).targets(words), indicator)
    assert_array_equal(linear_view(svc).targets(words), 2 * indicator - 1)
    ridge = Ridge().fit(X, y)
    assert_array_equal(linear_view(ridge).targets(y.tolist()), y[:, None])
    labels = np.column_stack([y == 0, y == 1]).astype(int)
    several = RidgeClassifier().fit(X, labels)
    assert_array_equal(linear_view(several).targets(labels), 2 * labels - 1)


def test_penalty_of_each_output():
    """A ridge with a strength for each output has them all."""
    X, y = samples("real")
    model = Ridge(alpha=np.array([1.0, 4.0])).fit(X, np.column_stack([y, y]))
    assert_array_equal(linear_view(model).penalty(2.0), [0.5, 2.0])


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_penalty_that_is_not_quadratic_is_none():
    """An L1 penalty, or no penalty, adds no curvature."""
    l1 = LogisticRegression(l1_ratio=1.0, solver="saga", penalty="l1", max_iter=20)
    assert linear_view(l1).penalty(10.0) == 0.0
    assert linear_view(LogisticRegression(C=np.inf)).penalty(10.0) == 0.0
    assert linear_view(LinearRegression()).penalty(10.0) == 0.0


@pytest.mark.parametrize("name", ["linear", "softmax", "logistic", "ridge-classifier"])
def test_weights_round_trip(name):
    """Weights taken out and put back give the model again, in its own shapes."""
    model, kind = OPTIMA[name]
    X, y = samples(kind)
    model.fit(X, y)
    view = linear_view(model)
    W, b = view.weights
    twin = view.with_weights(2 * W, 3 * b).model
    assert_allclose(twin.coef_, 2 * model.coef_)
    assert_allclose(twin.intercept_, 3 * np.asarray(model.intercept_))
    assert np.shape(twin.coef_) == np.shape(model.coef_)
    assert np.shape(twin.intercept_) == np.shape(model.intercept_)
    assert twin.coef_.flags.c_contiguous


def test_model_without_intercept_gets_none():
    """Where there is no intercept, none is put."""
    model = Ridge(fit_intercept=False).fit(*samples("real"))
    view = linear_view(model)
    W, b = view.weights
    assert_array_equal(b, [0.0])
    assert view.with_weights(W, b + 5).model.intercept_ == 0.0


def test_dense_copy():
    """The copy is dense, without state of training, and shares nothing."""
    X, y = samples("classes")
    model = SGDClassifier(average=True, random_state=0).fit(X, y).sparsify()
    before = joblib.hash(model)
    twin = linear_view(model).dense_copy().model
    assert sparse.issparse(model.coef_) and not sparse.issparse(twin.coef_)
    assert_array_equal(twin.predict(X), model.predict(X))
    assert not {"_average_coef", "_standard_coef"} & set(vars(twin))
    twin.coef_ += 1
    twin.classes_ += 1
    assert joblib.hash(model) == before


class Stranger(LinearClassifierMixin, BaseEstimator):
    """A linear classifier of another library: logistic coefficients, in other units."""

    def fit(self, X, y):
        """Take them from scikit-learn."""
        model = LogisticRegression(C=0.1).fit(X, y)
        self.classes_, self.n_features_in_ = model.classes_, X.shape[1]
        self.coef_, self.intercept_ = 50 * model.coef_, 50 * model.intercept_
        return self


class Saying(Stranger):
    """The same, with a loss that it states."""

    skprune_loss_ = "log_loss"


@pytest.mark.parametrize("kind", ["binary", "classes"])
def test_unknown_loss_means_the_outputs_of_the_teacher(kind):
    """A linear model that nobody knows is fitted to its own outputs, in their scale."""
    X, y = samples(kind)
    model = Stranger().fit(X, y)
    assert type(linear_view(model)) is LinearView

    small = prune(model, X, y, rate=0.5, granularity="feature", method="magnitude")

    support = np.atleast_2d(small.coef_).any(axis=0)
    Z = model.decision_function(X).reshape(len(X), -1)
    refit = LinearRegression().fit(X[:, support], Z)
    assert_allclose(np.atleast_2d(small.coef_)[:, support], refit.coef_, rtol=2e-3)
    assert_allclose(small.intercept_, refit.intercept_, rtol=2e-3)


@pytest.mark.parametrize("method", ["magnitude", "l1", "taylor", "importance"])
def test_ranking_by_an_unknown_loss_does_not_ask_the_labels(method):
    """Labels that are shuffled change nothing."""
    X, y = samples("classes")
    model, other = Stranger().fit(X, y), np.roll(y, 40)
    options = {"rate": 0.5, "method": method, "random_state": 0}
    small, again = (prune(model, X, labels, **options) for labels in (y, other))
    assert_array_equal(small.coef_, again.coef_)


def test_stated_loss_counts():
    """A model that states its loss is pruned as one of scikit-learn of that loss."""
    X, y = samples("classes")
    assert linear_view(Saying().fit(X, y)).loss() is losses.SOFTMAX
    model = Saying().fit(X, y)
    model.skprune_loss_ = "log"
    with pytest.raises(ValueError, match=r"Saying\.skprune_loss_='log'.*'log_loss'"):
        linear_view(model)


@pytest.mark.parametrize("name", LOSSES)
def test_stated_losses_compare_outputs_with_targets(name):
    """Each loss that can be stated takes the targets of its view."""
    X, y = samples("positive" if name in ("poisson", "gamma") else "binary")
    model = LinearRegression().fit(X, y) if len(set(y)) > 2 else Stranger().fit(X, y)
    model.skprune_loss_ = name
    view = linear_view(model)
    W, b = view.weights
    assert np.isfinite(view.loss().value((X @ W + b) / 100, view.targets(y))).all()
    assert view.penalty(1.0) == 0.0


def test_registered_view_is_taken():
    """A view of a class serves its subclasses, until these state a loss."""

    class Registered(Stranger):
        pass

    class View(LinearView):
        def loss(self):
            return losses.LOGISTIC

    register_linear_view(Registered, View)
    model = Registered()
    assert isinstance(linear_view(model), View)
    model.skprune_loss_ = "squared_error"
    assert linear_view(model).loss() is losses.SQUARED


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_linear_models_of_scikit_learn_are_known():
    """None of them is taken for one of another library."""
    kinds = [kind for _, kind in all_estimators() if issubclass(kind, LINEAR_BASES)]
    assert len(kinds) > 30
    assert not [kind for kind in kinds if type(linear_view(kind())) is LinearView]
