"""The model before it is pruned: seeds, cache, frozen models, metadata."""

import pickle

import joblib
import numpy as np
import pytest
from joblib import Memory
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune import PruningEstimator, prune
from skprune.engine.fits import seeded
from skprune.estimators.routing import check_shows_all
from skprune.numerics.held import arrays_of
from skprune.structures import Samples
from tests.prunings import pruned_once

RATES = [0.2, 0.5, 0.8]


class CountedRidge(Ridge):
    """A ridge that counts how often any of its kind is fitted."""

    n_fits = 0

    def fit(self, X, y, sample_weight=None):
        CountedRidge.n_fits += 1
        return super().fit(X, y, sample_weight=sample_weight)


@pytest.fixture
def counted():
    """The class, its count at zero."""
    CountedRidge.n_fits = 0
    return CountedRidge


@pytest.fixture(scope="module")
def diabetes():
    """X, y and sample weights."""
    X, y = load_diabetes(return_X_y=True)
    return X, y, np.random.default_rng(0).uniform(0, 2, len(y))


@pytest.fixture(scope="module")
def cancer():
    """Standardised X and y."""
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture
def routing():
    """Metadata routing, switched on."""
    with config_context(enable_metadata_routing=True):
        yield


def grid(estimator, **options):
    """A search over rates with three folds."""
    return GridSearchCV(estimator, {"rate": RATES}, cv=3, **options)


def test_seeds_reach_every_nested_estimator():
    """All parameters named random_state are set, each to its own number."""
    pipeline = make_pipeline(StandardScaler(), RandomForestClassifier())
    nested = PruningEstimator(GridSearchCV(pipeline, {}))

    first = seeded(clone(nested), 0).get_params()

    names = [name for name in first if name.split("__")[-1] == "random_state"]
    assert len(names) == 2 and len({first[name] for name in names}) == 2
    again = seeded(clone(nested), 0).get_params()
    assert all(first[name] == again[name] is not None for name in names)
    assert seeded(clone(nested), None).get_params()["random_state"] is None


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", [MLPClassifier, RandomForestClassifier])
def test_one_random_state_makes_all_repeat(kind, cancer):
    """The same outer seed gives the same model, whatever is random inside."""
    model = kind(max_iter=5) if kind is MLPClassifier else kind(n_estimators=3)
    fits = [
        PruningEstimator(model, method="random", random_state=seed).fit(*cancer)
        for seed in (0, 0, 1)
    ]
    assert_array_equal(fits[0].support_, fits[1].support_)
    probabilities = [fit.predict_proba(cancer[0]) for fit in fits]
    assert_array_equal(probabilities[0], probabilities[1])
    assert not np.array_equal(probabilities[0], probabilities[2])


def test_random_state_object_is_drawn_from(diabetes):
    """A RandomState gives the same model from the same state, and moves on."""
    X, y, _ = diabetes
    state = np.random.RandomState(3)
    model = PruningEstimator(Ridge(), method="random", random_state=state)
    first, second = model.fit(X, y).support_, model.fit(X, y).support_
    model.set_params(random_state=np.random.RandomState(3))
    assert_array_equal(model.fit(X, y).support_, first)
    assert not np.array_equal(first, second)


def test_cache_fits_once_a_fold(counted, diabetes, tmp_path):
    """A search over rates fits each fold once with memory, once a rate without."""
    X, y, _ = diabetes
    plain = grid(PruningEstimator(counted())).fit(X, y)
    assert counted.n_fits == 3 * 3 + 1

    counted.n_fits = 0
    cached = grid(PruningEstimator(counted(), memory=str(tmp_path))).fit(X, y)

    assert counted.n_fits == 3 + 1
    key = "mean_test_score"
    assert_array_equal(cached.cv_results_[key], plain.cv_results_[key])


def test_cache_serves_methods_and_granularities(counted, diabetes, tmp_path):
    """Whatever does not change the model is pruned from one fit."""
    X, y, _ = diabetes
    model = PruningEstimator(counted(), memory=str(tmp_path))
    for method in ("magnitude", "random", "taylor"):
        for granularity in ("connection", "feature"):
            model.set_params(method=method, granularity=granularity).fit(X, y)
    assert counted.n_fits == 1
    model.set_params(estimator__alpha=2.0).fit(X, y)
    assert counted.n_fits == 2


