"""Views of models that are made of trees, one for each class of models.

A view reads the trees of a model, names its loss and targets, and makes copies of the
model that have other trees.
"""

import copy
from dataclasses import dataclass, replace
from functools import cached_property, partial, singledispatch
from typing import Any, ClassVar

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import get_tags
from sklearn.utils.validation import validate_data

from skprune.numerics.losses import SQUARED
from skprune.recovery.leaves import recover_leaves
from skprune.structures.surgery import (
    copied_tree,
    flatten,
    rebuild_trees,
    tree_sizes,
    with_tree,
)
from skprune.structures.tree_samples import TreeSamples, brier, tree_targets


@dataclass(frozen=True)
class TreeModel:
    """View of a fitted model that is made of trees; this one is of a single tree."""

    model: Any
    part = "tree_"
    training_state: ClassVar[tuple[str, ...]] = ()

    @cached_property
    def trees(self):
        """List of the ``Tree`` objects."""
        return [self.model.tree_]

    @property
    def scale(self):
        """Scale of the values of each tree in the output, (n_trees,)."""
        return self.scale_of(np.arange(len(self.trees)))

    def scale_of(self, members):
        """Scale of the values of some trees if only these remain."""
        return np.ones(len(members))

    @property
    def names(self):
        """Name of each tree."""
        return ["tree_"]

    @property
    def asked(self):
        """Feature that each node of all trees splits on, negative at leaves."""
        return np.concatenate([tree.feature for tree in self.trees])

    def sizes(self):
        """Measure each tree, a list of ModelSize."""
        return tree_sizes(self.trees)

    def flattened(self):
        """Read the nodes of all trees, a FlatForest."""
        return flatten(self.trees, self.scale)

    def samples(self, samples):
        """Prepare the samples, a TreeSamples."""
        return TreeSamples(self, samples)

    def loss(self):
        """Loss of the output: half the squared error, of probabilities or values."""
        if not is_classifier(self.model):
            return SQUARED
        return brier(getattr(self.model, "n_outputs_", 1))

    def targets(self, y):
        """Targets in the form that the loss takes: see `tree_targets`."""
        return tree_targets(self.model, y)

    def features(self, X):
        """Validate the samples for routing: float32, with NaN if the model takes it."""
        may_be_nan = (
            not hasattr(X, "tocsr") and get_tags(self.model).input_tags.allow_nan
        )
        return validate_data(
            self.model,
            X,
            reset=False,
            dtype=np.float32,
            accept_sparse="csr",
            ensure_all_finite="allow-nan" if may_be_nan else True,
        )

    def base(self, X):
        """Prediction that the sum over trees is added to; `X` is from `features`."""
        return 0.0

    def leaves(self, t, X):
        """Find the leaf of tree t that each sample of `features` falls into."""
        return self.trees[t].apply(X)

    def combined(self, forest, X, leaves):
        """Compute the output of trees on `features`, (n_samples, n_outputs).

        ``leaves(t)`` finds the leaf of tree t that each sample falls into.
        """
        total = np.zeros((X.shape[0], forest.n_outputs)) + self.base(X)
        for t in range(forest.n_trees):
            scaled = forest.value[forest.nodes(t)] * forest.scale[t]
            total[:, forest.columns(t)] += scaled[leaves(t)]
        return total

    def raw_prediction(self, X):
        """Compute the output of the model on `features`, (n_samples, n_outputs)."""
        return self.combined(self.flattened(), X, partial(self.leaves, X=X))

    def with_trees(self, trees, members):
        """View of a copy of the model that has other ``Tree`` objects.

        Each of `trees` becomes part of the copy, in place of the tree of this model
        whose number is in `members`.
        """
        return replace(self, model=with_tree(self.model, trees[0]))

    def rebuilt(self, forest, kept, old_offset, members):
        """View of a copy of the model that has some of the nodes, and shares no tree.

        The nodes of `forest` have the ids `kept` in this model. Its trees are the
        `members` of this model, whose roots have the ids `old_offset`.
        """
        old = [self.trees[t] for t in members]
        return self.with_trees(rebuild_trees(old, forest, kept, old_offset), members)

    def with_values(self, forest):
        """View of a copy of the model with other values of the same nodes."""
        trees = [copied_tree(tree) for tree in self.trees]
        for t, tree in enumerate(trees):
            tree.value[...] = forest.value[forest.nodes(t)].reshape(tree.value.shape)
        return self.with_trees(trees, np.arange(len(trees)))

    def recover(self, problem, structure):
        """Estimate the leaves, and return the choice too: see `recover_leaves`."""
        return recover_leaves(problem)

    def copied(self):
        """Make a deep copy of the model."""
        return copy.deepcopy(self.model)

    def tidied(self):
        """Make a shallow copy of the model, without trees that do nothing."""
        return copy.copy(self.model)

    def without_training_state(self, model):
        """Delete what only training needs from a model, in place, and return it."""
        for name in self.training_state:
            vars(model).pop(name, None)
        return model


@singledispatch
def tree_model(model):
    """View of a fitted model that is made of trees; families register their classes."""
    raise TypeError(f"{type(model).__name__} has no trees that skprune can read.")
