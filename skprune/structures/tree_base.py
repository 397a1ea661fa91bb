"""What single trees and ensembles of trees have in common, whatever a unit is.

A structure holds the nodes of all trees as flat arrays beside the plain model. Pruning
re-packs both; recovery estimates the values of the leaves that are left anew, all
trees together.
"""

import copy
import warnings
from abc import abstractmethod
from functools import partial
from typing import Any

import numpy as np

from skprune.recovery.leaves import (
    CAUTIOUS,
    FOLDS,
    STRENGTHS,
    LeafProblem,
)
from skprune.structures.base import Structure
from skprune.structures.tree_models import tree_model
from skprune.structures.tree_samples import held_out_distance, held_out_squares, routed


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
    source : TreeModel
        How the model as trained holds its trees.
    whole : FlatForest
        All its nodes.
    origin : ndarray of int of shape (n_nodes,)
        The ids of the nodes in the model as trained.
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

    finishes_own = True
    choice = None
    leaves: Any = None

    def __init__(self, model, samples):
        self.source = tree_model(model)
        self.samples = self.source.samples(samples)
        self.reweighted = not samples.trained_on and _differ(samples.sample_weight)
        forest = self.source.flattened()
        self.whole = forest
        self.forest, self.prior = forest, forest.value
        self.origin = np.arange(forest.n_nodes, dtype=np.int32)
        self.members = np.arange(forest.n_trees)
        self._holder = self.source
        self._set_units()

    def prepared(self):
        if self.leaves is not None:
            return self
        shared = copy.copy(self)
        shared.leaves = routed(self.source, np.diff(self.whole.offset), self.samples.X)
        return shared

    @property
    def holder(self):
        """How the model with these nodes holds its trees; built when it is needed."""
        if self._holder is None:
            self._holder = self._built()
        return self._holder

    def _built(self):
        roots = self.whole.offset[self.members]
        return self.source.rebuilt(self.forest, self.origin, roots, self.members)

    @property
    def estimator(self):
        """The plain fitted model as it is now."""
        return self.holder.model

    @property
    def group_names(self):
        """A name for each group of units."""
        return [self.source.part]

    @abstractmethod
    def _set_units(self):
        """Set `units`, from `forest`."""

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
            X = self.source.features(X)
            leaves = partial(self.holder.leaves, X=X)
        forest = self.forest
        total = np.zeros((X.shape[0], forest.n_outputs)) + self.source.base(X)
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
        pruned = copy.copy(self)
        pruned.origin, pruned.members = self.origin[kept], self.members[trees]
        pruned.forest = forest.with_fields(scale=self._scale_of(trees))
        pruned.prior, pruned._holder = prior, None
        pruned._set_units()
        if self.leaves is not None:
            pruned.leaves = self._leaves_after(pruned.forest, kept, trees)
        return pruned

    def _scale_of(self, trees):
        """What multiplies the values of some of the trees, if only they are left."""
        return self.source.scale_of(self.members[trees])

    def _with_values(self, value):
        """The structure of the same nodes with other values."""
        other = copy.copy(self)
        other.forest = self.forest.with_fields(value=value)
        if (
            self._holder is not None
        ):  # to copy its trees is cheaper than to rebuild them
            other._holder = self._holder.with_values(other.forest)
        return other

    def _leaves_after(self, forest, kept, trees):
        """The leaf of each tree that is left that each sample falls into now."""
        heir = self.forest.heirs(kept)
        leaves = np.empty_like(self.leaves, shape=(len(trees), self.leaves.shape[1]))
        for new, t, first in zip(leaves, trees, forest.offset):
            new[...] = (heir[self.forest.nodes(t)] - first).take(self.leaves[t])
        return leaves

    def _recovered(self):
        """The structure with re-estimated leaves."""
        model = self.source.model
        if _is_monotonic(model):
            warnings.warn(
                f"compensate=True has no effect on {type(model).__name__} "
                "with monotonic_cst: new values of the leaves could break the "
                "constraints.",
                UserWarning,
                stacklevel=2,
            )
            return self
        leaf = self.forest.left < 0
        values, choice = self.source.recover(self._leaf_problem(leaf), self)
        value = self.prior
        if choice is not None:
            value = value.copy()
            value[leaf] = values
            self.forest.average_up(value)
        recovered = self._with_values(value)
        recovered.choice = choice
        return recovered

    def _leaf_problem(self, leaf):
        samples, forest = self.samples, self.forest
        used, votes = samples.used, samples.out_of_bag
        n_leaves = np.add.reduceat(leaf, forest.offset[:-1], dtype=int)
        problem = LeafProblem(
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
            **_held_out_options(self.source.model, self.prior),
        )
        return problem if samples.limits is None else problem.in_single()

    def _reached(self, leaf, n_leaves):
        """The leaf of each tree that each used sample falls into, among its leaves."""
        forest, used = self.forest, self.samples.used
        every = len(used) == len(self.samples.weights)
        number = np.cumsum(leaf, dtype=np.int32) - 1
        kind = np.min_scalar_type(n_leaves.max())
        leaves = np.empty((forest.n_trees, len(used)), dtype=kind)
        for t, first in enumerate((np.cumsum(n_leaves) - n_leaves).tolist()):
            own = self._leaves(t) if every else self._leaves(t)[used]
            leaves[t] = (number[forest.nodes(t)] - first).take(own)
        return leaves

    def finished(self):
        holder, is_given = self.holder, self.holder is self.source
        finished = holder.copied() if is_given else holder.tidied()
        return holder.without_training_state(finished)


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
