"""Forests: the mean of many trees.

Besides splits, levels and features, whole trees are units ("neuron"). The mean is then
over the remaining trees.
"""

import copy
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
)

from skprune.numerics.units import Units
from skprune.readouts.whole_trees import TreeReadout
from skprune.structures.base import REFUSALS
from skprune.structures.surgery import copied_tree, with_tree
from skprune.structures.tree_base import TreeStructure
from skprune.structures.tree_models import TreeModel
from skprune.structures.trees import (
    TreeFeatures,
    TreeLevels,
    TreeSplits,
    register_trees,
    rescales,
)

FORESTS = (
    RandomForestClassifier,
    RandomForestRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
)
TRAINING_STATE = ("oob_decision_function_", "oob_prediction_", "oob_score_")


class ForestModel(TreeModel):
    """View of a forest."""

    part = "estimators_"
    training_state: ClassVar[tuple[str, ...]] = TRAINING_STATE

    @cached_property
    def trees(self):
        return [estimator.tree_ for estimator in self.model.estimators_]

    def scale_of(self, members):
        return np.full(len(members), 1.0 / len(members))

    @property
    def names(self):
        return [f"estimators_[{t}]" for t in range(len(self.model.estimators_))]

    def without_training_state(self, model):
        if getattr(model, "_sample_weight", None) is not None:
            del model._sample_weight  # None stays: estimators_samples_ reads it
        return super().without_training_state(model)

    def copied(self):
        trees = {id(tree): copied_tree(tree) for tree in self.trees}
        return copy.deepcopy(self.model, memo=trees)

    def with_trees(self, trees, members):
        model = copy_around(self.model, self.model.estimators_)
        model.estimators_ = [
            with_tree(self.model.estimators_[t], tree)
            for t, tree in zip(members, trees)
        ]
        model.n_estimators = len(trees)
        return replace(self, model=model)


def copy_around(model, part):
    """Make a deep copy of a model, with None in place of its attribute `part`."""
    return copy.deepcopy(model, memo={id(part): None})


class ForestTrees(TreeStructure):
    """Forest whose units are trees; its output is the mean of the remaining ones."""

    answers = TreeReadout.answers

    def _set_units(self):
        group = np.zeros(self.forest.n_trees, dtype=int)
        self.units = Units(group, np.ones(1, dtype=int))

    def readouts(self):
        return [self._readout(TreeReadout, mean=self.output)]

    def output(self, gates=None, X=None):
        gates = np.ones(self.n_units) if gates is None else np.asarray(gates)
        value = self.forest.value * self._factors(gates)[self.forest.node_tree, None]
        return self._output(value, X)

    def _factors(self, gates):
        """Factor of the share of each tree in the mean."""
        return gates * (len(gates) / gates.sum())

    def _cut(self, gates):
        trees, forest = np.flatnonzero(gates), self.forest
        smaller, kept = forest.rewired(
            forest.left, forest.right, forest.offset[trees], trees
        )
        prior = self.prior[kept]
        if rescales(gates):
            factors = self._factors(gates[trees])[smaller.node_tree, None]
            smaller = smaller.with_fields(value=smaller.value * factors)
            prior = prior * factors
        return self._packed(smaller, kept, prior, trees)


FOREST_STRUCTURES = {
    "connection": TreeSplits,
    "neuron": ForestTrees,
    "layer": TreeLevels,
    "feature": TreeFeatures,
}
REFUSALS[IsolationForest] = (
    "its scores are lengths of paths, which change with every removed split"
)
REFUSALS[RandomTreesEmbedding] = (
    "its output is the leaf that a sample falls into, which nothing can replace"
)
register_trees("forests", FORESTS, ForestModel, FOREST_STRUCTURES, ["tree"])
