"""Conjugate gradients, for systems whose matrix is not formed or would not fit."""

import numpy as np


def conjugate_gradients(
    product, right, diagonal, *, tol, max_iter, start=None, clean=lambda residual: None
):
    """Solve a positive definite system for one or several right-hand sides [1]_.

    ``product(V)`` multiplies the matrix with an array of the shape of `right`, each
    column of which is a separate system. `diagonal` is the preconditioner. A column is
    solved when its residual is below `tol` times `right`, both in the metric of ``1 /
    diagonal``. ``clean(residual)`` may correct each residual in place.

    Returns the solution, which lowers the quadratic form even if a column is not
    solved, and whether all columns are solved within `max_iter` products.

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
    """Divide; zero for a column that is solved exactly."""
    return np.divide(
        numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0
    )


class Orthogonality:
    """Correction that makes each residual orthogonal to the previous ones.

    Residuals of `conjugate_gradients` are orthogonal in the metric of ``1 / diagonal``
    up to rounding, which each product amplifies. Up to ``max_iter + 1`` are kept.
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
