"""The lasso on the gates of splits: an approximation of the output of the trees.

A split cannot stay without the splits above it. Each split is therefore penalised
together with all splits below it, by the norm of the whole branch [1]_: either the
branch is removed as a whole, or its top stays. The proximal step is one sweep up and
one sweep down the trees.

References
----------
.. [1] R. Jenatton, J. Mairal, G. Obozinski and F. Bach, "Proximal Methods for
   Hierarchical Sparse Coding", JMLR 2011.
"""

from collections import deque

import numpy as np

from skprune.numerics.lasso import SmoothLasso
from skprune.recovery.leaf_solvers import LeafIndicator

TINY = np.finfo(float).tiny
REMEMBERED = 4  # recent weights whose residuals are kept: a step asks for three


class StepLasso(SmoothLasso):
    """Lasso on the gates of splits, in the scale of their contributions.

    The target is the output of the trees without removal. `steps` is the read-out of
    the splits. Each unit is penalised by the norm of its splits, those with its number
    in `unit`. `paths` is the `PathOperator` of these splits, None to build it.
    """

    # each iteration passes over all samples and trees: fewer and looser than elsewhere
    max_iterations = 50
    tolerance = 1e-3

    def __init__(self, steps, unit, n_units, paths=None):
        if paths is None:
            paths = PathOperator(steps.forest, steps.leaves, len(steps.weights))
        self.steps, self.paths = steps, paths
        self.weights = steps.weights
        self.spread = steps.contribution()
        self.target = self.paths.output(self._per_spread(self.spread))
        self._latest: deque = deque(maxlen=REMEMBERED)
        start, unit = np.zeros((len(unit), 1)), np.where(self.spread > 0, unit, -2)
        super().__init__(self, start, unit[:, None], n_units)

    def value(self, W):
        """Compute half the mean squared distance to the output of the trees."""
        return float(self.weights @ (self._residual(W) ** 2).sum(axis=1)) / 2

    def gradient(self, W):
        """Compute the derivative of `value`, (n_splits, 1)."""
        weighted = self.weights[:, None] * self._residual(W)
        return self._per_spread(self.paths.gate_sums(weighted))[:, None]

    def _residual(self, W):
        """Compute the difference from the output of the trees; keep the last few."""
        for known, residual in self._latest:
            if known is W:
                return residual
        residual = self.paths.output(self._per_spread(W[:, 0])) - self.target
        self._latest.append((W, residual))
        return residual

    def _extrapolated(self, new, before, factor):
        ahead = super()._extrapolated(new, before, factor)
        # the output is linear in the weights, so this needs no pass over the samples
        at_new, at_before = self._residual(new), self._residual(before)
        self._latest.append((ahead, at_new + factor * (at_new - at_before)))
        return ahead

    def _per_spread(self, numbers):
        zeros = np.zeros_like(numbers)
        return np.divide(numbers, self.spread, out=zeros, where=self.spread > 0)


class BranchLasso(StepLasso):
    """Lasso on the gates of splits that penalises the norm of each branch.

    A branch is a split with all splits below it.
    """

    def __init__(self, steps):
        n_splits = len(steps.forest.splits)
        super().__init__(steps, np.arange(n_splits), n_splits)

    def joined(self, group, n_units):
        return StepLasso(self.steps, group, n_units, self.paths)

    def _norms(self, V):
        return np.sqrt(self.paths.levels.branch_sums(V[:, 0] ** 2))

    def _shrink(self, V, threshold):
        inside = np.where(self.unit == -2, 0.0, V)
        factor = self.paths.levels.shrinkage(inside[:, 0] ** 2, threshold)
        return inside * factor[:, None]


