"""The curvature of a network's loss in its surviving weights, as products.

Around its weights the output of a network is linear in all of them, with derivative J.
With the curvature C of the loss, J^T C J is the Gauss-Newton matrix. It is never
formed: a product with it takes a forward and a backward pass [1]_. The passes see a few
rows, drawn in proportion to their own curvature, as most samples of a trained
classifier have almost none [2]_.

References
----------
.. [1] N. Schraudolph, "Fast Curvature Matrix-Vector Products for Second-Order Gradient
   Descent", Neural Computation 2002.
.. [2] P. Xu et al., "Sub-sampled Newton Methods with Non-uniform Sampling", NeurIPS
   2016.
"""

import numpy as np
from scipy import sparse

from skprune.numerics.moments import row_blocks
from skprune.numerics.network import Signals, product
from skprune.numerics.sampling import inclusion_probabilities, systematic_sample

# Rows times outputs per free weight, at least and at most; between them, a share of the
# samples decides. Over 24 networks of digits and all rates, these rows, together with
# `gauss_newton.NEGLIGIBLE`, gave the accuracy of all rows in a seventh of the time.
EQUATIONS, ENOUGH_SHARE = (2, 15), 0.2
DENSE = 0.1  # density above which products with sparse rows are slower than dense ones


def weight_gradient(signals, survivors, D):
    """Compute ``J^T D`` for the free weights, in float64: (n_weights,).

    Products have the precision of D, (n_samples, n_outputs).
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
    """Choose the number of rows on which the curvature is computed.

    `shape` is the number of samples and of outputs. The gradient uses every sample; the
    curvature only shapes the step, and needs just enough rows to be well determined.
    """
    n_samples, n_outputs = shape
    least, enough = (-(-ratio * n_weights // n_outputs) for ratio in EQUATIONS)
    return min(n_samples, max(least, min(enough, int(ENOUGH_SHARE * n_samples))))


def draw_rows(sizes, n_rows):
    """Draw rows in proportion to their non-negative sizes.

    Returns `n_rows` rows, ascending, and the probability with which each was drawn.
    """
    shares = inclusion_probabilities(sizes, n_rows)
    rows = np.flatnonzero(systematic_sample(shares, np.random.default_rng(0)))
    return rows, shares[rows]


def few_rows(X, rows):
    """Select rows of X for many products: dense where that is faster."""
    few = X[rows]
    dense = sparse.issparse(few) and few.nnz > DENSE * np.prod(few.shape)
    return few.toarray() if dense else few


class Curvature:
    """The Gauss-Newton matrix J^T C J of a network, by its products.

    C is the curvature of the loss with respect to the output, times the sample weights.
    """

    def __init__(self, signals, survivors, weights, loss):
        self.network = network = signals.network
        self.survivors, self.loss = survivors, loss
        self.inputs = list(map(_with_ones, signals.inputs))
        self.output = Z = signals.output
        self.shares = weights.astype(Z.dtype)[:, None]
        self.slopes = [signals.slope(k) for k in range(1, network.n_layers)]
        self.coupling = loss.coupling(Z)
        self.own = loss.curvature(Z) if self.coupling is None else None
        # written anew in each product
        widths = [A.shape[1] for A in self.inputs], list(map(len, network.intercepts))
        self.change_of = [np.zeros(shape, Z.dtype) for shape in zip(*widths)]
        self.gradients = [np.empty(shape, Z.dtype) for shape in zip(*widths)]
        self.moved = [np.empty((len(Z), width), Z.dtype) for width in widths[1]]
        self.added = [np.empty((len(Z), width), Z.dtype) for width in widths[1][1:]]

    def change(self, vector):
        """Compute J v for a change v of the weights; the next call overwrites it."""
        self.survivors.write(vector, self.change_of)
        moved = product(self.inputs[0], self.change_of[0], self.moved[0])
        for index, slope in enumerate(self.slopes, start=1):
            moved *= slope
            moved = product(moved, self.network.coefs[index], self.moved[index])
            changes = self.inputs[index], self.change_of[index]
            moved += product(*changes, self.added[index - 1])
        return moved

    def product(self, vector):
        """Compute J^T C J v, (n_weights,)."""
        D = self._curved(self.change(vector))
        D *= self.shares
        for layer, back in self._backward(D, self.moved):
            product(self.inputs[layer].T, back, self.gradients[layer])
        return self.survivors.flatten(self.gradients).astype(float)

    def _curved(self, moved):
        """Multiply a change of the output with C, as a new array."""
        if self.coupling is None:
            return self.own * moved
        D, shares = moved, self.coupling
        # the second pass removes rounding, above the curvature of confident rows
        for _ in range(2):
            D = D - np.einsum("ij,ij->i", shares, D)[:, None]
        D *= shares
        return D

    def _backward(self, D, arrays=None):
        """Yield the layers from the last on, each with the gradient by its Z."""
        for layer in range(self.network.n_layers - 1, 0, -1):
            yield layer, D
            out = None if arrays is None else arrays[layer - 1]
            D = np.matmul(D, self.network.coefs[layer].T, out=out)
            D *= self.slopes[layer - 1]
        yield 0, D

    def diagonal(self):
        """Estimate the diagonal from labels drawn from the network itself."""
        Y = self.loss.draw(self.output, np.random.default_rng(0))
        D = np.sqrt(self.shares) * self.loss.gradient(self.output, Y)
        sums = [
            np.asarray((self.inputs[k] ** 2).T @ D**2) for k, D in self._backward(D)
        ]
        return self.survivors.flatten(sums[::-1]).astype(float)


def _with_ones(A):
    """Append the column of ones of the intercepts."""
    ones = np.ones((A.shape[0], 1), A.dtype)
    return (
        sparse.hstack([A, ones], "csr") if sparse.issparse(A) else np.hstack([A, ones])
    )
