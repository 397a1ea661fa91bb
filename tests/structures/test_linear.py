"""Linear models: recovery is the refit, whatever the model stores and is fed."""

import inspect
import pickle
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import ClassifierMixin, clone, is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils import all_estimators

from skprune import PruningEstimator, model_size, prune
from skprune.structures import family_of

REFUSED = {"CCA", "PLSCanonical", "PLSRegression", "SGDOneClassSVM"}


@pytest.fixture(scope="module")
def diabetes():
    """X, y, two targets and sample weights."""
    X, y = load_diabetes(return_X_y=True)
    weights = np.random.default_rng(0).uniform(0, 2, len(y))
    return X, y, np.column_stack([y, np.roll(y, 3) + 100 * X[:, 2]]), weights


@pytest.fixture(scope="module")
def cancer():
    """Standardised X and y."""
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def refitted(model, X, y, support, **fit_params):
    """The model fitted anew on the features of the support; zero elsewhere."""
    fresh = clone(model).fit(X[:, support], y, **fit_params)
    coef = np.zeros((np.atleast_2d(fresh.coef_).shape[0], X.shape[1]))
    coef[:, support] = fresh.coef_
    return coef, np.ravel(fresh.intercept_)


SQUARED = [
    LinearRegression(),
    LinearRegression(fit_intercept=False),
    LinearRegression(positive=True),
    Ridge(alpha=0.5),
    Ridge(alpha=0.5, fit_intercept=False),
    Ridge(alpha=0.5, positive=True, tol=1e-12),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("model", SQUARED, ids=str)
def test_recovery_is_the_refit_on_the_support(model, weighted, diabetes):
    """For squared loss the pruned model is the one fitted to its features alone."""
    X, y, _, weights = diabetes
    params = {"sample_weight": weights} if weighted else {}
    pruned = PruningEstimator(model, rate=0.5).fit(X, y, **params)

    coef, intercept = refitted(model, X, y, pruned.coef_ != 0, **params)

    assert_allclose(pruned.coef_, coef[0], rtol=1e-4, atol=1e-4)
    if model.fit_intercept:
        assert_allclose(pruned.intercept_, intercept, rtol=1e-6)
    else:
        assert np.ravel(pruned.intercept_) == 0.0


@pytest.mark.parametrize("alpha", [0.5, np.array([0.1, 0.5])], ids=["one", "each"])
def test_recovery_of_several_outputs(alpha, diabetes):
    """Each output is fitted on its own support with its own penalty."""
    X, _, targets, weights = diabetes
    model = Ridge(alpha=alpha)
    pruned = PruningEstimator(model, rate=0.55).fit(X, targets, sample_weight=weights)
    assert pruned.coef_.shape == (2, 10)
    for j, strength in enumerate(np.broadcast_to(alpha, 2)):
        own = Ridge(alpha=strength), X, targets[:, j], pruned.coef_[j] != 0
        coef, intercept = refitted(*own, sample_weight=weights)
        assert_allclose(pruned.coef_[j], coef[0], rtol=1e-5, atol=1e-6)
        assert_allclose(pruned.intercept_[j], intercept[0], rtol=1e-6)


def test_recovery_of_features_in_their_own_units():
    """Features whose scales differ by ten orders of magnitude are refitted alike."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 6)) * 10.0 ** np.array([-5, -2, 0, 1, 3, 5])
    y = X @ (10.0 ** -np.array([-5, -2, 0, 1, 3, 5])) + rng.normal(size=300)
    pruned = PruningEstimator(LinearRegression(), rate=0.5).fit(X, y)
    coef, intercept = refitted(LinearRegression(), X, y, pruned.coef_ != 0)
    assert_allclose(pruned.coef_, coef[0], rtol=1e-5)
    assert_allclose(pruned.intercept_, intercept, rtol=1e-5)


CURVED = {
    "logistic": (LogisticRegression(C=0.5, tol=1e-10, max_iter=1000), "classes"),
    "poisson": (PoissonRegressor(alpha=0.1, tol=1e-10, max_iter=1000), "counts"),
    "poisson, free": (PoissonRegressor(alpha=0, tol=1e-10, max_iter=1000), "counts"),
    "gamma": (GammaRegressor(alpha=0.1, tol=1e-10, max_iter=1000), "counts"),
    "tweedie": (
        TweedieRegressor(power=1.5, alpha=0.1, tol=1e-10, max_iter=1000),
        "counts",
    ),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", CURVED)
def test_recovery_comes_close_to_the_refit(name, weighted, cancer):
    """Models with a smooth loss reach the optimum on their support as well."""
    model, kind = CURVED[name]
    X, y = cancer
    if kind == "counts":
        y = np.round(np.exp(X[:, 0] / 4)) + 1
    weights = np.random.default_rng(0).uniform(0, 2, len(y))
    params = {"sample_weight": weights} if weighted else {}
    pruned = PruningEstimator(model, rate=0.6).fit(X, y, **params)

    coef, intercept = refitted(model, X, y, pruned.support_, **params)

    scale = np.abs(coef).max()
    assert_allclose(np.ravel(pruned.coef_), coef[0], atol=1e-3 * scale)
    assert_allclose(np.ravel(pruned.intercept_), intercept, atol=1e-3 * scale)


def test_recovery_of_a_multinomial_model():
    """Whole features of a softmax regression: the refit on what is left."""
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(tol=1e-10, max_iter=2000)
    pruned = PruningEstimator(model, granularity="feature", rate=0.5).fit(X, y)
    coef, intercept = refitted(model, X, y, pruned.support_)
    assert_allclose(pruned.coef_, coef, atol=2e-3 * np.abs(coef).max())
    assert_allclose(
        pruned.intercept_ - pruned.intercept_.mean(),
        intercept - intercept.mean(),
        atol=2e-3 * np.abs(intercept).max(),
    )


@pytest.mark.parametrize(
    "model",
    [LinearSVC(), SGDClassifier(random_state=0), Lasso(alpha=0.01), ElasticNet(0.01)],
    ids=lambda model: type(model).__name__,
)
def test_recovery_of_other_losses_pays(model, cancer):
    """Where least squares is a stand-in, it still brings predictions back."""
    X, y = cancer
    fitted = clone(model).fit(X, y)
    read = "decision_function" if is_classifier(model) else "predict"
    wanted = getattr(fitted, read)(X)
    error = {}
    for compensate in (False, True):
        pruned = prune(fitted, X, y, rate=0.6, compensate=compensate)
        error[compensate] = np.mean((getattr(pruned, read)(X) - wanted) ** 2)
    assert error[True] < error[False] / 2


SURE = {
    "free": LogisticRegression(C=np.inf, max_iter=2000),
    "nearly free": LogisticRegression(C=1e6, max_iter=2000),
    "sgd": SGDClassifier(loss="log_loss", random_state=0),
}


@pytest.mark.filterwarnings("ignore:Pruning loses classes")
@pytest.mark.parametrize("name", SURE)
@pytest.mark.parametrize(
    ("load", "rate"),
    [(load_breast_cancer, 0.5), (load_breast_cancer, 0.8), (load_iris, 0.5)],
)
def test_recovery_of_sure_models_pays(load, name, rate):
    """On few samples, of nearly all of which the model is certain, it helps."""
    X, y = load(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    right = {False: [], True: []}
    for seed in range(4):
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, train_size=90, random_state=seed, stratify=y
        )
        fitted = clone(SURE[name]).fit(X_train, y_train)
        for compensate, scores in right.items():
            pruned = prune(fitted, X_train, y_train, rate=rate, compensate=compensate)
            scores.append(pruned.score(X_test, y_test))
    assert np.mean(right[True]) > np.mean(right[False])
    assert min(right[True]) > min(right[False]) - 0.05


def test_positive_coefficients_stay_positive(cancer):
    """A model that may have no negative coefficient gets none by recovery."""
    X, y = cancer
    model = ElasticNet(alpha=0.01, positive=True)
    pruned = PruningEstimator(model, rate=0.5).fit(X, y)
    assert (pruned.coef_ >= 0).all()
    assert np.count_nonzero(pruned.coef_) <= pruned.support_.sum()


@pytest.mark.parametrize("granularity", ["connection", "feature"])
def test_single_precision_stays(granularity):
    """A model that is float32 has float32 coefficients after pruning."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    for model in (LogisticRegression(), Ridge()):
        pruned = PruningEstimator(model, granularity=granularity).fit(X, y)
        whole = clone(model).fit(X, y)
        for name in ("coef_", "intercept_"):
            kept = np.asarray(getattr(pruned, name)).dtype
            assert kept == np.asarray(getattr(whole, name)).dtype
        assert pruned.predict(X).shape == y.shape
    assert Ridge().fit(X, y).coef_.dtype == np.float32


def sparse_text(n_samples, n_features, seed=0):
    """Counts of words, most of them rare, and two classes that some words tell."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(n_samples), 20)
    words = rng.integers(n_features, size=len(rows))
    shape = n_samples, n_features
    X = sparse.csr_array((rng.random(len(rows)), (rows, words)), shape=shape)
    informative = rng.normal(size=n_features) * (rng.random(n_features) < 0.1)
    return X, (X @ informative > 0).astype(int)


@pytest.mark.parametrize("model", [LogisticRegression(C=10.0), RidgeClassifier()])
def test_wide_sparse_samples_are_never_densified(model):
    """50,000 features: no array of features by features, nor a dense X, is made."""
    X, y = sparse_text(1500, 50_000)
    fitted = clone(model).fit(X, y)
    tracemalloc.start()
    pruned = prune(fitted, X, y, rate=0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6 < 1500 * 50_000 * 8
    n_units = np.count_nonzero(fitted.coef_)
    assert np.count_nonzero(pruned.coef_) == n_units - round(n_units / 2) > 5000
    assert pruned.score(X, y) > 0.95


def test_wide_recovery_is_the_refit():
    """Above the size that is solved at once, conjugate gradients find the same."""
    X, _ = sparse_text(600, 12_000)
    model = Ridge(alpha=0.1, solver="sparse_cg", tol=1e-12)
    target = X @ np.random.default_rng(1).normal(size=12_000)
    fitted = model.fit(X, target)
    pruned = prune(fitted, X, target, rate=0.2)
    support = np.flatnonzero(pruned.coef_)
    assert len(support) > 5000
    coef, intercept = refitted(model, X, target, support)
    assert_allclose(pruned.coef_, coef[0], atol=1e-4 * np.abs(coef).max())
    assert_allclose(pruned.intercept_, intercept, rtol=1e-4)


def test_many_outputs_are_stored_sparse():
    """With many classes and few coefficients left, coef_ is a csr array."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 60))
    y = np.argmax(X[:, :25] + 0.1 * rng.normal(size=(400, 25)), axis=1)
    fitted = LogisticRegression().fit(X, y)
    pruned = prune(fitted, X, y, rate=0.95, compensate=False)
    assert sparse.issparse(pruned.coef_)
    dense = clone(fitted)
    vars(dense).update(vars(pruned), coef_=pruned.coef_.toarray())
    assert_allclose(pruned.predict_proba(X), dense.predict_proba(X))
    assert_array_equal(pruned.predict(X), dense.predict(X))
    assert len(pickle.dumps(pruned)) < len(pickle.dumps(fitted)) / 3
    again = prune(pruned, X, y, rate=0.5)
    assert model_size(again).n_nonzero < model_size(pruned).n_nonzero


def test_state_of_training_is_left_behind(cancer):
    """What only a further partial_fit would need is gone; predictions are not."""
    fitted = SGDRegressor(average=True, random_state=0).fit(*cancer)
    pruned = prune(fitted, *cancer, rate=0)
    assert len(pickle.dumps(pruned)) < len(pickle.dumps(fitted))
    assert_array_equal(pruned.predict(cancer[0]), fitted.predict(cancer[0]))


def data_for(kind):
    """X and some y of which a model of scikit-learn takes at least one."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    y = 2 * X[:, 0] - X[:, 1] + rng.normal(size=60)
    targets = [y, np.column_stack([y, -y + X[:, 2]]), np.exp(y / 4)]
    if issubclass(kind, ClassifierMixin):
        targets = [np.digitize(y, [-0.8, 0.8]), y > 0]
    return X, targets


def fitted_linear_models():
    """Every model of scikit-learn that has coef_ once it is fitted."""
    for name, kind in all_estimators():
        required = inspect.signature(kind).parameters.values()
        if not hasattr(kind, "predict") or any(
            p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in required
        ):
            continue
        X, targets = data_for(kind)
        for y in targets:
            try:
                model = kind().fit(X, y)
            except (AttributeError, IndexError, TypeError, ValueError):
                # no such targets, or nothing inside
                continue
            if hasattr(model, "coef_"):
                yield name, model, X, y


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_linear_model_of_scikit_learn_is_accounted_for():
    """A model that has coef_ is pruned, and predicts as its coef_ says, or refused."""
    seen = set()
    for name, model, X, y in fitted_linear_models():
        seen.add(name)
        if name in REFUSED:
            with pytest.raises(TypeError, match=rf"{name} .*linear models"):
                prune(model, X, y, rate=0.5)
            continue
        assert family_of(model).name == "linear models", name
        pruned = prune(model, X, y, rate=0.5)
        assert np.shape(pruned.coef_) == np.shape(model.coef_), name
        assert np.shape(pruned.intercept_) == np.shape(model.intercept_), name
        n_units = np.count_nonzero(model.coef_)
        assert np.count_nonzero(pruned.coef_) == n_units - round(n_units / 2), name
        assert_predicts_as_coefficients_say(pruned, X, name)
    assert len(seen) > 35 and seen >= REFUSED


def assert_predicts_as_coefficients_say(model, X, name):
    """Predictions are X coef_^T + intercept_, through the link or the classes."""
    Z = X @ np.atleast_2d(model.coef_).T + model.intercept_
    if not is_classifier(model):
        log_link = name in ("GammaRegressor", "PoissonRegressor")
        wanted = np.exp(Z) if log_link else Z
        shape = (len(X),) if np.ndim(model.coef_) == 1 else Z.shape
        assert_allclose(model.predict(X), wanted.reshape(shape), err_msg=name)
        return
    one = Z.shape[1] == 1
    assert_allclose(model.decision_function(X), Z.ravel() if one else Z, err_msg=name)
    codes = (Z[:, 0] > 0).astype(int) if one else Z.argmax(axis=1)
    assert_array_equal(model.predict(X), model.classes_[codes], err_msg=name)
