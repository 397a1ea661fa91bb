"""Joined units: several units of a structure are kept or removed together."""

import numpy as np

from skprune.numerics.units import Units
from skprune.readouts.joined import JoinedReadout
from skprune.structures.base import Structure


class JoinedUnits(Structure):
    """A unit is several independent units of one read-out of another structure.

    `group` has the joined unit of each of them, numbered from zero without gaps.
    """

    def __init__(self, structure, group):
        self.structure, self.group = structure, group
        self.group_names = structure.group_names[:1]
        self.gates_are_linear = structure.gates_are_linear
        n_units = int(group.max(initial=-1)) + 1
        self.units = Units(
            group=np.zeros(n_units, dtype=int),
            floor=np.ones(1, dtype=int),
            rescalable=structure.units.rescalable,
        )

    @property
    def estimator(self):
        return self.structure.estimator

    def readouts(self):
        readouts = self.structure.readouts()
        return [JoinedReadout(one, self.group, self.n_units) for one in readouts]

    def _expanded(self, gates):
        return None if gates is None else np.asarray(gates)[self.group]

    def output(self, gates=None, X=None):
        return self.structure.output(self._expanded(gates), X)

    def loss(self, gates=None):
        return self.structure.loss(self._expanded(gates))

    def prune(self, gates, *, compensate, rng):
        expanded = self._expanded(gates)
        smaller = self.structure.prune(expanded, compensate=compensate, rng=rng)
        left = self.group[expanded != 0]
        return JoinedUnits(smaller, np.searchsorted(np.flatnonzero(gates), left))

    def polished(self):
        return JoinedUnits(self.structure.polished(), self.group)

    def finetune(self, epochs, rng, passes=range):
        trained = self.structure.finetune(epochs, rng, passes)
        return JoinedUnits(trained, self.group)

    def finished(self):
        return self.structure.finished()
