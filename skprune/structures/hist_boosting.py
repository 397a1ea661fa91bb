"""HistGradientBoostingClassifier and HistGradientBoostingRegressor.

Their trees are plain arrays of nodes. Splits may be on categories, whose sets are
stored beside the nodes. The values of leaves already include the learning rate.
"""

import copy
from functools import cached_property

import numpy as np
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from skprune._compat import HistTrees
from skprune.numerics.forest import FlatForest
from skprune.structures.base import ModelSize
from skprune.structures.boosting import (
    BOOSTING_STRUCTURES,
    TREE_WORDS,
    BoostedModel,
    packed_stages,
    places,
)
from skprune.structures.surgery import concatenated
from skprune.structures.trees import register_trees

KINDS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
STATISTICS = ("count", "depth", "value")
CHILDREN = ("left", "right")


class HistModel(BoostedModel):
    """View of histogram-based gradient boosting: ``_predictors``."""

    part = "_predictors"
    training_state = ("train_score_", "validation_score_")

    @staticmethod
    def grid(model):
        return HistTrees(model).grid

    @cached_property
    def trees(self):
        return self.grid_items

    @cached_property
    def _fitted(self):
        return HistTrees(self.model)

    def _nodes(self):
        """Nodes of all trees, and which of them are leaves."""
        nodes = concatenated([tree.nodes for tree in self.trees])
        return nodes, nodes["is_leaf"].astype(bool)

    @property
    def asked(self):
        nodes, is_leaf = self._nodes()
        return np.where(is_leaf, -1, self._fitted.columns[nodes["feature_idx"]])

    def _flat(self):
        nodes, is_leaf = self._nodes()
        offset = np.cumsum([0] + [len(tree.nodes) for tree in self.trees])
        first = np.repeat(offset[:-1], np.diff(offset))
        left, right = (
            np.where(is_leaf, -1, nodes[side].astype(np.intp) + first)
            for side in CHILDREN
        )
        weight, value = nodes["count"].astype(float), nodes["value"][:, None].copy()
        column = np.zeros(len(self.place), dtype=np.intp)
        return FlatForest(left, right, weight, value, offset, self.scale, column)

    def features(self, X):
        """Encode the samples for routing; categorical features come first."""
        return self._fitted.features(X)

    def base(self, X):
        return np.repeat(self._fitted.baseline, len(X), axis=0)

    def leaves(self, t, X):
        return self._fitted.leaves(self.trees[t], X)

    def rebuilt(self, forest, kept, old_offset, members):
        place = places(self.place[members, 1])
        trees = self._cut(forest, kept, old_offset, members)
        packed = packed_stages(place, trees, _idle)
        model = self._fitted.with_grid(packed.tolist())
        model.max_iter = len(packed)
        return type(self)(model, place)

    def _cut(self, forest, kept, old_offset, members):
        """Yield trees that have some of the nodes: see `rebuilt`."""
        for t, (member, first) in enumerate(zip(members, old_offset)):
            own = forest.nodes(t)
            left, right = forest.left[own], forest.right[own]
            yield rebuild_predictor(
                self.trees[member],
                kept[own] - first,
                (left - own.start, right - own.start),
                left < 0,
                forest.value[own, 0],
            )

    def with_values(self, forest):
        model = copy.deepcopy(self.model)
        for t, tree in enumerate(type(self)(model, self.place).trees):
            tree.nodes["value"] = forest.value[forest.nodes(t), 0]
        return type(self)(model, self.place)

    def sizes(self):
        return [_size(tree) for tree in self.trees]


def rebuild_predictor(tree, kept, children, is_leaf, value):
    """Make a ``TreePredictor`` of the nodes `kept` of another, the root first.

    The new children, `is_leaf` and `value` are in the order of `kept`; children of
    leaves are ignored. Only the sets of the remaining categorical splits are stored.
    """
    nodes = tree.nodes[kept]
    cut = is_leaf & (nodes["is_leaf"] == 0)
    genuine = tree.nodes[np.argmax(tree.nodes["is_leaf"])]
    for field in nodes.dtype.names:
        if field not in STATISTICS:
            nodes[field][cut] = genuine[field]
    for side, child in zip(CHILDREN, children):
        nodes[side][~is_leaf] = child[~is_leaf]
    nodes["value"] = value
    by_category = ~is_leaf & (nodes["is_categorical"] == 1)
    used, number = np.unique(nodes["bitset_idx"][by_category], return_inverse=True)
    nodes["bitset_idx"][by_category] = number
    rebuilt = copy.copy(tree)
    rebuilt.nodes = nodes
    for name in ("binned_left_cat_bitsets", "raw_left_cat_bitsets"):
        setattr(rebuilt, name, getattr(tree, name)[used])
    return rebuilt


def _idle(tree):
    """Make a tree that adds zero."""
    root = np.zeros(1, dtype=int)
    return rebuild_predictor(tree, root, [root, root], root == 0, np.zeros(1))


def _size(tree):
    nodes, is_leaf = tree.nodes, tree.nodes["is_leaf"] == 1
    thresholds = nodes["num_threshold"][~is_leaf & (nodes["is_categorical"] == 0)]
    n_sets = np.count_nonzero(~is_leaf) - len(thresholds)
    n_nonzero = np.count_nonzero(thresholds) + np.count_nonzero(nodes["value"][is_leaf])
    sets = tree.binned_left_cat_bitsets, tree.raw_left_cat_bitsets
    return ModelSize(
        n_parameters=len(nodes),
        n_nonzero=int(n_nonzero + n_sets),
        n_macs=float(nodes["count"][~is_leaf].sum() / nodes["count"][0] + 1),
        n_bytes=int(nodes.nbytes + sum(part.nbytes for part in sets)),
    )


register_trees(
    "histogram-based gradient boosting",
    KINDS,
    HistModel.of,
    BOOSTING_STRUCTURES,
    TREE_WORDS,
)
