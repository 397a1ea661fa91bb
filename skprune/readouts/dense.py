"""Read-outs with a matrix of inputs: linear models and the layers of an MLP.

``EntryReadout`` has one unit per weight, ``RowReadout`` one per input, which owns the
weights to all outputs. With inputs A, weights W and loss gradients D, per sample n,

    derivative by the gate of a weight   a_ni w_ij d_nj
    derivative by the gate of an input   a_ni (D W^T)_ni

so that means of squares over the samples are matrix products, without a loop.
"""

from functools import cached_property

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches

from skprune.readouts.base import Readout

BLOCK = 4096  # rows worked on at once: bounds the memory of intermediate copies


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
        Returns the gradient of each sample's loss by Z, (n_samples, n_outputs); it
        is called when a method first needs it.
    weights : ndarray of shape (n_samples,)
        Sample weights that sum to one.
    centred : bool, default=True
        Whether an intercept takes up the mean of what is removed.
    """

    def __init__(self, name, A, W, D, weights, *, centred=True):
        self.name = name
        self.A = A
        self.W = W
        self.weights = weights
        self.centred = centred
        self._gradient = D

    @cached_property
    def D(self):
        """Gradient of each sample's loss by Z, (n_samples, n_outputs)."""
        return self._gradient()

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

    def __init__(self, name, A, W, D, weights, *, mask, centred=True):
        super().__init__(name, A, W, D, weights, centred=centred)
        self.mask = mask
        self.n_units = int(mask.sum())

    def size(self):
        return np.abs(self.W[self.mask])

    def contribution(self):
        return (np.abs(self.W) * self.input_spread[:, None])[self.mask]

    def gate_gradient(self):
        return (self.W * (self.A.T @ (self.weights[:, None] * self.D)))[self.mask]

    def fisher(self):
        squares = squared(self.A).T @ (self.weights[:, None] * self.D**2)
        return (self.W**2 * squares)[self.mask]


class RowReadout(DenseReadout):
    """A unit is one input, with its weights to all outputs.

    Parameters
    ----------
    rows : ndarray of int of shape (n_units,)
        Which inputs are units.
    **kwargs
        As in `DenseReadout`.
    """

    def __init__(self, name, A, W, D, weights, *, rows, centred=True):
        super().__init__(name, A, W, D, weights, centred=centred)
        self.rows = rows
        self.n_units = len(rows)

    def size(self):
        return np.linalg.norm(self.W[self.rows], axis=1)

    def contribution(self):
        return self.size() * self.input_spread[self.rows]

    def gate_gradient(self):
        products = self.A.T @ (self.weights[:, None] * self.D)
        return (self.W * products).sum(axis=1)[self.rows]

    def fisher(self):
        back = self.D @ self.W[self.rows].T
        inputs = squared(self.A[:, self.rows])
        if sparse.issparse(inputs):
            return np.asarray(inputs.multiply(back**2).T @ self.weights).ravel()
        return self.weights @ (inputs * back**2)


class AdditiveReadout(Readout):
    """Z is a plain sum of one output per unit: trees of a forest, bypassed layers.

    Parameters
    ----------
    name : str
        Which part of the model this is.
    contributions : ndarray of shape (n_units, n_samples, n_outputs)
        What each unit adds to Z.
    D : callable
        Returns the gradient of each sample's loss by Z; with one Z per unit, of shape
        (n_units, n_samples, n_outputs), else (n_samples, n_outputs).
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

    def fisher(self):
        return (self.contributions * self.D).sum(axis=2) ** 2 @ self.weights


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
