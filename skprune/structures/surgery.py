"""scikit-learn's ``Tree`` objects: read as flat arrays, and re-packed without nodes.

Trees are rebuilt by the pickle protocol alone, whose state and arguments may grow:
whole rows of nodes are copied, and a node that becomes a leaf takes what it does not
know from a genuine leaf of its tree.
"""

import copy

import numpy as np

from skprune.readouts.flat import FlatForest
from skprune.structures.base import ModelSize

PLAIN = (int, float, str, np.generic, type(None))  # what a copy may share
STATISTICS = ("impurity", "n_node_samples", "weighted_n_node_samples")


def flatten(trees, scale):
    """The nodes of some trees as one set of arrays.

    Parameters
    ----------
    trees : list of sklearn.tree._tree.Tree
        Fitted.
    scale : ndarray of shape (n_trees,)
        What multiplies the values of each tree.

    Returns
    -------
    FlatForest
        Outputs and classes of a node side by side in its value.
    """
    offset = np.cumsum([0] + [tree.node_count for tree in trees])
    width = np.prod(trees[0].value.shape[1:])
    left, right = np.empty((2, offset[-1]), dtype=np.intp)
    weight, value = np.empty(offset[-1]), np.empty((offset[-1], width))
    for tree, start, stop in zip(trees, offset, offset[1:]):
        own = slice(start, stop)
        for children, target in (
            (tree.children_left, left),
            (tree.children_right, right),
        ):
            np.add(children, start, out=target[own])
            target[own][children < 0] = -1
        weight[own] = tree.weighted_n_node_samples
        value[own] = tree.value.reshape(stop - start, width)
    column = np.zeros(len(trees), dtype=np.intp)
    return FlatForest(left, right, weight, value, offset, scale, column)


def rebuild_trees(trees, forest, kept, old_offset):
    """New trees with some of the nodes of others.

    Parameters
    ----------
    trees : list of sklearn.tree._tree.Tree
        The trees that the nodes come from; not changed.
    forest : FlatForest
        The nodes that stay, with their new children, weights and values.
    kept : ndarray of int of shape (forest.n_nodes,)
        Their ids before.
    old_offset : ndarray of int of shape (n_trees,)
        The id before of the root of each tree.

    Returns
    -------
    list of sklearn.tree._tree.Tree
        Share nothing with the old ones, and hold no more memory than they need.
    """
    depths = np.maximum.reduceat(forest.depth, forest.offset[:-1])
    rebuilt = []
    for t, tree in enumerate(trees):
        own, start = forest.nodes(t), forest.offset[t]
        children = [
            np.where(child < 0, -1, child - start)
            for child in (forest.left[own], forest.right[own])
        ]
        rebuilt.append(
            rebuild_tree(
                tree,
                kept[own] - old_offset[t],
                children,
                forest.weight[own],
                forest.value[own],
                int(depths[t]),
            )
        )
    return rebuilt


def rebuild_tree(tree, kept, children, weight, value, depth):
    """A new tree with some of the nodes of another.

    Parameters
    ----------
    tree : sklearn.tree._tree.Tree
        Not changed.
    kept : ndarray of int of shape (n_nodes,)
        The nodes that stay, the root first.
    children : sequence of two ndarrays of int of shape (n_nodes,)
        New left and right children, -1 for a leaf.
    weight : ndarray of shape (n_nodes,)
        Weight of the training samples of each node.
    value : ndarray of shape (n_nodes, n_outputs * n_classes)
        What each node predicts.
    depth : int
        Splits on the longest path.

    Returns
    -------
    sklearn.tree._tree.Tree
        Of its own memory.
    """
    kind, arguments, state = tree.__reduce__()[:3]
    nodes = state["nodes"][kept]
    is_leaf = children[0] < 0
    cut = is_leaf & (nodes["left_child"] >= 0)
    if cut.any():
        genuine = state["nodes"][np.argmax(state["nodes"]["left_child"] < 0)]
        for field in nodes.dtype.names:
            if field not in STATISTICS:
                nodes[field][cut] = genuine[field]
    for field, child in zip(("left_child", "right_child"), children):
        nodes[field][~is_leaf] = child[~is_leaf]
    nodes["weighted_n_node_samples"] = weight
    rebuilt = kind(*arguments)
    rebuilt.__setstate__(
        dict(
            state,
            nodes=nodes,
            values=np.ascontiguousarray(value.reshape(-1, *state["values"].shape[1:])),
            node_count=len(nodes),
            max_depth=depth,
        )
    )
    return rebuilt


def with_tree(estimator, tree):
    """A copy of a fitted tree estimator that holds another ``Tree``.

    Parameters
    ----------
    estimator : DecisionTreeClassifier or DecisionTreeRegressor
        Not changed.
    tree : sklearn.tree._tree.Tree
        Becomes part of the copy.

    Returns
    -------
    estimator
        Shares nothing with the given one.
    """
    copied = object.__new__(type(estimator))
    for name, value in vars(estimator).items():
        if name == "tree_":
            value = tree
        elif not isinstance(value, PLAIN):
            value = copy.deepcopy(value)
        vars(copied)[name] = value
    return copied


def tree_size(tree):
    """Size of one tree.

    Parameters
    ----------
    tree : sklearn.tree._tree.Tree
        Fitted.

    Returns
    -------
    ModelSize
        A split counts one parameter, a leaf as many as it has values; comparisons are
        averaged over the training samples.
    """
    left, value = tree.children_left, tree.value
    splits, weight = left >= 0, tree.weighted_n_node_samples
    n_splits = np.count_nonzero(splits)
    leaves, thresholds = value[~splits], tree.threshold[splits]
    return ModelSize(
        n_parameters=int(n_splits + leaves.size),
        n_nonzero=int(np.count_nonzero(thresholds) + np.count_nonzero(leaves)),
        n_macs=float(weight[splits].sum() / weight[0] + leaves[0].size),
        n_bytes=int(len(left) * left.strides[0] + value.nbytes),
    )
