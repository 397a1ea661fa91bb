"""Read-outs that sum or average one stored output per unit."""

import numpy as np

from skprune.numerics import obs
from skprune.numerics.gram_lasso import RowLasso
from skprune.numerics.least_squares import add_ridge, normal_equations
from skprune.numerics.sampling import largest_shares
from skprune.readouts.base import GradientReadout


class AdditiveReadout(GradientReadout):
    """Sum of one output per unit, for instance of bypassed hidden layers.

    Parameters
    ----------
    name : str
        Part of the model.
    contributions : ndarray of shape (n_units, n_samples, n_outputs)
        Term of each unit in the sum Z.
    D : callable
        ``D()`` returns the gradient of each sample's loss with respect to Z,
        (n_samples, n_outputs). ``D(rng)`` returns it for labels drawn from the model.
        If each unit has a Z of its own, the shape is (n_units, n_samples, n_outputs).
    weights : ndarray of shape (n_samples,)
        Sample weights that sum to one.
    """

    answers = frozenset({"sensitivity"})

    def __init__(self, name, contributions, D, weights):
        super().__init__(name, D, weights)
        self.contributions = contributions
        self.n_units = len(contributions)

    @property
    def hessian_size(self):
        return self.n_units

    def size(self):
        return np.sqrt(np.einsum("unk,n->u", self.contributions**2, self.weights))

    def contribution(self):
        means = self._weighted_sums(self.contributions)
        squares = self._weighted_sums(self.contributions**2)
        return np.sqrt(np.maximum(squares - means**2, 0.0).sum(axis=1))

    def _weighted_sums(self, terms):
        return np.einsum("unk,n->uk", terms, self.weights)

    def gate_gradient(self):
        return (self.contributions * self.D).sum(axis=2) @ self.weights

    def fisher(self, rng=None):
        return self._fisher_of(self._centred(), rng)

    def _centred(self):
        return self.contributions - self._weighted_sums(self.contributions)[:, None, :]

    def _fisher_of(self, terms, rng):
        return (terms * self.drawn_gradient(rng)).sum(axis=2) ** 2 @ self.weights

    def removal_loss(self, rng=None):
        return obs.unit_costs(self._gram(self.contributions))

    def lasso(self, rng=None):
        return RowLasso.of_units(self._gram(self.contributions))

    def _gram(self, terms):
        """Compute damped second moments of terms about their means."""
        n_units, _, n_outputs = terms.shape
        inputs = terms.transpose(1, 2, 0).reshape(-1, n_units)
        weights = np.repeat(self.weights, n_outputs) / n_outputs
        moments = normal_equations(inputs, np.empty((len(inputs), 0)), weights)
        return add_ridge(n_outputs * moments.gram)

    def sensitivity(self):
        return largest_shares(np.abs(self.contributions))

    def distortion(self, gates):
        change = np.einsum("u,unk->nk", gates - 1, self.contributions)
        centred = change - self.weights @ change
        return float(self.weights @ (centred**2).sum(axis=1))


class MemberReadout(AdditiveReadout):
    """Mean of the outputs of whole models, each of which is a unit.

    A gate multiplies the weight of its model in the mean ``sum g f / sum g``. The
    derivative of the mean with respect to a gate is therefore the difference of the
    model from the mean, over the number of models. `outputs` are (n_units, n_samples,
    n_outputs).

    Examples
    --------
    >>> outputs = np.array([[[0.0], [1.0]], [[0.0], [3.0]]])
    >>> mean_of_two = MemberReadout("estimators_", outputs, None, np.full(2, 0.5))
    >>> mean_of_two.contribution()
    array([0.25, 0.75])
    """

    def __init__(self, name, outputs, D, weights):
        super().__init__(name, outputs / len(outputs), D, weights)
        self.differences = (outputs - outputs.mean(axis=0)) / len(outputs)

    def gate_gradient(self):
        return (self.differences * self.D).sum(axis=2) @ self.weights

    def fisher(self, rng=None):
        return self._fisher_of(self.differences, rng)

    def removal_loss(self, rng=None):
        return obs.unit_costs(self._gram(self.differences))

    def lasso(self, rng=None):
        # models are nearly equal: centred here, the rest of their means is rounding
        return RowLasso.of_units(self._gram(self._centred()))

    def distortion(self, gates):
        changes = gates * (len(gates) / gates.sum()) - 1
        change = np.einsum("u,unk->nk", changes, self.contributions)
        return float(self.weights @ (change**2).sum(axis=1))
