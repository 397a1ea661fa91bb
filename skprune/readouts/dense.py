"""Read-outs with a matrix of inputs: linear models and the layers of an MLP.

``EntryReadout`` has one unit per weight, ``RowReadout`` one per input, which owns the
weights to all outputs. With inputs A, weights W and loss gradients D, per sample n,

    derivative by the gate of a weight   a_ni w_ij d_nj
    derivative by the gate of an input   a_ni (D W^T)_ni

so that means of squares over the samples are matrix products, without a loop.
"""

from abc import abstractmethod
from dataclasses import replace
from functools import cached_property

import numpy as np
from scipy import sparse

from skprune.numerics import newton, obs
from skprune.numerics.lasso import EntryLasso, RowLasso, ScreenedLasso
from skprune.numerics.least_squares import normal_equations
from skprune.numerics.losses import SQUARED
from skprune.numerics.moments import (
    column_spread,
    row_blocks,
    square_products,
    squared,
)
from skprune.numerics.sampling import entry_sensitivity
from skprune.readouts.base import Readout

FLOOR = 1e-8  # relative ridge that keeps a Hessian invertible
DAMPING = 1e-2  # relative ridge of a layer inside a network, as its recovery has
SHARE = 0.05  # inputs of a hidden layer removed at once, per output


