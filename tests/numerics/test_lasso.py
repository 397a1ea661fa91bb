"""Lassos of smooth losses, with and without screening."""

from unittest.mock import Mock

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

from skprune.numerics import losses
from skprune.numerics.lasso import ScreenedLasso, SmoothLasso, shrink_to
from skprune.numerics.losses import Objective
from skprune.numerics.newton import PenalisedLoss
from tests.cases import l1_logistic


def softmax_problem(kind, per_input):
    """A lasso of three classes on iris-like samples, a unit a weight or an input."""
    rng = np.random.default_rng(0)
    X = scale(rng.normal(size=(150, 12)) @ rng.normal(size=(12, 12)))
    Z = X[:, :3] * 2 + rng.normal(size=(150, 3))
    Y = (Z == Z.max(axis=1, keepdims=True)).astype(float)
    objective = Objective(losses.SOFTMAX, Y, np.zeros(3), penalty=0.0)
    weights = np.full(150, 1 / 150)
    loss = PenalisedLoss.of(X, weights, objective, centred=True)
    unit = np.repeat(np.arange(12), 3) if per_input else np.arange(36)
    unit = np.vstack([unit.reshape(12, 3), np.full(3, -1)])
    return kind(loss, np.zeros((13, 3)), unit)


@pytest.mark.parametrize("per_input", [False, True])
@pytest.mark.parametrize("shares", [(0.7, 0.4, 0.2, 0.1), (0.05, 0.3, 0.1), (0.2,)])
def test_screening_changes_no_solution(per_input, shares):
    """Down the path, and up again, norms and slopes are those without screening."""
    plain, screened = (
        softmax_problem(kind, per_input) for kind in (SmoothLasso, ScreenedLasso)
    )
    largest = plain.solve(np.inf)[1].max()
    assert_allclose(screened.solve(np.inf)[1].max(), largest, rtol=1e-4)
    for share in shares:
        wanted = plain.solve(share * largest)
        found = screened.solve(share * largest)
        for one, other in zip(found, wanted):
            assert_allclose(one, other, atol=1e-3 * wanted[1].max())


def test_weights_that_are_zero_are_found_in_few_steps():
    """Balanced classes: without a unit the intercepts are zero, not a search for it."""
    X = scale(np.random.default_rng(0).normal(size=(300, 5)))
    Y = np.eye(3)[np.arange(300) % 3]
    objective = Objective(losses.SOFTMAX, Y, np.zeros(3), penalty=0.0)
    loss = PenalisedLoss.of(X, np.full(300, 1 / 300), objective, centred=True)
    unit = np.vstack([np.arange(15).reshape(5, 3), np.full(3, -1)])
    counted = Mock(wraps=loss)

    problem = SmoothLasso(counted, np.vstack([np.zeros((5, 3)), [0.3, 0, -0.3]]), unit)
    problem.solve(np.inf)

    assert counted.gradient.call_count < 100
    assert_allclose(problem.W, 0, atol=1e-10)


@pytest.mark.parametrize("n_keep", [3, 10])
def test_log_loss_is_l1_logistic_regression(n_keep):
    """The support is that of LogisticRegression with an L1 penalty alone."""
    X, y = load_breast_cancer(return_X_y=True)
    X, n_samples = scale(X), len(y)
    weights = np.full(n_samples, 1 / n_samples)
    objective = Objective(losses.LOGISTIC, y[:, None] * 1.0, np.zeros(1), penalty=0.0)
    loss = PenalisedLoss.of(X, weights, objective, centred=True)
    unit = np.append(np.arange(30), -1)[:, None]

    problem = ScreenedLasso(loss, np.zeros((31, 1)), unit)
    importances, penalty = shrink_to([problem], n_keep)

    model = l1_logistic(1 / (penalty * n_samples))
    support = importances > penalty**2
    assert support.sum() == n_keep
    assert_array_equal(model.fit(X, y).coef_[0] != 0, support)
