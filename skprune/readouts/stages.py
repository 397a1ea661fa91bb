"""The read-out of boosting whose units are trees: a plain sum of their outputs."""

from functools import cached_property

import numpy as np
from sklearn.utils import gen_batches

from skprune.numerics import obs
from skprune.numerics.lasso import LassoProblem, RowLasso
from skprune.numerics.sampling import SENSITIVITY_ROWS
from skprune.readouts.base import BLOCK
from skprune.readouts.paths import PathReadout

DAMPING = 1e-2  # ridge, relative to the mean variance of the outputs of the trees


class StageReadout(PathReadout):
    """A unit is a tree of a stage, which adds to one output.

    A gate multiplies what the tree adds about its mean; the mean stays. Different
    outputs do not share trees, and their curvature is taken apart, so that each is a
    problem of its own.

    Parameters
    ----------
    units : ndarray of int of shape (n_units,)
        Which trees are units, ascending.
    curvature : callable
        Returns the second derivative of each sample's loss by Z, (n_samples,
        n_outputs).
    **kwargs
        As in `PathReadout`; the trees have one value a node.
    """

    answers = frozenset({"sensitivity"})

    def __init__(self, name, forest, leaves, D, weights, *, units, curvature):
        super().__init__(name, forest, leaves, D, weights)
        self.units = units
        self.n_units = len(units)
        self._curvature = curvature

    @property
    def hessian_size(self):
        """Rows of the largest matrix that `removal_loss` inverts."""
        return max((len(units) for _, units in self._by_output), default=0)

    def _added(self, u, rows=slice(None)):
        """What a unit adds to its output, (n_samples,)."""
        t = self.units[u]
        value = self.forest.value[self.forest.nodes(t), 0] * self.forest.scale[t]
        return value[self.leaves(t)[rows]]

    @cached_property
    def means(self):
        """Mean of what each unit adds, (n_units,)."""
        return self._moments[0]

    @cached_property
    def _moments(self):
        """Mean and mean square of what each unit adds, each (n_units,)."""
        added = (self._added(u) for u in range(self.n_units))
        pairs = [(self.weights @ a, self.weights @ a**2) for a in added]
        return np.array(pairs).reshape(-1, 2).T

    def size(self):
        return np.sqrt(self._moments[1])

    def contribution(self):
        means, squares = self._moments
        return np.sqrt(np.maximum(squares - means**2, 0.0))

    def _slopes(self, D):
        """Derivative of each sample's loss by the gate of one unit after the other."""
        for u, column in enumerate(self.forest.column[self.units]):
            yield (self._added(u) - self.means[u]) * D[:, column]

    def gate_gradient(self):
        slopes = [s @ self.weights for s in self._slopes(self.D)]
        return np.array(slopes, dtype=float)

    def fisher(self, rng=None):
        slopes = self._slopes(self.drawn_gradient(rng))
        return np.array([s**2 @ self.weights for s in slopes], dtype=float)

    def removal_loss(self, rng=None):
        """Loss that each tree costs in the order of backward elimination."""
        costs, curvature = np.zeros(self.n_units), self._curvature()
        for column, units in self._by_output:
            gram = self._gram(units, self.weights * curvature[:, column])
            inverse = obs.spd_inverse(_damped(gram))
            costs[units] = obs.elimination_costs(inverse, np.ones((len(units), 1)))
        return costs

    def lasso(self, rng=None):
        curvature, problems = self._curvature(), []
        for column, units in self._by_output:
            gram = _damped(self._gram(units, self.weights * curvature[:, column]))
            spread = np.sqrt(gram.diagonal())
            scaled = gram / np.outer(spread, spread)
            target = scaled @ spread[:, None]
            problems.append(RowLasso(scaled, target, np.arange(len(units))))
        return SeparateLassos(problems, [units for _, units in self._by_output])

    def sensitivity(self):
        n_samples = len(self.weights)
        some = min(n_samples, SENSITIVITY_ROWS)
        rows = np.linspace(0, n_samples - 1, some).astype(int)
        shares = np.zeros(self.n_units)
        for _, units in self._by_output:
            sizes = np.abs([self._added(u, rows) - self.means[u] for u in units])
            totals = sizes.sum(axis=0)
            shares[units] = (sizes / np.where(totals > 0, totals, np.inf)).max(axis=1)
        return shares

    def distortion(self, gates):
        changes = [gates[units] - 1 for _, units in self._by_output]
        return float(sum(c @ G @ c for c, G in zip(changes, self._moment_matrices)))

    @cached_property
    def _moment_matrices(self):
        """Second moments of the units of each output about their means."""
        return [self._gram(units, self.weights) for _, units in self._by_output]

    @cached_property
    def _by_output(self):
        """The units of each output that has some."""
        columns = self.forest.column[self.units]
        return [(c, np.flatnonzero(columns == c)) for c in np.unique(columns)]

    def _gram(self, units, weights):
        """Second moments of what units add about their means, (n, n)."""
        leaves = np.array([self.leaves(self.units[u]) for u in units], np.int32)
        trees = self.units[units]
        values = [
            self.forest.value[self.forest.nodes(t), 0] * self.forest.scale[t]
            for t in trees
        ]
        gram = np.zeros((len(units), len(units)))
        for rows in gen_batches(len(weights), BLOCK):
            added = np.stack([v[leaf] for v, leaf in zip(values, leaves[:, rows])])
            centred = added - self.means[units, None]
            gram += (centred * weights[rows]) @ centred.T
        return gram


def _damped(gram):
    """A positive definite matrix near to the given one, in place."""
    gram[np.diag_indices_from(gram)] += DAMPING * (np.trace(gram) / len(gram) or 1.0)
    return gram


class SeparateLassos(LassoProblem):
    """Lassos that share nothing but the penalty.

    Parameters
    ----------
    problems : list of LassoProblem
        One for each part of the units.
    parts : list of ndarray of int
        The units of each problem; every unit is in one of them.
    """

    def __init__(self, problems, parts):
        self.problems, self.parts = problems, parts
        self.n_units = sum(map(len, parts))

    def solve(self, penalty):
        solved = np.zeros((2, self.n_units))
        for problem, units in zip(self.problems, self.parts):
            solved[:, units] = problem.solve(penalty)
        return tuple(solved)
