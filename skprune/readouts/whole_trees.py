"""Read-outs of forests and boosting in which each unit is a whole tree.

The output of a forest is the mean of its trees, that of boosting is a sum. Outputs of
trees are computed from the leaves of the samples when they are needed, a tree or a
block of rows at a time.
"""

from abc import abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from skprune.numerics import obs
from skprune.numerics.gram_lasso import RowLasso
from skprune.numerics.lasso import SeparateLassos
from skprune.numerics.least_squares import add_ridge
from skprune.numerics.sampling import evenly_spaced, largest_shares
from skprune.readouts.paths import PathReadout

BLOCK_ROWS = 4096  # rows processed at once: bounds the memory of intermediate copies


class WholeTreeReadout(PathReadout):
    """Common part of the read-outs whose units are the trees `units`, ascending."""

    answers = frozenset({"sensitivity"})
    _moment_scale: Any = 1.0  # factor of the units in `_moments`

    def __init__(self, name, forest, leaves, D, weights, *, units):
        super().__init__(name, forest, leaves, D, weights)
        self.units = units
        self.n_units = len(units)

    @property
    @abstractmethod
    def _moments(self):
        """Means and mean squares of each unit, both (n_units, width)."""

    @abstractmethod
    def _slopes(self, D):
        """Yield the derivative of the loss by the gate of one unit after another.

        Each item is of shape (n_samples,).
        """

    def size(self):
        return np.sqrt(self._moments[1].sum(axis=1)) * self._moment_scale

    def contribution(self):
        means, squares = self._moments
        spread = np.maximum(squares - means**2, 0.0).sum(axis=1)
        return np.sqrt(spread) * self._moment_scale

    def gate_gradient(self):
        slopes = [slope @ self.weights for slope in self._slopes(self.D)]
        return np.array(slopes, dtype=float)

    def fisher(self, rng=None):
        slopes = self._slopes(self.drawn_gradient(rng))
        return np.array([slope**2 @ self.weights for slope in slopes], dtype=float)

    def _values(self, u):
        """Return the values of the nodes of one unit, (n_nodes, width)."""
        return self.forest.value[self.forest.nodes(self.units[u])]

    def _leaves_of(self, units, rows=slice(None)):
        """Collect the leaves of samples in the trees of some units, (n, n_samples)."""
        leaves = [self.leaves(self.units[u])[rows] for u in units]
        return np.array(leaves, np.int32)


