"""Read-outs with a stored matrix of inputs: linear models and layers of networks.

``EntryReadout`` has one unit per weight, ``RowReadout`` one per input with its weights
to all outputs. With inputs A, weights W and loss gradients D, the derivative of the
loss of sample n with respect to a gate is

    a_ni w_ij d_nj      for a weight
    a_ni (D W^T)_ni     for an input

so that means of squares over the samples are matrix products.
"""

from abc import abstractmethod
from dataclasses import replace
from functools import cached_property

import numpy as np
from scipy import sparse

from skprune.numerics import newton, obs
from skprune.numerics.gram_lasso import EntryLasso, RowLasso
from skprune.numerics.lasso import ScreenedLasso
from skprune.numerics.least_squares import (
    GRAM_RIDGE,
    SMALLEST_RIDGE,
    add_ridge,
    normal_equations,
)
from skprune.numerics.losses import SQUARED
from skprune.numerics.moments import (
    column_spread,
    row_blocks,
    square_products,
    squared,
)
from skprune.numerics.sampling import entry_sensitivity
from skprune.readouts.base import GradientReadout

# Share of the remaining inputs of an output of a hidden layer that is removed at once.
# It turns most of backward elimination into matrix products; the order within such a
# share ignores how its members affect each other. No measurement of it is recorded.
ELIMINATED_AT_ONCE = 0.05


class DenseReadout(GradientReadout):
    """Read-out Z = A W + b with A held as an array.

    Parameters
    ----------
    name : str
        Part of the model.
    A : {ndarray, sparse array} of shape (n_samples, n_inputs) or callable
        Inputs. ``A()`` returns them and is called when a method first needs them.
    W : ndarray of shape (n_inputs, n_outputs)
        Weights.
    D : callable
        ``D()`` returns the gradient of each sample's loss with respect to Z,
        (n_samples, n_outputs). ``D(rng)`` returns it for labels drawn from the model.
    weights : ndarray of shape (n_samples,)
        Sample weights that sum to one.
    centred : bool, default=True
        Whether an intercept absorbs the mean of removed contributions.
    objective : Objective, default=None
        Training objective of Z if it is the output of the model; None inside a network.
    spread : callable, default=None
        ``spread()`` returns the standard deviation of each input if it is known
        without A.
    """

    answers = frozenset({"elimination", "sensitivity"})

    def __init__(
        self, name, A, W, D, weights, *, centred=True, objective=None, spread=None
    ):
        super().__init__(name, D, weights)
        self._inputs = A
        self.W = W
        self.centred = centred
        self.objective = objective
        self._spread = spread

    @cached_property
    def A(self):
        """Inputs, (n_samples, n_inputs)."""
        return self._inputs() if callable(self._inputs) else self._inputs

    @cached_property
    def input_mean(self):
        """Weighted mean of each input, zero if no intercept can absorb it."""
        if self.centred:
            return np.asarray(self.A.T @ self.weights)
        return np.zeros(self.A.shape[1])

    @property
    def hessian_size(self):
        return self.W.shape[0]

    def hessian(self):
        """Compute the Hessian with respect to the weights of one output.

        If Z is the output of the model, samples are weighted by the mean curvature of
        the loss over the outputs, and the penalty of the model is added. Otherwise the
        loss is the squared distance to Z itself, with a ridge. Positive definite,
        (n_inputs, n_inputs).
        """
        weights, ridge = self.weights, 0.0
        if self.objective is not None:
            weights, ridge = self._curved_weights(), self.objective.penalty
        total = max(weights.sum(), np.finfo(float).tiny)
        nothing = np.empty((len(weights), 0))
        moments = normal_equations(
            self.A, nothing, weights / total, centred=self.centred
        )
        H = total * moments.gram
        return add_ridge(H, self._relative_ridge, ridge)

    def _curved_weights(self):
        """Multiply sample weights by the curvature of the loss, a mean over outputs."""
        Z = np.asarray(self.A @ self.W) + self.objective.intercept
        return self.weights * self.objective.loss.curvature(Z).mean(axis=1)

    @property
    def _relative_ridge(self):
        return GRAM_RIDGE if self.objective is None else SMALLEST_RIDGE

    def output_curvature(self, rng):
        """Compute the curvature of each output that `hessian` does not contain.

        It is the mean squared gradient of each output of a hidden layer [1]_; ones if Z
        is the output of the model. Returns (n_outputs,).

        References
        ----------
        .. [1] J. Martens and R. Grosse, "Optimizing Neural Networks with
           Kronecker-factored Approximate Curvature", ICML 2015.
        """
        if self.objective is not None:
            return np.ones(self.W.shape[1])
        return self.weights @ self.drawn_gradient(rng) ** 2

    def removal_loss(self, rng=None):
        n_weights = np.count_nonzero(self.W)
        if self._is_smooth() and newton.is_affordable(self.A, n_weights):
            problem = newton.PenalisedLoss.of(
                self.A, self.weights, self.objective, centred=self.centred
            )
            return newton.elimination_costs(problem, *self._with_intercept(self.W))
        return self.elimination(obs.loss_increase, rng)

    @abstractmethod
    def _units_of_weights(self):
        """Number the unit of each weight, -2 for none, (n_inputs, n_outputs)."""

    def _is_smooth(self):
        """Whether the training objective of Z is not squared error."""
        return self.objective is not None and self.objective.loss is not SQUARED

    def _scaled_moments(self, rng):
        """Compute scaled second moments of the inputs, and with the targets.

        Inputs are scaled to unit spread. The targets are those of the data if Z is the
        output of a model with squared loss. Otherwise they are Z itself, weighted by
        the curvature of the loss.
        """
        Z, weights = np.asarray(self.A @ self.W), self.weights
        if self._is_smooth():
            weights = self._curved_weights()
            weights = weights / weights.sum()
        elif self.objective is not None:
            Z = self.objective.targets
        moments = normal_equations(self.A, Z, weights, centred=self.centred)
        scale = self._scale
        gram = moments.gram / np.outer(scale, scale)
        gram[np.diag_indices_from(gram)] += self._relative_ridge
        cross = moments.cross / scale[:, None]
        return gram, cross * np.sqrt(self.output_curvature(rng))

    def lasso(self, rng=None):
        if self._is_smooth() and not sparse.issparse(self.A):
            return self._smooth_lasso()
        return self._gram_lasso(*self._scaled_moments(rng))

    @abstractmethod
    def _gram_lasso(self, gram, cross):
        """Build the lasso of squared loss from scaled second moments."""

    def _smooth_lasso(self):
        problem = newton.PenalisedLoss.of(
            (self.A - self.input_mean) / self._scale,
            self.weights,
            replace(self.objective, penalty=0.0),
            centred=self.centred,
        )
        return ScreenedLasso(problem, *self._with_intercept(np.zeros(self.W.shape)))

    def _with_intercept(self, W):
        """Stack the intercept, if there is one, below the weights and their units."""
        unit = self._units_of_weights()
        if not self.centred:
            return W, unit
        unpenalised = np.full(W.shape[1], -1)
        return np.vstack([W, self.objective.intercept]), np.vstack([unit, unpenalised])

    def distortion(self, gates):
        gate = np.append(gates, [1.0, 1.0])[self._units_of_weights()]  # -2: no unit
        change = self.W * (gate - 1)
        shift = np.asarray(self.A @ change) - self.input_mean @ change
        return float(self.weights @ (shift**2).sum(axis=1))

    @cached_property
    def input_spread(self):
        """Weighted standard deviation of each input, (n_inputs,)."""
        if self._spread is not None:
            return self._spread()
        return column_spread(self.A, self.weights, centred=self.centred)

    @property
    def _scale(self):
        """Spread of each input, one for inputs that are constant."""
        return np.where(self.input_spread > 0, self.input_spread, 1.0)


