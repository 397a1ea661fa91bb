"""Random importances: the control that every method has to beat."""

import numpy as np
from numpy.testing import assert_array_equal

from skprune import Random
from skprune.testing.method_laws import example_readouts


def test_nothing_is_asked_of_the_read_out():
    """Only the number of units counts."""

    class Counted:
        n_units = 5

    drawn = Random().importances(Counted(), np.random.default_rng(0))
    assert_array_equal(drawn, np.random.default_rng(0).random(5))


def test_every_unit_has_the_same_chance():
    """Over many draws each unit is the least important equally often."""
    readout, rng = example_readouts()[1], np.random.default_rng(0)
    least = [Random().importances(readout, rng).argmin() for _ in range(6000)]
    share = np.bincount(least, minlength=readout.n_units) / 6000
    assert np.abs(share - 1 / readout.n_units).max() < 0.015
