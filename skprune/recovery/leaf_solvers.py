"""Ridge problems on the leaves of trees, by products with which sample falls where.

Z is the 0/1 matrix of samples by leaves, with one entry a tree in each row. It is never
multiplied out: both solvers need products with Z and its transpose alone.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import sparse

from skprune.numerics.iterative import conjugate_gradients

BLOCK_ENTRIES = 2**17  # entries of one block of Z
MAX_ITERATIONS = 200
ROUNDING = 64  # how far probabilities may be from a sum of one, in units of rounding


class LeafIndicator:
    """The matrix Z, without sorting samples by their leaves.

    For each sample its leaves are summed up tree by tree, as those of one tree are few
    and near to each other. For each leaf its samples are summed up sample by sample:
    tree by tree, the next sample would often wait for the last one's leaf.

    Parameters
    ----------
    leaves : ndarray of int of shape (n_trees, n_samples)
        The leaf of each tree that a sample falls into, numbered within the tree.
    n_leaves : ndarray of int of shape (n_trees,)
        Number of leaves of each tree; leaves of Z run on from tree to tree.
    votes : ndarray of bool of shape (n_trees, n_samples), default=None
        Where Z has ones, None for all leaves that samples fall into.
    dtype : dtype, default=float
        Of the entries; what Z is multiplied with shall have the same.
    """

    def __init__(self, leaves, n_leaves, votes=None, dtype=float):
        self.n_trees, self.n_samples = leaves.shape
        step = min(max(1, BLOCK_ENTRIES // max(self.n_samples, 1)), self.n_trees)
        self._ones = np.ones(step * self.n_samples, dtype=dtype)
        self.ends = np.concatenate([[0], np.cumsum(n_leaves)])
        self.blocks = []
        for start in range(0, self.n_trees, step):
            trees = slice(start, min(start + step, self.n_trees))
            rows = slice(self.ends[trees.start], self.ends[trees.stop])
            first = self.ends[trees] - rows.start
            leaf = np.add(
                leaves[trees], first[:, None], dtype=np.int32, casting="unsafe"
            )
            self.blocks.append((rows, leaf, None if votes is None else votes[trees]))

    @cached_property
    def _by_tree(self):
        """Blocks of Z."""
        sample = np.arange(self.n_samples, dtype=np.int32)
        every = np.tile(sample, len(self._ones) // max(self.n_samples, 1))
        found = []
        for rows, leaf, votes in self.blocks:
            pairs = every[: leaf.size], leaf.ravel()
            if votes is not None:
                pairs = tuple(own[votes.ravel()] for own in pairs)
            shape = self.n_samples, rows.stop - rows.start
            found.append(sparse.coo_array((self._entries(pairs[0]), pairs), shape))
        return found

    @cached_property
    def _by_sample(self):
        """Blocks of the transpose of Z."""
        found = []
        for rows, leaf, votes in self.blocks:
            own = leaf.T.ravel() if votes is None else leaf.T[votes.T]
            counts = len(leaf) if votes is None else votes.sum(axis=0)
            starts = np.zeros(self.n_samples + 1, dtype=np.int32)
            np.cumsum(np.broadcast_to(counts, self.n_samples), out=starts[1:])
            shape = rows.stop - rows.start, self.n_samples
            found.append(sparse.csc_array((self._entries(own), own, starts), shape))
        return found

    def _entries(self, places):
        """So many ones; all blocks share them."""
        return self._ones[: len(places)]

    def dot(self, V):
        """Z V, shape (n_samples, n_columns)."""
        total = np.zeros((self.n_samples, V.shape[1]), dtype=V.dtype)
        for (rows, _, _), block in zip(self.blocks, self._by_tree):
            total += block @ V[rows]
        return total

    def T_dot(self, R):
        """Z^T R, shape (n_leaves, n_columns)."""
        parts = [block @ R for block in self._by_sample]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([np.zeros((0, R.shape[1]), dtype=R.dtype), *parts])


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

    def product(V):
        return Z.T_dot(weights[:, None] * Z.dot(V)) + strengths * V

    diagonal = Z.T_dot(weights[:, None]) + strengths
    options = {"tol": tolerance, "max_iter": MAX_ITERATIONS}
    return conjugate_gradients(product, right, diagonal, **options)[0]


@dataclass(frozen=True)
class LeafSquares:
    """Weighted squares of ``aim - Z S v`` and a ridge on ``S (v - centre)``.

    Arrays with a row for each leaf have contiguous columns.

    Attributes
    ----------
    Z : LeafIndicator
        Which sample falls into which leaf.
    scale : ndarray of shape (n_leaves, 1)
        What multiplies the values of each leaf, the diagonal of S.
    weights : ndarray of shape (n_samples, 1)
        Not negative, the diagonal of W.
    strength : float
        Lambda of the ridge, positive.
    """

    Z: LeafIndicator
    scale: np.ndarray
    weights: np.ndarray
    strength: float

    @cached_property
    def ridge(self):
        """Diagonal of the ridge, (n_leaves, 1)."""
        return self.scale.dtype.type(self.strength) * self.scale**2

    @cached_property
    def bound(self):
        """A diagonal that is not smaller than the second derivative, (n_leaves, 1).

        A row of Z has as many ones as there are trees.
        """
        samples = self.Z.T_dot(self.weights)
        return self.Z.n_trees * samples * self.scale**2 + self.ridge

    def dot(self, values):
        """Z S v, (n_samples, n_columns)."""
        return self.Z.dot(values * self.scale)

    def T_dot(self, residual):
        """S Z^T W r, (n_leaves, n_columns)."""
        sums = np.asfortranarray(self.Z.T_dot(self.weights * residual))
        sums *= self.scale
        return sums


class Descent(NamedTuple):
    """Where a descent is, and the way there.

    Attributes
    ----------
    values : ndarray of shape (n_leaves, n_columns)
        In the set.
    residual : ndarray of shape (n_samples, n_columns)
        What sums of values aim at, less these sums.
    pulls : ndarray of shape (n_samples, n_columns)
        Residuals on the way, each times the length of its step. But for what the ridge
        and the set held back, leaves have moved by ``S Z^T W pulls / bound``.
    length : float
        Of the next step; one is safe, and often short.
    """

    values: np.ndarray
    residual: np.ndarray
    pulls: np.ndarray
    length: float = 1.0


def projected_descent(squares, project, centre, start, tolerance):
    """Minimise squares over values in a convex set.

    Spectral projected gradient steps [1]_, of a length of its own for each leaf: each
    goes to the least value on the way to the projection.

    Parameters
    ----------
    squares : LeafSquares
        What is minimised.
    project : callable
        ``project(v)``: the nearest point of the set, leaf by leaf; a new array.
    centre : ndarray of shape (n_leaves, n_columns)
        Where the ridge is zero.
    start : Descent
        Where to begin.
    tolerance : float
        Length of a step at which the problem is solved, relative to the way from the
        centre.

    Returns
    -------
    Descent
        Its values are the solution.

    References
    ----------
    .. [1] E. G. Birgin, J. M. Martinez and M. Raydan, "Nonmonotone Spectral Projected
       Gradient Methods on Convex Sets", SIAM Journal on Optimization 2000.
    """
    values, bound, length = (
        np.array(start.values, order="F"),
        squares.bound,
        start.length,
    )
    residual, pulls = start.residual.copy(), start.pulls.copy()
    moved = values - centre
    for _ in range(MAX_ITERATIONS):
        # in place, as fresh memory costs more than what is computed in it
        gradient = squares.ridge * moved
        gradient -= squares.T_dot(residual)
        step = gradient * (length / bound)
        step = project(np.subtract(values, step, out=step))
        step -= values
        image, lengths = squares.dot(step), _row_squares(step)
        curvature = _total(squares.weights, _row_squares(image))
        curvature += _total(squares.ridge, lengths)
        slope = -float(np.vdot(gradient.T, step.T))
        if curvature <= 0 or slope <= 0:  # solved, to rounding
            break
        share, size = min(slope / curvature, 1.0), _total(bound, lengths)
        pulls += (share * length) * residual
        residual -= share * image
        step *= share
        values += step
        length = size / curvature
        np.subtract(values, centre, out=moved)
        if share**2 * size <= tolerance**2 * _total(bound, _row_squares(moved)):
            break
    return Descent(values, residual, pulls, length)


def _row_squares(a):
    """Sums over columns of squares, (n_rows,)."""
    return np.square(a) @ np.ones(a.shape[1], dtype=a.dtype)


def _total(diagonal, squares):
    return float(diagonal[:, 0] @ squares)


@dataclass(frozen=True)
class Probabilities:
    """Values that are class probabilities, for each of some outputs.

    Attributes
    ----------
    n_classes : tuple of int
        Number of classes of each output. The classes of an output stand side by side,
        in as many columns as the output with most classes has.
    """

    n_classes: tuple[int, ...]

    @property
    def width(self):
        """Columns of each output."""
        return max(self.n_classes)

    @property
    def uniform(self):
        """The same probability for all classes of an output, (n_columns,)."""
        rows = [np.arange(self.width) < n for n in self.n_classes]
        return np.concatenate([row / row.sum() for row in rows])

    def _outputs(self, values):
        """The columns of the classes of each output."""
        for k, n in enumerate(self.n_classes):
            yield values[:, k * self.width : k * self.width + n]

    def project(self, values):
        """The nearest probabilities, (n_rows, n_columns), with contiguous columns."""
        columns = np.array(values.T, order="C")  # long rows are quicker to work on
        for k, n in enumerate(self.n_classes):
            first = k * self.width
            _project_columns(columns[first : first + n])
            columns[first + n : first + self.width] = 0
        return columns.T

    def errors(self, Z, Y):
        """Share of the outputs whose likeliest class is wrong, (n_rows,)."""
        wrong = [
            z.argmax(axis=1) != y.argmax(axis=1)
            for z, y in zip(self._outputs(Z), self._outputs(Y))
        ]
        return np.mean(wrong, axis=0)


def project_to_simplex(values):
    """The nearest rows that are not negative and sum to one [1]_.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Any numbers.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
        Probabilities.

    References
    ----------
    .. [1] L. Condat, "Fast projection onto the simplex and the l1 ball", Mathematical
       Programming 2016.

    Examples
    --------
    >>> project_to_simplex(np.array([[0.5, 0.9], [2.0, -1.0]])).round(3).tolist()
    [[0.3, 0.7], [1.0, 0.0]]
    """
    columns = np.array(values.T, order="C")
    _project_columns(columns)
    return columns.T


def _project_columns(columns):
    """Each column to the nearest probabilities, in place."""
    ones, zeros = (np.full(n, k, columns.dtype) for n, k in zip(columns.shape, (1, 0)))
    few = np.min_scalar_type(len(columns))
    columns -= (ones @ columns - 1) / len(columns)
    np.maximum(columns, zeros, out=columns)  # quicker than with one zero
    for _ in range(len(columns) + 1):
        excess = ones @ columns - 1
        if np.abs(excess).max(initial=0.0) < ROUNDING * np.finfo(columns.dtype).eps:
            break
        excess /= np.add.reduce(columns > 0, axis=0, dtype=few)  # how many are left
        columns -= excess
        np.maximum(columns, zeros, out=columns)
