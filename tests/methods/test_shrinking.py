"""Soft thresholds are proximal steps; the strategy that uses them is one object."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier

from skprune import L1, Magnitude, prune
from skprune.engine.steps import removal_counts
from skprune.methods import METHODS
from skprune.methods.shrinking import Shrinking, SoftThreshold
from skprune.numerics.units import Units, keep_units


class Halfway(Shrinking):
    """A strategy of a user, who counts its steps."""

    steps = 0

    def step(self, *args):
        """As that of `Shrinking`."""
        type(self).steps += 1
        return super().step(*args)


class Own(Magnitude):
    """A method that offers that strategy."""

    @property
    def in_training(self):
        return Halfway(self)


def one_group(n_units, floor=0):
    return Units(np.zeros(n_units, dtype=int), np.array([floor]))


@pytest.fixture
def sizes():
    return np.random.default_rng(0).uniform(0.1, 2, 40)


def test_factors_are_the_proximal_operator(sizes):
    """Each unit moves to the minimum of distance and norm, times one penalty."""
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(40, 3))
    weights *= (sizes / np.linalg.norm(weights, axis=1))[:, None]

    factors = SoftThreshold(sizes, 25, one_group(40), "global")(np.ones(40), 1.0)

    penalty = np.sort(sizes)[24]
    for w, factor in zip(weights, factors):
        start = 0.5 * w  # off the kink at zero
        moved = minimize(
            lambda v, w=w: np.sum((v - w) ** 2) / 2 + penalty * np.linalg.norm(v),
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-8, "fatol": 1e-12, "maxiter": 4000},
        )
        assert_allclose(factor * w, moved.x, atol=1e-4)


def test_progress_is_that_of_steps(sizes):
    """After k of ten parts as many units are zero as after k of ten steps."""
    threshold = SoftThreshold(sizes, 36, one_group(40), "global")

    gone = [int((threshold(np.ones(40), k / 10) == 0).sum()) for k in range(11)]

    assert gone == [0, *removal_counts(40, 0.9, 10)]


def test_growth_decides_who_is_next(sizes):
    """A unit that has grown stays where one that has shrunk goes."""
    growth = np.ones(40)
    first, last = sizes.argmin(), sizes.argmax()
    growth[first], growth[last] = 100.0, 1e-3

    factors = SoftThreshold(sizes, 20, one_group(40), "global")(growth, 1.0)

    assert factors[first] > 0
    assert factors[last] == 0


@pytest.mark.parametrize("scope", ["global", "local", "lamp"])
def test_scope_and_floor_hold(sizes, scope):
    """Zeros are those that the scope removes, and each group keeps its floor."""
    units = Units(np.repeat([0, 1], [30, 10]), np.array([2, 4]))
    sizes[30:] /= 100

    factors = SoftThreshold(sizes, 33, units, scope)(np.ones(40), 1.0)

    assert_array_equal(factors > 0, keep_units(sizes**2, 33, units, scope))
    assert (factors[30:] > 0).sum() >= 4
    assert (factors < 1).all()


def test_units_without_weights_go_first(sizes):
    """Norms of zero raise no error, and those units are the first to go."""
    sizes[:5] = 0

    factors = SoftThreshold(sizes, 5, one_group(40), "global")(np.ones(40), 1.0)

    assert_array_equal(factors[:5], 0)
    assert_array_equal(factors[5:], 1)


def test_engine_takes_the_steps_of_the_method():
    """Every step of a pruning is that of the strategy which the method offers."""
    X, y = load_iris(return_X_y=True)
    net = MLPClassifier((6,), max_iter=5, tol=10.0, random_state=0).fit(X, y)
    options = {"rate": 0.5, "finetune": 2, "n_steps": 3, "random_state": 0}

    own, other = (
        prune(net, X, y, method=method, **options)
        for method in (Own(), L1(during="finetune"))
    )

    assert Halfway.steps == 3
    assert_array_equal(own.coefs_[0], other.coefs_[0])


def test_methods_have_no_strategy_unless_they_say_so():
    """All methods remove units before training, but for L1 if it is asked to."""
    assert all(kind().in_training is None for kind in METHODS.values())
    assert L1(during="finetune").in_training is not None
