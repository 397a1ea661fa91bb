"""Closed-form recovery where the second moments of the inputs would not fit.

The same least squares as in `least_squares`, by conjugate gradients: inputs are only
multiplied with vectors, so that a sparse A of 50,000 columns stays sparse.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skprune.numerics.moments import column_spread


def solve_masked(A, Z, weights, mask, prior, ridge, *, centred, tol=1e-7, max_iter=500):
    """Least squares with a support of its own for each output, by iteration.

    Conjugate gradients [1]_ with the diagonal as preconditioner, all outputs at once,
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

    References
    ----------
    .. [1] M. Hestenes and E. Stiefel, "Methods of Conjugate Gradients for Solving
       Linear Systems", 1952.
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
    inverse_diagonal = mask / np.where(variance > 0, variance, 1.0)
    right = moments(Z) + mask * ridge * prior
    start = np.where(mask, prior, 0.0)
    W = _conjugate_gradients(equations, right, start, inverse_diagonal, tol, max_iter)
    return W, target_mean - input_mean @ W


def _conjugate_gradients(equations, right, W, inverse_diagonal, tol, max_iter):
    """Solve one positive system for each column."""
    residual = right - equations(W)
    wanted = tol * np.linalg.norm(right, axis=0)
    direction, before = np.zeros_like(W), np.ones(W.shape[1])
    for _ in range(max_iter):
        open_columns = np.linalg.norm(residual, axis=0) > wanted
        if not open_columns.any():
            return W
        scaled = inverse_diagonal * residual
        energy = (residual * scaled).sum(axis=0)
        direction = scaled + direction * (energy / before)
        product = equations(direction)
        curvature = (direction * product).sum(axis=0)
        moving = open_columns & (curvature > 0)
        step = np.where(moving, energy / np.where(moving, curvature, 1.0), 0.0)
        W = W + step * direction
        residual = residual - step * product
        before = np.where(energy > 0, energy, 1.0)
    warnings.warn(
        f"The recovery stopped after {max_iter} iterations before it converged; the "
        "weights are closer to the least squares solution than before, but not at it.",
        ConvergenceWarning,
        stacklevel=3,
    )
    return W
