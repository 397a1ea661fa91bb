"""The lasso as a method."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from skprune import L1, PruningEstimator


@pytest.mark.parametrize("rate", [0.3, 0.5, 0.8])
def test_support_is_that_of_lasso(rate):
    """On standardised features it keeps what Lasso keeps at the penalty found."""
    X, y = load_diabetes(return_X_y=True)
    X = scale(X)

    pruned = PruningEstimator(LinearRegression(), method="l1", rate=rate).fit(X, y)

    lasso = Lasso(alpha=pruned.method_.penalty_).fit(X, y)
    assert_array_equal(lasso.coef_ != 0, pruned.support_)


def test_survivors_are_freed_of_the_bias():
    """After compensation the coefficients are those of least squares on the support."""
    X, y = load_diabetes(return_X_y=True)

    pruned = PruningEstimator(LinearRegression(), method=L1(), rate=0.6).fit(X, y)

    refit = LinearRegression().fit(X[:, pruned.support_], y)
    np.testing.assert_allclose(pruned.coef_[pruned.support_], refit.coef_, rtol=1e-5)


def test_support_is_that_of_l1_logistic_regression():
    """For log-loss it keeps what L1 logistic regression keeps at the same penalty."""
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    model = LogisticRegression(max_iter=500)

    pruned = PruningEstimator(model, method="l1", rate=0.8).fit(X, y)

    C = 1 / (pruned.method_.penalty_ * len(y))
    lasso = LogisticRegression(
        l1_ratio=1, C=C, solver="saga", max_iter=20000, tol=1e-6
    ).fit(X, y)
    assert_array_equal(lasso.coef_[0] != 0, pruned.support_)


@pytest.mark.parametrize("granularity", ["connection", "neuron", "feature", "layer"])
def test_no_layer_of_a_deep_network_is_starved(granularity):
    """In a deep net each layer keeps units and the accuracy is far above chance."""
    X, y = load_digits(return_X_y=True)
    net = MLPClassifier((24, 20, 16), max_iter=60, tol=0.01, random_state=0)
    rate = 0.34 if granularity == "layer" else 0.5

    pruned = PruningEstimator(net, method="l1", rate=rate, granularity=granularity)
    pruned.fit(X / 16, y)

    assert (~pruned.support_).sum() == round(rate * pruned.n_units_)
    assert all(group.n_kept > 0 for group in pruned.report_.groups[:1])
    assert pruned.score(X / 16, y) > 0.8
