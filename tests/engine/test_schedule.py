"""How many units are gone after each step."""

import numpy as np
import pytest

from skprune.engine.schedule import removal_counts

NUMBERS = [1, 2, 7, 100, 12_345]
RATES = [0, 0.1, 0.5, 0.9, 0.999]


@pytest.mark.parametrize("n_units", NUMBERS)
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("n_steps", [1, 2, 5, 30])
def test_counts(n_units, rate, n_steps):
    """One a step, never decreasing, the last at exactly the rounded rate."""
    counts = removal_counts(n_units, rate, n_steps)
    assert len(counts) == n_steps
    assert counts[-1] == round(rate * n_units)
    assert (np.diff([0, *counts]) >= 0).all()


def test_each_step_removes_the_same_share_of_what_is_left():
    """Survivors shrink by one factor."""
    left = 1_000_000 - np.array([0, *removal_counts(1_000_000, 0.96, 4)])
    assert np.allclose(left[1:] / left[:-1], 0.04 ** (1 / 4), rtol=1e-4)


def test_no_units():
    """Nothing goes from nothing."""
    assert removal_counts(0, 0.9, 3) == [0, 0, 0]
