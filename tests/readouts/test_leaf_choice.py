"""The rule by which fits of leaves are chosen."""

import numpy as np
import pytest

from skprune.readouts.leaf_choice import Choice, best_choice, is_past


def tried(*pairs):
    """Choices of these losses and errors, of falling confidence."""
    return [
        Choice(np.inf if k == 0 else 30.0, 1 - k / 10, *pair)
        for k, pair in enumerate(pairs)
    ]


def test_least_loss_wins_where_errors_differ_by_noise():
    """Of 100 and 95 errors in 1,000 neither is fewer; of 100 and 60 one is."""
    alike, fewer = (
        tried((90, 120), (50, 100), (60, 95)),
        tried((90, 120), (50, 100), (60, 60)),
    )

    assert best_choice(alike, 1000) is alike[1]
    assert best_choice(fewer, 1000) is fewer[2]


def test_noise_is_that_of_all_samples():
    """Counts on a ninth of the samples are held against a third of their noise."""
    fits = tried((90, 120), (50, 100), (60, 95))

    assert best_choice(fits, 1000, np.sqrt(1 / 9)) is fits[2]


@pytest.mark.parametrize(
    "fits", [tried((50, 10)), tried((50, 10), (50, 5)), tried((50, 10), (60, 0))]
)
def test_values_stay_where_no_loss_is_lower(fits):
    """However few the errors are: probabilities do not get worse."""
    assert best_choice(fits, 100) is fits[0]


def test_values_stay_where_errors_rise():
    """A lower loss does not pay for errors beyond noise."""
    many, few = tried((50, 10), (45, 30)), tried((50, 10), (45, 12))

    assert best_choice(many, 100) is many[0]
    assert best_choice(few, 100) is few[1]


def test_two_worse_fits_end_the_search():
    """One may be an accident, and fewer errors are worth going on for."""
    assert not is_past(tried((1, 5)))
    assert not is_past(tried((1, 5), (2, 5)))
    assert not is_past(tried((3, 5), (2, 5), (4, 6)))
    assert not is_past(tried((1, 5), (2, 5), (3, 4)))
    assert is_past(tried((1, 5), (2, 5), (3, 6)))
