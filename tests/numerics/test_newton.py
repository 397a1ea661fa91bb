"""Log-losses: Newton's method on a support, and elimination with renewed Hessians."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.feature_selection import RFE
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import label_binarize, scale

from skprune.numerics import losses
from skprune.numerics.losses import Objective
from skprune.numerics.newton import PenalisedLoss, elimination_costs, minimise


def penalised(load, loss):
    X, y = load(return_X_y=True)
    X, Y = scale(X), label_binarize(y, classes=np.unique(y)).astype(float)
    weights = np.full(len(X), 1 / len(X))
    objective = Objective(loss, Y, np.zeros(Y.shape[1]), penalty=1 / len(X))
    return X, y, PenalisedLoss.of(X, weights, objective, centred=True)


CASES = [(load_breast_cancer, losses.LOGISTIC), (load_iris, losses.SOFTMAX)]


@pytest.mark.parametrize(("load", "loss"), CASES)
def test_hessian_is_derivative_of_gradient(load, loss):
    """The Hessian by the active weights is the central difference of the gradient."""
    _, _, problem = penalised(load, loss)
    rng = np.random.default_rng(0)
    W = 0.3 * rng.normal(size=problem.penalty.shape)
    active = rng.random(W.shape) < 0.5

    H = problem.hessian(W, active)

    for column, place in enumerate(np.argwhere(active.T)[:8]):
        shift = np.zeros_like(W)
        shift.T[tuple(place)] = 1e-5
        change = problem.gradient(W + shift) - problem.gradient(W - shift)
        assert_allclose(H[:, column], (change / 2e-5).T[active.T], atol=1e-6)


@pytest.mark.parametrize(("load", "loss"), CASES)
def test_minimise_is_logistic_regression(load, loss):
    """On all weights the minimum is scikit-learn's LogisticRegression."""
    X, y, problem = penalised(load, loss)
    active = np.ones(problem.penalty.shape, dtype=bool)

    W = minimise(problem, np.zeros(active.shape), active, max_steps=50)

    model = LogisticRegression(tol=1e-8, max_iter=5000).fit(X, y)
    assert_allclose(W[:-1].T, model.coef_, atol=2e-3)


def test_elimination_is_as_good_as_rfe():
    """The three features that cost most give a loss no worse than RFE's three."""
    X, y, problem = penalised(load_breast_cancer, losses.LOGISTIC)
    unit = np.append(np.arange(X.shape[1]), -1)[:, None]
    active = np.ones(problem.penalty.shape, dtype=bool)
    start = minimise(problem, np.zeros(active.shape), active)

    costs = elimination_costs(problem, start, unit)

    def loss_of(support):
        model = LogisticRegression(max_iter=1000).fit(X[:, support], y)
        return log_loss(y, model.predict_proba(X[:, support]))

    rfe = RFE(LogisticRegression(max_iter=1000), n_features_to_select=3).fit(X, y)
    assert loss_of(np.argsort(costs)[-3:]) <= loss_of(rfe.support_) + 1e-3


def test_groups_go_whole():
    """With one unit a feature, costs of all classes are those of the feature."""
    problem = penalised(load_iris, losses.SOFTMAX)[2]
    unit = np.vstack([np.repeat(np.arange(4)[:, None], 3, axis=1), np.full((1, 3), -1)])
    active = np.ones(problem.penalty.shape, dtype=bool)
    start = minimise(problem, np.zeros(active.shape), active)

    costs = elimination_costs(problem, start, unit)

    assert costs.shape == (4,)
    assert set(np.argsort(costs)[-2:]) == {2, 3}  # the petals tell irises apart
