"""Closed-form recovery: surviving weights re-estimated by least squares.

With weighted, centred inputs A of the pruned model, the outputs Z of the teacher and a
ridge r toward the old weights W0, column j on its support S solves

    (G_SS + r I) w = (A^T Z)_Sj + r w0_S,        G = A^T diag(weights) A.

The normal equations are built in blocks of rows; only G, (n_inputs, n_inputs), is kept.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.linalg.lapack import dposv
from scipy.optimize import nnls
from sklearn.exceptions import ConvergenceWarning

from skprune.numerics.conjugate_gradients import conjugate_gradients
from skprune.numerics.moments import column_spread, row_blocks

# Ridges relative to the mean variance of the inputs. The first only keeps a Hessian
# invertible. The second compensates layers of networks and ranks their inputs and
# trees: on 20,000 rows of MNIST a thousandth does as well for layers, on a hundred
# rows of digits it loses up to 4 points of accuracy.
SMALLEST_RIDGE, GRAM_RIDGE = 1e-8, 1e-2


@dataclass(frozen=True)
class NormalEquations:
    """Weighted second moments of inputs A and targets Z about their means.

    Attributes
    ----------
    gram : ndarray of shape (n_inputs, n_inputs)
        A^T diag(weights) A.
    cross : ndarray of shape (n_inputs, n_outputs)
        A^T diag(weights) Z.
    input_mean : ndarray of shape (n_inputs,)
        Zero if no intercept is fitted.
    target_mean : ndarray of shape (n_outputs,)
        Zero if no intercept is fitted.
    """

    gram: np.ndarray
    cross: np.ndarray
    input_mean: np.ndarray
    target_mean: np.ndarray

    def intercept(self, W):
        """Compute the optimal intercept for weights W, (n_outputs,)."""
        return self.target_mean - self.input_mean @ W

    def take(self, columns):
        """Select the equations of some outputs; `columns` is an array of int."""
        return NormalEquations(
            self.gram,
            self.cross[:, columns],
            self.input_mean,
            self.target_mean[columns],
        )


def normal_equations(A, Z, weights, *, centred=True):
    """Compute the second moments of a read-out in blocks of rows.

    Parameters
    ----------
    A : {ndarray, sparse array} of shape (n_samples, n_inputs)
        Inputs.
    Z : ndarray of shape (n_samples, n_outputs)
        Targets.
    weights : ndarray of shape (n_samples,)
        Sample weights that sum to one.
    centred : bool, default=True
        Whether an intercept is fitted.

    Returns
    -------
    NormalEquations
        Sums over blocks are float64. Products within a block have the precision of A
        and `weights`; float32 for both halves the time.
    """
    input_mean = A.T @ weights if centred else np.zeros(A.shape[1])
    target_mean = weights @ Z if centred else np.zeros(Z.shape[1])
    if sparse.issparse(A):
        weighted = sparse.diags_array(weights) @ A
        gram = (A.T @ weighted).toarray() - np.outer(input_mean, input_mean)
        cross = weighted.T @ (Z - target_mean)
        return NormalEquations(gram, cross, input_mean, target_mean)
    gram, cross = np.zeros((A.shape[1],) * 2), np.zeros((A.shape[1], Z.shape[1]))
    for rows in row_blocks(len(A)):
        root = np.sqrt(weights[rows])[:, None]
        inputs, targets = A[rows] - input_mean, Z[rows] - target_mean
        inputs *= root
        targets *= root
        gram += inputs.T @ inputs
        cross += inputs.T @ targets
    return NormalEquations(gram, cross, input_mean, target_mean)


def add_ridge(gram, relative=GRAM_RIDGE, absolute=0.0):
    """Make second moments positive definite by a ridge, in place.

    The ridge is `absolute`, plus `relative` times the mean of the diagonal, or times
    one if that mean is zero. Returns the same array.
    """
    mean = np.trace(gram) / max(len(gram), 1)
    gram[np.diag_indices_from(gram)] += absolute + relative * (mean or 1.0)
    return gram


def ridge_strength(gram, relative):
    """Compute a ridge as a share of the mean variance of the inputs.

    Parameters
    ----------
    gram : ndarray of shape (n_inputs, n_inputs)
        Second moments.
    relative : float
        Share of the mean of the diagonal.

    Returns
    -------
    ndarray of shape (n_inputs,)
        Positive, so that the equations always have a solution.
    """
    mean = np.trace(gram) / max(len(gram), 1)
    return np.full(len(gram), relative * mean if mean > 0 else 1.0)


def solve_rows(equations, rows, prior, ridge):
    """Solve least squares with one support for all outputs.

    Parameters
    ----------
    equations : NormalEquations
        Second moments of all inputs.
    rows : ndarray of int
        Surviving inputs.
    prior : ndarray of shape (n_inputs, n_outputs)
        Weights toward which the ridge shrinks.
    ridge : ndarray of shape (n_inputs,)
        Strength of the ridge, in the units of the second moments.

    Returns
    -------
    ndarray of shape (n_inputs, n_outputs)
        Zero outside the support.
    """
    W = np.zeros_like(prior, dtype=float)
    if len(rows):
        gram = equations.gram[np.ix_(rows, rows)] + np.diag(ridge[rows])
        right = equations.cross[rows] + ridge[rows, None] * prior[rows]
        W[rows] = cho_solve(cho_factor(gram, lower=True, overwrite_a=True), right)
    return W


def solve_masked(equations, mask, prior, ridge):
    """Solve least squares with a separate support for each output.

    Parameters
    ----------
    equations : NormalEquations
        Second moments of all inputs.
    mask : ndarray of bool of shape (n_inputs, n_outputs)
        Surviving weights.
    prior, ridge
        As in `solve_rows`.

    Returns
    -------
    ndarray of shape (n_inputs, n_outputs)
        Zero outside the mask.

    Notes
    -----
    For an output that keeps more than half of its inputs, the solution on all inputs is
    computed once and constrained to zero on the removed ones: ``w - P_:R (P_RR)^-1
    w_R`` with P the inverse of the regularised second moments and R the removed inputs.
    No system is therefore larger than half of the inputs.
    """
    whole = mask.all(axis=0) & (len(mask) > 0)
    mostly = ~whole & (mask.sum(axis=0) > len(mask) / 2)
    W = np.zeros(mask.shape)
    if whole.any() or mostly.any():
        W[:, whole | mostly] = _constrained(
            equations, mask, prior, ridge, whole | mostly
        )
    columns, right = mask.T.copy(), (equations.cross + ridge[:, None] * prior).T
    for j in np.flatnonzero(~whole & ~mostly):
        rows = columns[j].nonzero()[0]
        if len(rows):
            gram = equations.gram[rows[:, None], rows]
            gram.flat[:: len(rows) + 1] += ridge[rows]
            W[rows, j] = _solve_positive(gram, right[j, rows])
    return W


def _solve_positive(matrix, right):
    """Solve a small positive definite system, which is overwritten.

    LAPACK is called directly: for a few unknowns, the input checks of scipy take ten
    times as long as the solution.
    """
    _, solution, failed = dposv(matrix.T, right, overwrite_a=True)
    if failed:
        raise np.linalg.LinAlgError(
            f"The second moments of {len(right)} inputs with their ridge are not "
            "positive definite."
        )
    return solution


def _constrained(equations, mask, prior, ridge, columns):
    """Solve for some outputs on all inputs, then constrain the removed ones to zero."""
    factor = cho_factor(equations.gram + np.diag(ridge), lower=True)
    right = equations.cross[:, columns] + ridge[:, None] * prior[:, columns]
    W = cho_solve(factor, right)
    if mask[:, columns].all():
        return W
    inverse = cho_solve(factor, np.eye(len(ridge)))
    for k, removed in enumerate(~mask[:, columns].T):
        lost = removed.nonzero()[0]
        if len(lost):
            rows = inverse[lost]
            W[:, k] -= _solve_positive(rows[:, lost], W[lost, k]) @ rows
            W[lost, k] = 0.0
    return W


def solve_nonnegative(equations, mask, prior, ridge):
    """Solve as `solve_masked`, with non-negative weights.

    Parameters
    ----------
    equations, mask, prior, ridge
        As in `solve_masked`.

    Returns
    -------
    ndarray of shape (n_inputs, n_outputs)
        Non-negative, zero outside the mask.
    """
    W = np.zeros(mask.shape)
    for j in range(mask.shape[1]):
        rows = np.flatnonzero(mask[:, j])
        if len(rows):
            gram = equations.gram[np.ix_(rows, rows)] + np.diag(ridge[rows])
            right = equations.cross[rows, j] + ridge[rows] * prior[rows, j]
            factor = cholesky(gram)
            target = solve_triangular(factor, right, trans="T")
            W[rows, j] = nnls(factor, target)[0]
    return W


def solve_iteratively(
    A, Z, weights, mask, prior, ridge, *, centred, tol=1e-7, max_iter=500
):
    """Solve as `solve_masked` without forming second moments of the inputs.

    Uses conjugate gradients for all outputs at once, started from `prior` on the
    support. Inputs are only multiplied by vectors, so that a sparse A of 50,000 columns
    stays sparse. `ridge`, (n_outputs,), is in the units of the second moments. Each
    output is solved to a residual of `tol` relative to the right-hand side; if
    `max_iter` does not suffice, a warning is given. Returns W, zero outside the mask,
    and the optimal intercept.
    """
    input_mean = np.asarray(A.T @ weights) if centred else np.zeros(A.shape[1])
    target_mean = weights @ Z if centred else np.zeros(Z.shape[1])

    def moments(V):
        """Compute weighted second moments of inputs and V, zero outside the mask."""
        V = weights[:, None] * (V - weights @ V if centred else V)
        return mask * (A.T @ V)

    def equations(W):
        return moments(A @ W) + ridge * W

    variance = column_spread(A, weights, centred=centred)[:, None] ** 2 + ridge
    W, solved = conjugate_gradients(
        equations,
        moments(Z) + mask * ridge * prior,
        np.where(variance > 0, variance, 1.0),
        tol=tol,
        max_iter=max_iter,
        start=np.where(mask, prior, 0.0),
    )
    if not solved:
        warnings.warn(
            f"Least squares stopped after {max_iter} iterations before it converged; "
            "the weights are closer to the solution than before, but not at it.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return W, target_mean - input_mean @ W