class EntryReadout(DenseReadout):
    """Dense read-out whose units are single weights.

    Parameters
    ----------
    mask : ndarray of bool of shape (n_inputs, n_outputs)
        Weights that are units, numbered row by row.
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
        share = ELIMINATED_AT_ONCE if self.objective is None else 0.0
        supports, first = np.unique(self.mask, axis=1, return_inverse=True)
        for number, support in enumerate(supports.T):
            rows = np.flatnonzero(support)
            if not len(rows):
                continue
            inverse = obs.spd_inverse(H[np.ix_(rows, rows)])
            for j in np.flatnonzero(first == number):
                W = self.W[rows, j, None] * np.sqrt(curvature[j])
                costs[rows, j] = obs.elimination_costs(inverse, W, share, score)
        return costs[self.mask]

    def _gram_lasso(self, gram, cross):
        return EntryLasso(gram, cross, self.mask)

    def _units_of_weights(self):
        unit = np.full(self.W.shape, -2)
        unit[self.mask] = np.arange(self.n_units)
        return unit

    def sensitivity(self):
        return entry_sensitivity(self.A, self.W)[self.mask]

    def fisher(self, rng=None):
        squares = self.weights[:, None] * self.drawn_gradient(rng) ** 2
        products = square_products(self.A, self.input_mean, squares)
        products = np.maximum(products, 0.0)  # rounding of sparse A
        return (self.W**2 * products)[self.mask]


class RowReadout(DenseReadout):
    """Dense read-out whose units are inputs, each with its weights to all outputs.

    Parameters
    ----------
    rows : ndarray of int of shape (n_units,)
        Inputs that are units.
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

    def _gram_lasso(self, gram, cross):
        return RowLasso(gram, cross, self.rows)

    def _units_of_weights(self):
        unit = np.full(self.W.shape, -2)
        unit[self.rows] = np.arange(self.n_units)[:, None]
        return unit

    def sensitivity(self):
        return entry_sensitivity(self.A, self.W).max(axis=1)[self.rows]

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
