"""Read-outs of trees whose units are splits; the matrix A of steps is never stored.

The output of a tree is the value of its root plus one step per split on the path to a
leaf: the value of the child minus the value of the split. The gate of a split
multiplies its step. Sums over the samples that pass a node are sums over the leaves
below it, so that one pass over the samples answers every question about the splits.
"""

from functools import cached_property

import numpy as np

from skprune.numerics.forest import both_steps, squares_of_steps, tree_blocks
from skprune.readouts.base import GradientReadout
from skprune.readouts.branch_lasso import BranchLasso

BLOCK_NODES = 2**18  # nodes of trees processed at once: bounds the memory of sums


class PathReadout(GradientReadout):
    """Common part of the read-outs of trees.

    ``leaves(t)`` returns the leaf of tree t that each sample falls into, (n_samples,),
    as a node number within that tree. D and weights are as in `GradientReadout`.
    """

    hessian_size = 0

    def __init__(self, name, forest, leaves, D, weights):
        super().__init__(name, D, weights)
        self.forest = forest
        self.leaves = leaves


class StepReadout(PathReadout):
    """Read-out whose units are splits, each with the steps to its two children.

    Units are numbered tree by tree in the order of the nodes. Importances of splits of
    one level of a tree add up, because these splits see disjoint samples.
    ``curvature()`` is the second derivative of each sample's loss with respect to Z,
    (n_samples, n_outputs), equal for all outputs of one tree. If `reweighted`,
    contributions are weighted by these samples instead of the training samples.
    """

    def __init__(
        self, name, forest, leaves, D, weights, *, curvature, reweighted=False
    ):
        super().__init__(name, forest, leaves, D, weights)
        self._curvature = curvature
        self._reweighted = reweighted
        self.n_units = len(forest.splits)

    def size(self):
        squares = squares_of_steps(
            self.forest, lambda block, child: np.ones(len(child))
        )
        return np.sqrt(squares)

    def contribution(self):
        return np.sqrt(self._energies)

    @cached_property
    def _energies(self):
        """Squared contributions, (n_units,)."""
        forest = self._weighed() if self._reweighted else self.forest
        return forest.step_energies

    def _weighed(self):
        """Replace the weights of nodes by those of these samples."""
        reached = self._node_sums(lambda t: self.weights[:, None])
        weight = [np.zeros(0), *(sums[:, 0] for _, sums in reached)]
        return self.forest.with_fields(weight=np.concatenate(weight))

    def gate_gradient(self):
        weighted, parts = self.weights[:, None] * self.D, []
        own = self.forest.columns
        for block, sums in self._node_sums(lambda t: weighted[:, own(t)]):
            sides = zip((block.left, block.right), both_steps(block))
            totals = sum(
                (step * sums[child[block.splits]]).sum(axis=1) for child, step in sides
            )
            parts.append(totals * block.scale[block.split_tree])
        return np.concatenate([np.zeros(0), *parts])

    def fisher(self, rng=None):
        D, width = self.drawn_gradient(rng), self.forest.value.shape[1]
        first, second = np.triu_indices(width)
        twice = np.where(first == second, 1.0, 2.0)
        products = {}
        for column in np.unique(self.forest.column):
            own = D[:, column : column + width]
            weighted = self.weights[:, None] * twice * own[:, first]
            products[column] = np.asfortranarray(weighted * own[:, second])
        parts = []
        for block, sums in self._node_sums(lambda t: products[self.forest.column[t]]):
            squares = np.zeros(len(block.splits))
            for child, step in zip((block.left, block.right), both_steps(block)):
                pairs = step[:, first] * step[:, second]
                squares += np.einsum("tp,tp->t", pairs, sums[child[block.splits]])
            parts.append(squares * block.scale[block.split_tree] ** 2)
        return np.maximum(np.concatenate([np.zeros(0), *parts]), 0.0)

    def removal_loss(self, rng=None):
        """Compute the loss increase when splits are collapsed, deepest first.

        For squared loss this is exact, and the sum over a subtree is the cost of
        collapsing it. The cost of a split whose removal lowers the loss is zero. Labels
        are those of the data, because gradients of labels drawn from the model are
        noise about zero. All samples count, also those that a tree was trained on: with
        out-of-bag samples alone forests were worse in 36 of 40 cases, as compensation
        chooses its strength on these and then needs samples that did not choose splits.
        """
        parts = []
        for block, sums in self._node_sums(self._moments()):
            width = block.value.shape[1]
            value = block.value * block.scale[block.node_tree, None]
            leaf = np.where(block.left[:, None] < 0, value, 0.0)
            G, H = sums[:, :width], sums[:, width]
            S1 = block.sum_up((leaf * G).sum(axis=1))
            S2 = block.sum_up(leaf * H[:, None])
            S3 = block.sum_up((leaf**2).sum(axis=1) * H)
            change = (value * G).sum(axis=1) - S1
            change += ((value**2).sum(axis=1) * H - 2 * (value * S2).sum(axis=1)) / 2
            change += S3 / 2
            below = change[block.left[block.splits]] + change[block.right[block.splits]]
            parts.append(change[block.splits] - below)
        return np.maximum(np.concatenate([np.zeros(0), *parts]), 0.0)

    def lasso(self, rng=None):
        return BranchLasso(self)

    def _moments(self):
        """Build a function of a tree that returns weighted gradients and curvature."""
        first = self.weights[:, None] * self.D
        second = self.weights[:, None] * self._curvature()

        def of_tree(t):
            own = self.forest.columns(t)
            return np.hstack([first[:, own], second[:, own.start, None]])

        return of_tree

    def _node_sums(self, columns):
        """Yield blocks of trees and the sums over the samples of each node."""
        for start, stop in tree_blocks(self.forest.offset, BLOCK_NODES):
            block = self.forest.block(start, stop)
            parts = [
                _leaf_sums(self.leaves(t), columns(t), length)
                for t, length in zip(range(start, stop), np.diff(block.offset))
            ]
            yield block, block.sum_up(np.concatenate(parts))


def _leaf_sums(leaf, columns, n_nodes):
    """Sum each column over the samples of each leaf, (n_nodes, n_columns)."""
    sums = np.empty((n_nodes, columns.shape[1]))
    for k, column in enumerate(columns.T):
        sums[:, k] = np.bincount(leaf, weights=column, minlength=n_nodes)
    return sums
