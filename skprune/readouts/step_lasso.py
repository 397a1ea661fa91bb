"""The lasso on the gates of splits: a fit to the output of the trees as they are."""

import numpy as np

from skprune.readouts.lasso import SmoothLasso
from skprune.readouts.leaf_solvers import LeafIndicator


class StepLasso(SmoothLasso):
    """The lasso on the gates of splits, in the scale of their contributions.

    It aims at the output of the trees as they are. The penalty of a group of splits is
    that of its norm.

    Parameters
    ----------
    steps : StepReadout
        The splits.
    unit : ndarray of int of shape (n_splits,)
        The unit of each split.
    """

    max_iterations = 50
    tolerance = 1e-3

    def __init__(self, steps, unit):
        self.paths = PathOperator(steps.forest, steps.leaves, len(steps.weights))
        self.weights = steps.weights
        self.spread = steps.contribution()
        self.target = self.paths.output(self._per_spread(self.spread))
        self._latest = None, None
        start = np.zeros((len(unit), 1))
        super().__init__(self, start, np.where(self.spread > 0, unit, -2)[:, None])
        self.n_units = int(unit.max(initial=-1)) + 1

    def value(self, W):
        """Half the mean squared distance to the output of the trees."""
        return float(self.weights @ (self._residual(W) ** 2).sum(axis=1)) / 2

    def gradient(self, W):
        """Derivative of `value`, (n_splits, 1)."""
        weighted = self.weights[:, None] * self._residual(W)
        return self._per_spread(self.paths.pulls(weighted))[:, None]

    def _residual(self, W):
        """Distance to the output of the trees; a step asks twice for that of one W."""
        if self._latest[0] is not W:
            output = self.paths.output(self._per_spread(W[:, 0]))
            self._latest = W, output - self.target
        return self._latest[1]

    def _per_spread(self, numbers):
        zeros = np.zeros_like(numbers)
        return np.divide(numbers, self.spread, out=zeros, where=self.spread > 0)


class PathOperator:
    """Products with the matrix of which step each sample takes, which is not stored.

    Parameters
    ----------
    forest : FlatForest
        The trees.
    leaves : callable
        ``leaves(t)``: the leaf of tree t, as a node of that tree, that each sample
        falls into.
    n_samples : int
        How many there are.
    """

    def __init__(self, forest, leaves, n_samples):
        self.forest, self.n_samples = forest, n_samples
        self.leaf = np.flatnonzero(forest.left < 0)
        scale = forest.scale[forest.node_tree, None]
        start = forest.value[forest.splits]
        self.steps = [
            (scale * forest.value)[child[forest.splits]] - scale[forest.splits] * start
            for child in (forest.left, forest.right)
        ]
        self.scale = scale[self.leaf]
        self.parts = [
            self._of_output(column, leaves) for column in np.unique(forest.column)
        ]

    def _of_output(self, column, leaves):
        """The outputs that some trees add to, their leaves, and who falls where."""
        forest = self.forest
        trees = np.flatnonzero(forest.column == column)
        of_part = np.isin(forest.node_tree[self.leaf], trees)
        reached = np.empty((len(trees), self.n_samples), dtype=np.int32)
        n_leaves = np.empty(len(trees), dtype=np.intp)
        for row, t in enumerate(trees):
            is_leaf = forest.left[forest.nodes(t)] < 0
            reached[row] = (np.cumsum(is_leaf) - 1)[leaves(t)]
            n_leaves[row] = is_leaf.sum()
        indicator = LeafIndicator(reached, n_leaves)
        return forest.columns(trees[0]), np.flatnonzero(of_part), indicator

    def output(self, gates):
        """Sum over trees when the step of each split is multiplied by a gate.

        Parameters
        ----------
        gates : ndarray of shape (n_splits,)
            One a split.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Without what the trees are added to.
        """
        value = self.forest.gated_values(gates)[self.leaf] * self.scale
        total = np.zeros((self.n_samples, self.forest.n_outputs))
        for columns, of_part, indicator in self.parts:
            total[:, columns] = indicator.dot(value[of_part])
        return total

    def pulls(self, R):
        """Sum over samples of the step of each split times columns of R.

        Parameters
        ----------
        R : ndarray of shape (n_samples, n_outputs)
            Weighted derivatives by the output, for instance.

        Returns
        -------
        ndarray of shape (n_splits,)
            The transpose of what makes an output of gates.
        """
        forest = self.forest
        sums = np.zeros((forest.n_nodes, forest.value.shape[1]))
        for columns, of_part, indicator in self.parts:
            sums[self.leaf[of_part]] = indicator.T_dot(R[:, columns])
        forest.sum_up(sums)
        sides = zip((forest.left, forest.right), self.steps)
        return sum(
            np.einsum("sk,sk->s", step, sums[child[forest.splits]])
            for child, step in sides
        )
