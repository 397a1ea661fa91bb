"""Read scikit-learn's ``Tree`` objects as flat arrays, and rebuild them without nodes.

Trees are rebuilt by the pickle protocol alone, whose state and arguments may grow in
later versions: whole records of nodes are copied, and a node that becomes a leaf takes
its other fields from a genuine leaf of its tree. Many trees are processed at once.
"""

import copy

import numpy as np

from skprune.numerics.forest import FlatForest, tree_blocks
from skprune.numerics.node_values import NodeValues
from skprune.structures.base import ModelSize

PLAIN = (int, float, str, np.generic, type(None))  # what a copy may share
STATISTICS = ("impurity", "n_node_samples", "weighted_n_node_samples")
CHILDREN = ("left_child", "right_child")
NODES = 2**14  # nodes of the trees processed at once: bounds the memory of copies


def concatenated(records):
    """Concatenate structured arrays, with the bytes between their fields."""
    kind = records[0].dtype
    whole = np.dtype((np.void, kind.itemsize))  # else copied field by field, and packed
    return np.concatenate([part.view(whole) for part in records]).view(kind)


def _offset(states):
    """Find the index of the first node of each tree, and the number of nodes."""
    return np.cumsum([0] + [len(state["nodes"]) for state in states])


def _blocks(states, offset):
    """Yield blocks of trees, from `start` to `stop`, and the records of their nodes."""
    for start, stop in tree_blocks(offset, NODES):
        records = [state["nodes"] for state in states[start:stop]]
        yield start, stop, concatenated(records)


def flatten(trees, scale):
    """Read the nodes of some ``Tree`` objects, a FlatForest.

    `scale` has a factor of the values of each tree. Outputs and classes of a node are
    side by side in its value. The values are not copied from the trees.
    """
    states = [tree.__getstate__() for tree in trees]
    offset = _offset(states)
    children, weight = np.empty((2, offset[-1]), dtype=np.intp), np.empty(offset[-1])
    for start, stop, nodes in _blocks(states, offset):
        own = slice(offset[start], offset[stop])
        first = np.repeat(offset[start:stop], np.diff(offset[start : stop + 1]))
        is_leaf = nodes["left_child"] < 0
        for target, field in zip(children[:, own], CHILDREN):
            np.add(nodes[field], first, out=target)
            target[is_leaf] = -1
        weight[own] = nodes["weighted_n_node_samples"]
    values = [state["values"] for state in states]
    value = NodeValues([own.reshape(len(own), -1) for own in values])
    column = np.zeros(len(trees), dtype=np.intp)
    left, right = children
    return FlatForest(left, right, weight, value, offset, scale, column)


def rebuild_trees(trees, forest, kept, old_offset):
    """Make new ``Tree`` objects of some of the nodes of others.

    The nodes of `forest` have the ids `kept` in `trees`, whose roots have the ids
    `old_offset`. The new trees share nothing with the old ones, and take no more memory
    than they need.
    """
    reduced = [tree.__reduce__()[:3] for tree in trees]
    states = [state for *_, state in reduced]
    offset = _offset(states)
    depths = np.maximum.reduceat(forest.depth, forest.offset[:-1])
    rows = kept + (offset[:-1] - old_offset)[forest.node_tree]
    rebuilt = []
    for start, stop, old in _blocks(states, offset):
        block = forest.block(start, stop)
        own = slice(forest.offset[start], forest.offset[stop])
        first = offset[start:stop] - offset[start]
        nodes = _cut_nodes(old, first, block, rows[own] - offset[start])
        rebuilt += _trees_of(reduced[start:stop], block, nodes, depths[start:stop])
    return rebuilt


def _cut_nodes(old, first, block, rows):
    """Make the records of the nodes of `block` from those of all nodes of its trees.

    `first` is the root of each tree and `rows` the record of each node in `old`.
    """
    nodes, splits = old.take(rows), block.splits
    cut = np.flatnonzero((block.left < 0) & (nodes["left_child"] >= 0))
    leaves = np.flatnonzero(old["left_child"] < 0)
    genuine = leaves[np.searchsorted(leaves, first)][block.node_tree[cut]]
    for field in nodes.dtype.names:
        if field not in STATISTICS:
            nodes[field][cut] = old[field][genuine]
    root = block.offset[:-1][block.split_tree]
    for field, child in zip(CHILDREN, (block.left, block.right)):
        nodes[field][splits] = child[splits] - root
    nodes["weighted_n_node_samples"] = block.weight
    return nodes


