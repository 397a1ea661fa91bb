"""Read-outs that are a plain sum of one output per unit."""

from functools import cached_property

import numpy as np

from skprune.numerics import obs
from skprune.numerics.lasso import RowLasso
from skprune.numerics.least_squares import normal_equations
from skprune.readouts.base import Readout

DAMPING = 1e-2  # relative ridge of the Gram matrix of the units


class AdditiveReadout(Readout):
    """Z is a plain sum of one output per unit: trees of a forest, bypassed layers.

    Parameters
    ----------
    name : str
        Which part of the model this is.
    contributions : ndarray of shape (n_units, n_samples, n_outputs)
        What each unit adds to Z.
    D : callable
        ``D()`` returns the gradient of each sample's loss by Z, ``D(rng)`` the same
        for labels that the model draws; with one Z per unit, of shape (n_units,
        n_samples, n_outputs), else (n_samples, n_outputs).
    weights : ndarray of shape (n_samples,)
        Sample weights that sum to one.
    """

    answers = frozenset({"sensitivity"})

    def __init__(self, name, contributions, D, weights):
        self.name = name
        self.contributions = contributions
        self.weights = weights
        self.n_units = len(contributions)
        self._gradient = D

    @cached_property
    def D(self):
        """Gradient of each sample's loss by Z."""
        return self._gradient()

    def size(self):
        return np.sqrt(np.einsum("unk,n->u", self.contributions**2, self.weights))

    def contribution(self):
        means = np.einsum("unk,n->uk", self.contributions, self.weights)
        squares = np.einsum("unk,n->uk", self.contributions**2, self.weights)
        return np.sqrt(np.maximum(squares - means**2, 0.0).sum(axis=1))

    def gate_gradient(self):
        return (self.contributions * self.D).sum(axis=2) @ self.weights

    @property
    def hessian_size(self):
        """Rows of the matrix that `removal_loss` inverts."""
        return self.n_units

    def _gram(self):
        """Second moments of the contributions, damped, (n_units, n_units)."""
        n_units, _, n_outputs = self.contributions.shape
        inputs = self.contributions.transpose(1, 2, 0).reshape(-1, n_units)
        weights = np.repeat(self.weights, n_outputs) / n_outputs
        moments = normal_equations(inputs, np.empty((len(inputs), 0)), weights)
        H = n_outputs * moments.gram
        H[np.diag_indices_from(H)] += DAMPING * (np.trace(H) / n_units or 1.0)
        return H

    def removal_loss(self, rng=None):
        inverse = obs.spd_inverse(self._gram())
        return obs.elimination_costs(inverse, np.ones((self.n_units, 1)))

    def lasso(self, rng=None):
        gram = self._gram()
        spread = np.sqrt(gram.diagonal())
        scaled = gram / np.outer(spread, spread)
        rows = np.arange(self.n_units)
        return RowLasso(scaled, scaled @ spread[:, None], rows)

    def sensitivity(self):
        sizes = np.abs(self.contributions)
        totals = sizes.sum(axis=0)
        return (sizes / np.where(totals > 0, totals, np.inf)).max(axis=(1, 2))

    def distortion(self, gates):
        change = np.einsum("u,unk->nk", gates - 1, self.contributions)
        centred = change - self.weights @ change
        return float(self.weights @ (centred**2).sum(axis=1))

    def fisher(self, rng=None):
        D = self.D if rng is None else self._gradient(rng)
        means = np.einsum("unk,n->uk", self.contributions, self.weights)
        centred = self.contributions - means[:, None, :]
        return (centred * D).sum(axis=2) ** 2 @ self.weights
