"""Ridge problems on the leaves of trees.

Z is the 0/1 matrix of samples by leaves, with one entry per tree in each row. The
solvers only need products with Z and its transpose, so that ``Z^T Z`` is never formed.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import sparse

from skprune.numerics.conjugate_gradients import conjugate_gradients

BLOCK_ENTRIES = 2**17  # entries of one block of Z: fits into the cache
MAX_ITERATIONS = 200  # bounds the time of a fit that does not converge
SUM_ROUNDING = 64  # allowed error of a sum of probabilities, in machine epsilons


class LeafIndicator:
    """The matrix Z, stored without sorting samples by their leaves.

    `dot` adds up leaves tree by tree, because the leaves of one tree are few and close
    together in memory. `T_dot` adds up samples one after another: tree by tree,
    consecutive samples would often write to the same leaf and wait for each other.

    `leaves`, (n_trees, n_samples), is the leaf that a sample falls into, numbered
    within the tree, and `n_leaves` their number in each tree; columns of Z are numbered
    over all trees. `mask`, in the shape of `leaves`, selects the entries of Z that are
    one. Z and the arrays that it is multiplied with have the `dtype`.
    """

    def __init__(self, leaves, n_leaves, mask=None, dtype=float):
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
            self.blocks.append((rows, leaf, None if mask is None else mask[trees]))

    @cached_property
    def _by_tree(self):
        """Blocks of Z."""
        sample = np.arange(self.n_samples, dtype=np.int32)
        every = np.tile(sample, len(self._ones) // max(self.n_samples, 1))
        found = []
        for rows, leaf, mask in self.blocks:
            pairs = every[: leaf.size], leaf.ravel()
            if mask is not None:
                pairs = tuple(own[mask.ravel()] for own in pairs)
            shape = self.n_samples, rows.stop - rows.start
            found.append(sparse.coo_array((self._entries(pairs[0]), pairs), shape))
        return found

    @cached_property
    def _by_sample(self):
        """Blocks of the transpose of Z."""
        found = []
        for rows, leaf, mask in self.blocks:
            own = leaf.T.ravel() if mask is None else leaf.T[mask.T]
            counts = len(leaf) if mask is None else mask.sum(axis=0)
            starts = np.zeros(self.n_samples + 1, dtype=np.int32)
            np.cumsum(np.broadcast_to(counts, self.n_samples), out=starts[1:])
            shape = rows.stop - rows.start, self.n_samples
            found.append(sparse.csc_array((self._entries(own), own, starts), shape))
        return found

    def _entries(self, places):
        """Return ones for the given places; all blocks share their memory."""
        return self._ones[: len(places)]

    def dot(self, V):
        """Compute Z V, shape (n_samples, n_columns)."""
        total = np.zeros((self.n_samples, V.shape[1]), dtype=V.dtype)
        for (rows, _, _), block in zip(self.blocks, self._by_tree):
            total += block @ V[rows]
        return total

    def T_dot(self, R):
        """Compute Z^T R, shape (n_leaves, n_columns)."""
        parts = [block @ R for block in self._by_sample]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([np.zeros((0, R.shape[1]), dtype=R.dtype), *parts])


def ridge(Z, weights, right, strengths, tolerance):
    """Solve ``(Z^T diag(w) Z + lambda I) d = b`` by conjugate gradients.

    `right` has one b per column and `strengths` one positive lambda. A column is solved
    when its residual is below `tolerance` times b. Returns (n_leaves, n_columns).
    """

    def product(V):
        return Z.T_dot(weights[:, None] * Z.dot(V)) + strengths * V

    diagonal = Z.T_dot(weights[:, None]) + strengths
    options = {"tol": tolerance, "max_iter": MAX_ITERATIONS}
    return conjugate_gradients(product, right, diagonal, **options)[0]


@dataclass(frozen=True)
class LeafSquares:
    """Weighted squares of ``targets - Z S v`` and a ridge on ``S (v - centre)``.

    S is the diagonal of `scale`, (n_leaves, 1), the factor of the values of each leaf.
    W is that of `weights`, (n_samples, 1). `strength` is lambda, positive. Arrays with
    a row for each leaf have contiguous columns.
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
        """Diagonal that bounds the Hessian from above, (n_leaves, 1).

        Each row of Z has one entry per tree, hence the factor `n_trees`.
        """
        samples = self.Z.T_dot(self.weights)
        return self.Z.n_trees * samples * self.scale**2 + self.ridge

    def dot(self, values):
        """Compute Z S v, (n_samples, n_columns)."""
        return self.Z.dot(values * self.scale)

    def T_dot(self, residual):
        """Compute S Z^T W r, (n_leaves, n_columns)."""
        sums = np.asfortranarray(self.Z.T_dot(self.weights * residual))
        sums *= self.scale
        return sums


