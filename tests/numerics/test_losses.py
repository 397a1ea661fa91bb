"""Gradients and curvatures of losses are the derivatives of their values."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import log_loss, mean_gamma_deviance, mean_poisson_deviance

from skprune.numerics.losses import (
    EXPONENTIAL,
    LOGISTIC,
    SOFTMAX,
    SQUARED,
    SQUARED_HINGE,
    huber,
    tweedie,
    weighted_quantile,
)

LOSSES = {
    "squared": SQUARED,
    "logistic": LOGISTIC,
    "softmax": SOFTMAX,
    "squared hinge": SQUARED_HINGE,
    "exponential": EXPONENTIAL,
    "huber": huber(0.7, 0.6),
    "poisson": tweedie(1),
    "tweedie 1.5": tweedie(1.5),
    "gamma": tweedie(2),
    "inverse gaussian": tweedie(3),
}


@pytest.fixture
def Z():
    """Outputs of 40 samples, three each."""
    return np.random.default_rng(0).normal(size=(40, 3))


def targets(name, Z):
    """Targets of the kind that a loss takes."""
    rng = np.random.default_rng(1)
    if name == "softmax":
        return np.eye(3)[rng.integers(0, 3, len(Z))]
    if name == "logistic":
        return rng.integers(0, 2, Z.shape).astype(float)
    if name in ("exponential", "squared hinge"):
        return rng.choice([-1.0, 1.0], Z.shape)
    return (
        rng.normal(size=Z.shape) if name == "squared" else rng.gamma(2.0, size=Z.shape)
    )


def differences(function, Z, step=1e-5):
    """Central differences of a function of each sample by each output."""
    slopes = []
    for k in range(Z.shape[1]):
        shift = np.zeros(Z.shape[1])
        shift[k] = step
        slopes.append((function(Z + shift) - function(Z - shift)) / (2 * step))
    return np.stack(slopes, axis=-1)


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_the_derivative_of_the_value(name, Z):
    """By central differences, sample by sample."""
    loss, Y = LOSSES[name], targets(name, Z)
    wanted = differences(lambda Z: loss.value(Z, Y), Z)
    assert_allclose(loss.gradient(Z, Y), wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["squared", "logistic", "softmax", "poisson"])
def test_curvature_is_the_second_derivative(name, Z):
    """With the natural link the curvature does not depend on the targets."""
    loss, Y = LOSSES[name], targets(name, Z)
    second = differences(lambda Z: loss.gradient(Z, Y), Z)
    diagonal = np.einsum("nkk->nk", second)
    assert_allclose(loss.curvature(Z), diagonal, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ["tweedie 1.5", "gamma", "inverse gaussian"])
def test_curvature_is_that_of_the_expected_loss(name, Z):
    """At targets equal to the mean it is the second derivative."""
    loss = LOSSES[name]
    second = differences(lambda moved: loss.gradient(moved, np.exp(Z)), Z)
    diagonal = np.einsum("nkk->nk", second)
    assert_allclose(loss.curvature(Z), diagonal, rtol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_coupling_of_outputs(name, Z):
    """The second derivative by two outputs is minus a product, or zero."""
    loss, Y = LOSSES[name], targets(name, Z)
    second = differences(lambda Z: loss.gradient(Z, Y), Z)
    shares = loss.coupling(Z)
    wanted = 0.0 if shares is None else -shares[:, :, None] * shares[:, None, :]
    between = ~np.eye(3, dtype=bool)
    found = np.broadcast_to(wanted, second.shape)[:, between]
    assert_allclose(second[:, between], found, atol=1e-8)


@pytest.mark.parametrize(
    "name", ["squared", "logistic", "softmax", "poisson", "tweedie 1.5", "gamma"]
)
def test_drawn_targets_have_the_curvature_as_squared_gradient(name):
    """Fisher's identity: the mean squared gradient of drawn labels is the curvature."""
    loss, rng = LOSSES[name], np.random.default_rng(0)
    Z = np.tile([[0.5, 1.5, 1.0]], (60_000, 1))
    drawn = loss.draw(Z, rng)
    squares = (loss.gradient(Z, drawn) ** 2).mean(axis=0)
    assert_allclose(squares, loss.curvature(Z)[0], rtol=0.05)


@pytest.mark.parametrize("name", LOSSES)
def test_draws_repeat_and_keep_shape(name, Z):
    """The generator decides the targets, which have the shape of Z."""
    loss = LOSSES[name]
    one, again, other = (
        loss.draw(Z, np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    assert_array_equal(one, again)
    assert (one != other).any()
    assert one.shape == Z.shape
    assert (loss.value(Z, one) > -np.inf).all()


def test_hubers_curvature_is_the_share_of_near_samples():
    """Of drawn labels that share is near, where the second derivative is one."""
    loss, rng = LOSSES["huber"], np.random.default_rng(0)
    Z = np.zeros((60_000, 1))
    drawn = loss.draw(Z, rng)
    second = differences(lambda moved: loss.gradient(moved, drawn), Z)[:, 0, 0]
    assert_allclose(second.mean(), loss.curvature(Z)[0, 0], rtol=0.02)
    assert set(np.unique(loss.curvature(Z))) == {0.6}


def test_hubers_loss_is_quadratic_then_linear():
    """By hand on both sides of the threshold, and of one slope there."""
    loss, zero = huber(2.0, 0.9), np.zeros((4, 1))
    Z = np.array([[1.0], [-2.0], [5.0], [-10.0]])
    assert_allclose(loss.value(Z, zero), [0.5, 2.0, 8.0, 18.0])
    assert_allclose(loss.gradient(Z, zero)[:, 0], [1, -2, 2, -2])


def test_weights_count_samples_of_a_quantile():
    """Integer weights are repeated samples, and zero is none."""
    rng = np.random.default_rng(0)
    values, counts = rng.random(30), rng.integers(0, 4, 30)
    ordered = np.sort(np.repeat(values, counts))
    for share in (0.1, 0.5, 0.9, 1.0):
        wanted = ordered[int(np.ceil(share * len(ordered) - 1e-9)) - 1]
        assert weighted_quantile(values, counts / counts.sum(), share) == wanted


def test_values_are_those_of_scikit_learn(Z):
    """Up to terms of the targets alone."""
    Y = targets("softmax", Z)
    probabilities = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    wanted = log_loss(Y.argmax(axis=1), probabilities, labels=[0, 1, 2])
    assert_allclose(SOFTMAX.value(Z, Y).mean(), wanted)
    y, z = np.random.default_rng(2).gamma(2.0, size=(2, 40, 1))
    for loss, deviance in (
        (tweedie(1), mean_poisson_deviance),
        (tweedie(2), mean_gamma_deviance),
    ):
        found = loss.value(z, y).mean() - loss.value(np.log(y), y).mean()
        assert_allclose(found, deviance(y.ravel(), np.exp(z).ravel()) / 2)


def test_extreme_outputs_stay_finite():
    """Certainty is no overflow."""
    Z = np.array([[800.0, -800.0], [-800.0, 800.0]])
    for loss in (LOGISTIC, SOFTMAX):
        assert np.isfinite(loss.value(Z, np.eye(2))).all()
        assert np.isfinite(loss.gradient(Z, np.eye(2))).all()
        assert np.isfinite(loss.curvature(Z)).all()


@pytest.mark.parametrize("name", [n for n in LOSSES if LOSSES[n].mean is not None])
def test_gradient_is_zero_at_the_mean(name, Z):
    """The gradient is zero at the expected targets."""
    loss = LOSSES[name]
    assert_allclose(loss.gradient(Z, loss.mean(Z)), 0, atol=1e-12)