def _trees_of(reduced, block, nodes, depths):
    """Make trees with memory of their own from the reduced state of others."""
    shape = reduced[0][2]["values"].shape[1:]
    values = np.ascontiguousarray(block.value).reshape(-1, *shape)
    rebuilt, offset = [], block.offset.tolist()
    ranges = map(slice, offset, offset[1:])
    for (kind, arguments, state), own, depth in zip(reduced, ranges, depths.tolist()):
        tree = kind(*arguments)
        changed = {"nodes": nodes[own], "values": values[own]}
        count = own.stop - own.start
        tree.__setstate__({**state, **changed, "node_count": count, "max_depth": depth})
        rebuilt.append(tree)
    return rebuilt


def lone_leaf(tree):
    """Make a tree that is a single leaf of value zero, from the root of another."""
    forest = flatten([tree], np.ones(1))
    leaf = np.full(forest.n_nodes, -1)
    forest = forest.with_fields(value=np.zeros(forest.value.shape))
    root, kept = forest.rewired(leaf, leaf, np.zeros(1, dtype=int))
    return rebuild_trees([tree], root, kept, np.zeros(1, dtype=int))[0]


def copied_tree(tree):
    """Copy a ``Tree`` without reading its nodes."""
    kind, arguments, state = tree.__reduce__()[:3]
    copied = kind(*arguments)
    copied.__setstate__(state)  # copies the arrays
    return copied


def with_tree(estimator, tree, memo=None):
    """Copy a fitted tree estimator around another ``Tree``, which joins the copy.

    `memo` is as in `copy.deepcopy`: estimators that are copied with one memo go on
    sharing what they share.
    """
    copied = object.__new__(type(estimator))
    copied.__dict__ = own = {**vars(estimator), "tree_": tree}
    for name, value in own.items():
        if type(value) is np.ndarray and value.dtype != object:
            own[name] = value.copy()  # much faster than a deep copy
        elif value is not tree and not isinstance(value, PLAIN):
            own[name] = copy.deepcopy(value, memo)
    return copied


def tree_sizes(trees):
    """Measure each of several ``Tree`` objects of one model, a list of ModelSize.

    A split counts as one parameter, a leaf as one per value. Comparisons are averaged
    over the training samples.
    """
    states, sizes = [tree.__getstate__() for tree in trees], []
    offset = _offset(states)
    for start, stop, nodes in _blocks(states, offset):
        first = offset[start:stop] - offset[start]
        values = np.concatenate([state["values"] for state in states[start:stop]])
        sizes += _sizes_of_nodes(nodes, values.reshape(len(nodes), -1), first)
    return sizes


def _sizes_of_nodes(nodes, values, first):
    """Measure trees from the records and values of their nodes; `first` are roots."""
    splits, weight = nodes["left_child"] >= 0, nodes["weighted_n_node_samples"]
    compares = splits & (nodes["threshold"] != 0)
    width, offset = values.shape[1], np.append(first, len(values))
    n_bytes = nodes.itemsize + values.itemsize * width
    each = zip(
        np.add.reduceat(np.where(splits, 1, width), first).tolist(),
        np.add.reduceat(compares, first, dtype=int).tolist(),
        _leaf_values(splits, values, offset),
        (np.add.reduceat(weight * splits, first) / weight[first] + width).tolist(),
        (np.diff(offset) * n_bytes).tolist(),
    )
    return [
        ModelSize(n_parameters, n_thresholds + n_values, n_macs, n_bytes)
        for n_parameters, n_thresholds, n_values, n_macs, n_bytes in each
    ]


def _leaf_values(splits, values, offset):
    """Count the nonzero values of the leaves of each tree, a list of int."""
    counts = []
    for start, stop in tree_blocks(offset, NODES):
        own = slice(offset[start], offset[stop])
        is_filled = values[own] != 0
        is_filled[splits[own]] = False
        edges = (offset[start : stop + 1] - own.start).tolist()
        ranges = map(slice, edges, edges[1:])
        counts += [int(np.count_nonzero(is_filled[tree])) for tree in ranges]
    return counts
