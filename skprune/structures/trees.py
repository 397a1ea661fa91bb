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
from skprune.structures.tree_base import TreeStructure
from skprune.structures.tree_models import TreeModel, tree_model


def rescales(gates):
    """Whether some gates are neither zero nor one."""
    return bool(((gates != 0) & (gates != 1)).any())


class TreeSplits(TreeStructure):
    """Trees whose units are splits, each with the subtree below it."""

    @property
    def group_names(self):
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
        """Find the gate of each split from those of the units."""
        return gates

    def _steps(self):
        options = {"curvature": self._curvature, "reweighted": self.reweighted}
        return self._readout(StepReadout, **options)

    def readouts(self):
        return [self._steps()]

    def output(self, gates=None, X=None):
        value = self.forest.value
        if gates is not None:
            value = self.forest.gated_values(self._of_splits(np.asarray(gates)))
        return self._output(value, X)

    def _cut(self, gates):
        forest, gates = self.forest, self._of_splits(gates)
        left, right = forest.left.copy(), forest.right.copy()
        cut = forest.splits[gates == 0]
        left[cut] = right[cut] = -1
        smaller, kept = forest.rewired(left, right, forest.offset[:-1])
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


TREE_STRUCTURES = {
    "connection": TreeSplits,
    "layer": TreeLevels,
    "feature": TreeFeatures,
}
TREE_SYNONYMS = {"split": "connection", "node": "connection", "depth": "layer"}
TREES = (DecisionTreeClassifier, DecisionTreeRegressor)


def part_sizes(model):
    """Measure each tree of a model that is made of trees."""
    view = tree_model(model)
    return dict(zip(view.names, view.sizes()))


def feature_use(model):
    """Count the splits of all trees on each feature, (n_features,)."""
    asked = tree_model(model).asked
    return np.bincount(asked[asked >= 0], minlength=model.n_features_in_)


def made_of_trees(model, kinds):
    """Whether a model, fitted or not, is of these kinds; its base must be a tree."""
    base = getattr(model, "estimator", None)
    return isinstance(model, kinds) and (base is None or isinstance(base, TREES))


def register_trees(name, kinds, view, structures, tree_words=()):
    """Register a family of models that are made of trees, and the view of its classes.

    `tree_words` are the family's words for whole trees, whose granularity is "neuron".
    """
    for kind in kinds:
        tree_model.register(kind, view)
    register(
        Family(
            name=name,
            accepts=lambda model: made_of_trees(model, kinds),
            structures=structures,
            synonyms=TREE_SYNONYMS | dict.fromkeys(tree_words, "neuron"),
            part_sizes=part_sizes,
            feature_use=feature_use,
        )
    )


register_trees("decision trees", TREES, TreeModel, TREE_STRUCTURES)
