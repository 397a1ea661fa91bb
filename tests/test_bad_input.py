"""What cannot work is refused in words, before any model is fitted."""

import joblib
import numpy as np
import pytest
from joblib import dump, load
from numpy.testing import assert_array_equal
from sklearn.ensemble import (
    IsolationForest,
    RandomForestClassifier,
    RandomTreesEmbedding,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    SGDOneClassSVM,
)
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skprune import Magnitude, PruningEstimator, model_size, prune

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class NeverFitted(Ridge):
    """A ridge whose fit says that the error came too late."""

    def fit(self, X, y, sample_weight=None):
        raise AssertionError("The model was fitted before the parameters were checked.")


class NeverFittedNet(MLPRegressor):
    """The same of a network."""

    def fit(self, X, y, sample_weight=None):
        raise AssertionError("The model was fitted before the parameters were checked.")


BAD_PARAMETERS = [
    ("rate", 1.0, r"1\.0"),
    ("rate", -0.1, r"-0\.1"),
    ("rate", np.nan, "nan"),
    ("rate", np.inf, "inf"),
    ("rate", "half", "half"),
    ("rate", None, "None"),
    ("rate", True, "True"),
    ("rate", 2, "2"),
    ("method", "magnitud", "magnitud.*'magnitude'"),
    ("method", 3, "3"),
    ("method", Magnitude, "Magnitude.*method object"),
    ("granularity", "weigths", "weigths.*'connection'.*'coefficient'.*'feature'"),
    ("granularity", "layer", "'layer'.*linear models.*'connection'.*'feature'"),
    ("granularity", 2, "2"),
    ("scope", "globel", "globel"),
    ("scope", None, "None"),
    ("n_steps", 0, "0"),
    ("n_steps", 1.5, r"1\.5"),
    ("n_steps", True, "True"),
    ("compensate", "yes", "yes"),
    ("finetune", -1, "-1"),
    ("finetune", 2, "finetune=2.*linear models are not trained by passes.*finetune=0"),
    ("memory", 3, "3"),
    ("random_state", "seed", "seed"),
    ("verbose", "loud", "loud"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD_PARAMETERS)
def test_bad_parameter(iris, name, value, message):
    """A parameter out of its range is named with its value before any fit."""
    model = PruningEstimator(NeverFitted(), **{name: value})
    with pytest.raises(ValueError, match=message) as raised:
        model.fit(*iris)
    assert name in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        case
        for case in BAD_PARAMETERS
        if case[0] not in ("memory", "random_state", "verbose")
    ],
)
def test_bad_parameter_of_prune(iris, name, value, message):
    """The function refuses what the estimator refuses."""
    model = Ridge().fit(*iris)
    options = {"rate": 0.5, name: value}
    with pytest.raises(ValueError, match=message) as raised:
        prune(model, *iris, **options)
    assert name in str(raised.value)


def test_bad_parameter_of_the_method(iris):
    """Parameters of a method object are checked before any fit too."""
    model = PruningEstimator(NeverFitted(), method=Magnitude(scale="sideways"))
    with pytest.raises(ValueError, match=r"'scale'.*Magnitude.*sideways"):
        model.fit(*iris)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (NeverFittedNet(), "'stage'.*MLPs.*'connection'.*'neuron'.*'layer'.*'feature'"),
        (DecisionTreeRegressor(), "'stage'.*'connection'.*'split'.*'layer'.*'depth'"),
        (RandomForestClassifier(), "'stage'.*'neuron' .or 'tree'.*"),
        (
            make_pipeline(StandardScaler(), GridSearchCV(NeverFitted(), {})),
            "'stage'.*linear models",
        ),
    ],
    ids=["mlp", "tree", "forest", "nested"],
)
def test_granularity_that_the_family_lacks(iris, model, message):
    """The error names those that the family has, with its own words for them."""
    with pytest.raises(ValueError, match=message):
        PruningEstimator(model, granularity="stage").fit(*iris)


