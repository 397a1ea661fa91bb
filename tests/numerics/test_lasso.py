"""The lasso on read-outs agrees with scikit-learn's lasso at the penalty it finds."""

from unittest.mock import Mock

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_diabetes, make_regression
from sklearn.linear_model import Lasso, MultiTaskLasso
from sklearn.preprocessing import scale

from skprune.numerics import losses
from skprune.numerics.lasso import (
    EntryLasso,
    RowLasso,
    ScreenedLasso,
    SmoothLasso,
    shrink_to,
)
from skprune.numerics.losses import Objective
from skprune.numerics.newton import PenalisedLoss
from tests.cases import l1_logistic


@pytest.fixture(scope="module")
def regression():
    X, Y = make_regression(200, 15, n_targets=3, noise=20, random_state=0)
    X, Y = scale(X), scale(Y)
    return X, Y, X.T @ X / len(X), X.T @ Y / len(X)


@pytest.mark.parametrize("n_keep", [1, 4, 9])
def test_single_output_is_lasso(n_keep):
    """Exactly n_keep weights are in, those of scikit-learn's Lasso."""
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), (y - y.mean())[:, None]
    problem = EntryLasso(X.T @ X / len(X), X.T @ y / len(X), np.ones((10, 1), bool))

    importances, penalty = shrink_to([problem], n_keep)

    support = importances > penalty**2
    assert support.sum() == n_keep
    assert_array_equal(Lasso(alpha=penalty).fit(X, y).coef_ != 0, support)


@pytest.mark.parametrize("n_keep", [2, 5])
def test_rows_are_multi_task_lasso(regression, n_keep):
    """Inputs with one penalty for all outputs are scikit-learn's MultiTaskLasso."""
    X, Y, gram, cross = regression
    problem = RowLasso(gram, cross, np.arange(15))

    importances, penalty = shrink_to([problem], n_keep)

    support = importances > penalty**2
    coef = MultiTaskLasso(alpha=penalty).fit(X, Y).coef_
    assert support.sum() == n_keep
    assert_array_equal((coef != 0).any(axis=0), support)


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
    """Down the path, and up again, norms and pulls are those without screening."""
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


def test_problems_share_one_penalty(regression):
    """Of two problems, the one whose signal is tripled keeps more of its units."""
    _, _, gram, cross = regression
    every = np.ones(cross.shape, dtype=bool)
    problems = [EntryLasso(gram, cross, every), EntryLasso(gram, 3 * cross, every)]

    importances, penalty = shrink_to(problems, 20)

    weak, strong = np.split(importances > penalty**2, 2)
    assert weak.sum() + strong.sum() == 20
    assert strong.sum() > weak.sum()


def test_nothing_to_find():
    """A read-out without signal gives equal importances of zero."""
    problem = EntryLasso(np.eye(3), np.zeros((3, 1)), np.ones((3, 1), dtype=bool))

    importances, _ = shrink_to([problem], 2)

    assert_array_equal(importances, np.zeros(3))
