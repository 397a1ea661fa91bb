"""Bagging of trees: a forest whose trees may each see some of the features."""

from dataclasses import replace

import numpy as np
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skprune._compat import keep_seeds
from skprune.structures.base import Family, register
from skprune.structures.forests import ForestModel, ForestTrees, forest_part_sizes
from skprune.structures.tree_models import tree_model
from skprune.structures.trees import (
    TREE_SYNONYMS,
    TreeFeatures,
    TreeLevels,
    TreeSplits,
    tree_feature_use,
)

KINDS = (BaggingClassifier, BaggingRegressor)
BASES = (DecisionTreeClassifier, DecisionTreeRegressor)


class BaggingModel(ForestModel):
    """How bagging holds its trees."""

    training_state = ("oob_decision_function_", "oob_prediction_", "oob_score_")

    @property
    def asked(self):
        """The feature that each node of all trees asks for, negative at leaves."""
        of_trees = []
        for tree, seen in zip(self.trees, self.model.estimators_features_):
            is_leaf = tree.feature < 0
            of_trees.append(
                np.where(is_leaf, -1, seen[np.where(is_leaf, 0, tree.feature)])
            )
        return np.concatenate(of_trees)

    def leaves(self, t, X):
        """The leaf of tree t that each sample falls into; `X` is from `features`."""
        seen = self.model.estimators_features_[t]
        if not np.array_equal(seen, np.arange(X.shape[1])):
            X = X[:, seen]
        return self.trees[t].apply(X)

    def with_trees(self, trees, members):
        """The same for a copy of the model that holds other trees."""
        model = super().with_trees(trees, members).model
        keep_seeds(model, members, len(self.trees))
        model.estimators_features_ = [model.estimators_features_[t] for t in members]
        return replace(self, model=model)


def is_bagging_of_trees(model):
    """Whether a model, fitted or not, is bagging whose base is a single tree."""
    base = getattr(model, "estimator", None)
    return isinstance(model, KINDS) and (base is None or isinstance(base, BASES))


for kind in KINDS:
    tree_model.register(kind, BaggingModel)
register(
    Family(
        name="bagging of trees",
        accepts=is_bagging_of_trees,
        structures={
            "connection": TreeSplits,
            "neuron": ForestTrees,
            "layer": TreeLevels,
            "feature": TreeFeatures,
        },
        synonyms={**TREE_SYNONYMS, "tree": "neuron", "estimator": "neuron"},
        part_sizes=forest_part_sizes,
        feature_use=tree_feature_use,
    )
)
