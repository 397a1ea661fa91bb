"""Backward elimination by downdates equals refitting after each removal."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skprune.numerics.obs import elimination_costs, spd_inverse, strictly_increasing


@pytest.fixture
def problem():
    """Redundant features, three outputs, a small ridge: Hessian, cross moments."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 24))
    X[:, 12:] = X[:, :12] + 0.3 * rng.normal(size=(300, 12))
    Y = X @ rng.normal(size=(24, 3)) + rng.normal(size=(300, 3))
    return X.T @ X + np.eye(24), X.T @ Y


def refit_loss(H, G, kept):
    W = np.linalg.solve(H[np.ix_(kept, kept)], G[kept])
    return -np.sum(W * G[kept]) / 2


@pytest.mark.parametrize("outputs", [[0], [0, 1, 2]])
def test_order_is_that_of_refits(problem, outputs):
    """Each step removes what a refit without it shows to cost least."""
    H, G = problem[0], problem[1][:, outputs]
    inverse = spd_inverse(H)

    costs = elimination_costs(inverse, inverse @ G)

    kept, expected = list(range(24)), []
    while len(kept) > 1:
        losses = [refit_loss(H, G, [i for i in kept if i != q]) for q in kept]
        expected.append(kept.pop(int(np.argmin(losses))))
    assert_array_equal(np.argsort(costs)[:-1], expected)


def test_first_cost_is_increase_of_loss(problem):
    """The least cost is the exact loss increase when that input is removed."""
    H, G = problem
    inverse = spd_inverse(H)

    costs = elimination_costs(inverse, inverse @ G)

    kept = np.delete(np.arange(24), costs.argmin())
    increase = refit_loss(H, G, kept) - refit_loss(H, G, np.arange(24))
    assert_allclose(costs.min(), increase, rtol=1e-9)


def test_a_few_at_once_beat_one_ranking(problem):
    """Half of redundant inputs: a fifth at a time is better than all at one ranking."""
    H, G = problem
    inverse = spd_inverse(H)

    losses = []
    for share in (0.0, 0.2, 1.0):
        costs = elimination_costs(inverse, inverse @ G, share)
        losses.append(refit_loss(H, G, np.sort(np.argsort(costs)[12:])))

    assert losses[0] < losses[1] < losses[2]


def test_arguments_are_not_changed(problem):
    """The inverse and the weights are copied before they are downdated."""
    inverse = spd_inverse(problem[0])
    W = inverse @ problem[1]
    before = inverse.copy(), W.copy()

    elimination_costs(inverse, W)

    assert_array_equal(inverse, before[0])
    assert_array_equal(W, before[1])


def test_equal_costs_keep_their_order():
    """Costs that fall or tie are raised just enough for a sort to keep the order."""
    raised = strictly_increasing(np.array([1.0, 1.0, 0.5, 2.0, 2.0]))

    assert (np.diff(raised) > 0).all()
    assert_allclose(raised, [1, 1, 1, 2, 2])