class TreeReadout(WholeTreeReadout):
    """Mean of the trees of a forest, each of which is a unit.

    A gate multiplies the weight of its tree in the mean ``sum g f / sum g``. ``mean()``
    returns the output of the forest, (n_samples, n_outputs).
    """

    def __init__(self, name, forest, leaves, D, weights, *, mean):
        units = np.arange(forest.n_trees)
        super().__init__(name, forest, leaves, D, weights, units=units)
        self._mean, self._moment_scale = mean, forest.scale

    @property
    def hessian_size(self):
        return self.n_units

    @cached_property
    def _moments(self):
        means, squares = [], []
        for u in self.units:
            value = self._values(u)
            mass = np.bincount(self.leaves(u), self.weights, minlength=len(value))
            means.append(mass @ value)
            squares.append(mass @ value**2)
        return np.array(means), np.array(squares)

    def _slopes(self, D):
        mean = self._mean()
        for u in self.units:
            difference = self._values(u)[self.leaves(u)] - mean
            yield np.einsum("nk,nk->n", difference, D) * self.forest.scale[u]

    def removal_loss(self, rng=None):
        mean = self._mean()
        return obs.unit_costs(self._gram(lambda rows: mean[rows]))

    def lasso(self, rng=None):
        means = self._moments[0][:, None]
        return RowLasso.of_units(self._gram(lambda rows: means))

    def sensitivity(self):
        leaves = self._leaves_of(self.units, evenly_spaced(len(self.weights)))
        scale = self.forest.scale[:, None, None]
        return largest_shares(np.abs(self._outputs(leaves) * scale))

    def distortion(self, gates):
        mean, changed = self._mean(), 0.0
        shares = gates * self.forest.scale
        for u, share in enumerate(shares / shares.sum()):
            changed = changed + (self._values(u) * share)[self.leaves(u)]
        return float(self.weights @ ((changed - mean) ** 2).sum(axis=1))

    def _gram(self, subtracted):
        """Compute damped second moments of the trees about `subtracted`."""
        H, leaves = np.zeros((self.n_units,) * 2), self._leaves_of(self.units)
        step = max(BLOCK_ROWS // self.forest.value.shape[1], 1)
        for rows in gen_batches(len(self.weights), step):
            differences = self._outputs(leaves[:, rows]) - subtracted(rows)
            differences *= np.sqrt(self.weights[rows])[:, None]
            flat = differences.reshape(self.n_units, -1) * self.forest.scale[:, None]
            H += flat @ flat.T
        return add_ridge(H)

    def _outputs(self, leaves):
        """Compute the output of each tree, (n_units, n_samples, n_outputs)."""
        return np.stack([self._values(u)[leaf] for u, leaf in zip(self.units, leaves)])


class StageReadout(WholeTreeReadout):
    """Sum of boosted trees, each of which is a unit and adds to one output.

    A gate multiplies the deviation of its tree from its mean; the mean stays. Outputs
    do not share trees and their curvature is treated as diagonal, so that each output
    is a separate problem. ``curvature()`` returns the second derivative of each
    sample's loss with respect to Z, (n_samples, n_outputs). Trees have one value per
    node.
    """

    def __init__(self, name, forest, leaves, D, weights, *, units, curvature):
        super().__init__(name, forest, leaves, D, weights, units=units)
        self._curvature = curvature

    @property
    def hessian_size(self):
        return max((len(units) for _, units in self._by_output), default=0)

    @cached_property
    def _by_output(self):
        """Pairs of an output and its units, for the outputs that have units."""
        columns = self.forest.column[self.units]
        return [(c, np.flatnonzero(columns == c)) for c in np.unique(columns)]

    def _added(self, u, rows=slice(None)):
        """Compute the output of one unit in the scale of the sum, (n_samples,)."""
        return self._scaled_values(u)[self.leaves(self.units[u])[rows]]

    def _scaled_values(self, u):
        return self._values(u)[:, 0] * self.forest.scale[self.units[u]]

    @cached_property
    def _moments(self):
        added = (self._added(u) for u in range(self.n_units))
        pairs = [(self.weights @ a, self.weights @ a**2) for a in added]
        return np.array(pairs).reshape(-1, 2, 1).swapaxes(0, 1)

    @property
    def means(self):
        """Mean output of each unit, (n_units,)."""
        return self._moments[0][:, 0]

    def _slopes(self, D):
        for u, column in enumerate(self.forest.column[self.units]):
            yield (self._added(u) - self.means[u]) * D[:, column]

    def removal_loss(self, rng=None):
        costs = np.zeros(self.n_units)
        for units, gram in self._hessians():
            costs[units] = obs.unit_costs(gram)
        return costs

    def lasso(self, rng=None):
        hessians = self._hessians()
        problems = [RowLasso.of_units(gram) for _, gram in hessians]
        return SeparateLassos(problems, [units for units, _ in hessians])

    def _hessians(self):
        """List the units of each output with their damped Hessian."""
        curvature = self._curvature()
        return [
            (units, add_ridge(self._gram(units, self.weights * curvature[:, column])))
            for column, units in self._by_output
        ]

    def sensitivity(self):
        rows, shares = evenly_spaced(len(self.weights)), np.zeros(self.n_units)
        for _, units in self._by_output:
            sizes = np.abs([self._added(u, rows) - self.means[u] for u in units])
            shares[units] = largest_shares(sizes)
        return shares

    def distortion(self, gates):
        changes = [gates[units] - 1 for _, units in self._by_output]
        return float(sum(c @ G @ c for c, G in zip(changes, self._moment_matrices)))

    @cached_property
    def _moment_matrices(self):
        """Second moments about their means of the units of each output."""
        return [self._gram(units, self.weights) for _, units in self._by_output]

    def _gram(self, units, weights):
        """Compute second moments of units about their means, (n, n)."""
        leaves = self._leaves_of(units)
        values = [self._scaled_values(u) for u in units]
        gram = np.zeros((len(units), len(units)))
        for rows in gen_batches(len(weights), BLOCK_ROWS):
            added = np.stack([v[leaf] for v, leaf in zip(values, leaves[:, rows])])
            centred = added - self.means[units, None]
            gram += (centred * weights[rows]) @ centred.T
        return gram
