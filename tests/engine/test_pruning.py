"""The function: steps, reports and reproducibility on models of each family."""

import warnings

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.neural_network import MLPRegressor

from skprune import Magnitude, PruningEstimator, prune
from skprune.engine.fits import Fit
from skprune.engine.plan import Plan
from skprune.engine.pruning import make_generator, prunings, train_on
from skprune.methods.base import Method
from skprune.structures import Samples
from tests.prunings import pruned_once


@pytest.fixture(scope="module")
def diabetes():
    """X and y."""
    return load_diabetes(return_X_y=True)


@pytest.fixture(scope="module")
def models(diabetes):
    """A fitted regressor of each family."""
    net = MLPRegressor(
        hidden_layer_sizes=(8,), solver="lbfgs", max_iter=60, random_state=0
    )
    forest = RandomForestRegressor(n_estimators=4, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [model.fit(*diabetes) for model in (Ridge(), net, forest)]


def test_function_and_estimator_agree(diabetes):
    """prune does to a fitted model what the estimator does after its fit."""
    model = Ridge().fit(*diabetes)
    pruned = prune(model, *diabetes, rate=0.6, n_steps=2)
    fitted = PruningEstimator(Ridge(), rate=0.6, n_steps=2).fit(*diabetes)
    assert_array_equal(pruned.coef_, fitted.coef_)


def test_input_is_untouched(models, diabetes):
    """The model keeps every array as it was."""
    for model in models:
        before = joblib.hash(model)
        prune(model, *diabetes, rate=0.7, n_steps=2, random_state=0)
        assert joblib.hash(model) == before


def test_many_steps_end_at_the_same_number(models, diabetes):
    """However many steps, just as many units go."""
    for model in models:
        wanted = None
        for n_steps in (1, 3, 7):
            pruned = pruned_once(model, Samples(*diabetes), 0.8, n_steps=n_steps)
            wanted = wanted or pruned.support.sum()
            assert pruned.support.sum() == wanted
            assert wanted == len(pruned.support) - round(0.8 * len(pruned.support))


def test_steps_recover_and_rank_anew():
    """Of two copies of one feature, the second is worth all once the first is gone."""
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(2, 400))
    X = np.column_stack([x, x + 1e-3 * rng.normal(size=400), z])
    y = x + 0.7 * z
    model = PruningEstimator(Ridge(alpha=1.0), rate=0.6)

    at_once, in_steps = (model.set_params(n_steps=k).fit(X, y).coef_ for k in (1, 2))

    assert_allclose(at_once, [0, 0, 0.7], atol=0.1)  # each copy looked like a half
    assert at_once[0] == at_once[1] == 0
    assert in_steps[2] == 0 and np.count_nonzero(in_steps) == 1
    assert_allclose(in_steps.sum(), 1.0, atol=0.1)


def test_importances_are_of_the_last_ranking_that_saw_a_unit(diabetes):
    """A unit that goes early keeps the importance it went with."""

    class Counted(Method):
        rounds = 0

        def importances(self, readout, rng):
            Counted.rounds += 1
            return Counted.rounds + np.arange(readout.n_units) / 100

    model = PruningEstimator(Ridge(), method=Counted(), rate=0.8, n_steps=4)
    model.fit(*diabetes)
    steps = np.floor(model.importances_).astype(int)
    assert Counted.rounds == 4
    assert (np.diff(steps) >= 0).all() and set(steps) <= {1, 2, 3, 4}
    assert (steps[model.support_] == 4).all()


def test_compensation_can_be_left_out(diabetes):
    """Without it the survivors are as they were."""
    model = LinearRegression().fit(*diabetes)
    pruned = prune(model, *diabetes, rate=0.5, compensate=False)
    kept = pruned.coef_ != 0
    assert_array_equal(pruned.coef_[kept], model.coef_[kept])
    assert pruned.intercept_ == model.intercept_


def test_several_rates_are_those_of_each_alone(models, diabetes):
    """What rates share changes none of them."""
    rates, samples = [0.8, 0.2, 0.5], Samples(*diabetes)
    for model in models:
        plan = Plan(Magnitude(), n_steps=2)
        together = prunings(Fit(model, samples), plan, rates, make_generator(0))
        for rate, pruned in zip(rates, together):
            alone = prune(model, *diabetes, rate=rate, n_steps=2, random_state=0)
            found = pruned.estimator.predict(diabetes[0])
            assert_array_equal(found, alone.predict(diabetes[0]))


def test_nothing_below_the_rounded_number(diabetes):
    """A rate too small to take a unit takes none, and says so without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = PruningEstimator(Ridge(), rate=0.04).fit(*diabetes)
    assert model.rate_ == 0 and model.support_.all()
    assert_array_equal(model.coef_, Ridge().fit(*diabetes).coef_)


def test_generator_of_a_random_state():
    """An int repeats, a RandomState moves on, None differs each time."""
    assert make_generator(3).random() == make_generator(3).random()
    state = np.random.RandomState(3)
    assert make_generator(state).random() != make_generator(state).random()
    assert make_generator(None).random() != make_generator(None).random()


def test_training_of_a_pruned_model(models, diabetes):
    """One pass on the survivors; models without passes refuse."""
    ridge, net, _ = models
    pruned = prune(net, *diabetes, rate=0.7)
    trained = train_on(Fit(pruned, Samples(*diabetes)), make_generator(0))
    for old, new in zip(pruned.coefs_, trained.coefs_):
        assert_array_equal(old == 0, new == 0)
        assert not np.array_equal(old, new)
    with pytest.raises(ValueError, match="Ridge is not trained by passes"):
        train_on(Fit(ridge, Samples(*diabetes)), make_generator(0))


def test_estimator_and_report_can_be_asked_for_in_any_order(models, diabetes):
    """Asking for the estimator changes nothing else: structure and report stay."""
    for model in models:
        one, other = (pruned_once(model, Samples(*diabetes), 0.7) for _ in range(2))
        structures, estimator = one.after, one.estimator
        assert one.after is structures and one.estimator is estimator
        assert one.report == other.report
        found = [pruned.estimator.predict(diabetes[0]) for pruned in (one, other)]
        assert_array_equal(*found)
