"""What single trees and ensembles of trees have in common, whatever a unit is.

A structure holds the nodes of all trees as flat arrays beside the plain model. Pruning
re-packs both; recovery estimates the values of the leaves that are left anew, all
trees together.
"""

import copy
import warnings
from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import partial, singledispatch

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skprune.readouts.leaves import FOLDS, LeafProblem, recover_leaves
from skprune.readouts.paths import HeldOut
from skprune.structures.base import Structure
from skprune.structures.surgery import flatten, rebuild_trees, with_tree
from skprune.structures.tree_samples import (
    TreeSamples,
    legal_values,
    tree_features,
)


@dataclass(frozen=True)
class TreeModel:
    """How a fitted model holds its trees; this one is a single tree.

    Attributes
    ----------
    model : estimator
        Fitted.
    """

    model: object
    part = "tree_"
    training_state: tuple[str, ...] = ()

    @property
    def trees(self):
        """The ``Tree`` objects, a list."""
        return [self.model.tree_]

    @property
    def scale(self):
        """What multiplies the values of each tree in the output, (n_trees,)."""
        return np.ones(1)

    @property
    def names(self):
        """A name for each tree."""
        return ["tree_"]

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


class TreeStructure(Structure):
    """A tree or an ensemble of trees.

    Parameters
    ----------
    model : estimator
        Fitted.
    samples : Samples
        As the model takes them.

    Attributes
    ----------
    forest : FlatForest
        The nodes as they are now.
    prior : ndarray of shape (n_nodes, n_outputs)
        The values of these nodes as trained.
    members : ndarray of int of shape (n_trees,)
        Which trees of the model as trained are left.
    strength : float or None
        Ridge of the last recovery, in samples; None where leaves kept their values.
    """

    strength = None

    def __init__(self, model, samples):
        self.samples = TreeSamples(model, samples)
        self.given = model
        holder = tree_model(model)
        forest = flatten(holder.trees, holder.scale)
        self._see(holder, forest, forest.value, np.arange(forest.n_trees))

    def _see(self, holder, forest, prior, members):
        self.holder, self.estimator = holder, holder.model
        self.forest, self.prior, self.members = forest, prior, members
        self._set_units()

    @abstractmethod
    def _set_units(self):
        """Set `units` and `group_names`, from `forest`."""

    @abstractmethod
    def _cut(self, gates):
        """The structure without the units whose gate is zero, not recovered."""

    @abstractmethod
    def output(self, gates=None, X=None): ...

    def _sum_of_trees(self, value, X=None, weights=None):
        """Sum over trees of scaled values of the nodes, (n_samples, n_outputs)."""
        X = self.samples.X if X is None else tree_features(self.estimator, X)
        total = np.zeros((X.shape[0], value.shape[1]))
        for t, tree in enumerate(self.holder.trees):
            scaled = value[self.forest.nodes(t)] * self.forest.scale[t]
            leaves = tree.apply(X)
            total += (
                scaled[leaves]
                if weights is None
                else (scaled[leaves] * weights[:, t, None])
            )
        return total

    def _leaves(self, t):
        return self.holder.trees[t].apply(self.samples.X)

    def _gradient(self, rng=None):
        Z, loss = self.output(), self.samples.loss
        Y = self.samples.targets if rng is None else loss.draw(Z, rng)
        return loss.gradient(Z, Y)

    def _held_out(self):
        """Samples that each tree was not trained on, None where that is unknown."""
        if self.samples.out_of_bag is None:
            return None
        mask = self.samples.out_of_bag[:, self.members]

        def gradient():
            votes = mask / np.maximum(mask.mean(axis=1, keepdims=True), 1e-12)
            Z = self._sum_of_trees(self.forest.value, weights=votes)
            return self.samples.loss.gradient(Z, self.samples.targets)

        return HeldOut(mask, gradient)

    def loss(self, gates=None):
        per_sample = self.samples.loss.value(self.output(gates), self.samples.targets)
        return float(self.samples.weights @ per_sample)

    def prune(self, gates, *, compensate, rng):
        gates = np.asarray(gates, dtype=float)
        if (gates == 1).all():
            return self
        pruned = self._cut(gates)
        return pruned._recovered() if compensate else pruned

    def _packed(self, forest, kept, prior, trees=None):
        """The structure with some of the nodes of this one.

        Parameters
        ----------
        forest : FlatForest
            The nodes that are left, with their new children, values and weights.
        kept : ndarray of int
            Their ids in this structure.
        prior : ndarray of shape (forest.n_nodes, n_outputs)
            Their values as trained.
        trees : ndarray of int, default=None
            Which trees of this structure are left, None for all.
        """
        trees = np.arange(self.forest.n_trees) if trees is None else trees
        old = [self.holder.trees[t] for t in trees]
        rebuilt = rebuild_trees(old, forest, kept, self.forest.offset[trees])
        holder = self.holder.with_trees(rebuilt, trees)
        pruned = copy.copy(self)
        forest = replace(forest, scale=holder.scale)
        pruned._see(holder, forest, prior, self.members[trees])
        return pruned

    def _recovered(self):
        """A structure with leaves estimated anew; its trees must be its own."""
        if _is_monotonic(self.estimator):
            warnings.warn(
                f"compensate=True has no effect on {type(self.estimator).__name__} "
                "with monotonic_cst: new values of the leaves could break the "
                "constraints.",
                UserWarning,
                stacklevel=2,
            )
            return self
        leaf = self.forest.left < 0
        values, strength = recover_leaves(self._leaf_problem(leaf))
        value = self.prior.copy()
        if strength is not None:
            value[leaf] = values
            value = self.forest.averaged_values(value)
        for t, tree in enumerate(self.holder.trees):
            tree.value[...] = value[self.forest.nodes(t)].reshape(tree.value.shape)
        recovered = copy.copy(self)
        recovered.strength = strength
        recovered.forest = replace(self.forest, value=value)
        return recovered

    def _leaf_problem(self, leaf):
        samples, forest = self.samples, self.forest
        number, used = np.cumsum(leaf) - 1, samples.used
        leaves = np.empty((len(used), forest.n_trees), dtype=np.int32)
        for t in range(forest.n_trees):
            leaves[:, t] = number[forest.nodes(t)][self._leaves(t)[used]]
        out_of_bag = samples.out_of_bag
        return LeafProblem(
            leaves=leaves,
            scale=forest.scale,
            tree=forest.node_tree[leaf],
            prior=self.prior[leaf],
            targets=samples.targets[used],
            weights=samples.counts,
            fold=samples.rank % FOLDS,
            votes=None if out_of_bag is None else out_of_bag[used][:, self.members],
            legal=partial(legal_values, self.estimator),
            loss=_selection_loss(self.estimator, samples.loss),
        )

    def finished(self):
        is_given = self.estimator is self.given
        model = (copy.deepcopy if is_given else copy.copy)(self.estimator)
        for name in self.holder.training_state:
            vars(model).pop(name, None)
        return model


def _is_monotonic(model):
    constraints = getattr(model, "monotonic_cst", None)
    return constraints is not None and np.any(constraints)


def _selection_loss(model, loss):
    """What decides whether leaves move: the loss, or what the trees were grown for."""
    if getattr(model, "criterion", None) == "absolute_error":
        return lambda Z, Y: np.abs(Z - Y).sum(axis=1)
    return loss.value
