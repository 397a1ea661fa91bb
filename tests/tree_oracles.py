"""Trees walked one sample and one node at a time: slow, and plainly right."""

import numpy as np

from skprune.numerics.units import keep_units
from skprune.structures import Samples, family_of


def structure_of(model, X, y, granularity="connection", **options):
    """The structure of a fitted model."""
    structures = family_of(model).structures
    return structures[granularity](model, Samples(X, y, **options))


def pruned_at(structure, rate, *, compensate=False, seed=0):
    """Gates that respect the nesting of units, and the structure pruned by them."""
    rng = np.random.default_rng(seed)
    scores = rng.random(structure.n_units)
    n_remove = min(round(rate * structure.n_units), structure.units.removable)
    gates = keep_units(scores, n_remove, structure.units, "global").astype(float)
    return gates, structure.prune(gates, compensate=compensate, rng=rng)


def trees_of(model):
    """The ``Tree`` objects of a single tree or a forest."""
    return [e.tree_ for e in getattr(model, "estimators_", [model])]


def walk(tree, x, stops=(), skipped=()):
    """The node of a tree that a sample ends at.

    It stops at the splits in `stops` and follows, at those in `skipped`, the child of
    more weight.
    """
    node = 0
    while tree.children_left[node] >= 0 and node not in stops:
        children = tree.children_left[node], tree.children_right[node]
        if node in skipped:
            node = max(children, key=lambda c: tree.weighted_n_node_samples[c])
        else:
            value = np.float32(x[tree.feature[node]])
            is_left = (
                bool(tree.missing_go_to_left[node])
                if np.isnan(value)
                else value <= tree.threshold[node]
            )
            node = children[0 if is_left else 1]
    return node


def walked_output(model, X, stops=None, skipped=None):
    """Mean over trees of the values at which each sample ends, (n_samples, ...)."""
    trees = trees_of(model)
    nothing = [()] * len(trees)
    return np.mean(
        [
            [tree.value[walk(tree, x, stop, skip)].ravel() for x in X]
            for tree, stop, skip in zip(trees, stops or nothing, skipped or nothing)
        ],
        axis=0,
    )


def splits_of(model):
    """Tree and node of each split, in the order of units."""
    return [
        (t, int(node))
        for t, tree in enumerate(trees_of(model))
        for node in np.flatnonzero(tree.children_left >= 0)
    ]


def gone_by_tree(model, gates):
    """The splits of each tree whose gate is zero, a list of sets."""
    gone = [set() for _ in trees_of(model)]
    for (t, node), gate in zip(splits_of(model), gates):
        if gate == 0:
            gone[t].add(node)
    return gone