@pytest.mark.parametrize("mmap_mode", [None, "r"])
@pytest.mark.parametrize(
    "model", [Ridge(), make_pipeline(StandardScaler(), Ridge())], ids=["bare", "inside"]
)
def test_cached_model_is_never_changed(model, diabetes, tmp_path, mmap_mode):
    """Pruning leaves the cached model whole, and its result can be written to."""
    X, y, _ = diabetes
    memory = Memory(tmp_path, mmap_mode=mmap_mode, verbose=0)
    pruned = PruningEstimator(model, memory=memory)

    for rate in (0.5, 0.9, 0.0):
        pruned.set_params(rate=rate).fit(X, y)
        for array in arrays_of(pruned.estimator_):
            assert array.flags.writeable
            array += 0

    assert_allclose(pruned.predict(X), clone(model).fit(X, y).predict(X), rtol=1e-12)


def test_cached_forest_is_recovered_like_a_fresh_one(cancer, tmp_path):
    """A forest read from a cache is compensated exactly as if it were just fitted."""
    model = PruningEstimator(
        RandomForestClassifier(9), rate=0.7, random_state=0, granularity="split"
    )
    wanted = model.fit(*cancer).predict_proba(cancer[0])
    model.set_params(memory=str(tmp_path))
    for _ in range(3):
        assert_array_equal(model.fit(*cancer).predict_proba(cancer[0]), wanted)
    assert len(list(tmp_path.rglob("output.pkl"))) == 1


def test_deleted_cache_is_not_answered_from_the_process(cancer, tmp_path):
    """If the cached file is gone, the model is fitted anew: another random draw."""
    X, y = cancer
    model = PruningEstimator(RandomForestClassifier(5), memory=str(tmp_path))
    first = model.fit(X, y).predict_proba(X)
    for path in tmp_path.rglob("pickled_fit/*/output.pkl"):
        path.unlink()

    again = model.fit(X, y).predict_proba(X)

    [path] = tmp_path.rglob("pickled_fit/*/output.pkl")
    fitted = pickle.loads(joblib.load(path)[1])
    wanted = pruned_once(fitted, Samples(X, y, trained_on=True), 0.5).estimator
    assert not np.array_equal(first, again)
    assert_array_equal(again, wanted.predict_proba(X))


def test_cache_key_does_not_depend_on_the_process(counted, diabetes, tmp_path):
    """A clone that went through a pickle finds what its twin has fitted."""
    X, y, _ = diabetes
    model = PruningEstimator(counted(), memory=str(tmp_path), random_state=0)
    model.fit(X, y)
    joblib.dump(clone(model), tmp_path / "clone")
    joblib.load(tmp_path / "clone").fit(X.copy(), y.copy())
    assert counted.n_fits == 1


def test_frozen_model_is_used_and_left_alone(diabetes):
    """What is pruned is the given model itself, which stays as it is."""
    X, y, _ = diabetes
    given = Ridge(alpha=0.3).fit(X[:100], y[:100])
    before = joblib.hash(given)
    other = np.random.default_rng(0).normal(size=len(y))

    pruned = PruningEstimator(FrozenEstimator(given), rate=0).fit(X, other)
    assert_array_equal(pruned.estimator_.coef_, given.coef_)
    assert type(pruned.estimator_) is Ridge

    pruned.set_params(rate=0.8).fit(X, y)
    assert np.count_nonzero(pruned.estimator_.coef_) == 2
    assert joblib.hash(given) == before


def test_search_over_a_frozen_model_never_fits_it(counted, diabetes):
    """A search over the rate of a frozen model costs no fit at all."""
    X, y, _ = diabetes
    frozen = FrozenEstimator(counted().fit(X, y))
    counted.n_fits = 0
    search = grid(PruningEstimator(frozen)).fit(X, y)
    assert counted.n_fits == 0
    assert search.best_params_["rate"] in RATES


