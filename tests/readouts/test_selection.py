"""Exactly as many units go as asked for, and the right ones."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skprune.readouts.selection import (
    SCOPES,
    Units,
    apportion,
    closure,
    keep_units,
    layer_adaptive,
    nested_rank,
)


def flat(sizes, floor=1):
    """Independent units in groups of some sizes."""
    return Units(np.repeat(np.arange(len(sizes)), sizes), np.full(len(sizes), floor))


def random_tree(n_units, n_trees, seed):
    """Units that hang below each other, in preorder, tree by tree."""
    rng = np.random.default_rng(seed)
    group = np.sort(np.r_[np.arange(n_trees), rng.integers(0, n_trees, n_units)])
    parent, depth = np.full(len(group), -1), np.zeros(len(group), dtype=int)
    for unit in range(1, len(group)):
        above = np.flatnonzero(group[:unit] == group[unit])
        if len(above):
            parent[unit] = rng.choice(above)
            depth[unit] = depth[parent[unit]] + 1
    return Units(group, np.zeros(n_trees, dtype=int), parent=parent, depth=depth)


def is_closed(kept, units):
    """Whether nothing is kept below what goes."""
    hangs = units.parent >= 0
    return kept[units.parent[hangs]][kept[hangs]].all()


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("seed", range(4))
def test_exact_number_and_floors(scope, seed):
    """Every number that is possible is met, and each group keeps its least."""
    rng = np.random.default_rng(seed)
    units = flat(rng.integers(1, 9, 5), floor=2)
    importances = rng.random(units.n_units) * rng.integers(0, 2, units.n_units)
    for n_remove in range(units.removable + 1):
        kept = keep_units(importances, n_remove, units, scope)
        assert np.count_nonzero(~kept) == n_remove
        left = np.bincount(units.group, kept, minlength=5)
        assert (left >= np.minimum(units.floor, units.group_size)).all()


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("seed", range(4))
def test_nested_units(scope, seed):
    """The kept set is a tree at every number, and trees may vanish."""
    units = random_tree(25, 3, seed)
    importances = np.random.default_rng(seed).random(units.n_units)
    for n_remove in range(units.n_units + 1):
        kept = keep_units(importances, n_remove, units, scope)
        assert np.count_nonzero(~kept) == n_remove
        assert is_closed(kept, units)


def test_least_number_of_all_groups_together():
    """Trees may go whole as long as some unit is left."""
    units = Units(np.array([0, 0, 1]), np.zeros(2, dtype=int), least=1)
    assert units.removable == 2
    assert_array_equal(keep_units(np.array([1, 2, 3.0]), 2, units, "global"), [0, 0, 1])


def test_global_scope_keeps_the_most_important():
    """Without floors it is the best set there is."""
    rng = np.random.default_rng(0)
    importances, units = rng.random(9), flat([4, 5], floor=0)
    for n_remove in range(10):
        kept = keep_units(importances, n_remove, units, "global")
        best = max(
            importances[list(chosen)].sum()
            for chosen in combinations(range(9), 9 - n_remove)
        )
        assert_allclose(importances[kept].sum(), best)


def test_global_scope_with_floors_is_the_best_possible():
    """Among all sets that keep the floors, the one of largest sum."""
    rng = np.random.default_rng(1)
    units = flat([2, 3, 4])
    importances = rng.random(9) + 5 * (units.group == 2)
    for n_remove in range(units.removable + 1):
        sums = []
        for chosen in combinations(range(9), 9 - n_remove):
            chosen = list(chosen)
            if (np.bincount(units.group[chosen], minlength=3) >= 1).all():
                sums.append(importances[chosen].sum())
        kept = keep_units(importances, n_remove, units, "global")
        assert_allclose(importances[kept].sum(), max(sums))


def test_local_scope_takes_the_same_share_of_each_group():
    """Up to rounding, and the least important of each."""
    units = flat([10, 20, 40])
    importances = np.random.default_rng(0).random(70)
    kept = keep_units(importances, 35, units, "local")
    assert_array_equal(np.bincount(units.group, ~kept), [5, 10, 20])
    for group in range(3):
        own = units.group == group
        assert importances[own & kept].min() > importances[own & ~kept].max()


def test_lamp_scores_by_their_definition():
    """Each importance over the sum of those of its group that are not smaller."""
    units = flat([3, 4])
    importances = np.array([3.0, 1.0, 2.0, 10.0, 40.0, 20.0, 30.0])
    wanted = []
    for unit in range(7):
        own = importances[units.group == units.group[unit]]
        wanted.append(importances[unit] / own[own >= importances[unit]].sum())
    assert_allclose(layer_adaptive(importances, units), wanted)
    kept = keep_units(importances, 3, units, "lamp")
    assert_array_equal(~kept, np.argsort(np.argsort(wanted)) < 3)


def test_lamp_does_not_depend_on_the_scale_of_a_group():
    """A layer times a factor is pruned alike."""
    units, rng = flat([8, 12]), np.random.default_rng(0)
    importances = rng.random(20)
    scaled = np.where(units.group == 0, 1e6, 1.0) * importances
    for n_remove in (3, 10, 17):
        one, other = (
            keep_units(values, n_remove, units, "lamp")
            for values in (importances, scaled)
        )
        assert_array_equal(one, other)


def test_equal_importances():
    """Ties are broken the same way each time, deeper units first."""
    units = random_tree(12, 1, seed=3)
    ranks = nested_rank(np.ones(units.n_units), units)
    assert_array_equal(np.sort(ranks), np.arange(units.n_units))
    order = np.argsort(ranks)
    assert (np.diff(units.depth[order]) <= 0).all()


def test_closure_by_its_definition():
    """The largest importance in the subtree of each unit."""
    units = random_tree(30, 2, seed=5)
    importances = np.random.default_rng(5).random(units.n_units)
    wanted = importances.copy()
    for unit in range(units.n_units):
        above = units.parent[unit]
        while above >= 0:
            wanted[above] = max(wanted[above], importances[unit])
            above = units.parent[above]
    assert_array_equal(closure(importances, units), wanted)


@pytest.mark.parametrize("seed", range(5))
def test_apportionment(seed):
    """Quotas sum to the number, stay near the share, and leave the floors."""
    rng = np.random.default_rng(seed)
    units = flat(rng.integers(1, 30, 6), floor=1)
    for n_remove in range(units.removable + 1):
        quota = apportion(n_remove, units)
        assert quota.sum() == n_remove
        room = units.group_size - 1
        assert (quota <= room).all()
        exact = units.group_size * n_remove / units.n_units
        free = (exact + 1 <= room).all()
        assert not free or (np.abs(quota - exact) < 1).all()


def test_no_units():
    """A model without units has nothing to choose."""
    nothing = Units(np.zeros(0, dtype=int), np.ones(1, dtype=int))
    assert nothing.removable == nothing.n_units == 0
    for scope in SCOPES:
        assert keep_units(np.zeros(0), 0, nothing, scope).shape == (0,)