@pytest.mark.parametrize(
    "model",
    [
        GaussianNB(),
        IsolationForest(),
        KNeighborsClassifier(),
        RandomTreesEmbedding(),
        SGDOneClassSVM(),
        SVC(),
        SVC(kernel="linear"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_unsupported_model(iris, model):
    """The error names the model and the families that can be pruned."""
    pattern = f"{type(model).__name__} .*pruned.*(linear models|MLPs)"
    for inside in (model, make_pipeline(StandardScaler(), model)):
        with pytest.raises(TypeError, match=pattern):
            PruningEstimator(inside).fit(*iris)


@pytest.mark.parametrize(
    "ensemble",
    [
        StackingClassifier([("a", GaussianNB())], final_estimator=GaussianNB()),
        VotingClassifier([("a", GaussianNB()), ("b", GaussianNB())]),
    ],
    ids=lambda ensemble: type(ensemble).__name__,
)
def test_ensemble_without_a_model_that_can_be_pruned(iris, ensemble):
    """The error names the models inside and the families that can be pruned."""
    for inside in (ensemble, make_pipeline(StandardScaler(), ensemble)):
        with pytest.raises(TypeError, match=r"pruned.*GaussianNB.*linear models"):
            PruningEstimator(inside).fit(*iris)


def test_what_is_no_estimator(iris):
    """A class, a name or nothing in place of the model is refused."""
    for model in ("ridge", None, 3):
        with pytest.raises(ValueError, match="'estimator' parameter"):
            PruningEstimator(model).fit(*iris)


def test_pipeline_without_a_model(iris):
    """A pipeline whose last step does nothing has nothing to prune."""
    pipeline = make_pipeline(StandardScaler(), "passthrough")
    with pytest.raises((TypeError, ValueError), match=r"pruned|predict"):
        PruningEstimator(pipeline).fit(*iris)


def test_search_without_a_refit(iris):
    """A search that keeps no model says what to set."""
    search = GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=2, refit=False)
    with pytest.raises((AttributeError, ValueError), match="refit"):
        PruningEstimator(search).fit(*iris)


def test_model_that_is_not_fitted(iris):
    """prune and model_size need a fitted model."""
    with pytest.raises(NotFittedError):
        prune(Ridge(), *iris, rate=0.5)
    with pytest.raises(NotFittedError):
        model_size(Ridge())
    with pytest.raises(TypeError, match="KNeighborsClassifier"):
        model_size(KNeighborsClassifier().fit(*iris))


@pytest.mark.parametrize("model", [Ridge(), MLPRegressor(max_iter=5)])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_missing_values_where_the_model_refuses_them(iris, model, value):
    """NaN and infinity are refused, also when the model is fitted already."""
    X, y = iris
    holes = X.copy()
    holes[3, 1] = value
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
        PruningEstimator(model).fit(holes, y)
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
        prune(model.fit(X, y), holes, y, rate=0.5)


def fitted_models(iris):
    """A fitted classifier of each family."""
    models = [
        LogisticRegression(max_iter=500),
        MLPClassifier(hidden_layer_sizes=(5,), max_iter=20, random_state=0),
        DecisionTreeClassifier(),
        RandomForestClassifier(n_estimators=3, random_state=0),
    ]
    return [model.fit(*iris) for model in models]


def test_classes_that_a_frozen_model_never_saw(iris):
    """Unknown classes are named, and those that the model knows."""
    X, y = iris
    for model in fitted_models(iris):
        with pytest.raises(ValueError, match=r"\[3\].*never saw.*\[0, 1, 2\]"):
            PruningEstimator(FrozenEstimator(model)).fit(X, y + 1)
        with pytest.raises(ValueError, match=r"never saw"):
            prune(model, X, np.array(["a", "b", "c"])[y], rate=0.5)


def test_targets_that_do_not_fit_the_samples(iris):
    """Too few targets, none, or NaN among them."""
    X, y = iris
    for model in fitted_models(iris):
        with pytest.raises(ValueError, match=r"inconsistent numbers of samples"):
            prune(model, X, y[:-1], rate=0.5)
        with pytest.raises(ValueError, match="y=None"):
            prune(model, X, None, rate=0.5)
    model = Ridge().fit(X, y)
    with pytest.raises(ValueError, match="NaN or infinite targets"):
        prune(model, X, np.where(y == 1, np.nan, y), rate=0.5)


def test_samples_with_other_features(iris):
    """A fitted model says how many features it expects."""
    X, y = iris
    for model in fitted_models(iris):
        with pytest.raises(ValueError, match=r"3 features.*expecting 4"):
            prune(model, X[:, :3], y, rate=0.5)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(150), "All sample weights are zero"),
        (np.ones(149), r"shape \(149,\).*\(150,\)"),
        (-np.ones(150), "not negative"),
        (np.full(150, np.nan), "finite"),
        (np.ones((150, 2)), r"shape \(150, 2\)"),
        ("balanced", r"'balanced' is not one number.*compute_sample_weight"),
    ],
    ids=["zero", "short", "negative", "nan", "2d", "word"],
)
def test_bad_weights(iris, weights, message):
    """Weights that weigh nothing, or do not fit, are refused for every family."""
    for model in fitted_models(iris):
        with pytest.raises(ValueError, match=message):
            prune(model, *iris, rate=0.5, sample_weight=weights)


