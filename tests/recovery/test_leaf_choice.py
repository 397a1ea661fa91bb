"""How fits of leaves are judged, and the rule by which one is chosen."""

from dataclasses import replace

import numpy as np
import pytest

from skprune.recovery.leaf_choice import Choice, HeldOutLoss, best_choice, is_past
from skprune.recovery.leaves import LeafProblem


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
    """Counts on a ninth of the samples are compared with a third of their noise."""
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


def squares(Z, Y, spread):
    """Half the squared error, less what missing trees add to it."""
    return ((Z - Y) ** 2 - spread).sum(axis=1) / 2


def forest(n_trees=12, n_samples=30):
    """Trees of four leaves each, whose mean is compared with targets."""
    rng = np.random.default_rng(0)
    return LeafProblem(
        leaves=rng.integers(4, size=(n_trees, n_samples)),
        n_leaves=np.full(n_trees, 4),
        scale=np.full(4 * n_trees, 1 / n_trees),
        prior=rng.normal(size=(4 * n_trees, 1)),
        targets=rng.normal(size=(n_samples, 1)),
        weights=np.ones(n_samples),
        fold=np.zeros(n_samples, dtype=int),
        out_of_bag=None,
        limits=None,
        loss=squares,
    )


def test_loss_by_some_trees_is_that_by_all_in_the_mean():
    """Over many random masks the held-out loss is the loss with all trees."""
    given, rng, rows = forest(), np.random.default_rng(1), np.arange(30)
    expected, _ = HeldOutLoss(given, rows).evaluate(given.prior)

    draws = []
    for _ in range(2000):
        rank = rng.random(given.leaves.shape).argsort(axis=0)
        some = replace(given, out_of_bag=rank < 4)
        draws.append(HeldOutLoss(some, rows).evaluate(given.prior)[0])

    error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws) - expected) < 4 * error
    assert np.mean(draws) + given.prior.var() / 6 * 30 / 2 > expected + 4 * error


def test_samples_without_an_out_of_bag_tree_do_not_count():
    """A sample that every tree was trained on takes no part in the choice."""
    out_of_bag = np.ones((12, 30), dtype=bool)
    out_of_bag[:, :10] = False
    given = replace(forest(), out_of_bag=out_of_bag)

    every = HeldOutLoss(given, np.arange(30)).evaluate(given.prior)
    others = HeldOutLoss(given, np.arange(10, 30)).evaluate(given.prior)

    assert every == others
