"""Layers of a multilayer perceptron: forward and backward passes as plain functions.

Layer l computes Z_l = A_l W_l + b_l from its inputs A_l, with A_0 the features and
A_(l+1) = phi(Z_l). Each layer is a read-out: the backward pass gives the gradient of
each sample's loss by every Z_l from the one by the output,

    D_(l-1) = (D_l W_l^T) * phi'(Z_(l-1)).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy import sparse
from scipy.special import expit

from skprune.numerics.moments import column_spread, row_blocks

MOST = 0.9  # of the features: where so many are read, X is not copied without the rest


def _relu(Z, out=None):
    return np.maximum(Z, 0, out=out)


def _identity(Z, out=None):
    return Z


ACTIVATIONS = {
    "identity": _identity,
    "relu": _relu,
    "tanh": np.tanh,
    "logistic": expit,
}

# each in terms of the activation H = phi(Z), as all four allow
DERIVATIVES: dict[str, Callable] = {
    "identity": np.ones_like,
    "relu": lambda H: (H > 0).astype(H.dtype),
    "tanh": lambda H: 1 - H**2,
    "logistic": lambda H: H * (1 - H),
}


def product(A, W, out=None):
    """A W as an array.

    Parameters
    ----------
    A : {ndarray, sparse array} of shape (n_samples, n_inputs)
        Dense or sparse.
    W : ndarray of shape (n_inputs, n_outputs)
        Dense.
    out : ndarray of shape (n_samples, n_outputs), default=None
        Where to write; None for an array of its own. Memory that is used again is in
        the cache already, and the system need not clear it.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        `out`, where it is given.
    """
    if out is None:
        return np.asarray(A @ W)
    if not sparse.issparse(A):
        return np.matmul(A, W, out=out)
    out[...] = A @ W
    return out


@dataclass(frozen=True)
class Network:
    """Weights of a multilayer perceptron.

    Attributes
    ----------
    coefs : list of ndarray of shape (n_inputs, n_outputs)
        One a layer.
    intercepts : list of ndarray of shape (n_outputs,)
        One a layer.
    activation : {"identity", "relu", "tanh", "logistic"}
        Of the hidden layers.
    """

    coefs: list[np.ndarray]
    intercepts: list[np.ndarray]
    activation: str

    @property
    def n_layers(self):
        """Number of layers with weights, the last one included."""
        return len(self.coefs)

    @property
    def dtype(self):
        """Of the weights."""
        return self.coefs[0].dtype

    def astype(self, dtype):
        """The same network in another precision."""
        coefs, intercepts = (
            [array.astype(dtype, copy=False) for array in arrays]
            for arrays in (self.coefs, self.intercepts)
        )
        return Network(coefs, intercepts, self.activation)

    def activate(self, Z):
        """Apply the activation of the hidden layers."""
        return ACTIVATIONS[self.activation](Z)

    def layer(self, index, A, out=None):
        """Z of one layer.

        Parameters
        ----------
        index : int
            Which layer.
        A : {ndarray, sparse array} of shape (n_samples, n_inputs)
            Its inputs.
        out : ndarray of shape (n_samples, n_outputs), default=None
            Where to write; None for an array of its own.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Before the activation.
        """
        Z = product(A, self.coefs[index], out)
        Z += self.intercepts[index]
        return Z

    def hidden(self, index, A, out=None):
        """Activations of a hidden layer; the parameters are those of `layer`."""
        Z = self.layer(index, A, out)
        return ACTIVATIONS[self.activation](Z, out=Z)

    def resting(self, index):
        """Activations of a hidden layer whose inputs are all zero, (n_neurons,)."""
        return self.activate(self.intercepts[index])


class Signals:
    """What flows through a network on some samples, computed when first needed.

    Parameters
    ----------
    network : Network
        The weights.
    X : {ndarray, sparse array} of shape (n_samples, n_features)
        Inputs of the first layer.
    inputs : list of ndarray, default=None
        Inputs of each layer, where they are known already.
    """

    def __init__(self, network, X, inputs=None):
        self.network = network
        self.X = X
        if inputs is not None:
            self.inputs = inputs

    @cached_property
    def inputs(self):
        """Inputs A_l of each layer; the first is X."""
        return self._filled(self._empty(self.X.shape[0]))

    def _empty(self, n_samples):
        """Arrays for the inputs of all layers but the first."""
        dtype = np.result_type(self.X.dtype, self.network.dtype)
        widths = map(len, self.network.intercepts[:-1])
        return [np.empty((n_samples, width), dtype) for width in widths]

    def _filled(self, arrays):
        """X, and arrays into which the inputs of the other layers are written."""
        inputs = [self.X, *arrays]
        for rows in row_blocks(self.X.shape[0]):
            for index, out in enumerate(inputs[1:]):
                self.network.hidden(index, inputs[index][rows], out[rows])
        return inputs

    def holds(self, index, A):
        """Whether an array is what a layer gets, which is not computed to find out."""
        known = vars(self).get("inputs", [self.X])
        return index < len(known) and A is known[index]

    def blocks(self):
        """Inputs of all layers, some rows at a time, which need not be held for it.

        The output is kept on the way.

        Yields
        ------
        rows : slice
            Which samples.
        inputs : list of ndarray of shape (n_rows, n_inputs)
            Written again for the next rows.
        """
        network, n_samples = self.network, self.X.shape[0]
        known = vars(self).get("inputs")
        blocks, parts = row_blocks(n_samples), []
        arrays = self._empty(blocks[0].stop) if known is None else []
        for rows in blocks:
            inputs = [A[rows] for A in known or [self.X]]
            for index, out in enumerate(arrays):
                out = out[: inputs[0].shape[0]]
                inputs.append(network.hidden(index, inputs[-1], out))
            parts.append(network.layer(network.n_layers - 1, inputs[-1]))
            yield rows, inputs
        vars(self)["output"] = np.concatenate(parts)

    def spreads(self, weights):
        """Weighted standard deviation of the inputs of each layer.

        Parameters
        ----------
        weights : ndarray of shape (n_samples,)
            Sample weights that sum to one.

        Returns
        -------
        list of ndarray of shape (n_inputs,)
            From the first layer to the last.
        """
        centres: list = []
        sums: list = []
        for rows, inputs in self.blocks():
            hidden = inputs[1:]
            # what never changes is at no distance, to the last digit
            centres = centres or [A[0].copy() for A in hidden]
            sums = sums or [np.zeros((2, A.shape[1])) for A in hidden]
            for A, centre, (first, second) in zip(hidden, centres, sums):
                shifted = A - centre
                first += weights[rows] @ shifted
                second += weights[rows] @ np.square(shifted, out=shifted)
        variances = [second - first**2 for first, second in sums]
        spreads = [np.sqrt(np.maximum(variance, 0.0)) for variance in variances]
        return [column_spread(self.X, weights), *spreads]

    def take(self, rows):
        """The same for some of the samples, an array of int."""
        inputs = [A[rows] for A in self.inputs]
        return Signals(self.network, inputs[0], inputs)

    def replaced(self, network):
        """Signals of another network of the same shape, in the arrays of this one.

        Parameters
        ----------
        network : Network
            The other one.

        Returns
        -------
        Signals
            After which the inputs of this one are no longer right.
        """
        replaced = Signals(network, self.X)
        replaced.inputs = replaced._filled(self.inputs[1:])
        return replaced

    def preactivation(self, index):
        """Z of one layer, (n_samples, n_outputs); kept of the last one only."""
        if index == self.network.n_layers - 1:
            return self.output
        return self.network.layer(index, self.inputs[index])

    @cached_property
    def output(self):
        """Z of the last layer, (n_samples, n_outputs)."""
        for _ in self.blocks():
            pass
        return vars(self)["output"]

    def backward(self, D):
        """Gradients of each sample's loss by Z of every layer.

        Parameters
        ----------
        D : ndarray of shape (n_samples, n_outputs)
            Gradients by the output.

        Returns
        -------
        list of ndarray of shape (n_samples, n_outputs of the layer)
            From the first layer to the last.
        """
        derivative = DERIVATIVES[self.network.activation]
        gradients = [D]
        for index in range(self.network.n_layers - 1, 0, -1):
            back = gradients[-1] @ self.network.coefs[index].T
            back *= derivative(self.inputs[index])
            gradients.append(back)
        return gradients[::-1]

    def mean_slope(self, below, layer, weights):
        """How Z of one layer answers to the inputs of an earlier one, on average.

        Parameters
        ----------
        below : int
            The layer whose inputs change.
        layer : int
            The layer whose Z answers.
        weights : ndarray of shape (n_samples,)
            Sample weights that sum to one.

        Returns
        -------
        ndarray of shape (n_inputs of `below`, n_outputs of `layer`)
            Product of the weights between, with the mean slope of each activation.
        """
        derivative = DERIVATIVES[self.network.activation]
        slope = self.network.coefs[below]
        for above in range(below + 1, layer + 1):
            steepness = weights @ derivative(self.inputs[above])
            slope = (slope * steepness) @ self.network.coefs[above]
        return slope


@dataclass(frozen=True)
class LivePart:
    """The part of a masked network from which weights lead to the output.

    Pruned networks no longer look at every feature, nor listen to every neuron: what
    nobody reads has no gradient, and is left out of the products.

    Attributes
    ----------
    ends : list of ndarray of int
        Inputs of each layer that the next ones read, and all outputs of the last.
    """

    ends: list

    @classmethod
    def of(cls, masks):
        """From one mask a layer."""
        ends = [np.arange(masks[-1].shape[1])]
        for mask in masks[::-1]:
            ends.insert(0, np.flatnonzero(mask[:, ends[0]].any(axis=1)))
        if len(ends[0]) > MOST * len(masks[0]):
            ends[0] = np.arange(len(masks[0]))
        return cls(ends)

    def take(self, arrays):
        """This part of each of some matrices, one a layer."""
        return [W[np.ix_(*ends)] for W, ends in zip(arrays, pairwise(self.ends))]

    def network(self, whole):
        """This part of a network, with arrays of its own."""
        intercepts = [b[end] for b, end in zip(whole.intercepts, self.ends[1:])]
        return Network(self.take(whole.coefs), intercepts, whole.activation)

    def features(self, X):
        """The columns of X that it reads."""
        return X if len(self.ends[0]) == X.shape[1] else X[:, self.ends[0]]

    def signals(self, whole, network):
        """Signals of this part of a network, with arrays of its own but for X."""
        X, hidden = self.features(whole.X), zip(whole.inputs[1:], self.ends[1:])
        return Signals(network, X, [X, *(A.take(live, axis=1) for A, live in hidden)])

    def put_back(self, part, whole):
        """The whole network with this part exchanged."""
        coefs = [W.copy() for W in whole.coefs]
        intercepts = [b.copy() for b in whole.intercepts]
        for W, new, ends in zip(coefs, part.coefs, pairwise(self.ends)):
            W[np.ix_(*ends)] = new
        for b, new, end in zip(intercepts, part.intercepts, self.ends[1:]):
            b[end] = new
        return Network(coefs, intercepts, whole.activation)
