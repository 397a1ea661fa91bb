"""Lassos of squared loss agree with those of scikit-learn at the penalty found."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_diabetes, make_regression
from sklearn.linear_model import Lasso, MultiTaskLasso
from sklearn.preprocessing import scale

from skprune.numerics.gram_lasso import EntryLasso, RowLasso
from skprune.numerics.lasso import shrink_to


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
