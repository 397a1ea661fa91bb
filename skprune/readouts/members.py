"""The read-out of an ensemble of whole models: the mean of their outputs."""

from functools import cached_property

import numpy as np

from skprune.readouts.additive import AdditiveReadout


class MemberReadout(AdditiveReadout):
    """A unit is a model of an ensemble, whose output is the mean of its models.

    A gate multiplies the weight of its model in the mean, ``sum g f / sum g``, so that
    what a model contributes is its difference from the mean.

    Parameters
    ----------
    name : str
        Which part of the ensemble this is.
    outputs : ndarray of shape (n_units, n_samples, n_outputs)
        Output of each model.
    D : callable
        As in `AdditiveReadout`.
    weights : ndarray of shape (n_samples,)
        Sample weights that sum to one.

    Examples
    --------
    >>> outputs = np.array([[[0.0], [1.0]], [[0.0], [3.0]]])
    >>> mean_of_two = MemberReadout("estimators_", outputs, None, np.full(2, 0.5))
    >>> mean_of_two.contribution()
    array([0.25, 0.75])
    """

    def __init__(self, name, outputs, D, weights):
        differences = (outputs - outputs.mean(axis=0)) / len(outputs)
        super().__init__(name, differences, D, weights)
        self.shares = outputs / len(outputs)

    @cached_property
    def _of_shares(self):
        """The same for models that add up, each by itself."""
        return AdditiveReadout(self.name, self.shares, self._gradient, self.weights)

    def size(self):
        return self._of_shares.size()

    def contribution(self):
        return self._of_shares.contribution()

    def sensitivity(self):
        return self._of_shares.sensitivity()

    def fisher(self, rng=None):
        D = self.D if rng is None else self._gradient(rng)
        return np.square((self.contributions * D).sum(axis=2)) @ self.weights

    def lasso(self, rng=None):
        """Non-zero weights by which the models best add up to their mean."""
        means = np.einsum("unk,n->uk", self.shares, self.weights)
        centred = AdditiveReadout(
            self.name, self.shares - means[:, None], self._gradient, self.weights
        )
        return centred.lasso(rng)

    def distortion(self, gates):
        shares = gates * (len(gates) / gates.sum()) - 1
        change = np.einsum("u,unk->nk", shares, self.shares)
        return float(self.weights @ (change**2).sum(axis=1))