class DenseReadout(Readout):
    """Z = A W + b with A held as an array.

    Parameters
    ----------
    name : str
        Which part of the model this is.
    A : {ndarray, sparse array} of shape (n_samples, n_inputs) or callable
        What arrives; ``A()`` returns it and is called when a method first needs it.
    W : ndarray of shape (n_inputs, n_outputs)
        What is learned.
    D : callable
        ``D()`` returns the gradient of each sample's loss by Z, (n_samples,
        n_outputs); ``D(rng)`` the same for labels that the model draws itself. It is
        called when a method first needs it.
    weights : ndarray of shape (n_samples,)
        Sample weights that sum to one.
    centred : bool, default=True
        Whether an intercept takes up the mean of what is removed.
    objective : Objective, default=None
        What Z is trained for, where Z is the output of the model.
    spread : callable, default=None
        ``spread()`` returns the standard deviation of each input, where it is known
        without A.
    """

    answers = frozenset({"elimination", "sensitivity"})

    def __init__(
        self, name, A, W, D, weights, *, centred=True, objective=None, spread=None
    ):
        self.name = name
        self._inputs = A
        self.W = W
        self.weights = weights
        self.centred = centred
        self.objective = objective
        self._gradient = D
        self._spread = spread

    @cached_property
    def A(self):
        """What arrives, (n_samples, n_inputs)."""
        return self._inputs() if callable(self._inputs) else self._inputs

    @cached_property
    def D(self):
        """Gradient of each sample's loss by Z, (n_samples, n_outputs)."""
        return self._gradient()

    @cached_property
    def input_mean(self):
        """Weighted mean of each input, zero where no intercept takes it up."""
        if self.centred:
            return np.asarray(self.A.T @ self.weights)
        return np.zeros(self.A.shape[1])

    @property
    def hessian_size(self):
        """Rows of the matrix that `removal_loss` inverts."""
        return self.W.shape[0]

    def hessian(self):
        """Second derivative of the loss by the weights of one output.

        Where Z is the output of the model, the mean curvature of the loss over outputs
        weights the samples and the model's own penalty is added; else the loss is the
        squared distance to Z itself, damped.

        Returns
        -------
        ndarray of shape (n_inputs, n_inputs)
            Positive definite.
        """
        weights, ridge = self.weights, 0.0
        if self.objective is not None:
            Z = np.asarray(self.A @ self.W) + self.objective.intercept
            weights = weights * self.objective.loss.curvature(Z).mean(axis=1)
            ridge = self.objective.penalty
        total = max(weights.sum(), np.finfo(float).tiny)
        nothing = np.empty((len(weights), 0))
        moments = normal_equations(
            self.A, nothing, weights / total, centred=self.centred
        )
        H = total * moments.gram
        damping = FLOOR if self.objective is not None else DAMPING
        H[np.diag_indices_from(H)] += ridge + damping * (np.trace(H) / len(H) or 1.0)
        return H

    def output_curvature(self, rng):
        """Curvature of the loss by each output, where `hessian` does not hold it.

        Parameters
        ----------
        rng : numpy.random.Generator or None
            As in `drawn_gradient`.

        Returns
        -------
        ndarray of shape (n_outputs,)
            Mean squared gradient by each output of a hidden layer [1]_, else ones.

        References
        ----------
        .. [1] J. Martens and R. Grosse, "Optimizing Neural Networks with
           Kronecker-factored Approximate Curvature", ICML 2015.
        """
        if self.objective is not None:
            return np.ones(self.W.shape[1])
        return self.weights @ self.drawn_gradient(rng) ** 2

    def removal_loss(self, rng=None):
        if self._needs_newton():
            return self._newton_costs(self._units_of_weights())
        return self.elimination(obs.loss_increase, rng)

    @abstractmethod
    def _units_of_weights(self):
        """The unit of each weight, -2 where there is none, (n_inputs, n_outputs)."""

    @property
    def share(self):
        """Inputs removed at once in backward elimination; zero is one at a time."""
        return SHARE if self.objective is None else 0.0

    def _is_smooth(self):
        """Whether Z is trained for a loss other than squared error."""
        return self.objective is not None and self.objective.loss is not SQUARED

    def _needs_newton(self):
        n_weights = np.count_nonzero(self.W)
        return self._is_smooth() and newton.is_affordable(self.A, n_weights)

    def _scaled_moments(self, rng):
        """Second moments of inputs scaled to unit spread, and with the targets.

        The targets are those of the data where Z is the output of a model with squared
        loss, else Z itself, weighted by the curvature of the loss.
        """
        Z, weights = np.asarray(self.A @ self.W), self.weights
        if self._is_smooth():
            curvature = self.objective.loss.curvature(Z + self.objective.intercept)
            weights = weights * curvature.mean(axis=1)
            weights = weights / weights.sum()
        elif self.objective is not None:
            Z = self.objective.targets
        moments = normal_equations(self.A, Z, weights, centred=self.centred)
        spread = np.where(self.input_spread > 0, self.input_spread, 1.0)
        gram = moments.gram / np.outer(spread, spread)
        gram[np.diag_indices_from(gram)] += FLOOR if self.objective else DAMPING
        scale = np.sqrt(self.output_curvature(rng))
        return gram, moments.cross / spread[:, None] * scale

    def _smooth_lasso(self, unit):
        spread = np.where(self.input_spread > 0, self.input_spread, 1.0)
        problem = newton.PenalisedLoss.of(
            (self.A - self.input_mean) / spread,
            self.weights,
            replace(self.objective, penalty=0.0),
            centred=self.centred,
        )
        start = np.zeros_like(unit, dtype=float)
        if self.centred:
            start = np.vstack([start, self.objective.intercept])
            unit = np.vstack([unit, np.full(unit.shape[1], -1)])
        return ScreenedLasso(problem, start, unit)

    def _newton_costs(self, unit):
        W, problem = (
            self.W,
            newton.PenalisedLoss.of(
                self.A, self.weights, self.objective, centred=self.centred
            ),
        )
        if self.centred:
            W = np.vstack([W, self.objective.intercept])
            unit = np.vstack([unit, np.full(W.shape[1], -1)])
        return newton.elimination_costs(problem, W, unit)

    def _mean_square(self, change):
        """Weighted mean square of what a change of W adds to Z, about its mean."""
        shift = np.asarray(self.A @ change) - self.input_mean @ change
        return float(self.weights @ (shift**2).sum(axis=1))

    def drawn_gradient(self, rng):
        """Gradient of the loss by Z for the labels of the data or of the model.

        Parameters
        ----------
        rng : numpy.random.Generator or None
            Draws labels from the model; None takes those of the data.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            One gradient a sample.
        """
        return self.D if rng is None else self._gradient(rng)

    @cached_property
    def input_spread(self):
        """Weighted standard deviation of each input, (n_inputs,)."""
        if self._spread is not None:
            return self._spread()
        return column_spread(self.A, self.weights, centred=self.centred)


