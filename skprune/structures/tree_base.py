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
from typing import Any, ClassVar

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skprune.readouts.leaves import (
    CAUTIOUS,
    FOLDS,
    STRENGTHS,
    LeafProblem,
    recover_leaves,
)
from skprune.structures.base import Structure
from skprune.structures.surgery import flatten, rebuild_trees, with_tree
from skprune.structures.tree_samples import (
    TreeSamples,
    held_out_distance,
    held_out_squares,
    routed,
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
        return np.ones(1)

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
        return TreeSamples(self.model, samples)

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

    def set_values(self, forest):
        """Write the values of the nodes into the trees, in place."""
        for t, tree in enumerate(self.trees):
            tree.value[...] = forest.value[forest.nodes(t)].reshape(tree.value.shape)

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


def _differ(weights):
    """Whether some samples count more than others that count at all."""
    if weights is None:
        return False
    weights = np.asarray(weights, dtype=float)
    return len(np.unique(weights[weights > 0])) > 1


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
    choice : Choice, dict of int to Choice, or None
        How the last recovery estimated the leaves, of boosting for each output; None
        where they kept their values.
    leaves : ndarray of int of shape (n_trees, n_samples) or None
        The leaf of each tree that a sample falls into, numbered within the tree; None
        where no one has needed to know. A sample that ends below a cut ends at the cut,
        so that one walk through the trees serves all that is cut out of them.
    reweighted : bool
        Whether samples have weights that differ, and that the trees may not have been
        trained with.
    """

    choice = None
    leaves: Any = None

    def __init__(self, model, samples):
        holder = tree_model(model)
        self.samples = holder.samples(samples)
        self.reweighted = not samples.trained_on and _differ(samples.sample_weight)
        self.given = model
        forest = holder.flattened()
        self._see(holder, forest, forest.value, np.arange(forest.n_trees))
        if samples.notes is not None:
            self.leaves = samples.notes.leaves

    def prepared(self):
        if self.leaves is not None:
            return self
        shared = copy.copy(self)
        shared.leaves = routed(self.holder, self.forest, self.samples.X)
        return shared

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

    def _sum_of_trees(self, value, X=None):
        """Sum over trees of scaled values of the nodes, (n_samples, n_outputs)."""
        if X is None:
            X, leaves = self.samples.X, self._leaves
        else:
            X = self.holder.features(X)
            leaves = partial(self.holder.leaves, X=X)
        forest = self.forest
        total = np.zeros((X.shape[0], forest.n_outputs)) + self.holder.base(X)
        for t in range(forest.n_trees):
            scaled = value[forest.nodes(t)] * forest.scale[t]
            total[:, forest.columns(t)] += scaled[leaves(t)]
        return total

    def _leaves(self, t):
        if self.leaves is not None:
            return self.leaves[t]
        return self.holder.leaves(t, self.samples.X)

    def _gradient(self, rng=None):
        Z, loss = self.output(), self.samples.loss
        Y = self.samples.targets if rng is None else loss.draw(Z, rng)
        return loss.gradient(Z, Y)

    def _curvature(self):
        return self.samples.loss.curvature(self.output())

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
        holder = self.holder.rebuilt(forest, kept, self.forest.offset[trees], trees)
        pruned = copy.copy(self)
        forest = forest.with_fields(scale=holder.scale)
        pruned._see(holder, forest, prior, self.members[trees])
        if self.leaves is not None:
            pruned.leaves = self._leaves_after(pruned.forest, kept, trees)
        return pruned

    def _leaves_after(self, forest, kept, trees):
        """The leaf of each tree that is left that each sample falls into now."""
        heir = self.forest.heirs(kept)
        nodes = self.leaves[trees] + self.forest.offset[trees, None].astype(np.int32)
        return heir.take(nodes) - forest.offset[:-1, None].astype(np.int32)

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
        values, choice = self.holder.recover(self._leaf_problem(leaf), self)
        value = self.prior.copy()
        if choice is not None:
            value[leaf] = values
            value = self.forest.averaged_values(value)
        recovered = copy.copy(self)
        recovered.choice = choice
        recovered.forest = self.forest.with_fields(value=value)
        recovered.holder.set_values(recovered.forest)
        return recovered

    def _leaf_problem(self, leaf):
        samples, forest = self.samples, self.forest
        used, votes = samples.used, samples.out_of_bag
        n_leaves = np.add.reduceat(leaf, forest.offset[:-1], dtype=int)
        return LeafProblem(
            leaves=self._reached(leaf, n_leaves),
            n_leaves=n_leaves,
            scale=forest.scale[forest.node_tree[leaf]],
            prior=self.prior[leaf],
            targets=samples.targets[used],
            weights=samples.counts,
            fold=samples.rank % FOLDS,
            votes=None if votes is None else _part(votes, self.members, used),
            limits=samples.limits,
            strengths=CAUTIOUS if samples.memorised else STRENGTHS,
            **_held_out_options(self.estimator, self.prior),
        )

    def _reached(self, leaf, n_leaves):
        """The leaf of each tree that each used sample falls into, among its leaves."""
        forest, used = self.forest, self.samples.used
        first = np.cumsum(n_leaves) - n_leaves
        number = np.cumsum(leaf, dtype=np.int32) - 1
        number -= first.astype(np.int32)[forest.node_tree]
        every = len(used) == len(self.samples.weights)
        if self.leaves is not None:
            own = self.leaves if every else self.leaves[:, used]
            return number.take(own + forest.offset[:-1, None].astype(np.int32))
        leaves = np.empty((forest.n_trees, len(used)), dtype=np.int32)
        for t in range(forest.n_trees):
            own = self._leaves(t)
            leaves[t] = number[forest.nodes(t)].take(own if every else own[used])
        return leaves

    def finished(self):
        is_given = self.estimator is self.given
        if is_given:
            return self.holder.without_training_state(self.holder.copied())
        return self.holder.without_training_state(self.holder.tidied())


def _part(array, rows, columns):
    """Some rows and columns, each at most once; the array itself if that is all."""
    if array.shape == (len(rows), len(columns)):
        return array
    return array[np.ix_(rows, columns)]


def _is_monotonic(model):
    constraints = getattr(model, "monotonic_cst", None)
    return constraints is not None and np.any(constraints)


def _held_out_options(model, prior):
    """How values are judged and bounded, by what the trees were grown for."""
    options = {"loss": held_out_squares}
    if getattr(model, "criterion", None) == "absolute_error":
        options["loss"] = held_out_distance
    if getattr(model, "criterion", None) == "poisson":
        options["lowest"] = prior.min()
    return options