@pytest.mark.parametrize("inside", ["around", "last step"])
def test_frozen_pipeline_and_frozen_step(diabetes, inside):
    """A frozen pipeline, and a pipeline whose model is frozen, become plain ones."""
    X, y, _ = diabetes
    scaled = StandardScaler().fit_transform(X)
    if inside == "around":
        given = FrozenEstimator(make_pipeline(StandardScaler(), Ridge()).fit(X, y))
    else:
        frozen = FrozenEstimator(Ridge().fit(scaled, y))
        given = make_pipeline(StandardScaler(), frozen)
    before = joblib.hash(given)

    pruned = PruningEstimator(given, rate=0.5).fit(X, y)

    assert type(pruned.estimator_[-1]) is Ridge
    wanted = prune(Ridge().fit(scaled, y), scaled, y, rate=0.5)
    assert_allclose(pruned.predict(X), wanted.predict(scaled), rtol=1e-10)
    assert joblib.hash(given) == before


def test_frozen_model_that_is_not_fitted(diabetes):
    """A frozen estimator that was never fitted is refused."""
    X, y, _ = diabetes
    with pytest.raises(NotFittedError):
        PruningEstimator(FrozenEstimator(Ridge())).fit(X, y)


def test_weights_of_a_frozen_model_count_in_the_pruning(diabetes):
    """Weights given with a frozen model rank its units and recover them."""
    X, y, weights = diabetes
    given = Ridge().fit(X, y)
    pruned = PruningEstimator(FrozenEstimator(given)).fit(X, y, sample_weight=weights)
    wanted = prune(given, X, y, rate=0.5, sample_weight=weights)
    assert_array_equal(pruned.coef_, wanted.coef_)
    assert not np.array_equal(pruned.coef_, prune(given, X, y, rate=0.5).coef_)


def weighted(X, y, weights):
    """A pruned, weighted ridge on standardised X: the coefficients to be met."""
    X = StandardScaler().fit_transform(X)
    model = Ridge().fit(X, y, sample_weight=weights)
    return prune(model, X, y, rate=0.5, sample_weight=weights).coef_


def test_weights_through_search_and_pipeline_without_routing(diabetes):
    """The name of the step carries the weights, as for any estimator."""
    X, y, weights = diabetes
    pipeline = make_pipeline(StandardScaler(), PruningEstimator(Ridge()))
    search = GridSearchCV(pipeline, {"pruningestimator__rate": [0.5]}, cv=2)
    search.fit(X, y, pruningestimator__sample_weight=weights)
    assert_allclose(search.best_estimator_[-1].coef_, weighted(X, y, weights))


@pytest.mark.parametrize("alias", ["sample_weight", "importance"])
def test_weights_through_search_and_pipeline_by_routing(diabetes, routing, alias):
    """The weights arrive under the name that the model asks for."""
    X, y, weights = diabetes
    model = Ridge().set_fit_request(sample_weight=alias)
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    scorer = get_scorer("r2").set_score_request(sample_weight=False)
    pipeline = make_pipeline(scaler, PruningEstimator(model))
    rates = {"pruningestimator__rate": [0.5]}
    search = GridSearchCV(pipeline, rates, cv=2, scoring=scorer)

    search.fit(X, y, **{alias: weights})

    assert_allclose(search.best_estimator_[-1].coef_, weighted(X, y, weights))


def test_weights_reach_the_score_by_routing(diabetes, routing):
    """A score that asks for weights gets them, alone and at the end of a pipeline."""
    X, y, weights = diabetes
    model = Ridge().set_fit_request(sample_weight=True)
    model.set_score_request(sample_weight=True)
    pruned = PruningEstimator(model, rate=0.5).fit(X, y, sample_weight=weights)
    wanted = pruned.estimator_.score(X, y, sample_weight=weights)
    assert pruned.score(X, y, sample_weight=weights) == wanted != pruned.score(X, y)
    pipeline = make_pipeline(pruned)
    assert pipeline.score(X, y, sample_weight=weights) == wanted


