"""Magnitude: plain sizes, or shares of the variance that units add."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from skprune import Magnitude, PruningEstimator, prune
from skprune.testing.method_laws import example_readouts


@pytest.mark.parametrize("number", range(3))
def test_shares_of_variance_sum_to_one(number):
    """By default importances are the squared contributions over their sum."""
    readout = example_readouts()[number]
    shares = Magnitude().importances(readout, None)
    assert_allclose(shares.sum(), 1.0)
    assert_allclose(shares, readout.contribution() ** 2 / readout.spread() ** 2)


@pytest.mark.parametrize("number", range(3))
def test_plain_size(number):
    """Without a scale it is the squared weight, or the squared norm of a group."""
    readout = example_readouts()[number]
    plain = Magnitude(scale=None).importances(readout, None)
    squares = readout.W**2
    wanted = squares.sum(axis=1) if number == 1 else squares.ravel()
    assert_allclose(plain, wanted)


def test_units_of_features_do_not_matter(diabetes):
    """Metres or millimetres: the same features stay, unless plain sizes are asked."""
    X, y = diabetes
    units = 10.0 ** np.linspace(-2, 2, 10)
    supports = {}
    for scale in ("inputs", None):
        model = PruningEstimator(LinearRegression(), method=Magnitude(scale=scale))
        supports[scale] = [model.fit(Z, y).support_ for Z in (X, X * units)]
    assert (supports["inputs"][0] == supports["inputs"][1]).all()
    assert (supports[None][0] != supports[None][1]).any()


def test_scaled_magnitude_is_optimal_brain_damage(diabetes):
    """On one feature's removal the loss grows by half its share of the variance."""
    X, y = diabetes
    X = StandardScaler().fit_transform(X)
    Q = np.linalg.qr(X)[0]
    model = LinearRegression().fit(Q, y)
    losses = []
    for j in range(10):
        pruned = prune(model, Q, y, rate=0)
        pruned.coef_[j] = 0
        losses.append(np.mean((pruned.predict(Q) - y) ** 2))
    gains = np.array(losses) - np.mean((model.predict(Q) - y) ** 2)
    fitted = PruningEstimator(LinearRegression(), rate=0.1).fit(Q, y)
    assert_allclose(fitted.importances_, gains / gains.sum(), rtol=1e-6)
