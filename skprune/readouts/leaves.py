"""Recovery of trees: the values of the surviving leaves, estimated anew by a ridge.

With Z the 0/1 matrix of which sample falls into which leaf, r the residual of the
model with the values it was trained with, and d what each leaf adds to its
contribution, recovery solves

    (Z^T diag(w) Z + lambda I) d = Z^T diag(w) r,

a ridge toward the trained values: at a large lambda nothing moves. Lambda counts
samples: a leaf alone moves by the sum of its residuals over (its samples + lambda). It
is chosen on samples that took no part, and so is whether leaves move at all.
Estimating all leaves of a forest together is due to [1]_; the leaf indicators of one
tree sum to one, so that only the ridge makes the solution unique.

References
----------
.. [1] S. Ren, X. Cao, Y. Wei and J. Sun, "Global Refinement of Random Forest",
   CVPR 2015.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

STRENGTHS = np.array([3.0, 10.0, 30.0, 100.0, 300.0, 1000.0])
FOLDS = 3
BLOCK_ENTRIES = 2**22  # entries of one block of Z
BLOCK_VALUES = 2**23  # values of one block of strengths
ROUGH, FINE = 1e-3, 1e-8  # relative residual at which choosing and fitting stop
MAX_ITERATIONS = 200


@dataclass(frozen=True)
class LeafProblem:
    """The leaves of some trees, and the samples that their values are fitted to.

    Attributes
    ----------
    leaves : ndarray of int of shape (n_samples, n_trees)
        The leaf of each tree that a sample falls into, numbered over all trees.
    scale : ndarray of shape (n_trees,)
        What multiplies the values of each tree in the sum over trees.
    tree : ndarray of int of shape (n_leaves,)
        The tree of each leaf.
    prior : ndarray of shape (n_leaves, n_outputs)
        The values as trained.
    targets : ndarray of shape (n_samples, n_outputs)
        What the sum over trees aims at.
    weights : ndarray of shape (n_samples,)
        Not negative; they count samples.
    fold : ndarray of int of shape (n_samples,)
        Which samples are held out together.
    votes : ndarray of bool of shape (n_samples, n_trees) or None
        The trees that speak for a sample when it is held out: those that were not
        trained on it. None for all.
    legal : callable
        ``legal(values)``: the nearest values that the model may have, probabilities
        for instance; of shape (n_leaves, n_outputs).
    loss : callable
        ``loss(Z, Y)`` of each sample, (n_samples,).
    """

    leaves: np.ndarray
    scale: np.ndarray
    tree: np.ndarray
    prior: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    fold: np.ndarray
    votes: np.ndarray | None
    legal: Callable
    loss: Callable

    def moved(self, shift):
        """Legal values after the contributions of the leaves move.

        Parameters
        ----------
        shift : ndarray of shape (n_leaves, n_outputs)
            In the scale of the sum over trees.

        Returns
        -------
        ndarray of shape (n_leaves, n_outputs)
            Values of the leaves.
        """
        return self.legal(self.prior + shift / self.scale[self.tree, None])


def recover_leaves(problem, strengths=STRENGTHS):
    """Values of the leaves by the ridge whose strength serves held-out samples best.

    Parameters
    ----------
    problem : LeafProblem
        Leaves and samples.
    strengths : ndarray of shape (n_strengths,), default=STRENGTHS
        Values of lambda to choose from.

    Returns
    -------
    values : ndarray of shape (n_leaves, n_outputs)
        Legal; the prior where no strength beats it.
    strength : float or None
        The lambda chosen; None if the prior stays.
    """
    Z = LeafIndicator(problem.leaves, len(problem.prior))
    residual = problem.targets - Z.weighted_sum(problem.scale, problem.prior)
    strength = _choose(problem, Z, residual, strengths)
    if strength is None:
        return problem.prior, None
    right = Z.T_dot(problem.weights[:, None] * residual)
    shift = ridge(Z, problem.weights, right, np.array([strength]), FINE)
    return problem.moved(shift), strength


def _choose(problem, Z, residual, strengths):
    """The best strength on held-out samples, None where leaves had better stay."""
    folds = np.unique(problem.fold[problem.weights > 0])
    if len(folds) < 2:
        return None
    losses = np.zeros(len(strengths) + 1)
    for fold in folds:
        losses += _held_out_losses(problem, Z, residual, strengths, fold)
    best = int(np.argmin(losses[:-1]))
    return float(strengths[best]) if losses[best] < losses[-1] else None


def _held_out_losses(problem, Z, residual, strengths, fold):
    """Loss on one fold for each strength fitted to the others, and for the prior."""
    held_out = problem.fold == fold
    weights = np.where(held_out, 0.0, problem.weights)
    right = Z.T_dot(weights[:, None] * residual)
    losses, shift = [], np.zeros_like(right)
    for some in _blocks_of_strengths(strengths, right.size):
        columns = np.tile(right, len(some))
        penalty = np.repeat(some, right.shape[1])
        shifts = ridge(Z, weights, columns, penalty, ROUGH)
        for shift in np.split(shifts, len(some), axis=1):
            losses.append(_loss(problem, held_out, problem.moved(shift)))
    return np.array([*losses, _loss(problem, held_out, problem.prior)])


def _blocks_of_strengths(strengths, n_values):
    step = max(1, BLOCK_VALUES // max(n_values, 1))
    return [strengths[i : i + step] for i in range(0, len(strengths), step)]


def _loss(problem, rows, values):
    """Weighted loss of some samples, each predicted by the trees that may vote."""
    leaves, scale, weights = problem.leaves[rows], problem.scale, problem.weights[rows]
    votes = np.broadcast_to(scale, leaves.shape)
    if problem.votes is not None:
        allowed = problem.votes[rows]
        total = (allowed * scale).sum(axis=1)
        heard = total > 0
        leaves, weights = leaves[heard], weights[heard]
        rows = np.flatnonzero(rows)[heard]
        votes = (allowed * scale)[heard] * (scale.sum() / total[heard, None])
    Z = LeafIndicator(leaves, len(values)).weighted_sum(votes, values)
    return weights @ problem.loss(Z, problem.targets[rows])


class LeafIndicator:
    """The matrix Z, with a one for each leaf that a sample falls into.

    Parameters
    ----------
    leaves : ndarray of int of shape (n_samples, n_trees)
        Columns of the ones in each row.
    n_leaves : int
        Number of columns.
    """

    def __init__(self, leaves, n_leaves):
        self.leaves = np.ascontiguousarray(leaves, dtype=np.int32)
        self.n_leaves = n_leaves
        n_samples, n_trees = leaves.shape
        step = max(1, BLOCK_ENTRIES // max(n_trees, 1))
        self.rows = [slice(i, i + step) for i in range(0, n_samples, step)]
        self.ones = np.ones(min(step, n_samples) * n_trees)

    def _blocks(self, votes=None):
        for rows in self.rows:
            columns = self.leaves[rows]
            starts = np.arange(len(columns) + 1, dtype=np.int32) * columns.shape[1]
            data = self.ones[: columns.size] if votes is None else votes[rows].ravel()
            shape = len(columns), self.n_leaves
            yield rows, sparse.csr_array((data, columns.ravel(), starts), shape=shape)

    def dot(self, V):
        """Z V, shape (n_samples, n_columns)."""
        parts = [block @ V for _, block in self._blocks()]
        return np.concatenate([np.zeros((0, V.shape[1])), *parts])

    def T_dot(self, R):
        """Z^T R, shape (n_leaves, n_columns)."""
        total = np.zeros((self.n_leaves, R.shape[1]))
        for rows, block in self._blocks():
            total += block.T @ R[rows]
        return total

    def weighted_sum(self, votes, values):
        """Sum over trees of the values of the leaves, (n_samples, n_columns).

        Parameters
        ----------
        votes : ndarray that broadcasts to (n_samples, n_trees)
            Weight of each tree, for each sample.
        values : ndarray of shape (n_leaves, n_columns)
            Values of the leaves.

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
            Weighted sums.
        """
        votes = np.broadcast_to(votes, self.leaves.shape)
        parts = [block @ values for _, block in self._blocks(votes)]
        return np.concatenate([np.zeros((0, values.shape[1])), *parts])


def ridge(Z, weights, right, strengths, tolerance):
    """Solve ``(Z^T diag(w) Z + lambda I) d = b`` by conjugate gradients.

    Parameters
    ----------
    Z : LeafIndicator
        Which sample falls into which leaf.
    weights : ndarray of shape (n_samples,)
        Not negative.
    right : ndarray of shape (n_leaves, n_columns)
        One right-hand side b a column.
    strengths : ndarray that broadcasts to (n_columns,)
        Lambda of each column, positive.
    tolerance : float
        Length of the residual at which a column is solved, relative to b.

    Returns
    -------
    ndarray of shape (n_leaves, n_columns)
        One solution a column.
    """
    diagonal = Z.T_dot(weights[:, None]) + strengths
    solution, residual = np.zeros_like(right), right.copy()
    direction = residual / diagonal
    product = np.einsum("uk,uk->k", residual, direction)
    goal = tolerance**2 * product
    for _ in range(MAX_ITERATIONS):
        if (product <= goal).all():
            break
        image = Z.T_dot(weights[:, None] * Z.dot(direction)) + strengths * direction
        curvature = np.einsum("uk,uk->k", direction, image)
        step = _ratio(product, curvature)
        solution += step * direction
        residual -= step * image
        scaled = residual / diagonal
        previous, product = product, np.einsum("uk,uk->k", residual, scaled)
        direction *= _ratio(product, previous)
        direction += scaled
    return solution


def _ratio(numerator, denominator):
    """Quotients, zero where a column is solved to the last digit."""
    return np.divide(
        numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0
    )


def content_rank(hashes, target):
    """Position of each sample in an order of what samples hold.

    Folds made of it do not depend on where a sample stands, and samples of equal
    content share one, so that a sample of weight two is treated as two samples.

    Parameters
    ----------
    hashes : ndarray of uint64 of shape (n_samples,)
        Of the content of each sample.
    target : ndarray of shape (n_samples,)
        What the order goes by first: neighbours have similar targets.

    Returns
    -------
    ndarray of int of shape (n_samples,)
        From zero, without gaps; equal for equal samples.
    """
    order = np.lexsort((hashes, target))
    new = (np.diff(hashes[order]) != 0) | (np.diff(target[order]) != 0)
    rank = np.zeros(len(order), dtype=np.intp)
    rank[order[1:]] = np.cumsum(new)
    return rank


def row_hashes(X):
    """A hash of the numbers in each row, whatever the format of the array.

    Parameters
    ----------
    X : {ndarray, sparse array in CSR format} of float32 of shape (n, n_features)
        NaN is a number like others.

    Returns
    -------
    ndarray of uint64 of shape (n,)
        Equal for equal rows.
    """
    rng = np.random.default_rng(0)
    factors = rng.integers(2**63, size=X.shape[1], dtype=np.uint64) * 2 + 1
    hashes = np.zeros(X.shape[0], dtype=np.uint64)
    if sparse.issparse(X):
        row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        np.add.at(hashes, row, _mixed(X.data) * factors[X.indices])
        return hashes
    for column, factor in zip(X.T, factors):
        hashes += _mixed(column) * factor
    return hashes


def _mixed(numbers):
    """The bits of float32 numbers, spread; zero for zero of either sign."""
    bits = np.ascontiguousarray(numbers + np.float32(0)).view(np.uint32)
    spread = bits.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return spread ^ (spread >> np.uint64(29))
