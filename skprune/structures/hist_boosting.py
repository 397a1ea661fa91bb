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
from skprune.structures.base import Family, ModelSize, register
from skprune.structures.boosting import (
    BOOSTING_STRUCTURES,
    BOOSTING_SYNONYMS,
    BoostedModel,
    places,
)
from skprune.structures.surgery import concatenated
from skprune.structures.tree_models import tree_model

KINDS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
STATISTICS = ("count", "depth", "value")
CHILDREN = ("left", "right")


class HistModel(BoostedModel):
    """View of histogram-based gradient boosting: ``_predictors``."""

    part = "_predictors"
    training_state = ("train_score_", "validation_score_")

    @staticmethod
    def grid(model):
        """List of trees for each stage."""
        return HistTrees(model).grid

    @cached_property
    def trees(self):
        """List of the ``TreePredictor`` objects."""
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
        """Feature that each node of all trees splits on, negative at leaves."""
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
        """Initial prediction, (n_samples, n_outputs)."""
        return np.repeat(self._fitted.baseline, len(X), axis=0)

    def leaves(self, t, X):
        """Find the leaf of tree t that each sample of `features` falls into."""
        return self._fitted.leaves(self.trees[t], X)

    def rebuilt(self, forest, kept, old_offset, members):
        """View of a copy of the model that has some of the nodes."""
        place, trees = places(self.place[members, 1]), self.trees
        packed = [
            [None] * (place[:, 1].max() + 1) for _ in range(place[:, 0].max() + 1)
        ]
        for t, (stage, output) in enumerate(place):
            own = forest.nodes(t)
            children = [
                np.where(child[own] < 0, 0, child[own] - own.start)
                for child in (forest.left, forest.right)
            ]
            packed[stage][output] = rebuild_predictor(
                trees[members[t]],
                kept[own] - old_offset[t],
                children,
                forest.left[own] < 0,
                forest.value[own, 0],
            )
        _fill(packed)
        model = self._fitted.with_grid(packed)
        model.max_iter = len(packed)
        return type(self)(model, place)

    def with_values(self, forest):
        """View of a copy of the model with other values of the same nodes."""
        model = copy.deepcopy(self.model)
        for t, tree in enumerate(type(self)(model, self.place).trees):
            tree.nodes["value"] = forest.value[forest.nodes(t), 0]
        return type(self)(model, self.place)


def rebuild_predictor(tree, kept, children, is_leaf, value):
    """Make a ``TreePredictor`` of some of the nodes of another.

    Parameters
    ----------
    tree : TreePredictor
        Not changed.
    kept : ndarray of int of shape (n_nodes,)
        The nodes that stay, the root first.
    children : sequence of two ndarrays of int of shape (n_nodes,)
        New left and right children; ignored at leaves.
    is_leaf : ndarray of bool of shape (n_nodes,)
        Which of these nodes are leaves.
    value : ndarray of shape (n_nodes,)
        Value of each node.

    Returns
    -------
    TreePredictor
        With the sets of the remaining categorical splits only.
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


def _fill(packed):
    """Fill the stages of outputs that have fewer trees with trees that add zero."""
    leaf = np.ones(1, dtype=bool)
    for trees in packed:
        for output, tree in enumerate(trees):
            if tree is None:
                root, none = np.zeros(1, dtype=int), [np.zeros(1, dtype=int)] * 2
                trees[output] = rebuild_predictor(
                    packed[0][output], root, none, leaf, np.zeros(1)
                )


def part_sizes(model):
    """Measure each tree of a histogram-based gradient boosting model."""
    return {
        f"_predictors[{stage}, {output}]": _size(tree)
        for stage, trees in enumerate(HistModel.grid(model))
        for output, tree in enumerate(trees)
    }


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


def feature_use(model):
    """Count the splits of all trees on each feature, (n_features,)."""
    asked = HistModel.of(model).asked
    return np.bincount(asked[asked >= 0], minlength=model.n_features_in_)


for kind in KINDS:
    tree_model.register(kind, HistModel.of)
register(
    Family(
        name="histogram-based gradient boosting",
        accepts=lambda model: isinstance(model, KINDS),
        structures=BOOSTING_STRUCTURES,
        synonyms=BOOSTING_SYNONYMS,
        part_sizes=part_sizes,
        feature_use=feature_use,
    )
)
