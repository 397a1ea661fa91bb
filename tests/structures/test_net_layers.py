"""Hidden layers replaced by the best affine map."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skprune import prune


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


@pytest.fixture(scope="module")
def net(digits):
    model = MLPClassifier((30, 20, 15), max_iter=40, tol=0.01, random_state=0)
    return model.fit(*digits)


@pytest.mark.parametrize(("rate", "n_left"), [(0.4, 2), (0.67, 1), (0.99, 0)])
def test_layers_are_gone(digits, net, rate, n_left):
    """Exactly as many layers go as the rate says, down to a linear model."""
    small = prune(net, *digits, rate=rate, granularity="layer")

    assert len(small.hidden_layer_sizes) == n_left
    assert small.n_layers_ == n_left + 2
    assert len(small.coefs_) == n_left + 1
    assert small.score(*digits) > 0.85


def test_affine_layer_is_replaced_exactly():
    """A layer that is affine on the data is bypassed with hardly any loss."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 1, size=(300, 5))
    net = MLPRegressor(hidden_layer_sizes=(6,), max_iter=2, tol=100.0, random_state=0)
    net.fit(X, X.sum(axis=1))
    net.intercepts_[0] = np.full(6, 100.0)  # every neuron is always on
    before = net.predict(X)

    small = prune(net, X, before, rate=0.99, granularity="layer")

    assert small.hidden_layer_sizes == ()
    assert_allclose(small.predict(X), before, atol=0.01 * before.std())
