"""Ridge problems on the leaves of trees, by products with which sample falls where.

Z is the 0/1 matrix of samples by leaves, with one entry a tree in each row. It is never
multiplied out: both solvers need products with Z and its transpose alone.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

BLOCK_ENTRIES = 2**22  # entries of one block of Z
MAX_ITERATIONS = 200
ROUNDING = 64  # how far probabilities may be from a sum of one, in units of rounding


class LeafIndicator:
    """The matrix Z, held by leaves: samples of a leaf are neighbours in memory.

    Parameters
    ----------
    leaves : ndarray of int of shape (n_trees, n_samples)
        The leaf of each tree that a sample falls into, numbered within the tree.
    n_leaves : ndarray of int of shape (n_trees,)
        Number of leaves of each tree; leaves of Z run on from tree to tree.
    votes : ndarray of shape (n_trees, n_samples), default=None
        The entries of Z, None for ones.
    dtype : dtype, default=float
        Of the entries; what Z is multiplied with shall have the same.
    """

    def __init__(self, leaves, n_leaves, votes=None, dtype=float):
        self.n_trees, self.n_samples = leaves.shape
        step = max(1, BLOCK_ENTRIES // max(self.n_samples, 1))
        self.ends = np.concatenate([[0], np.cumsum(n_leaves)])
        self.blocks = []
        for start in range(0, self.n_trees, step):
            trees = slice(start, min(start + step, self.n_trees))
            rows = slice(self.ends[trees.start], self.ends[trees.stop])
            entries = None if votes is None else votes[trees]
            block = _by_leaf(leaves[trees], n_leaves[trees], entries, dtype)
            self.blocks.append((rows, block))

    def dot(self, V):
        """Z V, shape (n_samples, n_columns)."""
        total = np.zeros((self.n_samples, V.shape[1]), dtype=V.dtype)
        for rows, block in self.blocks:
            total += block.T @ V[rows]
        return total

    def T_dot(self, R):
        """Z^T R, shape (n_leaves, n_columns)."""
        parts = [block @ R for _, block in self.blocks]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([np.zeros((0, R.shape[1]), dtype=R.dtype), *parts])


def _by_leaf(leaves, n_leaves, votes, dtype):
    """Part of the transpose of Z in CSR format."""
    order = np.empty(leaves.shape, dtype=np.int32)
    counts = []
    for t, (leaf, length) in enumerate(zip(leaves, n_leaves)):
        # integers of 16 bits are sorted without comparing
        small = leaf.astype(np.uint16) if length <= 2**16 else leaf
        order[t] = np.argsort(small, kind="stable")
        counts.append(np.bincount(leaf, minlength=length))
    if votes is None:
        entries = np.ones(leaves.size, dtype=dtype)
    else:
        entries = np.take_along_axis(votes, order, axis=1).ravel().astype(dtype)
    starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int32)
    shape = int(n_leaves.sum()), leaves.shape[1]
    return sparse.csr_array((entries, order.ravel(), starts), shape=shape)


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


def projected_descent(product, bound, right, project, centre, start, tolerance):
    """Minimise ``tr(d^T H d) / 2 - tr(b^T d)``, where centre + d is in a convex set.

    Spectral projected gradient steps [1]_, of a length of its own for each leaf: each
    goes to the least value on the way to the projection.

    Parameters
    ----------
    product : callable
        ``product(d)``: H d.
    bound : ndarray of shape (n_leaves, 1)
        A diagonal matrix that is not smaller than H. A row of Z has as many ones as
        there are trees, so that for Z^T Z it is the number of trees times the samples
        of each leaf.
    right : ndarray of shape (n_leaves, n_columns)
        Right-hand sides b.
    project : callable
        ``project(v)``: the nearest point of the set, leaf by leaf.
    centre : ndarray of shape (n_leaves, n_columns)
        Where d is zero.
    start : ndarray of shape (n_leaves, n_columns)
        Where to begin.
    tolerance : float
        Length of a step at which the problem is solved, relative to d.

    Returns
    -------
    ndarray of shape (n_leaves, n_columns)
        In the set.

    References
    ----------
    .. [1] E. G. Birgin, J. M. Martinez and M. Raydan, "Nonmonotone Spectral Projected
       Gradient Methods on Convex Sets", SIAM Journal on Optimization 2000.
    """
    values, length = project(start), 1.0
    gradient = product(values - centre) - right
    for _ in range(MAX_ITERATIONS):
        step = project(values - gradient * (length / bound)) - values
        image = product(step)
        curvature, slope = float(np.vdot(step, image)), -float(np.vdot(gradient, step))
        if curvature <= 0 or slope <= 0:  # solved, to rounding
            break
        share = min(slope / curvature, 1.0)
        size = float(np.vdot(bound * step, step))
        length = size / curvature
        values += share * step
        gradient += share * image
        moved = values - centre
        if share**2 * size <= tolerance**2 * np.vdot(bound * moved, moved):
            break
    return values


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

    @property
    def contrasts(self):
        """Columns that all others follow from where rows sum to zero, ascending."""
        first = self.width * np.arange(len(self.n_classes))
        return np.concatenate(
            [start + np.arange(n - 1) for start, n in zip(first, self.n_classes)]
        ).astype(int)

    def completed(self, contrasts):
        """All columns of differences of probabilities, from their contrasts."""
        shape = len(contrasts), self.width * len(self.n_classes)
        values = np.zeros(shape, dtype=contrasts.dtype)
        values[:, self.contrasts] = contrasts
        for part in self._outputs(values):
            part[:, -1] = -part[:, :-1].sum(axis=1)
        return values

    def _outputs(self, values):
        """The columns of the classes of each output."""
        for k, n in enumerate(self.n_classes):
            yield values[:, k * self.width : k * self.width + n]

    def project(self, values):
        """The nearest probabilities, (n_rows, n_columns)."""
        nearest = np.zeros_like(values)
        for part, target in zip(self._outputs(values), self._outputs(nearest)):
            target[...] = project_to_simplex(part)
        return nearest

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
    columns = np.ascontiguousarray(values.T)  # long rows are quicker to work on
    ones = np.ones(len(columns), dtype=columns.dtype)
    nearest = columns - (ones @ columns - 1) / len(columns)
    np.maximum(nearest, 0, out=nearest)
    for _ in range(len(columns) + 1):
        excess = ones @ nearest - 1
        if np.abs(excess).max(initial=0.0) < ROUNDING * np.finfo(columns.dtype).eps:
            break
        excess /= ones @ np.sign(nearest)  # how many are left; a zero stays one
        nearest -= excess
        np.maximum(nearest, 0, out=nearest)
    return np.ascontiguousarray(nearest.T)
