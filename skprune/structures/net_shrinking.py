"""Units of a network that shrink while its weights train.

The network computes with shrunken weights, and with zeros for more and more units,
while the original weights go on training. A unit that was removed too early may
therefore come back [1]_. The last update restores the survivors to their full length.

References
----------
.. [1] Y. Bai, Y.-X. Wang and E. Liberty, "ProxQuant: Quantized Neural Networks via
   Proximal Operators", ICLR 2019.
"""

from abc import abstractmethod

import numpy as np

from skprune.numerics.units import Units
from skprune.structures.net_base import NetStructure

UPDATES = 100  # of the factors during one training


class WeightUnits(NetStructure):
    """Base of structures whose units are groups of weights, which can shrink."""

    def _set_groups(self, sizes, name):
        """Set `units` and `group_names` from the number of units in each group."""
        group = np.repeat(np.arange(len(sizes)), np.array(sizes, dtype=int))
        self.units = Units(group, np.ones(len(sizes), dtype=int))
        self.group_names = [f"{name}[{k}]" for k in range(len(sizes))]

    def _by_group(self, values):
        """Split one value per unit into the groups."""
        return np.split(values, np.cumsum(self.units.group_size)[:-1])

    @abstractmethod
    def _unit_labels(self):
        """Find the unit of each weight of each layer, -1 for none."""

    def shrink(self, threshold, epochs, rng, passes=range):
        """Train as `finetune` does, while units shrink.

        ``threshold(growth, progress)`` returns the factor of each unit's weights, from
        its norm relative to the norm before the training, and the progress in [0, 1].
        Units whose last factor is zero have no weights afterwards.
        """
        shrinkage = Shrinkage(self._unit_labels(), self.n_units, threshold)
        signals = self._trained(epochs, rng, passes, shrinkage)
        return self._anew(signals, self.teacher.settled())


class Shrinkage:
    """Observer of a training that scales the weights of each unit.

    `labels` are the unit of each weight of each layer, -1 for none. `n_units` counts
    the units without weights too. `threshold` is that of `WeightUnits.shrink`.
    """

    def __init__(self, labels, n_units, threshold):
        # intercepts, the last row of each layer, belong to no unit
        rows = [(0, 1), (0, 0)]
        self.labels = [np.pad(label, rows, constant_values=-1) for label in labels]
        self.n_units, self.threshold = n_units, threshold

    def __call__(self, trainee, progress):
        """Scale the units of a `Trainee` if the next update is due."""
        if progress == 0:
            self.progress, self.unit = 0.0, trainee.survivors.flatten(self.labels)
            self.start = self._norms(trainee)
        elif progress - self.progress >= 1 / UPDATES or progress == 1:
            self.progress = progress
            factors = self._factors(self._norms(trainee))[self.unit]
            factors = factors > 0 if progress == 1 else factors
            trainee.scale(factors.astype(trainee.values.dtype))

    def _norms(self, trainee):
        squares = np.square(trainee.values, dtype=float)
        # weights of no unit are counted at position zero, which is dropped
        totals = np.bincount(self.unit + 1, squares, minlength=self.n_units + 1)
        return np.sqrt(totals[1:])

    def _factors(self, norms):
        """Compute the factor of each unit, followed by one for weights of no unit."""
        growth = np.divide(
            norms, self.start, out=np.zeros_like(norms), where=self.start > 0
        )
        return np.append(self.threshold(growth, self.progress), 1.0)
