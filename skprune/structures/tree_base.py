"""Base of the structures of single trees and ensembles, whatever a unit is.

A structure has the nodes of all trees as flat arrays beside the plain model. Pruning
re-packs both. Recovery re-estimates the values of the remaining leaves, jointly for all
trees.
"""

import copy
import warnings
from abc import abstractmethod
from functools import partial
from typing import Any

import numpy as np

from skprune.recovery.leaves import CAUTIOUS, FOLDS, STRENGTHS, LeafProblem
from skprune.structures.base import Structure
from skprune.structures.tree_models import tree_model
from skprune.structures.tree_samples import held_out_distance, held_out_squares, routed


def _differ(weights):
    """Whether the positive weights differ."""
    if weights is None:
        return False
    weights = np.asarray(weights, dtype=float)
    return len(np.unique(weights[weights > 0])) > 1


class TreeStructure(Structure):
    """Tree or ensemble of trees.

    Attributes
    ----------
    forest : FlatForest
        Nodes of the pruned model.
    prior : ndarray of shape (n_nodes, n_outputs)
        Values of these nodes in the teacher.
    source : TreeModel
        View of the teacher.
    whole : FlatForest
        All nodes of the teacher.
    origin : ndarray of int of shape (n_nodes,)
        Ids of the nodes in the teacher.
    members : ndarray of int of shape (n_trees,)
        Trees of the teacher that remain.
    choice : Choice, dict of int to Choice, or None
        How the last recovery estimated the leaves, for boosting by output. None if they
        kept their values.
    leaves : ndarray of int of shape (n_trees, n_samples) or None
        The leaf of each tree that a sample falls into, numbered within the tree, if
        that is known. Samples are routed once for all structures that are cut from the
        same trees, as a sample that ended below a cut ends at the cut.
    reweighted : bool
        Whether the samples have different weights that the trees may not have been
        trained with.
    """

    finishes_own = True
    choice = None
    leaves: Any = None

    def __init__(self, model, samples):
        self.source = tree_model(model)
        self.samples = own = self.source.samples(samples)
        self.loss_function, self.targets = own.loss, own.targets
        self.weights = own.weights
        self.reweighted = not samples.trained_on and _differ(samples.sample_weight)
        forest = self.source.flattened()
        self.whole = forest
        self.forest, self.prior = forest, forest.value
        self.origin = np.arange(forest.n_nodes, dtype=np.int32)
        self.members = np.arange(forest.n_trees)
        self._view = self.source
        self._set_units()

    def prepared(self):
        if self.leaves is not None:
            return self
        shared = copy.copy(self)
        shared.leaves = routed(self.source, np.diff(self.whole.offset), self.samples.X)
        return shared

    @property
    def view(self):
        """View of the pruned model, built when it is first needed."""
        if self._view is None:
            self._view = self._built()
        return self._view

    def _built(self):
        roots = self.whole.offset[self.members]
        return self.source.rebuilt(self.forest, self.origin, roots, self.members)

    @property
    def estimator(self):
        return self.view.model

    @property
    def group_names(self):
        return [self.source.part]

    @abstractmethod
    def _set_units(self):
        """Set `units`, from `forest`."""

    @abstractmethod
    def _cut(self, gates):
        """Remove the units whose gate is zero, without recovery."""

    def _readout(self, kind, **options):
        parts = self.forest, self._leaves, self.output_gradient, self.weights
        return kind(self.source.part, *parts, **options)

    def _output(self, value, X=None):
        """Output of the model if its nodes have these values."""
        if X is None:
            X, leaves = self.samples.X, self._leaves
        else:
            X = self.source.features(X)
            leaves = partial(self.view.leaves, X=X)
        return self.source.combined(self.forest.with_fields(value=value), X, leaves)

    def _leaves(self, t):
        if self.leaves is not None:
            return self.leaves[t]
        return self.view.leaves(t, self.samples.X)

    def _curvature(self):
        return self.loss_function.curvature(self.output())

    def prune(self, gates, *, compensate, rng):
        gates = np.asarray(gates, dtype=float)
        if (gates == 1).all():
            return self
        pruned = self._cut(gates)
        return pruned._recovered() if compensate else pruned

    def _packed(self, forest, kept, prior, trees=None):
        """Make the structure of some of the nodes of this one.

        The nodes of `forest` have the ids `kept` in this structure and the values
        `prior` in the teacher. Its trees are `trees` of this structure, None for all.
        """
        trees = np.arange(self.forest.n_trees) if trees is None else trees
        pruned = copy.copy(self)
        pruned.origin, pruned.members = self.origin[kept], self.members[trees]
        pruned.forest = forest.with_fields(scale=self._scale_of(trees))
        pruned.prior, pruned._view = prior, None
        pruned._set_units()
        if self.leaves is not None:
            pruned.leaves = self._leaves_after(pruned.forest, kept, trees)
        return pruned

    def _scale_of(self, trees):
        return self.source.scale_of(self.members[trees])

    def _with_values(self, value):
        """Give the same nodes other values."""
        other = copy.copy(self)
        other.forest = self.forest.with_fields(value=value)
        if self._view is not None:  # to copy its trees is cheaper than to rebuild them
            other._view = self._view.with_values(other.forest)
        return other

    def _leaves_after(self, forest, kept, trees):
        """Leaf that each sample falls into, for each remaining tree."""
        survivor = self.forest.survivors(kept)
        leaves = np.empty_like(self.leaves, shape=(len(trees), self.leaves.shape[1]))
        for new, t, first in zip(leaves, trees, forest.offset):
            new[...] = (survivor[self.forest.nodes(t)] - first).take(self.leaves[t])
        return leaves

    def _recovered(self):
        """Re-estimate the leaves."""
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
        used, mask = samples.used, samples.out_of_bag
        n_leaves = np.add.reduceat(leaf, forest.offset[:-1], dtype=int)
        problem = LeafProblem(
            leaves=self._reached(leaf, n_leaves),
            n_leaves=n_leaves,
            scale=forest.scale[forest.node_tree[leaf]],
            prior=self.prior[leaf],
            targets=self.targets[used],
            weights=samples.counts,
            fold=samples.rank % FOLDS,
            out_of_bag=None if mask is None else _part(mask, self.members, used),
            limits=samples.limits,
            strengths=CAUTIOUS if samples.memorised else STRENGTHS,
            **_held_out_options(self.source.model, self.prior),
        )
        return problem if samples.limits is None else problem.in_single()

    def _reached(self, leaf, n_leaves):
        """Leaf that each used sample falls into, numbered among those of the tree."""
        forest, used = self.forest, self.samples.used
        every = len(used) == len(self.weights)
        number = np.cumsum(leaf, dtype=np.int32) - 1
        kind = np.min_scalar_type(n_leaves.max())
        leaves = np.empty((forest.n_trees, len(used)), dtype=kind)
        for t, first in enumerate((np.cumsum(n_leaves) - n_leaves).tolist()):
            own = self._leaves(t) if every else self._leaves(t)[used]
            leaves[t] = (number[forest.nodes(t)] - first).take(own)
        return leaves

    def finished(self):
        view, is_given = self.view, self.view is self.source
        finished = view.copied() if is_given else view.tidied()
        return view.without_training_state(finished)


def _part(array, rows, columns):
    """Take distinct rows and columns, without a copy if that is all of them."""
    if array.shape == (len(rows), len(columns)):
        return array
    return array[np.ix_(rows, columns)]


def _is_monotonic(model):
    constraints = getattr(model, "monotonic_cst", None)
    return constraints is not None and np.any(constraints)


def _held_out_options(model, prior):
    """Choose the held-out loss and the lower bound by the criterion of the trees."""
    options = {"loss": held_out_squares}
    if getattr(model, "criterion", None) == "absolute_error":
        options["loss"] = held_out_distance
    if getattr(model, "criterion", None) == "poisson":
        options["lowest"] = prior.min()
    return options
