"""Importance sampling: exact sizes, unbiased outputs, its deterministic limit."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import scale

from skprune import ImportanceSampling, PruningEstimator, prune


@pytest.fixture(scope="module")
def fitted(diabetes):
    """X, y and a linear model."""
    X, y = diabetes
    return X, y, LinearRegression().fit(X, y)


def mean_over_draws(model, X, y, n_draws, **options):
    outputs = [
        prune(model, X, y, compensate=False, random_state=seed, **options).predict(X)
        for seed in range(n_draws)
    ]
    return np.mean(outputs, axis=0), np.std(outputs, axis=0) / np.sqrt(n_draws)


@pytest.mark.slow
@pytest.mark.parametrize("sensitivity", ["norm", "max"])
def test_linear_output_is_unbiased(fitted, sensitivity):
    """The mean over many draws is the output of the unpruned model."""
    X, y, model = fitted
    method = ImportanceSampling(sensitivity=sensitivity, n_draws=1)

    mean, error = mean_over_draws(model, X, y, 800, rate=0.5, method=method)

    assert (np.abs(mean - model.predict(X)) < 4.5 * error).all()


@pytest.mark.slow
def test_without_reweighting_it_is_not(fitted):
    """With gates of one instead, the mean falls short of the unpruned output."""
    X, y, model = fitted
    method = ImportanceSampling(reweight=False, n_draws=1)

    mean, error = mean_over_draws(model, X, y, 400, rate=0.5, method=method)

    assert (np.abs(mean - model.predict(X)) > 4.5 * error).mean() > 0.5


@pytest.mark.slow
def test_last_layer_is_unbiased(diabetes):
    """For a network with one hidden layer the sampled neurons keep the mean output."""
    X, y = diabetes
    X, y = scale(X), scale(y)
    net = MLPRegressor(hidden_layer_sizes=(12,), activation="tanh", max_iter=50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.set_params(random_state=0).fit(X, y)

    mean, error = mean_over_draws(
        net,
        X,
        y,
        800,
        rate=0.4,
        method=ImportanceSampling(n_draws=1),
        granularity="neuron",
    )

    assert (np.abs(mean - net.predict(X)) < 4.5 * error).all()


@pytest.mark.parametrize("scope", ["global", "local", "lamp"])
@pytest.mark.parametrize("granularity", ["split", "tree", "depth"])
def test_size_of_sample_is_exact(scope, granularity, digits):
    """Splits, trees and levels of a forest: as many go as the rate says."""
    X, y = digits
    forest = RandomForestClassifier(6, max_depth=6, random_state=0)

    pruned = PruningEstimator(
        forest,
        method="importance",
        granularity=granularity,
        scope=scope,
        compensate=False,
        random_state=0,
    ).fit(X, y)

    assert (~pruned.support_).sum() == round(0.5 * pruned.n_units_)


def test_deterministic_norm_is_magnitude(fitted):
    """Keeping the largest contributions is magnitude pruning."""
    X, y, model = fitted
    method = ImportanceSampling(deterministic=True)

    sampled = prune(model, X, y, rate=0.5, method=method)

    assert_allclose(sampled.coef_, prune(model, X, y, rate=0.5).coef_)


def test_best_of_draws_distorts_less(fitted):
    """The best of twenty draws changes the output less than a single one does."""
    X, y, model = fitted
    distortion = {1: [], 20: []}
    for n_draws, values in distortion.items():
        method = ImportanceSampling(n_draws=n_draws)
        for seed in range(10):
            pruned = prune(
                model,
                X,
                y,
                rate=0.5,
                method=method,
                compensate=False,
                random_state=seed,
            )
            values.append(np.var(pruned.predict(X) - model.predict(X)))
    assert max(distortion[20]) <= np.mean(distortion[1])


def test_one_seed_one_sample(fitted):
    """The same random_state draws the same units, another one draws others."""
    X, y, model = fitted
    method = ImportanceSampling(n_draws=1)
    first, again, other = (
        prune(model, X, y, rate=0.5, method=method, random_state=seed).coef_
        for seed in (0, 0, 1)
    )

    assert_array_equal(first, again)
    assert (first != other).any()
