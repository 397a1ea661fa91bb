"""Forests: the mean of many trees.

Besides splits, levels and features, whole trees can go ("neuron"); the mean is then
one over those that are left.
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
from skprune.readouts.forest_mean import TreeReadout
from skprune.structures.base import REFUSALS, Family, register
from skprune.structures.surgery import copied_tree, tree_sizes, with_tree
from skprune.structures.tree_base import TreeStructure
from skprune.structures.tree_models import TreeModel, tree_model
from skprune.structures.trees import (
    TREE_SYNONYMS,
    TreeFeatures,
    TreeLevels,
    TreeSplits,
    rescales,
    tree_feature_use,
)

FORESTS = (
    RandomForestClassifier,
    RandomForestRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
)
TRAINING_STATE = (
    "oob_decision_function_",
    "oob_prediction_",
    "oob_score_",
)


class ForestModel(TreeModel):
    """How a forest holds its trees."""

    part = "estimators_"
    training_state: ClassVar[tuple[str, ...]] = TRAINING_STATE

    @cached_property
    def trees(self):
        """The ``Tree`` objects, a list."""
        return [estimator.tree_ for estimator in self.model.estimators_]

    def scale_of(self, members):
        """Share of each of some trees in their mean, (n_members,)."""
        return np.full(len(members), 1.0 / len(members))

    @property
    def names(self):
        """A name for each tree."""
        return [f"estimators_[{t}]" for t in range(len(self.model.estimators_))]

    def without_training_state(self, model):
        if getattr(model, "_sample_weight", None) is not None:
            del model._sample_weight  # None is kept: which samples were drawn needs it
        return super().without_training_state(model)

    def copied(self):
        """A deep copy of the model."""
        trees = {id(tree): copied_tree(tree) for tree in self.trees}
        return copy.deepcopy(self.model, memo=trees)

    def with_trees(self, trees, members):
        """The same for a copy of the forest that holds other trees."""
        model = copy_around(self.model, self.model.estimators_)
        model.estimators_ = [
            with_tree(self.model.estimators_[t], tree)
            for t, tree in zip(members, trees)
        ]
        model.n_estimators = len(trees)
        return replace(self, model=model)


def copy_around(model, part):
    """A deep copy of a model whose attribute that is `part` is left out."""
    return copy.deepcopy(model, memo={id(part): None})


for kind in FORESTS:
    tree_model.register(kind, ForestModel)


class ForestTrees(TreeStructure):
    """A unit is a tree; the output is the mean of those that are left."""

    answers = TreeReadout.answers

    def _set_units(self):
        group = np.zeros(self.forest.n_trees, dtype=int)
        self.units = Units(group, np.ones(1, dtype=int))

    def readouts(self):
        return [
            TreeReadout(
                self.source.part,
                self.forest,
                self._leaves,
                self._gradient,
                self.samples.weights,
                mean=self.output,
            )
        ]

    def output(self, gates=None, X=None):
        gates = np.ones(self.n_units) if gates is None else np.asarray(gates)
        value = self.forest.value * self._factors(gates)[self.forest.node_tree, None]
        return self._sum_of_trees(value, X)

    def _factors(self, gates):
        """What multiplies the share of each tree in the mean."""
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


def forest_part_sizes(model):
    """Size of each tree of a forest."""
    sizes = tree_sizes([estimator.tree_ for estimator in model.estimators_])
    return {f"estimators_[{t}]": size for t, size in enumerate(sizes)}


REFUSALS[IsolationForest] = (
    "its scores are lengths of paths, which change with every split that goes"
)
REFUSALS[RandomTreesEmbedding] = (
    "its output is which leaf a sample falls into, which nothing else replaces"
)
register(
    Family(
        name="forests",
        accepts=lambda model: isinstance(model, FORESTS),
        structures={
            "connection": TreeSplits,
            "neuron": ForestTrees,
            "layer": TreeLevels,
            "feature": TreeFeatures,
        },
        synonyms={**TREE_SYNONYMS, "tree": "neuron"},
        part_sizes=forest_part_sizes,
        feature_use=tree_feature_use,
    )
)
