"""Read-outs with a matrix of inputs: linear models and the layers of an MLP.

``EntryReadout`` has one unit per weight, ``RowReadout`` one per input, which owns the
weights to all outputs. With inputs A, weights W and loss gradients D, per sample n,

    derivative by the gate of a weight   a_ni w_ij d_nj
    derivative by the gate of an input   a_ni (D W^T)_ni

so that means of squares over the samples are matrix products, without a loop.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches

from skprune.readouts.base import Readout
from skprune.readouts.losses import Loss

BLOCK = 4096  # rows worked on at once: bounds the memory of intermediate copies


@dataclass(frozen=True)
class Objective:
    """What the output of a model is trained for.

    Attributes
    ----------
    loss : Loss
        By the output Z.
    targets : ndarray of shape (n_samples, n_outputs)
        As the loss takes them.
    intercept : ndarray of shape (n_outputs,)
        Z = A W + intercept.
    penalty : float
        Curvature of the model's own quadratic penalty by each weight, for sample
        weights that sum to one.
    """

    loss: Loss
    targets: np.ndarray
    intercept: np.ndarray
    penalty: float


class DenseReadout(Readout):
    """Z = A W + b with A held as an array.

    Parameters
    ----------
    name : str
        Which part of the model this is.
    A : {ndarray, sparse array} of shape (n_samples, n_inputs)
        What arrives.
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
    """

    def __init__(self, name, A, W, D, weights, *, centred=True, objective=None):
        self.name = name
        self.A = A
        self.W = W
        self.weights = weights
        self.centred = centred
        self.objective = objective
        self._gradient = D

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

    def fisher(self, rng=None):
        squares = self.weights[:, None] * self.drawn_gradient(rng) ** 2
        return (self.W**2 * square_products(self.A, self.input_mean, squares))[
            self.mask
        ]


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

    def fisher(self, rng=None):
        back = self.drawn_gradient(rng) @ self.W[self.rows].T
        squares = self.weights[:, None] * back**2
        inputs, mean = self.A[:, self.rows], self.input_mean[self.rows]
        if sparse.issparse(inputs):
            plain = squared(inputs).multiply(squares).sum(axis=0)
            mixed = inputs.multiply(squares).sum(axis=0)
            return plain - 2 * mean * mixed + mean**2 * squares.sum(axis=0)
        return sum(
            (np.square(inputs[rows] - mean) * squares[rows]).sum(axis=0)
            for rows in gen_batches(len(inputs), BLOCK)
        )


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

    def fisher(self, rng=None):
        D = self.D if rng is None else self._gradient(rng)
        means = np.einsum("unk,n->uk", self.contributions, self.weights)
        centred = self.contributions - means[:, None, :]
        return (centred * D).sum(axis=2) ** 2 @ self.weights


def square_products(A, mean, V):
    """Products of squared, shifted inputs with other columns.

    Parameters
    ----------
    A : {ndarray, sparse array} of shape (n_samples, n_inputs)
        Inputs.
    mean : ndarray of shape (n_inputs,)
        What is subtracted from each input.
    V : ndarray of shape (n_samples, n_outputs)
        Other columns.

    Returns
    -------
    ndarray of shape (n_inputs, n_outputs)
        ``((A - mean) ** 2).T @ V``, in blocks of rows.
    """
    if sparse.issparse(A):
        mixed = 2 * mean[:, None] * (A.T @ V)
        return squared(A).T @ V - mixed + np.outer(mean**2, V.sum(axis=0))
    return sum(
        np.square(A[rows] - mean).T @ V[rows] for rows in gen_batches(len(A), BLOCK)
    )


def squared(A):
    """Entries of a dense or sparse array, squared."""
    return A.multiply(A).tocsr() if sparse.issparse(A) else A**2


def column_spread(A, weights, *, centred=True):
    """Weighted standard deviation of each column, or its root mean square.

    Parameters
    ----------
    A : {ndarray, sparse array} of shape (n_samples, n_inputs)
        Inputs.
    weights : ndarray of shape (n_samples,)
        Weights that sum to one.
    centred : bool, default=True
        Whether the mean is subtracted.

    Returns
    -------
    ndarray of shape (n_inputs,)
        In the units of the inputs.
    """
    mean = A.T @ weights if centred else np.zeros(A.shape[1])
    if sparse.issparse(A):
        return np.sqrt(np.maximum(squared(A).T @ weights - mean**2, 0.0))
    return np.sqrt(
        sum(
            weights[rows] @ np.square(A[rows] - mean)
            for rows in gen_batches(len(A), BLOCK)
        )
    )