class Descent(NamedTuple):
    """State of a projected descent.

    `values`, (n_leaves, n_columns), are in the convex set, and `residual` is the
    targets minus their sums, (n_samples, n_columns). `residual_sum` is the sum of the
    residuals of all steps, each times the length of its step: apart from the ridge and
    the projections, leaves have moved by ``S Z^T W residual_sum / bound``. `length` is
    that of the next step; one is always safe, and often short.
    """

    values: np.ndarray
    residual: np.ndarray
    residual_sum: np.ndarray
    length: float = 1.0


def projected_descent(squares, project, centre, start, tolerance):
    """Minimise squares over values in a convex set.

    Spectral projected gradient steps [1]_, scaled separately for each leaf, with an
    exact line search toward the projection. ``project(v)`` returns the nearest point of
    the set as a new array. `centre` is where the ridge is zero. The problem is solved
    when a step is shorter than `tolerance` times the distance from the centre.

    References
    ----------
    .. [1] E. G. Birgin, J. M. Martinez and M. Raydan, "Nonmonotone Spectral Projected
       Gradient Methods on Convex Sets", SIAM Journal on Optimization 2000.
    """
    values, bound = np.array(start.values, order="F"), squares.bound
    residual, residual_sum = start.residual.copy(), start.residual_sum.copy()
    length = start.length
    moved = values - centre
    for _ in range(MAX_ITERATIONS):
        # in place, as new memory costs more than the arithmetic
        gradient = squares.ridge * moved
        gradient -= squares.T_dot(residual)
        step = gradient * (length / bound)
        step = project(np.subtract(values, step, out=step))
        step -= values
        image, lengths = squares.dot(step), _row_squares(step)
        curvature = _total(squares.weights, _row_squares(image))
        curvature += _total(squares.ridge, lengths)
        slope = -float(np.vdot(gradient.T, step.T))
        if curvature <= 0 or slope <= 0:  # solved up to rounding
            break
        share, size = min(slope / curvature, 1.0), _total(bound, lengths)
        residual_sum += (share * length) * residual
        residual -= share * image
        step *= share
        values += step
        length = size / curvature
        np.subtract(values, centre, out=moved)
        if share**2 * size <= tolerance**2 * _total(bound, _row_squares(moved)):
            break
    return Descent(values, residual, residual_sum, length)


def _row_squares(a):
    """Sum the squares over the columns of each row, (n_rows,)."""
    return np.square(a) @ np.ones(a.shape[1], dtype=a.dtype)


def _total(diagonal, squares):
    return float(diagonal[:, 0] @ squares)


@dataclass(frozen=True)
class Probabilities:
    """Constraint that values are class probabilities for each output.

    Each output has as many neighbouring columns as the one with most classes has
    classes.
    """

    n_classes: tuple[int, ...]

    @property
    def width(self):
        """Number of columns of each output."""
        return max(self.n_classes)

    @property
    def uniform(self):
        """Uniform distribution over the classes of each output, (n_columns,)."""
        rows = [np.arange(self.width) < n for n in self.n_classes]
        return np.concatenate([row / row.sum() for row in rows])

    def _outputs(self, values):
        """Yield the columns of the classes of each output."""
        for k, n in enumerate(self.n_classes):
            yield values[:, k * self.width : k * self.width + n]

    def project(self, values):
        """Find the nearest probabilities, leaf by leaf, with contiguous columns.

        The classes of each output sum to one; columns that no class has become zero.

        Examples
        --------
        >>> values = np.array([[0.5, 0.9], [2.0, -1.0]])
        >>> Probabilities((2,)).project(values).round(3).tolist()
        [[0.3, 0.7], [1.0, 0.0]]
        """
        columns = np.array(values.T, order="C")  # long rows are processed faster
        for k, n in enumerate(self.n_classes):
            first = k * self.width
            _project_columns(columns[first : first + n])
            columns[first + n : first + self.width] = 0
        return columns.T

    def errors(self, Z, Y):
        """Compute the share of outputs whose likeliest class is wrong, (n_rows,)."""
        wrong = [
            z.argmax(axis=1) != y.argmax(axis=1)
            for z, y in zip(self._outputs(Z), self._outputs(Y))
        ]
        return np.mean(wrong, axis=0)


def _project_columns(columns):
    """Project each column to the nearest probabilities, in place [1]_.

    References
    ----------
    .. [1] L. Condat, "Fast projection onto the simplex and the l1 ball", Mathematical
       Programming 2016.
    """
    ones, zeros = (np.full(n, k, columns.dtype) for n, k in zip(columns.shape, (1, 0)))
    few = np.min_scalar_type(len(columns))
    columns -= (ones @ columns - 1) / len(columns)
    np.maximum(columns, zeros, out=columns)  # faster than with a scalar zero
    for _ in range(len(columns) + 1):
        excess = ones @ columns - 1
        if np.abs(excess).max(initial=0.0) < SUM_ROUNDING * np.finfo(columns.dtype).eps:
            break
        excess /= np.add.reduce(columns > 0, axis=0, dtype=few)  # number > 0
        columns -= excess
        np.maximum(columns, zeros, out=columns)
