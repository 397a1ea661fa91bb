"""Boosted trees walked one sample at a time, with means of leaves by recursion."""

from functools import partial

import numpy as np

from tests.tree_oracles import walk


def mean_of_leaves(node, children, weight, value):
    """Weighted mean of the leaves below a node, which may be one itself."""
    left, right = children
    if left[node] <= 0:
        return value[node]
    below = partial(mean_of_leaves, children=children, weight=weight, value=value)
    ends = np.array([left[node], right[node]])
    return np.average([below(end) for end in ends], weights=weight[ends])


def walked_stages(model, X, stops):
    """What each stage of gradient boosting adds, (n_stages, n_outputs, n_samples).

    The splits in ``stops[stage, output]`` end the walk.
    """
    added = np.zeros((*model.estimators_.shape, len(X)))
    for place, estimator in np.ndenumerate(model.estimators_):
        tree = estimator.tree_
        children = tree.children_left, tree.children_right
        weight, value = tree.weighted_n_node_samples, tree.value.ravel()
        for i, x in enumerate(X):
            end = walk(tree, x, stops[place])
            mean = mean_of_leaves(end, children, weight, value)
            added[(*place, i)] = model.learning_rate * mean
    return added


def encoded(X, is_categorical):
    """Codes of the sorted categories, in front of the other columns."""
    codes = []
    for column in X.T[is_categorical]:
        known = np.unique(column[~np.isnan(column)])
        code = np.searchsorted(known, column).astype(float)
        codes.append(np.where(np.isnan(column), np.nan, code))
    return np.column_stack([*codes, X[:, ~is_categorical]])


def goes_left(node, x, bitsets):
    """Whether a sample goes left at a node of a ``TreePredictor``."""
    value = x[node["feature_idx"]]
    if np.isnan(value):
        return bool(node["missing_go_to_left"])
    if node["is_categorical"]:
        word = int(bitsets[node["bitset_idx"]][int(value) // 32])
        return bool(word >> (int(value) % 32) & 1)
    return value <= node["num_threshold"]


def walked_predictor(tree, X, stops):
    """What one ``TreePredictor`` adds, (n_samples,)."""
    nodes = tree.nodes
    children = (
        np.where(nodes["is_leaf"], -1, nodes["left"].astype(int)),
        np.where(nodes["is_leaf"], -1, nodes["right"].astype(int)),
    )
    added = np.zeros(len(X))
    for i, x in enumerate(X):
        end = 0
        while not nodes[end]["is_leaf"] and end not in stops:
            is_left = goes_left(nodes[end], x, tree.raw_left_cat_bitsets)
            end = children[0 if is_left else 1][end]
        added[i] = mean_of_leaves(end, children, nodes["count"], nodes["value"])
    return added
