"""Selection of the units to keep from their importances.

The number of removed units is exact. Units may be nested (splits of a tree): a unit is
removed together with all units below it. It therefore ranks at least as high as these,
and of equal units the deepest is removed first. Each group of units (a layer, a tree)
keeps at least its floor.
"""

from dataclasses import dataclass

import numpy as np

SCOPES = ("global", "lamp", "local")


@dataclass(frozen=True)
class Units:
    """Groups, floors and nesting of the units of a structure.

    `group` is the layer or tree of each unit, ascending. Group g keeps at least
    ``floor[g]`` units, and all groups together keep at least `least`. For nested units,
    `parent` is the parent of each unit, before its children and -1 for none, and
    `depth` the number of ancestors. `rescalable` says whether gates other than zero and
    one are meaningful.
    """

    group: np.ndarray
    floor: np.ndarray
    least: int = 0
    parent: np.ndarray | None = None
    depth: np.ndarray | None = None
    rescalable: bool = True

    @property
    def n_units(self):
        """Number of units."""
        return len(self.group)

    @property
    def group_size(self):
        """Number of units of each group."""
        return np.bincount(self.group, minlength=len(self.floor))

    @property
    def removable(self):
        """Maximum number of units that may be removed."""
        floor = np.minimum(self.floor, self.group_size).sum()
        return self.n_units - min(max(floor, self.least), self.n_units)


def keep_units(importances, n_remove, units, scope):
    """Choose the units to keep: a mask with exactly `n_remove` entries False.

    At most ``units.removable`` may be removed. The scope "global" ranks all units
    together, "local" removes the same share of each group. "lamp" ranks layer-adaptive
    scores [1]_: each importance over the sum of those of its group that are not
    smaller.

    References
    ----------
    .. [1] J. Lee et al., "Layer-adaptive Sparsity for the Magnitude-based Pruning",
       ICLR 2021.
    """
    if scope == "local":
        place = _rank_in_group(nested_rank(importances, units), units)
        return place >= apportion(n_remove, units)[units.group]
    if scope == "lamp":
        importances = layer_adaptive(importances, units)
    kept = _keep_highest(importances, n_remove, units)
    least = np.minimum(units.floor, units.group_size)
    if (np.bincount(units.group[kept], minlength=len(least)) >= least).all():
        return kept
    return _above_floor(nested_rank(importances, units), n_remove, units)


def _keep_highest(importances, n_remove, units):
    """Keep units in the order of `nested_rank`, without sorting all of them."""
    kept = np.ones(len(importances), dtype=bool)
    if n_remove == 0:
        return kept
    keys = importances if units.parent is None else closure(importances, units)
    last = np.partition(keys, n_remove - 1)[n_remove - 1]
    kept[keys < last] = False
    ties = np.flatnonzero(keys == last)
    if units.depth is not None:
        ties = ties[np.argsort(-units.depth[ties], kind="stable")]
    kept[ties[: n_remove - np.count_nonzero(~kept)]] = False
    return kept


def nested_rank(importances, units):
    """Compute the position of each unit in the order of removal, children first."""
    if units.parent is None:
        order = np.argsort(importances, kind="stable")
    else:
        deepest_first = _stable_order(units.depth.max(initial=0) - units.depth)
        keys = closure(importances, units)[deepest_first]
        order = deepest_first[np.argsort(keys, kind="stable")]
    ranks = np.empty(len(order), dtype=np.intp)
    ranks[order] = np.arange(len(order))
    return ranks


def closure(importances, units):
    """Raise each importance to the largest one among the units below."""
    closed = np.array(importances, dtype=float)
    by_depth = _stable_order(units.depth)
    edges = np.cumsum(np.bincount(units.depth))
    for start, stop in zip(edges[-2::-1], edges[:0:-1]):
        level = by_depth[start:stop]
        np.maximum.at(closed, units.parent[level], closed[level])
    return closed


def layer_adaptive(importances, units):
    """Divide each importance by the sum of those of its group that are not smaller.

    Importances are non-negative. The scores are in [0, 1]; the highest of each group is
    one.
    """
    order = _order_in_groups(nested_rank(importances, units), units)
    raised = importances if units.parent is None else closure(importances, units)
    sizes = raised[order].astype(float)
    ends = np.cumsum(units.group_size)
    scores = np.empty(len(sizes))
    for start, stop in zip(ends - units.group_size, ends):
        tail = np.cumsum(sizes[start:stop][::-1])[::-1]
        share = sizes[start:stop] / np.maximum(tail, np.finfo(float).tiny)
        # rounding must not change the order within the group
        scores[order[start:stop]] = np.maximum.accumulate(share)
    return scores


def _above_floor(ranks, n_remove, units):
    """Keep by rank, but at least the highest units of each group up to its floor."""
    from_top = _rank_in_group(len(ranks) - 1 - ranks, units)
    safe = from_top < units.floor[units.group]
    order = np.lexsort((ranks, safe))
    kept = np.ones(len(ranks), dtype=bool)
    kept[order[:n_remove]] = False
    return kept


def _rank_in_group(ranks, units):
    order = _order_in_groups(ranks, units)
    starts = np.cumsum(units.group_size) - units.group_size
    inside = np.empty(len(ranks), dtype=np.intp)
    inside[order] = np.arange(len(ranks)) - starts[units.group[order]]
    return inside


def _order_in_groups(ranks, units):
    """Sort units by group, then by rank; `ranks` is a permutation."""
    by_rank = np.empty(len(ranks), dtype=np.intp)
    by_rank[ranks] = np.arange(len(ranks))
    return by_rank[_stable_order(units.group[by_rank])]


def _stable_order(numbers):
    """Sort integers stably, by radix sort if they fit into 16 bits."""
    small = numbers.max(initial=0) < 2**16
    return np.argsort(numbers.astype(np.uint16) if small else numbers, kind="stable")


def apportion(n_remove, units):
    """Distribute `n_remove` removals over groups in proportion to their sizes.

    The largest remainders are rounded up. No group falls below its floor while another
    one has units to remove.
    """
    room = units.group_size - np.minimum(units.floor, units.group_size)
    exact = units.group_size * (n_remove / max(units.n_units, 1))
    quota = np.minimum(np.floor(exact + 1e-9).astype(int), room)
    while quota.sum() < n_remove:
        open_groups = np.flatnonzero(quota < room)
        first = np.argsort(-(exact - quota)[open_groups], kind="stable")
        quota[open_groups[first[: n_remove - quota.sum()]]] += 1
    return quota
