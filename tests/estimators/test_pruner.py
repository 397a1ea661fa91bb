"""PruningEstimator as a scikit-learn estimator: searches, frames, containers."""

import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_validate,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skprune import Magnitude, PruningEstimator, model_size, prune

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def digits(digits):
    """A few rows of X in [0, 1], and ten classes."""
    X, y = digits
    return X[:400] / 16, y[:400]


def small_net(**options):
    """A network that is trained in a moment."""
    options = {"hidden_layer_sizes": (16, 8), "max_iter": 40, **options}
    return MLPClassifier(random_state=0, **options)


def test_fitted_attributes(cancer):
    """Importances, support, counts and rate agree with each other and the model."""
    model = PruningEstimator(LogisticRegression(max_iter=5000), rate=0.6).fit(*cancer)
    assert model.n_units_ == 30 and model.rate_ == 0.6
    assert model.importances_.shape == model.support_.shape == (30,)
    assert_array_equal(model.support_, model.coef_[0] != 0)
    assert model.support_.sum() == 12
    kept, gone = model.importances_[model.support_], model.importances_[~model.support_]
    assert kept.min() > gone.max()
    assert model.report_.after.n_nonzero == 12 + 1


@pytest.mark.parametrize("search", [GridSearchCV, HalvingGridSearchCV])
def test_search_over_rate_method_and_granularity(search, digits, tmp_path):
    """In a pipeline all parameters can be searched over."""
    net = small_net(learning_rate_init=0.01)
    net = PruningEstimator(net, memory=str(tmp_path), random_state=0)
    grid = {
        "prune__rate": [0.3, 0.9],
        "prune__method": ["magnitude", "random", Magnitude(scale=None)],
        "prune__granularity": ["connection", "neuron"],
    }
    options = {"random_state": 0} if search is HalvingGridSearchCV else {}
    pipeline = Pipeline([("scale", StandardScaler()), ("prune", net)])

    found = search(pipeline, grid, cv=2, **options).fit(*digits)

    assert found.best_params_["prune__rate"] == 0.3
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()
    assert found.score(*digits) > 0.8


def test_search_over_parameters_of_the_method_and_the_model(diabetes):
    """Nested parameters of both are reached by name."""
    model = PruningEstimator(Ridge(), method=Magnitude())
    grid = {"method__scale": ["inputs", None], "estimator__alpha": [0.1, 10.0]}
    found = GridSearchCV(model, grid, cv=2).fit(*diabetes)
    assert found.best_params_["estimator__alpha"] == 0.1
    assert found.best_estimator_.estimator_.alpha == 0.1


def test_randomized_search_in_parallel(cancer):
    """Rates drawn at random, folds in two processes."""
    model = PruningEstimator(Ridge(), random_state=0)
    rates = {"rate": np.linspace(0, 0.9, 10)}
    options = {"n_iter": 3, "cv": 2, "random_state": 0}
    alone = RandomizedSearchCV(model, rates, **options).fit(*cancer)
    two = RandomizedSearchCV(model, rates, n_jobs=2, **options).fit(*cancer)
    key = "mean_test_score"
    assert_allclose(two.cv_results_[key], alone.cv_results_[key])


def test_cross_validate_returns_pruned_models(cancer):
    """The model of each fold has the same number of units removed."""
    model = PruningEstimator(Ridge(), rate=0.5)
    results = cross_validate(model, *cancer, cv=3, return_estimator=True)
    assert [fold.support_.sum() for fold in results["estimator"]] == [15, 15, 15]
    assert (results["test_score"] > 0.5).all()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_names_of_columns(library, iris):
    """Names are kept, and other names at prediction are an error."""
    X, y = iris
    names = ["a", "b", "c", "d"]
    frame = pd.DataFrame(X, columns=names)
    other = frame.rename(columns={"a": "z"})
    if library == "polars":
        frame, other = pl.from_pandas(frame), pl.from_pandas(other)
        if not hasattr(Ridge().fit(frame, y), "feature_names_in_"):
            pytest.skip("This scikit-learn does not read the names of this polars.")

    model = PruningEstimator(LogisticRegression(max_iter=500)).fit(frame, y)

    assert_array_equal(model.feature_names_in_, names)
    assert_array_equal(model.estimator_.feature_names_in_, names)
    plain = PruningEstimator(LogisticRegression(max_iter=500)).fit(X, y)
    assert_array_equal(model.predict(frame), plain.predict(X))
    assert not hasattr(plain, "feature_names_in_")
    with pytest.raises(ValueError, match="feature names"):
        model.predict(other)


def test_refit_on_other_columns_forgets_names(iris):
    """Feature names of an earlier fit are deleted."""
    X, y = iris
    model = PruningEstimator(Ridge())
    model.fit(pd.DataFrame(X, columns=list("abcd")), y).fit(X[:, :3], y)
    assert not hasattr(model, "feature_names_in_")
    assert model.n_features_in_ == 3