@pytest.mark.parametrize("model", [LogisticRegression(), MLPClassifier(max_iter=2)])
def test_one_class(iris, model):
    """One class is refused by models that need two, as without pruning."""
    X, _ = iris
    with pytest.raises(ValueError, match=r"class"):
        if isinstance(model, MLPClassifier):
            frozen = FrozenEstimator(model.fit(X, np.zeros(150)))
            PruningEstimator(frozen).fit(X, np.ones(150))
        else:
            PruningEstimator(model).fit(X, np.zeros(150))


WORKING = {
    "one sample": (np.array([[1.0, 2.0]]), np.array([1.0])),
    "one feature": (np.arange(20.0)[:, None], np.arange(20.0)),
    "constant columns": (
        np.column_stack([np.ones(20), np.arange(20.0), np.zeros(20)]),
        np.arange(20.0),
    ),
    "constant target": (np.random.default_rng(0).normal(size=(20, 3)), np.ones(20)),
    "more features than samples": (
        np.random.default_rng(0).normal(size=(5, 20)),
        np.arange(5.0),
    ),
}


@pytest.mark.filterwarnings("ignore:rate=0.9 asks:UserWarning")
@pytest.mark.parametrize(
    "model",
    [
        LinearRegression(),
        Ridge(),
        MLPRegressor(hidden_layer_sizes=(4, 3), max_iter=5, random_state=0),
        DecisionTreeRegressor(),
        RandomForestClassifier(n_estimators=3, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("name", WORKING)
def test_meagre_samples_work(model, name):
    """One sample, one feature, constants: the model is pruned and predicts numbers."""
    X, y = WORKING[name]
    for granularity in ("connection", "feature"):
        pruned = PruningEstimator(model, granularity=granularity, rate=0.9).fit(X, y)
        predicted = pruned.predict(X)
        assert predicted.shape == y.shape
        assert np.isfinite(predicted).all()


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(max_iter=500),
        MLPClassifier(hidden_layer_sizes=(5,), max_iter=20),
        DecisionTreeClassifier(),
        RandomForestClassifier(n_estimators=3),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("memmap", [False, True], ids=["arrays", "read-only memmaps"])
def test_samples_are_never_changed(iris, model, memmap, tmp_path):
    """X, y and weights stay as they are, and need not be writeable."""
    X, y = iris
    samples = [X, y, np.linspace(0.5, 1.5, len(y))]
    if memmap:
        dump(samples, tmp_path / "samples")
        samples = load(tmp_path / "samples", mmap_mode="r")
    before = joblib.hash([np.array(part) for part in samples])

    options = {"n_steps": 2, "method": "taylor", "random_state": 0}
    pruned = PruningEstimator(model, **options)
    pruned.fit(samples[0], samples[1], sample_weight=samples[2])

    assert joblib.hash([np.array(part) for part in samples]) == before
    again = PruningEstimator(model, **options).fit(X, y, sample_weight=samples[2])
    assert_array_equal(pruned.predict(X), again.predict(X))


def test_lists_are_taken(iris):
    """X and y may be lists."""
    X, y = iris
    model = PruningEstimator(LogisticRegression(max_iter=500))
    listed = model.fit(X.tolist(), y.tolist()).coef_
    assert_array_equal(listed, model.fit(X, y).coef_)


def test_method_that_returns_nonsense(iris):
    """A function is held to one finite, non-negative number a unit."""
    for bad in (
        lambda readout, rng: np.ones(readout.n_units + 1),
        lambda readout, rng: np.full(readout.n_units, np.nan),
        lambda readout, rng: -np.ones(readout.n_units),
        lambda readout, rng: None,
    ):
        with pytest.raises((TypeError, ValueError)):
            PruningEstimator(Ridge(), method=bad).fit(*iris)