class EntryReadout(DenseReadout):
    """A unit is one weight that is not zero.

    Parameters
    ----------
    mask : ndarray of bool of shape (n_inputs, n_outputs)
        Which weights are units; they are numbered row by row.
    **kwargs
        As in `DenseReadout`.
    """

    def __init__(self, name, A, W, D, weights, *, mask, **options):
        super().__init__(name, A, W, D, weights, **options)
        self.mask = mask
        self.n_units = int(mask.sum())

    def size(self):
        return np.abs(self.W[self.mask])

    def contribution(self):
        return (np.abs(self.W) * self.input_spread[:, None])[self.mask]

    def gate_gradient(self):
        return (self.W * (self.A.T @ (self.weights[:, None] * self.D)))[self.mask]

    def elimination(self, score, rng=None):
        costs = np.empty(self.W.shape)
        H, curvature = self.hessian(), self.output_curvature(rng)
        supports, first = np.unique(self.mask, axis=1, return_inverse=True)
        for number, support in enumerate(supports.T):
            rows = np.flatnonzero(support)
            if not len(rows):
                continue
            inverse = obs.spd_inverse(H[np.ix_(rows, rows)])
            for j in np.flatnonzero(first == number):
                W = self.W[rows, j, None] * np.sqrt(curvature[j])
                costs[rows, j] = obs.elimination_costs(inverse, W, self.share, score)
        return costs[self.mask]

    def lasso(self, rng=None):
        if self._is_smooth() and not sparse.issparse(self.A):
            return self._smooth_lasso(self._units_of_weights())
        gram, cross = self._scaled_moments(rng)
        return EntryLasso(gram, cross, self.mask)

    def _units_of_weights(self):
        unit = np.full(self.W.shape, -2)
        unit[self.mask] = np.arange(self.n_units)
        return unit

    def sensitivity(self):
        return entry_sensitivity(self.A, self.W)[self.mask]

    def distortion(self, gates):
        change = np.zeros_like(self.W)
        change[self.mask] = self.W[self.mask] * (gates - 1)
        return self._mean_square(change)

    def fisher(self, rng=None):
        squares = self.weights[:, None] * self.drawn_gradient(rng) ** 2
        products = square_products(self.A, self.input_mean, squares)
        return (self.W**2 * np.maximum(products, 0.0))[self.mask]  # sparse A rounds


class RowReadout(DenseReadout):
    """A unit is one input, with its weights to all outputs.

    Parameters
    ----------
    rows : ndarray of int of shape (n_units,)
        Which inputs are units.
    **kwargs
        As in `DenseReadout`.
    """

    def __init__(self, name, A, W, D, weights, *, rows, **options):
        super().__init__(name, A, W, D, weights, **options)
        self.rows = rows
        self.n_units = len(rows)

    def size(self):
        return np.linalg.norm(self.W[self.rows], axis=1)

    def contribution(self):
        return self.size() * self.input_spread[self.rows]

    def gate_gradient(self):
        products = self.A.T @ (self.weights[:, None] * self.D)
        return (self.W * products).sum(axis=1)[self.rows]

    def elimination(self, score, rng=None):
        H = self.hessian()[np.ix_(self.rows, self.rows)]
        W = self.W[self.rows] * np.sqrt(self.output_curvature(rng))
        return obs.elimination_costs(obs.spd_inverse(H), W, score=score)

    def lasso(self, rng=None):
        if self._is_smooth() and not sparse.issparse(self.A):
            return self._smooth_lasso(self._units_of_weights())
        gram, cross = self._scaled_moments(rng)
        return RowLasso(gram, cross, self.rows)

    def _units_of_weights(self):
        unit = np.full(self.W.shape, -2)
        unit[self.rows] = np.arange(self.n_units)[:, None]
        return unit

    def sensitivity(self):
        return entry_sensitivity(self.A, self.W).max(axis=1)[self.rows]

    def distortion(self, gates):
        change = np.zeros_like(self.W)
        change[self.rows] = self.W[self.rows] * (gates - 1)[:, None]
        return self._mean_square(change)

    def fisher(self, rng=None):
        back = self.drawn_gradient(rng) @ self.W[self.rows].T
        squares = self.weights[:, None] * back**2
        inputs, mean = self.A[:, self.rows], self.input_mean[self.rows]
        if sparse.issparse(inputs):
            plain = squared(inputs).multiply(squares).sum(axis=0)
            mixed = inputs.multiply(squares).sum(axis=0)
            shifted = plain - 2 * mean * mixed + mean**2 * squares.sum(axis=0)
            return np.maximum(shifted, 0.0)
        return sum(
            (np.square(inputs[rows] - mean) * squares[rows]).sum(axis=0)
            for rows in row_blocks(len(inputs))
        )
