"""Networks of dense layers: forward and backward passes as plain functions.

Layer l computes Z_l = A_l W_l + b_l from its inputs A_l, with A_0 the features and
A_(l+1) = phi(Z_l). Each layer is a read-out: the backward pass gives the gradient of
each sample's loss with respect to every Z_l from the one with respect to the output,

    D_(l-1) = (D_l W_l^T) * phi'(Z_(l-1)).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.special import expit

from skprune.numerics.moments import column_spread, row_blocks


@dataclass(frozen=True)
class Activation:
    """Activation function of a hidden layer, and its derivative.

    ``value(Z, out=None)`` is phi(Z). ``derivative(H)`` is phi'(Z) as a new array,
    computed from H = phi(Z), or from Z itself if `from_output` is False.
    """

    value: Callable
    derivative: Callable
    from_output: bool = True


# functions with names, so that networks can be pickled
def _relu(Z, out=None):
    return np.maximum(Z, 0, out=out)


def _relu_derivative(H):
    return (H > 0).astype(H.dtype)


def _identity(Z, out=None):
    return Z


def _tanh_derivative(H):
    return 1 - H**2


def _sigmoid_derivative(H):
    return H * (1 - H)


IDENTITY = Activation(_identity, np.ones_like)
RELU = Activation(_relu, _relu_derivative)
TANH = Activation(np.tanh, _tanh_derivative)
SIGMOID = Activation(expit, _sigmoid_derivative)


def product(A, W, out=None):
    """Compute A W as an array for dense or sparse A, written to `out` if it is given.

    Memory that is used again is in the cache already and need not be cleared.
    """
    if out is None:
        return np.asarray(A @ W)
    if not sparse.issparse(A):
        return np.matmul(A, W, out=out)
    out[...] = A @ W
    return out


@dataclass(frozen=True)
class Network:
    """Weights and activations of a network of dense layers.

    `coefs`, (n_inputs, n_outputs), and `intercepts` have one array a layer.
    `activations` has one a hidden layer, so one fewer.
    """

    coefs: list[np.ndarray]
    intercepts: list[np.ndarray]
    activations: list[Activation]

    @property
    def n_layers(self):
        """Number of layers with weights, the last one included."""
        return len(self.coefs)

    @property
    def dtype(self):
        """Data type of the weights."""
        return self.coefs[0].dtype

    def astype(self, dtype):
        """Convert the network to another precision."""
        coefs, intercepts = (
            [array.astype(dtype, copy=False) for array in arrays]
            for arrays in (self.coefs, self.intercepts)
        )
        return replace(self, coefs=coefs, intercepts=intercepts)

    def layer(self, index, A, out=None):
        """Compute Z of one layer from its inputs A, written to `out` if it is given."""
        Z = product(A, self.coefs[index], out)
        Z += self.intercepts[index]
        return Z

    def hidden(self, index, A, out=None):
        """Compute the activations of a hidden layer; parameters as in `layer`."""
        Z = self.layer(index, A, out)
        return self.activations[index].value(Z, out=Z)

    def resting(self, index):
        """Compute the activations of a hidden layer for inputs of zero."""
        return self.activations[index].value(self.intercepts[index])


class Signals:
    """Inputs and outputs of the layers of a network on X, computed when first needed.

    `inputs` are those of each layer if they are known already.
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
        """Allocate arrays for the inputs of all layers but the first."""
        dtype = np.result_type(self.X.dtype, self.network.dtype)
        widths = map(len, self.network.intercepts[:-1])
        return [np.empty((n_samples, width), dtype) for width in widths]

    def _filled(self, arrays):
        """Compute the inputs of the layers after the first, written to `arrays`."""
        inputs = [self.X, *arrays]
        for rows in row_blocks(self.X.shape[0]):
            for index, out in enumerate(inputs[1:]):
                self.network.hidden(index, inputs[index][rows], out[rows])
        return inputs

    def holds(self, index, A):
        """Check whether A is the stored input of a layer; computes nothing."""
        known = vars(self).get("inputs", [self.X])
        return index < len(known) and A is known[index]

    def blocks(self):
        """Yield slices of rows and the inputs of all layers on them.

        The arrays are reused for the next rows. The output is kept on the way.
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
        """Compute the weighted standard deviation of the inputs of each layer.

        Weights sum to one. Returns a list, from the first layer to the last.
        """
        centres: list = []
        sums: list = []
        for rows, inputs in self.blocks():
            hidden = inputs[1:]
            # shifted by its first row, a constant input has exactly no spread
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
        """Select some of the samples by an array of int."""
        inputs = [A[rows] for A in self.inputs]
        return Signals(self.network, inputs[0], inputs)

    def replaced(self, network):
        """Compute the signals of another network of the same shape in these arrays.

        The inputs of this object are invalid afterwards.
        """
        replaced = Signals(network, self.X)
        replaced.inputs = replaced._filled(self.inputs[1:])
        return replaced

    def preactivation(self, index):
        """Compute Z of one layer, (n_samples, n_outputs); only the last is kept."""
        if index == self.network.n_layers - 1:
            return self.output
        return self.network.layer(index, self.inputs[index])

    @cached_property
    def output(self):
        """Z of the last layer, (n_samples, n_outputs)."""
        for _ in self.blocks():
            pass
        return vars(self)["output"]

    def slope(self, layer):
        """Compute the slope of the activation before a layer, (n_samples, n_inputs)."""
        activation = self.network.activations[layer - 1]
        if activation.from_output:
            return activation.derivative(self.inputs[layer])
        return activation.derivative(self.preactivation(layer - 1))

    def backward(self, D):
        """Compute the gradients of each sample's loss with respect to Z of every layer.

        D, (n_samples, n_outputs), is the gradient with respect to the output. Returns a
        list, from the first layer to the last.
        """
        gradients = [D]
        for index in range(self.network.n_layers - 1, 0, -1):
            back = gradients[-1] @ self.network.coefs[index].T
            back *= self.slope(index)
            gradients.append(back)
        return gradients[::-1]

    def mean_slope(self, below, layer, weights):
        """Compute the mean derivative of Z of a layer with respect to inputs `below`.

        Approximated by the product of the weights between the two layers, with the
        weighted mean slope of each activation: (n_inputs of `below`, n_outputs of
        `layer`).
        """
        slope = self.network.coefs[below]
        for above in range(below + 1, layer + 1):
            steepness = weights @ self.slope(above)
            slope = (slope * steepness) @ self.network.coefs[above]
        return slope
