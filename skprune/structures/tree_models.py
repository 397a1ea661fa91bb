"""How fitted models hold their trees, one view for each class of models.

A view reads the trees of a model, and makes a copy of the model that holds others.
"""

import copy
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any, ClassVar

import numpy as np
from sklearn.base import is_classifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skprune.numerics.losses import SQUARED
from skprune.recovery.leaves import recover_leaves
from skprune.structures.surgery import (
    copied_tree,
    flatten,
    rebuild_trees,
    with_tree,
)
from skprune.structures.tree_samples import (
    TreeSamples,
    brier,
    tree_features,
    tree_targets,
)


@dataclass(frozen=True)
class TreeModel:
    """How a fitted model holds its trees; this one is a single tree.

    Attributes
    ----------
    model : estimator
        Fitted.
    """

    model: Any
    part = "tree_"
    training_state: ClassVar[tuple[str, ...]] = ()

    @property
    def trees(self):
        """The ``Tree`` objects, a list."""
        return [self.model.tree_]

    @property
    def scale(self):
        """What multiplies the values of each tree in the output, (n_trees,)."""
        return self.scale_of(np.arange(len(self.trees)))

    def scale_of(self, members):
        """The same for some of the trees, if only they are left."""
        return np.ones(len(members))

    @property
    def names(self):
        """A name for each tree."""
        return ["tree_"]

    @property
    def asked(self):
        """The feature that each node of all trees asks for, negative at leaves."""
        return np.concatenate([tree.feature for tree in self.trees])

    def flattened(self):
        """The nodes of all trees, a FlatForest."""
        return flatten(self.trees, self.scale)

    def samples(self, samples):
        """Samples as these trees take them, a TreeSamples."""
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
        """Samples as these trees route them."""
        return tree_features(self.model, X)

    def base(self, X):
        """What the sum over trees is added to; `X` is from `features`."""
        return 0.0

    def leaves(self, t, X):
        """The leaf of tree t that each sample falls into; `X` is from `features`."""
        return self.trees[t].apply(X)

    def with_trees(self, trees, members):
        """The same for a copy of the model that holds other trees.

        Parameters
        ----------
        trees : list of sklearn.tree._tree.Tree
            They become part of the copy.
        members : ndarray of int of shape (n_trees,)
            Which of the trees so far each of them replaces.

        Returns
        -------
        TreeModel
            Of the copy.
        """
        return replace(self, model=with_tree(self.model, trees[0]))

    def rebuilt(self, forest, kept, old_offset, members):
        """The same for a copy of the model with some of the nodes.

        Parameters
        ----------
        forest : FlatForest
            The nodes that are left.
        kept : ndarray of int of shape (forest.n_nodes,)
            Their ids before.
        old_offset : ndarray of int of shape (n_trees,)
            The id before of the first node of each tree that is left.
        members : ndarray of int of shape (n_trees,)
            Which of the trees so far are left.

        Returns
        -------
        TreeModel
            Of the copy, which shares no tree with this one.
        """
        old = [self.trees[t] for t in members]
        return self.with_trees(rebuild_trees(old, forest, kept, old_offset), members)

    def with_values(self, forest):
        """The same for a copy of the model with other values of the same nodes."""
        trees = [copied_tree(tree) for tree in self.trees]
        for t, tree in enumerate(trees):
            tree.value[...] = forest.value[forest.nodes(t)].reshape(tree.value.shape)
        return self.with_trees(trees, np.arange(len(trees)))

    def recover(self, problem, structure):
        """Values of the leaves, and how they were estimated: see `recover_leaves`."""
        return recover_leaves(problem)

    def copied(self):
        """A deep copy of the model."""
        return copy.deepcopy(self.model)

    def tidied(self):
        """A shallow copy of the model, without trees that do nothing."""
        return copy.copy(self.model)

    def without_training_state(self, model):
        """The given model without the left-overs of its training, in place."""
        for name in self.training_state:
            vars(model).pop(name, None)
        return model


@singledispatch
def tree_model(model):
    """How a fitted model holds its trees; families register their classes.

    Parameters
    ----------
    model : estimator
        A fitted tree or ensemble of trees.

    Returns
    -------
    TreeModel
        The view of the model.
    """
    raise TypeError(f"{type(model).__name__} holds no trees that skprune can read.")


tree_model.register(DecisionTreeClassifier, TreeModel)
tree_model.register(DecisionTreeRegressor, TreeModel)
