"""A ranking is made once for all rates, and serves each as its own would."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from skprune.engine.ranking import FirstRanking, rank_units
from skprune.methods import L1, ImportanceSampling, Magnitude, Random
from skprune.testing.structure_laws import Specimen

X, Y = load_diabetes(return_X_y=True)


@pytest.fixture
def structure():
    """Ten coefficients of a ridge."""
    return Specimen(Ridge().fit(X, Y), X, Y, "connection").structure()


class Counted(Magnitude):
    """Counts how often it ranks."""

    n_rankings = 0

    def importances(self, readout, rng):
        type(self).n_rankings += 1
        return super().importances(readout, rng)


def test_units_are_ranked_once_for_all_rates(structure):
    """A method that does not look at the rate ranks one time."""
    Counted.n_rankings = 0
    first = FirstRanking(structure, Counted(), np.random.default_rng(0))
    rankings = [first.at(n_keep) for n_keep in (3, 8, 5)]
    assert Counted.n_rankings == 1
    assert all(r.importances is rankings[0].importances for r in rankings)


def test_method_that_follows_the_rate_ranks_each_time(structure):
    """The lasso's importances depend on how many units are to stay."""
    first = FirstRanking(structure, L1(), np.random.default_rng(0))
    for n_keep in (2, 8):
        own = rank_units(structure, L1(), n_keep, np.random.default_rng(0))
        assert_array_equal(first.at(n_keep).importances, own.importances)
    assert not np.array_equal(first.at(2).importances, first.at(8).importances)


@pytest.mark.parametrize("method", [Random(), ImportanceSampling()], ids=str)
def test_each_rate_draws_as_if_it_were_the_only_one(structure, method):
    """Gates are those of a ranking of one's own with the same generator."""
    first = FirstRanking(structure, method, np.random.default_rng(3))
    for n_keep in (7, 2, 5):
        shared = first.at(n_keep).gates(10 - n_keep, "global")
        rng = np.random.default_rng(3)
        own = rank_units(structure, method, n_keep, rng).gates(10 - n_keep, "global")
        assert_array_equal(shared, own)
        assert np.count_nonzero(shared) == n_keep