def test_mixed_columns_in_a_pipeline_inside():
    """A data frame with strings passes through a pipeline inside to its last model."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"size": rng.normal(size=80), "colour": rng.choice(["red", "blue"], 80)}
    )
    y = np.where(frame["colour"] == "red", "warm", "cold")
    columns = ColumnTransformer(
        [("n", StandardScaler(), ["size"]), ("c", OneHotEncoder(), ["colour"])]
    )
    inside = make_pipeline(columns, LogisticRegression())

    model = PruningEstimator(inside, rate=0.67).fit(frame, y)

    assert model.score(frame, y) == 1.0
    assert_array_equal(model.support_, [False, True, False])
    assert list(model.classes_) == ["cold", "warm"]


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix])
def test_sparse_samples(kind, digits):
    """Sparse X gives the model that dense X gives."""
    X, y = digits
    model = PruningEstimator(Ridge(solver="sparse_cg", tol=1e-12), rate=0.7)
    thin, dense = clone(model).fit(kind(X), y), clone(model).fit(X, y)
    assert_array_equal(thin.support_, dense.support_)
    assert_allclose(thin.predict(kind(X)), dense.predict(X), rtol=1e-6)


def test_text():
    """A text pipeline with sparse features ends in a pruned model."""
    texts = [f"{word} w{i % 7}" for i in range(40) for word in ("good", "bad")]
    y = ["up", "down"] * 40
    pipeline = make_pipeline(
        TfidfVectorizer(), PruningEstimator(LogisticRegression(), rate=0.7)
    )
    assert pipeline.fit(texts, y).score(texts, y) == 1.0


def test_word_labels(iris):
    """Class labels may be strings."""
    X, y = iris
    words = np.array(["low", "mid", "top"])[y]
    model = PruningEstimator(LogisticRegression(max_iter=500)).fit(X, words)
    assert list(model.classes_) == ["low", "mid", "top"]
    assert model.score(X, words) > 0.9


@pytest.mark.parametrize("copied", ["pickle", "joblib", "clone"])
def test_copies(copied, iris, tmp_path):
    """A pickle predicts the same; a clone has the same parameters and no model."""
    model = PruningEstimator(
        RandomForestClassifier(n_estimators=4), method=Magnitude(), random_state=0
    ).fit(*iris)
    if copied == "clone":
        twin = clone(model)
        assert not hasattr(twin, "estimator_")
        assert twin.method is not model.method
        twin.fit(*iris)
    elif copied == "pickle":
        twin = pickle.loads(pickle.dumps(model))
    else:
        joblib.dump(model, tmp_path / "model")
        twin = joblib.load(tmp_path / "model")
    assert_array_equal(twin.predict_proba(iris[0]), model.predict_proba(iris[0]))
    assert_array_equal(twin.support_, model.support_)


def test_parameters_are_never_changed(digits):
    """Neither the estimator nor the method object is fitted or written to."""
    net, method = small_net(), Magnitude()
    before = joblib.hash((net, method))
    model = PruningEstimator(net, method=method, random_state=3).fit(*digits)
    assert joblib.hash((net, method)) == before
    assert model.estimator is net and model.method is method


def test_result_is_plain_and_of_the_same_class(digits):
    """The result is a scikit-learn model whose parameters match its shape."""
    model = PruningEstimator(small_net(), granularity="neuron", rate=0.5).fit(*digits)
    assert type(model.estimator_) is MLPClassifier
    sizes = [W.shape[1] for W in model.estimator_.coefs_[:-1]]
    assert tuple(sizes) == model.estimator_.hidden_layer_sizes
    assert sum(sizes) == 12
    clone(model.estimator_).fit(*digits)


def pipeline_inside():
    """A pipeline with two transformers, one of them left out."""
    return Pipeline(
        [
            ("scale", StandardScaler()),
            ("nothing", "passthrough"),
            ("reduce", PCA(8, random_state=0)),
            ("model", Ridge()),
        ]
    )


CONTAINERS = {
    "pipeline": (pipeline_inside(), lambda m: m[-1]),
    "search": (
        GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2),
        lambda m: m.best_estimator_,
    ),
    "target": (
        TransformedTargetRegressor(Ridge(), transformer=StandardScaler()),
        lambda m: m.regressor_,
    ),
    "nested": (
        TransformedTargetRegressor(
            GridSearchCV(pipeline_inside(), {"model__alpha": [0.1, 1.0]}, cv=2),
            func=np.log,
            inverse_func=np.exp,
        ),
        lambda m: m.regressor_.best_estimator_[-1],
    ),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_container_inside(name, diabetes):
    """The model at the end is pruned, and the container predicts with it."""
    container, end_of = CONTAINERS[name]
    X, y = diabetes
    model = PruningEstimator(container, rate=0.5).fit(X, y)

    plain = end_of(model.estimator_)
    assert type(model.estimator_) is type(container) and type(plain) is Ridge
    assert np.count_nonzero(plain.coef_) == model.support_.sum()
    assert model.n_units_ == len(plain.coef_)
    whole = clone(container).fit(X, y)
    assert_allclose(
        PruningEstimator(container, rate=0).fit(X, y).predict(X), whole.predict(X)
    )
    assert model.score(X, y) > 0.8 * whole.score(X, y)


def test_pruned_on_what_the_model_sees(diabetes):
    """The model in a pipeline is pruned on transformed samples and targets."""
    X, y = diabetes
    inside = make_pipeline(StandardScaler(), Ridge())
    container = TransformedTargetRegressor(inside, func=np.log, inverse_func=np.exp)
    model = PruningEstimator(container, rate=0.5).fit(X, y)

    scaled = StandardScaler().fit_transform(X)
    wanted = prune(Ridge().fit(scaled, np.log(y)), scaled, np.log(y), rate=0.5)

    assert_allclose(model.estimator_.regressor_[-1].coef_, wanted.coef_, rtol=1e-10)


def test_floor_is_said_and_counted(digits):
    """If layers keep their last unit, a warning is raised and rate_ is lower."""
    model = PruningEstimator(small_net(), granularity="neuron", rate=0.99)
    with pytest.warns(UserWarning, match=r"rate=0.99 asks to remove 24 of.*only 22"):
        model.fit(*digits)
    assert model.rate_ == 22 / 24
    assert model.estimator_.hidden_layer_sizes == (1, 1)


def test_verbose_prints_a_line_a_step(diabetes, capsys):
    """verbose=1 prints units and loss after each step; the default prints nothing."""
    model = PruningEstimator(Ridge(), rate=0.75, n_steps=2)
    model.fit(*diabetes)
    assert capsys.readouterr().out == ""
    model.set_params(verbose=1).fit(*diabetes)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "[skprune] step 1/2: 5 of 10 units left",
        "[skprune] step 2/2: 2 of 10 units left",
    ]


def test_partial_fit_holds_removed_weights_at_zero(digits):
    """A pass changes the remaining weights only, and lowers the training loss."""
    X, y = digits
    model = PruningEstimator(small_net(), rate=0.8, compensate=False, random_state=0)
    model.fit(X, y)
    before = model.estimator_.coefs_
    score = model.score(X, y)

    for _ in range(5):
        assert model.partial_fit(X, y) is model

    for old, new in zip(before, model.estimator_.coefs_):
        assert_array_equal(new == 0, old == 0)
        assert not np.array_equal(old, new)
    assert model.score(X, y) > score


def test_partial_fit_of_sparse_weights(digits):
    """partial_fit works on csr weights, whose zeros stay removed."""
    X, y = digits
    model = PruningEstimator(small_net(), rate=0.9, random_state=0).fit(X, y)
    dense = model.estimator_.coefs_
    model.estimator_.coefs_ = [sparse.csr_array(W) for W in dense]

    model.partial_fit(X[:100], y[:100], sample_weight=np.ones(100))

    for old, new in zip(dense, model.estimator_.coefs_):
        assert_array_equal(new == 0, old == 0)
        assert not np.array_equal(old, new)


def test_partial_fit_before_fit(digits):
    """The first call is a fit, which needs samples of every class."""
    X, y = digits
    model = PruningEstimator(small_net(), random_state=0)
    with pytest.raises(ValueError, match=r"none of the classes \[9\]"):
        model.partial_fit(X[y < 9], y[y < 9], classes=np.arange(10))
    model.partial_fit(X, y, classes=np.arange(10))
    wanted = clone(model).fit(X, y)
    assert_array_equal(model.predict_proba(X), wanted.predict_proba(X))


def test_partial_fit_knows_its_classes(digits):
    """A class that the model never saw is named."""
    X, y = digits
    model = PruningEstimator(small_net(), random_state=0).fit(X[y < 9], y[y < 9])
    with pytest.raises(ValueError, match=r"classes \[9\].*never saw"):
        model.partial_fit(X, y)


def test_partial_fit_inside_a_pipeline(diabetes):
    """The network at the end of a pipeline is trained on transformed samples."""
    X, y = diabetes
    net = MLPRegressor(hidden_layer_sizes=(8,), max_iter=20, random_state=0)
    model = PruningEstimator(make_pipeline(StandardScaler(), net), random_state=0)
    model.fit(X, y)
    before = model.estimator_
    model.partial_fit(X, y)
    assert_array_equal(before[0].mean_, model.estimator_[0].mean_)
    assert not np.array_equal(before[-1].coefs_[0], model.estimator_[-1].coefs_[0])


def test_finetune_trains_after_each_step(digits):
    """Passes after pruning restore the score of an uncompensated network."""
    options = {"rate": 0.8, "compensate": False, "random_state": 0}
    bare = PruningEstimator(small_net(), **options).fit(*digits)
    tuned = PruningEstimator(small_net(), finetune=5, **options).fit(*digits)
    assert tuned.score(*digits) > bare.score(*digits)
    assert model_size(tuned).n_nonzero == model_size(bare).n_nonzero


def test_html_of_the_estimator_and_of_the_report(cancer):
    """The estimator and its report are shown as HTML."""
    model = PruningEstimator(Ridge()).fit(*cancer)
    assert "PruningEstimator" in model._repr_html_()
    assert "<table>" in model.report_._repr_html_()
    assert repr(model) == "PruningEstimator(estimator=Ridge())"