class SplitLevels:
    """Sweeps over the splits of all trees, sorted by depth.

    `order` are the splits by depth, roots first. `parent` and `levels` are positions in
    this order: the parent of each split, arbitrary for roots, and the slice of each
    depth.
    """

    def __init__(self, forest):
        depth = forest.depth[forest.splits]
        self.order = np.argsort(depth, kind="stable")
        ends = np.cumsum(np.bincount(depth, minlength=1))
        self.levels = [slice(*pair) for pair in zip([0, *ends], ends)]
        position = np.empty(len(depth) + 1, dtype=np.intp)
        position[self.order] = np.arange(len(depth))
        position[-1] = len(depth)  # stands for no split
        self.parent = position[forest.split_parent[self.order]]
        number = np.full(forest.n_nodes, len(depth))
        number[forest.splits] = np.arange(len(depth))
        self.below = [
            position[number[child[forest.splits[self.order]]]]
            for child in (forest.left, forest.right)
        ]

    def run_down(self, added):
        """Add to each split the value of its parent, in place, in this `order`."""
        for level in self.levels[1:]:
            added[level] += added[self.parent[level]]
        return added

    def branch_sums(self, numbers):
        """Compute the sum over each split and all splits below it, (n_splits,)."""
        sums = np.append(numbers[self.order], 0.0)
        left, right = self.below
        for level in reversed(self.levels):
            sums[level] += sums[left[level]] + sums[right[level]]
        return self._given_order(sums[:-1])

    def shrinkage(self, squares, threshold):
        """Compute the factors of splits in the proximal step of all branch norms.

        `squares` are the squared weights. Each norm is shortened by the threshold,
        inner branches first. Factors are in [0, 1], and zero below a split of factor
        zero.
        """
        rest, factor = np.append(squares[self.order], 0.0), np.empty(len(squares))
        left, right = self.below
        for level in reversed(self.levels):
            total = rest[level] + rest[left[level]] + rest[right[level]]
            shorter = 1 - threshold / np.sqrt(np.maximum(total, TINY))
            factor[level] = np.maximum(shorter, 0.0)
            rest[level] = total * factor[level] ** 2
        for level in self.levels[1:]:
            factor[level] *= factor[self.parent[level]]
        return self._given_order(factor)

    def _given_order(self, numbers):
        back = np.empty_like(numbers)
        back[self.order] = numbers
        return back


class PathOperator:
    """Products with the matrix of the steps that samples take, which is not stored.

    `leaves` is as in `PathReadout`.
    """

    def __init__(self, forest, leaves, n_samples):
        self.forest, self.n_samples, splits = forest, n_samples, forest.splits
        n_splits, self.levels = len(splits), SplitLevels(forest)
        self.leaf = np.flatnonzero(forest.left < 0)
        value = forest.scale[forest.node_tree, None] * forest.value
        self.children = forest.left[splits], forest.right[splits]
        self.steps = [value[child] - value[splits] for child in self.children]
        # the step into each node, the split above it, and the values of roots
        self.entering = np.zeros_like(value)
        self.above = np.full(forest.n_nodes, n_splits)
        for child, step in zip(self.children, self.steps):
            self.entering[child], self.above[child] = step, np.arange(n_splits)
        self.start = np.where((self.above == n_splits)[:, None], value, 0.0)
        self.parts = [
            self._of_output(column, leaves) for column in np.unique(forest.column)
        ]

    def _of_output(self, column, leaves):
        """Find columns, leaves and indicator of the trees that add to one output."""
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
        """Compute the sum over trees with the step of each split times its gate.

        Returns (n_samples, n_outputs), without the baseline of a boosted model.
        """
        splits, order = self.forest.splits, self.levels.order
        gate = np.append(gates, 0.0)[self.above, None]
        value = self.start + gate * self.entering
        at_splits = np.zeros((len(splits) + 1, value.shape[1]))
        at_splits[order] = self.levels.run_down(value[splits[order]])
        value = value[self.leaf] + at_splits[self.above[self.leaf]]
        total = np.zeros((self.n_samples, self.forest.n_outputs))
        for columns, of_part, indicator in self.parts:
            total[:, columns] = indicator.dot(value[of_part])
        return total

    def gate_sums(self, R):
        """Compute the sum over samples of R times the step of each split, (n_splits,).

        This is the transpose of the linear part of `output`; R has the shape of its
        result.
        """
        forest = self.forest
        sums = np.zeros((forest.n_nodes, forest.value.shape[1]))
        for columns, of_part, indicator in self.parts:
            sums[self.leaf[of_part]] = indicator.T_dot(R[:, columns])
        forest.sum_up(sums)
        sides = zip(self.children, self.steps)
        return sum(np.einsum("sk,sk->s", step, sums[child]) for child, step in sides)
