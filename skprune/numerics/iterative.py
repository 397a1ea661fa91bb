"""Conjugate gradients, for systems whose matrix is not formed or would not fit.

`solve_masked` is the least squares of `least_squares` by such iterations. Inputs are
only multiplied with vectors, so that a sparse A of 50,000 columns stays sparse.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skprune.numerics.moments import column_spread


def conjugate_gradients(
    product, right, diagonal, *, tol, max_iter, start=None, clean=lambda residual: None
):
    """Solve a positive definite system for one or several right-hand sides [1]_.

    Parameters
    ----------
    product : callable
        ``product(V)``: the matrix times an array of the shape of `right`.
    right : ndarray of shape (n_values,) or (n_values, n_columns)
        Right-hand sides; each column is a system of its own.
    diagonal : ndarray that broadcasts to the shape of `right`
        Positive; preconditions.
    tol : float
        Length of the residual at which a column is solved, relative to that of the
        right-hand side; both in the metric of the inverse of `diagonal`.
    max_iter : int
        Largest number of products, not counting that with `start`.
    start : ndarray of the shape of `right`, default=None
        First guess; None for zeros.
    clean : callable, default=None
        ``clean(residual)``: called with each residual, which it may correct in place.

    Returns
    -------
    solution : ndarray of the shape of `right`
        A direction in which the quadratic form falls, even if it is not solved.
    solved : bool
        Whether all columns are.

    References
    ----------
    .. [1] M. Hestenes and E. Stiefel, "Methods of Conjugate Gradients for Solving
       Linear Systems", J. Research of the National Bureau of Standards 1952.
    """
    solution, residual = np.zeros_like(right), right.copy()
    if start is not None:
        solution, residual = start.copy(), right - product(start)
    enough = tol**2 * _inner(right, right / diagonal)
    clean(residual)
    direction = residual / diagonal
    energy = _inner(residual, direction)
    for _ in range(max_iter):
        if (energy <= enough).all():
            break
        image = product(direction)
        step = _ratio(energy, _inner(direction, image))
        solution += step * direction
        residual -= step * image
        clean(residual)
        scaled = residual / diagonal
        before, energy = energy, _inner(residual, scaled)
        direction *= _ratio(energy, before)
        direction += scaled
    return solution, bool((energy <= enough).all())


def _inner(a, b):
    return a @ b if a.ndim == 1 else np.einsum("uk,uk->k", a, b)


def _ratio(numerator, denominator):
    """Quotients, zero for a column that is solved exactly."""
    return np.divide(
        numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0
    )


class Orthogonality:
    """Removes from each residual what it has in common with those before it.

    Residuals of `conjugate_gradients` are orthogonal but for rounding, which is
    amplified from one product to the next.

    Parameters
    ----------
    diagonal : ndarray of shape (n_values,)
        In the metric of whose inverse they are orthogonal.
    max_iter : int
        How many residuals are kept.
    """

    def __init__(self, diagonal, max_iter):
        self.diagonal = diagonal
        self.residuals, self.duals = np.zeros((2, max_iter + 1, len(diagonal)))
        self.count = 0

    def __call__(self, residual):
        k = self.count
        residual -= (self.duals[:k] @ residual) @ self.residuals[:k]
        scaled = residual / self.diagonal
        energy = residual @ scaled
        self.residuals[k] = residual
        np.divide(scaled, energy, out=self.duals[k], where=energy > 0)
        self.count += 1


def solve_masked(A, Z, weights, mask, prior, ridge, *, centred, tol=1e-7, max_iter=500):
    """Least squares with a support of its own for each output, by iteration.

    Conjugate gradients with the diagonal as preconditioner, all outputs at once,
    started from `prior` on the support.

    Parameters
    ----------
    A : {ndarray, sparse array} of shape (n_samples, n_inputs)
        Inputs.
    Z : ndarray of shape (n_samples, n_outputs)
        Targets.
    weights : ndarray of shape (n_samples,)
        Sample weights that sum to one.
    mask : ndarray of bool of shape (n_inputs, n_outputs)
        Which weights survive.
    prior : ndarray of shape (n_inputs, n_outputs)
        Weights to which the ridge pulls.
    ridge : ndarray of shape (n_outputs,)
        Strength of the ridge for each output, in the units of the second moments.
    centred : bool
        Whether an intercept is fitted.
    tol : float, default=1e-7
        Residual of the normal equations at which an output is solved, relative to
        their right side.
    max_iter : int, default=500
        Products with A at most; a warning says when they were too few.

    Returns
    -------
    W : ndarray of shape (n_inputs, n_outputs)
        Zero outside the mask.
    intercept : ndarray of shape (n_outputs,)
        That belongs to W.
    """
    input_mean = np.asarray(A.T @ weights) if centred else np.zeros(A.shape[1])
    target_mean = weights @ Z if centred else np.zeros(Z.shape[1])

    def moments(V):
        """Weighted second moments of the inputs with some columns, off the mask 0."""
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
            f"The recovery stopped after {max_iter} iterations before it converged; "
            "the weights are closer to the least squares solution than before, but not "
            "at it.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return W, target_mean - input_mean @ W
