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
    """Concatenate structured arrays.

    Parameters
    ----------
    records : list of ndarray of shape (n,)
        Of one structured data type.

    Returns
    -------
    ndarray
        Of the same type, including the bytes between its fields.
    """
    kind = records[0].dtype
    whole = np.dtype((np.void, kind.itemsize))  # else copied field by field, and packed
    return np.concatenate([part.view(whole) for part in records]).view(kind)


def _offset(states):
    """Index of the first node of each tree, and the number of all nodes."""
    return np.cumsum([0] + [len(state["nodes"]) for state in states])


def _blocks(states, offset):
    """Yield blocks of trees, from `start` to `stop`, and the records of their nodes."""
    for start, stop in tree_blocks(offset, NODES):
        yield (
            start,
            stop,
            concatenated([state["nodes"] for state in states[start:stop]]),
        )


def flatten(trees, scale):
    """Read the nodes of some trees as one set of arrays.

    Parameters
    ----------
    trees : list of sklearn.tree._tree.Tree
        Fitted.
    scale : ndarray of shape (n_trees,)
        Factor of the values of each tree.

    Returns
    -------
    FlatForest
        Outputs and classes of a node are side by side in its value. The values are not
        copied from the trees.
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
    """Make new trees of some of the nodes of others.

    Parameters
    ----------
    trees : list of sklearn.tree._tree.Tree
        Trees that the nodes come from; not changed.
    forest : FlatForest
        The remaining nodes, with their new children, weights and values.
    kept : ndarray of int of shape (forest.n_nodes,)
        Their old ids.
    old_offset : ndarray of int of shape (n_trees,)
        Old id of the root of each tree.

    Returns
    -------
    list of sklearn.tree._tree.Tree
        Share nothing with the old ones, and have no more memory than they need.
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
    """Make the records of the remaining nodes.

    Parameters
    ----------
    old : ndarray
        Records of all nodes of some trees.
    first : ndarray of int of shape (n_trees,)
        Root of each tree.
    block : FlatForest
        The remaining nodes.
    rows : ndarray of int of shape (block.n_nodes,)
        Their old records.

    Returns
    -------
    ndarray of shape (block.n_nodes,)
        Records.
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
    """Make a tree that is a single leaf of value zero.

    Parameters
    ----------
    tree : sklearn.tree._tree.Tree
        Whose root becomes the leaf; not changed.

    Returns
    -------
    sklearn.tree._tree.Tree
        With memory of its own.
    """
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
    """Copy a fitted tree estimator around another ``Tree``.

    Parameters
    ----------
    estimator : DecisionTreeClassifier or DecisionTreeRegressor
        Not changed.
    tree : sklearn.tree._tree.Tree
        Becomes part of the copy.
    memo : dict, default=None
        As in `copy.deepcopy`: estimators that are copied with one memo go on sharing
        what they share.

    Returns
    -------
    estimator
        Shares nothing with the given one.
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
    """Measure each of several trees.

    Parameters
    ----------
    trees : list of sklearn.tree._tree.Tree
        Fitted, of one model.

    Returns
    -------
    list of ModelSize
        A split counts as one parameter, a leaf as one per value. Comparisons are
        averaged over the training samples.
    """
    states, sizes = [tree.__getstate__() for tree in trees], []
    offset = _offset(states)
    for start, stop, nodes in _blocks(states, offset):
        first = offset[start:stop] - offset[start]
        values = np.concatenate([state["values"] for state in states[start:stop]])
        sizes += sizes_of_nodes(
            nodes["left_child"] >= 0,
            nodes["threshold"] != 0,
            nodes["weighted_n_node_samples"],
            values.reshape(len(nodes), -1),
            first,
            nodes.itemsize,
        )
    return sizes


def sizes_of_nodes(splits, compares, weight, values, first, n_bytes):
    """Measure each of several trees from arrays of their nodes.

    Parameters
    ----------
    splits, compares : ndarray of bool of shape (n_nodes,)
        Which nodes split, and which have a threshold other than zero.
    weight : ndarray of shape (n_nodes,)
        Weight of the training samples that reach each node.
    values : ndarray of shape (n_nodes, width)
        Value of each node.
    first : ndarray of int of shape (n_trees,)
        Root of each tree, ascending.
    n_bytes : int
        Size of the record of a node, without its values.

    Returns
    -------
    list of ModelSize
        As `tree_sizes`.
    """
    width, offset = values.shape[1], np.append(first, len(values))
    each = zip(
        np.add.reduceat(np.where(splits, 1, width), first).tolist(),
        np.add.reduceat(splits & compares, first, dtype=int).tolist(),
        _leaf_values(splits, values, offset),
        (np.add.reduceat(weight * splits, first) / weight[first] + width).tolist(),
        (np.diff(offset) * (n_bytes + values.dtype.itemsize * width)).tolist(),
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
