"""The read-out of a forest whose units are whole trees: the mean of their outputs."""

from functools import cached_property

import numpy as np
from sklearn.utils import gen_batches

from skprune.numerics import obs
from skprune.numerics.lasso import RowLasso
from skprune.numerics.sampling import SENSITIVITY_ROWS
from skprune.readouts.base import BLOCK
from skprune.readouts.paths import PathReadout

DAMPING = 1e-2  # ridge, relative to the mean variance of the outputs of the trees


class TreeReadout(PathReadout):
    """A unit is a whole tree of a forest, whose output is the mean of its trees.

    A gate multiplies the weight of its tree in the mean, ``sum g f / sum g``.

    Parameters
    ----------
    mean : callable
        Returns the output of the forest, (n_samples, n_outputs).
    **kwargs
        As in `PathReadout`.
    """

    answers = frozenset({"sensitivity"})

    def __init__(self, name, forest, leaves, D, weights, *, mean):
        super().__init__(name, forest, leaves, D, weights)
        self.n_units = forest.n_trees
        self._mean = mean

    @property
    def hessian_size(self):
        """Rows of the matrix that `removal_loss` inverts."""
        return self.n_units

    def size(self):
        return np.sqrt(self._moments[1].sum(axis=1)) * self.forest.scale

    def contribution(self):
        means, squares = self._moments
        spread = np.maximum(squares - means**2, 0.0).sum(axis=1)
        return np.sqrt(spread) * self.forest.scale

    @cached_property
    def _moments(self):
        """Mean and mean square of each output of each tree, (n_units, n_outputs)."""
        means, squares = [], []
        for t in range(self.n_units):
            nodes = self.forest.nodes(t)
            value = self.forest.value[nodes]
            mass = np.bincount(self.leaves(t), self.weights, minlength=len(value))
            means.append(mass @ value)
            squares.append(mass @ value**2)
        return np.array(means), np.array(squares)

    def _slopes(self, D):
        """Derivative of each sample's loss by the gate of one tree after the other."""
        mean = self._mean()
        for t, nodes in enumerate(map(self.forest.nodes, range(self.n_units))):
            difference = self.forest.value[nodes][self.leaves(t)] - mean
            yield np.einsum("nk,nk->n", difference, D) * self.forest.scale[t]

    def gate_gradient(self):
        return np.array([slopes @ self.weights for slopes in self._slopes(self.D)])

    def fisher(self, rng=None):
        D = self.drawn_gradient(rng)
        return np.array([slopes**2 @ self.weights for slopes in self._slopes(D)])

    def removal_loss(self, rng=None):
        """Loss that each tree costs in the order of backward elimination."""
        mean = self._mean()
        inverse = obs.spd_inverse(self._gram(lambda rows: mean[rows]))
        return obs.elimination_costs(inverse, np.ones((self.n_units, 1)))

    def lasso(self, rng=None):
        means = self._moments[0][:, None]
        gram = self._gram(lambda rows: means)
        spread = np.sqrt(gram.diagonal())
        scaled = gram / np.outer(spread, spread)
        return RowLasso(scaled, scaled @ spread[:, None], np.arange(self.n_units))

    def sensitivity(self):
        n_samples = len(self.weights)
        some = min(n_samples, SENSITIVITY_ROWS)
        rows = np.linspace(0, n_samples - 1, some).astype(int)
        leaves = [self.leaves(t)[rows] for t in range(self.n_units)]
        sizes = np.abs(self._outputs(leaves) * self.forest.scale[:, None, None])
        totals = sizes.sum(axis=0)
        return (sizes / np.where(totals > 0, totals, np.inf)).max(axis=(1, 2))

    def distortion(self, gates):
        mean, changed = self._mean(), 0.0
        shares = gates * self.forest.scale
        for t, share in enumerate(shares / shares.sum()):
            value = self.forest.value[self.forest.nodes(t)] * share
            changed = changed + value[self.leaves(t)]
        return float(self.weights @ ((changed - mean) ** 2).sum(axis=1))

    def _gram(self, subtracted):
        """Second moments of the trees about something, damped, (n_units, n_units)."""
        H = np.zeros((self.n_units, self.n_units))
        leaves = np.array([self.leaves(t) for t in range(self.n_units)], np.int32)
        step = max(BLOCK // self.forest.value.shape[1], 1)
        for rows in gen_batches(len(self.weights), step):
            differences = self._outputs(leaves[:, rows]) - subtracted(rows)
            differences *= np.sqrt(self.weights[rows])[:, None]
            flat = differences.reshape(self.n_units, -1) * self.forest.scale[:, None]
            H += flat @ flat.T
        H[np.diag_indices_from(H)] += DAMPING * (np.trace(H) / self.n_units or 1.0)
        return H

    def _outputs(self, leaves):
        """Output of each tree on some samples, (n_units, n_samples, n_outputs)."""
        values = (self.forest.value[self.forest.nodes(t)] for t in range(self.n_units))
        return np.stack([value[leaf] for value, leaf in zip(values, leaves)])
