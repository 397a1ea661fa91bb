"""Single trees, and the granularities that all trees have.

A unit is a split with the subtree below it ("connection"), a depth level of a tree
("layer"), or an input feature ("feature"). Removed splits and levels become leaves. A
split on a removed feature is replaced by the child that more training samples reached.
"""

import copy
from typing import Any

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skprune.numerics.units import Units
from skprune.readouts.joined import JoinedReadout
from skprune.readouts.paths import StepReadout
from skprune.structures.base import Family, register
from skprune.structures.surgery import tree_sizes
from skprune.structures.tree_base import TreeStructure
from skprune.structures.tree_models import tree_model


def rescales(gates):
    """Whether some gates are neither zero nor one."""
    return bool(((gates != 0) & (gates != 1)).any())


def _cut_off(forest, cut):
    """Left and right children of all nodes after some splits have become leaves."""
    left, right = forest.left.copy(), forest.right.copy()
    left[cut] = right[cut] = -1
    return left, right


class TreeSplits(TreeStructure):
    """Trees whose units are splits, each with the subtree below it."""

    @property
    def group_names(self):
        """Name of each tree."""
        return self.view.names

    def _set_units(self):
        forest = self.forest
        self.units = Units(
            group=forest.split_tree,
            floor=np.zeros(forest.n_trees, dtype=int),
            least=1,
            parent=forest.split_parent,
            depth=forest.depth[forest.splits],
        )

    def _of_splits(self, gates):
        """Gate of each split."""
        return gates

    def _steps(self):
        return StepReadout(
            self.source.part,
            self.forest,
            self._leaves,
            self._gradient,
            self.samples.weights,
            curvature=self._curvature,
            reweighted=self.reweighted,
        )

    def readouts(self):
        return [self._steps()]

    def output(self, gates=None, X=None):
        value = self.forest.value
        if gates is not None:
            value = self.forest.gated_values(self._of_splits(np.asarray(gates)))
        return self._sum_of_trees(value, X)

    def _cut(self, gates):
        forest, gates = self.forest, self._of_splits(gates)
        cut = forest.splits[gates == 0]
        smaller, kept = forest.rewired(*_cut_off(forest, cut), forest.offset[:-1])
        return self._rescaled(smaller, kept, gates)

    def _rescaled(self, forest, kept, gates):
        """Pack the remaining nodes, the steps of their splits multiplied by gates."""
        unchanged = self.prior is self.forest.value
        prior = forest.value if unchanged else self.prior.take(kept, axis=0)
        if rescales(gates):
            of_node = np.ones(self.forest.n_nodes)
            of_node[self.forest.splits] = gates
            left = of_node[kept[forest.splits]]
            prior = forest.with_fields(value=prior).gated_values(left)
            forest = forest.with_fields(value=forest.gated_values(left))
        return self._packed(forest, kept, prior)


class TreeLevels(TreeSplits):
    """Trees whose units are depth levels, each with everything below it."""

    def _set_units(self):
        forest = self.forest
        depth = forest.depth[forest.splits]
        heights = np.zeros(forest.n_trees, dtype=int)
        np.maximum.at(heights, forest.split_tree, depth + 1)
        first = np.cumsum(heights) - heights
        self.level = first[forest.split_tree] + depth
        group = np.repeat(np.arange(forest.n_trees), heights)
        above = np.arange(len(group)) - first[group]
        self.units = Units(
            group=group,
            floor=np.zeros(forest.n_trees, dtype=int),
            least=1,
            parent=np.where(above > 0, np.arange(len(group)) - 1, -1),
            depth=above,
        )

    def _of_splits(self, gates):
        return gates[self.level]

    def readouts(self):
        return [JoinedReadout(self._steps(), self.level, self.n_units)]


class TreeFeatures(TreeSplits):
    """Trees whose units are the input features that some split uses."""

    gates_are_linear = False
    features: Any = None

    def _set_units(self):
        asked = self.source.asked[self.origin[self.forest.splits]]
        if self.features is None:
            self.features = np.unique(asked)
        self.feature = np.searchsorted(self.features, asked)
        self.units = Units(np.zeros(len(self.features), dtype=int), np.ones(1, int))

    def _of_splits(self, gates):
        return gates[self.feature]

    def readouts(self):
        return [JoinedReadout(self._steps(), self.feature, self.n_units)]

    def output(self, gates=None, X=None):
        if gates is not None and not np.all(gates):
            return self._cut(np.asarray(gates, dtype=float)).output(X=X)
        return super().output(gates, X)

    def _cut(self, gates):
        remaining, of_splits = copy.copy(self), self._of_splits(gates)
        remaining.features = self.features[gates != 0]
        remaining.leaves = None  # both sides of a removed split follow one path
        forest = self.forest
        place = self._replacements(forest.splits[of_splits == 0])
        is_leaf = forest.left < 0
        left = np.where(is_leaf, -1, place[forest.left])
        right = np.where(is_leaf, -1, place[forest.right])
        smaller, kept = forest.rewired(left, right, place[forest.offset[:-1]])
        smaller = smaller.with_fields(weight=self._passing_weight(smaller, kept))
        return remaining._rescaled(smaller, kept, of_splits)

    def _replacements(self, removed):
        """Node that takes the place of each node when some splits are removed."""
        forest = self.forest
        is_removed = np.zeros(forest.n_nodes, dtype=bool)
        is_removed[removed] = True
        place = np.arange(forest.n_nodes)
        for split in reversed(forest.levels):
            leaving = split[is_removed[split]]
            left, right = forest.left[leaving], forest.right[leaving]
            left_is_heavier = forest.weight[left] >= forest.weight[right]
            place[leaving] = place[np.where(left_is_heavier, left, right)]
        return place

    def _passing_weight(self, forest, kept):
        """Weight at each node if all samples that reached its place pass on to it."""
        weight, trained = forest.weight.copy(), self.forest.weight
        weight[forest.offset[:-1]] = trained[self.forest.offset[:-1]]
        for split in forest.levels:
            share = weight[split] / trained[kept[split]]
            for new, old in (
                (forest.left, self.forest.left),
                (forest.right, self.forest.right),
            ):
                weight[new[split]] = share * trained[old[kept[split]]]
        return weight


TREE_SYNONYMS = {"split": "connection", "node": "connection", "depth": "layer"}


def tree_part_sizes(model):
    """Measure a single tree."""
    return {"tree_": tree_sizes([model.tree_])[0]}


def tree_feature_use(model):
    """Count the splits of all trees on each feature, (n_features,)."""
    asked = tree_model(model).asked
    return np.bincount(asked[asked >= 0], minlength=model.n_features_in_)


register(
    Family(
        name="decision trees",
        accepts=lambda model: isinstance(
            model, DecisionTreeClassifier | DecisionTreeRegressor
        ),
        structures={
            "connection": TreeSplits,
            "layer": TreeLevels,
            "feature": TreeFeatures,
        },
        synonyms=TREE_SYNONYMS,
        part_sizes=tree_part_sizes,
        feature_use=tree_feature_use,
    )
)
