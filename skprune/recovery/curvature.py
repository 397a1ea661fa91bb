"""The curvature of a network's loss by its surviving weights, as products.

Around its weights the output of a network is linear in all of them, with derivative J.
In the metric C of the loss, J^T C J is the Gauss-Newton matrix. It is never formed: a
product with it takes a pass forward and a pass backward [1]_, on a few rows that are
drawn in proportion to their own curvature, as most of a trained classifier's samples
have next to none [2]_.

References
----------
.. [1] N. Schraudolph, "Fast Curvature Matrix-Vector Products for Second-Order Gradient
   Descent", Neural Computation 2002.
.. [2] P. Xu et al., "Sub-sampled Newton Methods with Non-uniform Sampling", NeurIPS
   2016.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skprune.numerics.moments import row_blocks
from skprune.numerics.network import DERIVATIVES, Network, Signals, product
from skprune.numerics.sampling import inclusion_probabilities, systematic_sample

EQUATIONS = 2, 15  # rows times outputs per free weight: at least, and enough
DENSE = 0.1  # density from which a product with sparse rows is the slower one
SHARE = 0.2  # of the samples that are enough where they make no fewer equations


@dataclass(frozen=True)
class Survivors:
    """Which numbers of a network are free, as one flat vector.

    Attributes
    ----------
    places : list of ndarray of int
        For each layer those of the free weights and of all intercepts, in its flattened
        weights with the intercepts as a last row.
    """

    places: list

    @classmethod
    def of(cls, masks):
        """From one mask a layer."""
        rows = [np.ones((1, mask.shape[1]), dtype=bool) for mask in masks]
        return cls([np.flatnonzero(np.vstack(pair)) for pair in zip(masks, rows)])

    @property
    def n_weights(self):
        """How many numbers are free."""
        return sum(map(len, self.places))

    def flatten(self, matrices):
        """Free numbers of all layers, (n_weights,)."""
        return np.concatenate([W.take(p) for W, p in zip(matrices, self.places)])

    def write(self, vector, matrices):
        """Put a vector in the places of the free numbers."""
        start = 0
        for W, places in zip(matrices, self.places):
            W.reshape(-1)[places] = vector[start : start + len(places)]
            start += len(places)

    def shifted(self, network, step):
        """A network of its own, with a step subtracted from its free numbers."""
        layers = zip(network.coefs, network.intercepts)
        matrices = [np.vstack(layer) for layer in layers]
        self.write(self.flatten(matrices) - step, matrices)
        coefs, intercepts = [W[:-1] for W in matrices], [W[-1] for W in matrices]
        return Network(coefs, intercepts, network.activation)


def weight_gradient(signals, survivors, D):
    """Product of D with the derivative of the output by the free weights.

    Parameters
    ----------
    signals : Signals
        Of the network on some samples.
    survivors : Survivors
        The free weights.
    D : ndarray of shape (n_samples, n_outputs)
        What the derivative is multiplied by, in its precision.

    Returns
    -------
    ndarray of float64 of shape (n_weights,)
        ``J^T D``.
    """
    total, network = 0.0, signals.network.astype(D.dtype)
    for rows in row_blocks(len(D)):
        inputs = [A[rows].astype(D.dtype, copy=False) for A in signals.inputs]
        part = Signals(network, inputs[0], inputs)
        gradients = part.backward(D[rows])
        sums = [
            np.vstack([A.T @ back, back.sum(axis=0)])
            for A, back in zip(inputs, gradients)
        ]
        total = total + survivors.flatten(sums).astype(float)
    return total


def curvature_rows(shape, n_weights):
    """Rows on which the curvature is computed.

    The gradient sees every sample; the curvature only shapes the step, and needs no
    more rows than make it well determined.

    Parameters
    ----------
    shape : (int, int)
        Samples and outputs.
    n_weights : int
        Free weights.

    Returns
    -------
    int
        At most the number of samples.
    """
    n_samples, n_outputs = shape
    least, enough = (-(-ratio * n_weights // n_outputs) for ratio in EQUATIONS)
    return min(n_samples, max(least, min(enough, int(SHARE * n_samples))))


def draw_rows(sizes, n_rows):
    """Rows drawn in proportion to their size.

    Parameters
    ----------
    sizes : ndarray of shape (n_samples,)
        Not negative.
    n_rows : int
        How many are drawn, at most `n_samples`.

    Returns
    -------
    rows : ndarray of int of shape (n_rows,)
        In ascending order.
    shares : ndarray of shape (n_rows,)
        With what probability each was drawn.
    """
    shares = inclusion_probabilities(sizes, n_rows)
    rows = np.flatnonzero(systematic_sample(shares, np.random.default_rng(0)))
    return rows, shares[rows]


def few_rows(X, rows):
    """Rows of X for many products: dense where that is faster."""
    few = X[rows]
    dense = sparse.issparse(few) and few.nnz > DENSE * np.prod(few.shape)
    return few.toarray() if dense else few


class Curvature:
    """The Gauss-Newton matrix J^T C J of a network, by its products.

    Parameters
    ----------
    signals : Signals
        Of the network on some samples.
    survivors : Survivors
        The free weights.
    weights : ndarray of shape (n_samples,)
        Sample weights.
    loss : Loss
        Whose curvature by the output is C.
    """

    def __init__(self, signals, survivors, weights, loss):
        self.network = network = signals.network
        self.survivors, self.loss = survivors, loss
        self.inputs = list(map(_with_ones, signals.inputs))
        self.output = Z = signals.output
        self.shares = weights.astype(Z.dtype)[:, None]
        derivative = DERIVATIVES[network.activation]
        self.slopes = [derivative(A) for A in signals.inputs[1:]]
        self.coupling = loss.coupling(Z)
        self.own = loss.curvature(Z) if self.coupling is None else None
        # written anew in each product
        widths = [A.shape[1] for A in self.inputs], list(map(len, network.intercepts))
        self.change_of = [np.zeros(shape, Z.dtype) for shape in zip(*widths)]
        self.gradients = [np.empty(shape, Z.dtype) for shape in zip(*widths)]
        self.moved = [np.empty((len(Z), width), Z.dtype) for width in widths[1]]
        self.added = [np.empty((len(Z), width), Z.dtype) for width in widths[1][1:]]

    def change(self, vector):
        """How the output answers to a change of the weights, J v by rows."""
        return self._change(vector).copy()

    def _change(self, vector):
        """The same in an array that is written again."""
        self.survivors.write(vector, self.change_of)
        moved = product(self.inputs[0], self.change_of[0], self.moved[0])
        for index, slope in enumerate(self.slopes, start=1):
            moved *= slope
            moved = product(moved, self.network.coefs[index], self.moved[index])
            changes = self.inputs[index], self.change_of[index]
            moved += product(*changes, self.added[index - 1])
        return moved

    def product(self, vector):
        """J^T C J v, (n_weights,)."""
        D = self._curved(self._change(vector))
        D *= self.shares
        for layer, back in self._backward(D, self.moved):
            product(self.inputs[layer].T, back, self.gradients[layer])
        return self.survivors.flatten(self.gradients).astype(float)

    def _curved(self, moved):
        """C times a change of the output, which is not changed."""
        if self.coupling is None:
            return self.own * moved
        D, shares = moved, self.coupling
        # the second time rounding goes, beside which a sure prediction curves nothing
        for _ in range(2):
            D = D - np.einsum("ij,ij->i", shares, D)[:, None]
        D *= shares
        return D

    def _backward(self, D, arrays=None):
        """The layers from the last on, each with D by its Z."""
        for layer in range(self.network.n_layers - 1, 0, -1):
            yield layer, D
            out = None if arrays is None else arrays[layer - 1]
            D = np.matmul(D, self.network.coefs[layer].T, out=out)
            D *= self.slopes[layer - 1]
        yield 0, D

    def diagonal(self):
        """An estimate of the diagonal, from labels drawn from the network itself."""
        Y = self.loss.draw(self.output, np.random.default_rng(0))
        D = np.sqrt(self.shares) * self.loss.gradient(self.output, Y)
        sums = [
            np.asarray((self.inputs[k] ** 2).T @ D**2) for k, D in self._backward(D)
        ]
        return self.survivors.flatten(sums[::-1]).astype(float)


def _with_ones(A):
    """Inputs and, as their last column, that of the intercepts."""
    ones = np.ones((A.shape[0], 1), A.dtype)
    return (
        sparse.hstack([A, ones], "csr") if sparse.issparse(A) else np.hstack([A, ones])
    )


def conjugate_gradients(product, right, scale, n_iterations):
    """Solve a positive definite system roughly [1]_.

    Parameters
    ----------
    product : callable
        ``product(vector)``: the matrix times a vector.
    right : ndarray of shape (n_values,)
        Right-hand side.
    scale : ndarray of shape (n_values,)
        Positive: the diagonal that preconditions.
    n_iterations : int
        At most so many products.

    Returns
    -------
    ndarray of shape (n_values,)
        A direction in which the quadratic form falls.

    References
    ----------
    .. [1] M. Hestenes and E. Stiefel, "Methods of Conjugate Gradients for Solving
       Linear Systems", J. Research of the National Bureau of Standards 1952.
    """
    solution, residual = np.zeros_like(right), right.copy()
    residuals, duals = np.empty((2, n_iterations, len(right)))
    direction = steepest = residual / scale
    power = start = residual @ direction
    for number in range(n_iterations):
        if power <= 1e-12 * start:
            break
        residuals[number], duals[number] = residual, steepest / power
        image = product(direction)
        length = power / (direction @ image)
        solution += length * direction
        residual -= length * image
        # exact but for rounding, which is amplified from one product to the next
        residual -= (duals[: number + 1] @ residual) @ residuals[: number + 1]
        steepest = residual / scale
        power, before = residual @ steepest, power
        direction = steepest + power / before * direction
    return solution