@pytest.mark.parametrize("inside", ["pipeline", "search", "target"])
def test_weights_into_containers_by_routing(diabetes, routing, inside):
    """Routing takes the weights into what is inside, and the pruning follows."""
    X, y, weights = diabetes
    model = Ridge().set_fit_request(sample_weight=True)
    model.set_score_request(sample_weight=False)
    if inside == "pipeline":
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pruned = PruningEstimator(make_pipeline(scaler, model))
        pruned.fit(X, y, sample_weight=weights)
        coef, wanted = pruned.estimator_[-1].coef_, weighted(X, y, weights)
    else:
        fitted = Ridge().fit(X, y, sample_weight=weights)
        wanted = prune(fitted, X, y, rate=0.5, sample_weight=weights).coef_
        if inside == "search":
            container = GridSearchCV(model, {"alpha": [1.0]}, cv=2)
        else:
            container = TransformedTargetRegressor(model, func=abs, inverse_func=abs)
        pruned = PruningEstimator(container).fit(X, y, sample_weight=weights)
        best = {"search": "best_estimator_", "target": "regressor_"}[inside]
        coef = getattr(pruned.estimator_, best).coef_
    assert_allclose(coef, wanted, rtol=1e-10)


def test_weights_that_the_model_declines_are_refused(diabetes, routing):
    """Weights for a model that has declined them are an error, not lost."""
    X, y, weights = diabetes
    model = Ridge().set_fit_request(sample_weight=False)
    with pytest.raises(TypeError, match="sample_weight"):
        PruningEstimator(model).fit(X, y, sample_weight=weights)


def test_weights_for_another_step_do_not_count(diabetes, routing):
    """Weights that only the scaler asks for rank no unit of the model."""
    X, y, weights = diabetes
    scaler = StandardScaler().set_fit_request(sample_weight=True)
    model = Ridge().set_fit_request(sample_weight=False)
    pruned = PruningEstimator(make_pipeline(scaler, model))

    pruned.fit(X, y, sample_weight=weights)

    scaled = StandardScaler().fit(X, sample_weight=weights).transform(X)
    wanted = prune(Ridge().fit(scaled, y), scaled, y, rate=0.5).coef_
    assert_allclose(pruned.estimator_[-1].coef_, wanted)


def test_weights_without_a_request_are_refused(diabetes, routing):
    """Weights that nobody has asked for or declined are an error, not lost."""
    X, y, weights = diabetes
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        PruningEstimator(Ridge()).fit(X, y, sample_weight=weights)


def test_unknown_metadata_is_refused(diabetes, routing):
    """Metadata that no part asks for is an error."""
    X, y, weights = diabetes
    with pytest.raises(TypeError, match="groups"):
        PruningEstimator(Ridge()).fit(X, y, groups=weights)


def test_metadata_without_routing_is_refused(diabetes):
    """Without routing, anything but sample_weight is an error that says so."""
    X, y, weights = diabetes
    with pytest.raises(ValueError, match=r"\['groups'\].*enable_metadata_routing"):
        PruningEstimator(Ridge()).fit(X, y, groups=weights)


def test_weights_for_a_pipeline_without_routing_are_refused(counted, diabetes):
    """A pipeline takes no sample_weight, which is said before anything is fitted."""
    X, y, weights = diabetes
    pipeline = make_pipeline(StandardScaler(), counted())
    with pytest.raises(TypeError, match=r"Pipeline.fit takes no sample_weight"):
        PruningEstimator(pipeline).fit(X, y, sample_weight=weights)
    assert counted.n_fits == 0


def test_first_samples_must_show_every_class():
    """What is missing is named."""
    check_shows_all(None, [0, 1])
    check_shows_all([0, 1], [1, 0, 1])
    with pytest.raises(ValueError, match=r"none of the classes \[2\]"):
        check_shows_all([0, 1, 2], [1, 0, 1])


def test_cached_logistic_is_the_uncached_one(cancer, tmp_path):
    """A cold and a warm cache give the model that no cache gives."""
    model = PruningEstimator(LogisticRegression(), rate=0.7)
    wanted = model.fit(*cancer).coef_
    model.set_params(memory=str(tmp_path))
    assert_array_equal(model.fit(*cancer).coef_, wanted)
    assert_array_equal(model.fit(*cancer).coef_, wanted)


def test_default_regressor_of_target_transform(diabetes):
    """Without a regressor of its own the container fits a linear regression."""
    X, y, _ = diabetes
    container = TransformedTargetRegressor(transformer=StandardScaler())
    pruned = PruningEstimator(container, rate=0.5).fit(X, y)
    assert type(pruned.estimator_.regressor_) is LinearRegression
    assert np.count_nonzero(pruned.estimator_.regressor_.coef_) == 5
