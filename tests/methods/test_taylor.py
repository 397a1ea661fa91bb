"""Taylor of both orders."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.feature_selection import RFE
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import PolynomialFeatures, scale

from skprune import Magnitude, PruningEstimator, Taylor


@pytest.fixture(scope="module")
def diabetes(diabetes):
    X, y = diabetes
    X = PolynomialFeatures(2, include_bias=False).fit_transform(X)
    return scale(X), y


def test_second_order_equals_backward_elimination(diabetes):
    """For least squares the order of removal is that of refitting at every step."""
    X, y = diabetes[0][:, :12], diabetes[1]

    pruned = PruningEstimator(LinearRegression(), method=Taylor(order=2), rate=0.5)
    pruned.fit(X, y)

    kept = list(range(12))
    for _ in range(6):
        scores = []
        for q in kept:
            rest = [j for j in kept if j != q]
            scores.append(LinearRegression().fit(X[:, rest], y).score(X[:, rest], y))
        kept.pop(int(np.argmax(scores)))
    assert_array_equal(np.flatnonzero(pruned.support_), kept)


def test_second_order_beats_rfe_on_redundant_features(diabetes):
    """At 90 % of the features it explains more than RFE, one fit a step, does."""
    X, y = diabetes

    pruned = PruningEstimator(Ridge(), method=Taylor(order=2), rate=0.9).fit(X, y)

    rfe = RFE(Ridge(), n_features_to_select=int(pruned.support_.sum())).fit(X, y)
    assert pruned.score(X, y) > rfe.score(X, y)


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_score_by_weight_is_rfe(diabetes, rate):
    """Ranking by the weight instead of the loss keeps what RFE keeps."""
    X, y = diabetes
    method = Taylor(order=2, score="weight")

    pruned = PruningEstimator(Ridge(), method=method, rate=rate).fit(X, y)

    rfe = RFE(Ridge(), n_features_to_select=int(pruned.support_.sum())).fit(X, y)
    assert_array_equal(pruned.support_, rfe.support_)


def test_first_order_is_mean_square_of_gradients(diabetes):
    """With labels of the data, order 1 is the mean squared gradient by the gates."""
    X, y = diabetes
    model = LinearRegression().fit(X, y)

    method = Taylor(order=1, labels="data")
    pruned = PruningEstimator(LinearRegression(), method=method, rate=0.1).fit(X, y)

    contributions = (X - X.mean(axis=0)) * model.coef_
    gradients = contributions * (model.predict(X) - y)[:, None]
    assert_allclose(pruned.importances_, (gradients**2).mean(axis=0), rtol=1e-6)


def test_mean_gradient_would_vanish(diabetes):
    """The plain mean gradient is zero at the optimum; the mean of squares is not."""
    X, y = diabetes
    method = Taylor(order=1, labels="data")

    pruned = PruningEstimator(LinearRegression(), method=method, rate=0.1).fit(X, y)

    residual = LinearRegression().fit(X, y).predict(X) - y
    assert np.abs(X.T @ residual).max() < 1e-6
    assert pruned.importances_.min() > 0


@pytest.mark.parametrize(("max_inputs", "order"), [(5000, 2), (63, 1)])
def test_auto_says_which_order_ran(max_inputs, order, digits):
    """Order "auto" is 2 up to max_inputs inputs, else 1, and order_ says which."""
    X, y = digits
    method = Taylor(max_inputs=max_inputs)

    pruned = PruningEstimator(Ridge(), method=method, random_state=0).fit(X, y)

    assert pruned.method_.order_ == order
    assert not hasattr(method, "order_")


@pytest.mark.parametrize(
    ("load", "granularity", "rate"),
    [(load_breast_cancer, "feature", 0.9), (load_digits, "connection", 0.95)],
)
def test_second_order_beats_magnitude_on_held_out_data(load, granularity, rate):
    """On held-out samples it is better than magnitude at a high rate, over 3 seeds."""
    X, y = load(return_X_y=True)
    X = scale(X)
    scores = {"magnitude": [], "taylor": []}
    for seed in range(3):
        X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=seed)
        for name, method in (("magnitude", Magnitude()), ("taylor", Taylor(order=2))):
            model = LogisticRegression(max_iter=500)
            pruned = PruningEstimator(
                model, method=method, rate=rate, granularity=granularity
            )
            scores[name].append(pruned.fit(X_train, y_train).score(X_test, y_test))
    assert np.mean(scores["taylor"]) > np.mean(scores["magnitude"]) + 0.02


@pytest.mark.parametrize(
    "parameters", [{"order": 3}, {"labels": "teacher"}, {"max_inputs": 0}]
)
def test_bad_parameters_are_named(parameters):
    """A parameter out of its range raises before anything is fitted."""
    model = PruningEstimator(Ridge(), method=Taylor(**parameters))

    with pytest.raises(ValueError, match=next(iter(parameters))):
        model.fit([[0.0], [1.0]], [0, 1])
