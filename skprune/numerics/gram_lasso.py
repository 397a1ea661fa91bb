"""Lassos of squared loss, by scikit-learn's coordinate descent on second moments."""

from typing import Any

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from sklearn.linear_model import lasso_path

from skprune.numerics.lasso import LassoProblem, SmoothLasso


class GramLasso(LassoProblem):
    """Squared loss ``tr(W^T G W) / 2 - tr(C^T W)`` in covariance form.

    G, (n_inputs, n_inputs), are the positive definite second moments of the scaled
    inputs, C, (n_inputs, n_outputs), those with the targets.
    """

    def __init__(self, gram, cross):
        self.gram, self.cross = gram, cross
        self.factor = np.asfortranarray(cholesky(gram))
        self.targets = solve_triangular(self.factor, cross, trans="T")
        self.W = np.zeros_like(cross)

    def value(self, W):
        """Compute the loss without the penalty, a float."""
        return float(np.sum(W * (self.gram @ W / 2 - self.cross)))

    def gradient(self, W):
        """Compute the derivative of the loss by W, (n_inputs, n_outputs)."""
        return self.gram @ W - self.cross

    def _descend(self, rows, column, penalty):
        """Run coordinate descent; the loss of scikit-learn is a mean over rows of X."""
        X, targets = self.factor[:, rows], self.targets[:, column]
        options: dict[str, Any] = {"tol": 1e-8, "max_iter": 5000}
        if targets.ndim == 1:
            options["precompute"] = np.asfortranarray(self.gram[np.ix_(rows, rows)])
            options["Xy"] = self.cross[rows, column]
        _, path, _ = lasso_path(
            X,
            targets,
            alphas=[penalty / len(X)],
            coef_init=np.asfortranarray(self.W[rows, column].T),
            **options,
        )
        return path[..., 0].T

    def _solve_column(self, rows, column, penalty):
        if np.isinf(penalty):
            self.W[rows, column] = 0.0
        else:
            self.W[rows, column] = self._descend(rows, column, penalty)


class EntryLasso(GramLasso):
    """Lasso with a separate penalty on each weight; the outputs are independent.

    The weights in the boolean `mask` are the units; the others stay zero.
    """

    def __init__(self, gram, cross, mask):
        super().__init__(gram, cross)
        self.mask = mask
        self.n_units = int(mask.sum())

    def solve(self, penalty):
        for j in range(self.mask.shape[1]):
            rows = np.flatnonzero(self.mask[:, j])
            if len(rows):
                self._solve_column(rows, j, penalty)
        slopes = self.gradient(self.W)[self.mask]
        return np.abs(self.W[self.mask]), np.abs(slopes)


class RowLasso(GramLasso):
    """Lasso with one penalty on the weights of an input to all outputs.

    The inputs `rows` are the units; the weights of the others stay zero.
    """

    def __init__(self, gram, cross, rows):
        super().__init__(gram, cross)
        self.rows = rows
        self.n_units = len(rows)

    @classmethod
    def of_units(cls, gram):
        """Build the lasso that approximates a sum of units with weights of one.

        `gram`, (n_units, n_units), are their positive definite second moments. Each
        unit is scaled to unit spread.
        """
        spread = np.sqrt(gram.diagonal())
        scaled = gram / np.outer(spread, spread)
        return cls(scaled, scaled @ spread[:, None], np.arange(len(gram)))

    def solve(self, penalty):
        column = 0 if self.W.shape[1] == 1 else slice(None)
        self._solve_column(self.rows, column, penalty)
        norms = np.linalg.norm(self.W[self.rows], axis=1)
        return norms, np.linalg.norm(self.gradient(self.W)[self.rows], axis=1)

    def joined(self, group, n_units):
        unit = np.full(self.W.shape, -2)
        unit[self.rows] = group[:, None]
        return SmoothLasso(self, np.zeros_like(self.W), unit, n_units)
