"""Read-outs made of others: units joined into groups, or models side by side.

The energy of a joined unit is the sum of those of its members, as if their
contributions were uncorrelated. Only the lasso is solved jointly, with one penalty on
the norm of all weights of a group.
"""

import numpy as np

from skprune.numerics.lasso import SeparateLassos
from skprune.readouts.base import Readout


class JoinedReadout(Readout):
    """Read-out whose units are groups of units of another one.

    Unit u of `readout` belongs to ``group[u]``, one of `n_units`. A group without
    members has importance zero.
    """

    def __init__(self, readout, group, n_units):
        self.name = readout.name
        self.readout = readout
        self.group = group
        self.n_units = n_units
        self.hessian_size = readout.hessian_size

    def _total(self, of_unit):
        return np.bincount(self.group, weights=of_unit, minlength=self.n_units)

    def _norm(self, of_unit):
        return np.sqrt(self._total(np.square(of_unit, dtype=float)))

    def size(self):
        return self._norm(self.readout.size())

    def contribution(self):
        return self._norm(self.readout.contribution())

    def sensitivity(self):
        return self._norm(self.readout.sensitivity())

    def gate_gradient(self):
        return self._total(self.readout.gate_gradient())

    def fisher(self, rng=None):
        return self._total(self.readout.fisher(rng))

    def removal_loss(self, rng=None):
        return self._total(self.readout.removal_loss(rng))

    def elimination(self, score, rng=None):
        return self._total(self.readout.elimination(score, rng))

    def lasso(self, rng=None):
        return self.readout.lasso(rng).joined(self.group, self.n_units)

    def distortion(self, gates):
        return self.readout.distortion(gates[self.group])


class ConcatenatedReadout(Readout):
    """Units of the read-outs of several models whose predictions are averaged.

    The loss is the mean of the losses of the models. Contributions are not rescaled:
    the models predict the same target on one scale.
    """

    def __init__(self, name, readouts):
        self.name = name
        self.readouts = readouts
        self.n_units = sum(readout.n_units for readout in readouts)
        self.hessian_size = max(readout.hessian_size for readout in readouts)

    def _each(self, question, *args):
        answers = [getattr(one, question)(*args) for one in self.readouts]
        return np.concatenate(answers)

    def size(self):
        return self._each("size")

    def contribution(self):
        return self._each("contribution")

    def sensitivity(self):
        return self._each("sensitivity")

    def gate_gradient(self):
        return self._each("gate_gradient") / len(self.readouts)

    def fisher(self, rng=None):
        return self._each("fisher", rng) / len(self.readouts) ** 2

    def removal_loss(self, rng=None):
        return self._each("removal_loss", rng) / len(self.readouts)

    def elimination(self, score, rng=None):
        return self._each("elimination", score, rng) / len(self.readouts)

    def lasso(self, rng=None):
        return SeparateLassos.stacked([one.lasso(rng) for one in self.readouts])

    def distortion(self, gates):
        ends = np.cumsum([readout.n_units for readout in self.readouts])
        parts = zip(self.readouts, np.split(gates, ends[:-1]))
        return sum(readout.distortion(part) for readout, part in parts)
