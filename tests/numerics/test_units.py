"""Gates are chosen exactly: by rank, nested, with floors, in each scope."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skprune.numerics.units import (
    Units,
    apportion,
    closure,
    keep_units,
    layer_adaptive,
    nested_rank,
)


def nested_units(seed, *, floor=0, sizes=(9, 0, 14)):
    """Random trees of units, one a group."""
    rng = np.random.default_rng(seed)
    parent, depth, group = [], [], []
    for g, size in enumerate(sizes):
        first = len(parent)
        for i in range(size):
            above = first + rng.integers(i) if i else -1
            parent.append(above)
            depth.append(depth[above] + 1 if i else 0)
            group.append(g)
    return Units(
        group=np.array(group),
        floor=np.full(len(sizes), floor),
        least=1,
        parent=np.array(parent),
        depth=np.array(depth),
    )


def flat_units(*, floor=0, sizes=(9, 1, 14)):
    """Units that do not hang together."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    return Units(group, np.full(len(sizes), floor))


def ties(seed, n_units):
    """Importances of which many are equal."""
    return np.random.default_rng(seed).integers(0, 5, n_units).astype(float)


def slow_removal(importances, units, n_remove):
    """Remove one childless unit after the other, the least important and deepest."""
    alive = set(range(units.n_units))
    raised = importances.copy()
    for u in np.argsort(-units.depth, kind="stable"):
        if units.parent[u] >= 0:
            above = units.parent[u]
            raised[above] = max(raised[above], raised[u])
    for _ in range(n_remove):
        key = {u: (raised[u], -units.depth[u], u) for u in alive}
        alive.remove(min(key, key=key.get))
    return np.isin(np.arange(units.n_units), list(alive))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_remove", [0, 1, 11, 22])
def test_global_choice_is_that_of_one_at_a_time(seed, n_remove):
    """With ties and nesting, the units that stay are those of the slow way."""
    units = nested_units(seed)
    importances = ties(seed, units.n_units)

    kept = keep_units(importances, n_remove, units, "global")

    assert_array_equal(kept, slow_removal(importances, units, n_remove))


@pytest.mark.parametrize("scope", ["global", "local", "lamp"])
@pytest.mark.parametrize("floor", [0, 2])
@pytest.mark.parametrize("nested", [True, False])
def test_choice_is_exact_nested_and_above_the_floor(scope, floor, nested):
    """As many go as asked, no unit outlives its parent, each group keeps its floor."""
    for seed in range(5):
        units = nested_units(seed, floor=floor) if nested else flat_units(floor=floor)
        importances = ties(seed, units.n_units)
        for n_remove in (0, 1, units.removable // 2, units.removable):
            kept = keep_units(importances, n_remove, units, scope)

            assert (~kept).sum() == n_remove
            left = np.bincount(units.group[kept], minlength=len(units.floor))
            assert (left >= np.minimum(units.floor, units.group_size)).all()
            if nested:
                below = units.parent >= 0
                assert kept[units.parent[below]][kept[below]].all()


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("floor", [0, 1, 3, 20])
def test_floor_protects_the_best_of_each_group(nested, floor):
    """The lowest ranks go but for the best units of each group, equal ones or not."""
    for seed in range(10):
        units = nested_units(seed, floor=floor) if nested else flat_units(floor=floor)
        importances = ties(seed, units.n_units)
        ranks = nested_rank(importances, units)
        best = [
            u
            for g in range(len(units.floor))
            for u in sorted(np.flatnonzero(units.group == g), key=lambda u: -ranks[u])[
                :floor
            ]
        ]
        order = [u for u in np.argsort(ranks) if u not in best]
        for n_remove in range(0, units.removable + 1, 3):
            expected = ~np.isin(np.arange(units.n_units), order[:n_remove])
            kept = keep_units(importances, n_remove, units, "global")
            assert_array_equal(kept, expected)


def test_rank_goes_children_first():
    """The nested rank is a permutation in which each unit precedes its parent."""
    units = nested_units(3)

    ranks = nested_rank(ties(3, units.n_units), units)

    assert_array_equal(np.sort(ranks), np.arange(units.n_units))
    below = units.parent >= 0
    assert (ranks[below] < ranks[units.parent[below]]).all()


def test_closure_is_the_largest_below():
    """A unit is raised to the largest importance among itself and those below."""
    units = nested_units(4)
    importances = np.random.default_rng(0).random(units.n_units)

    closed = closure(importances, units)

    for u in range(units.n_units):
        members = [v for v in range(units.n_units) if u in _ancestry(units, v)]
        assert closed[u] == importances[members].max()


def _ancestry(units, u):
    way = [u]
    while units.parent[way[-1]] >= 0:
        way.append(units.parent[way[-1]])
    return way


def test_adaptive_scores_are_shares_of_what_is_left():
    """Each score is the importance over the sum of those not smaller in its group."""
    units = flat_units(sizes=(4, 2))
    importances = np.array([1.0, 4, 2, 3, 10, 30])

    scores = layer_adaptive(importances, units)

    expected = [1 / 10, 4 / 4, 2 / 9, 3 / 7, 10 / 40, 1]
    assert_allclose(scores, expected)


def test_shares_of_groups_are_exact():
    """Local quotas are proportional, sum to the number asked for, and keep floors."""
    units = flat_units(floor=1, sizes=(10, 1, 20, 3))

    quota = apportion(17, units)

    assert quota.sum() == 17
    assert_array_equal(quota, [5, 0, 10, 2])
