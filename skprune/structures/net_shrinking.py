"""Units of a network that shrink while its weights train.

The network computes with shortened weights, and with zeros for more and more units,
while the weights themselves train on. A unit that was removed too early may therefore
come back [1]_. In the end the survivors have their full length again.

References
----------
.. [1] Y. Bai, Y.-X. Wang and E. Liberty, "ProxQuant: Quantized Neural Networks via
   Proximal Operators", ICLR 2019.
"""

from abc import abstractmethod

import numpy as np

from skprune.structures.net_base import NetStructure

UPDATES = 100  # of the factors in the course of a training


class WeightUnits(NetStructure):
    """Units that own weights of a network, which can shrink."""

    @abstractmethod
    def _unit_labels(self):
        """The unit of each weight of each layer, -1 for none."""

    def shrink(self, threshold, epochs, rng, passes=range):
        """Train for some passes while units shrink.

        Parameters
        ----------
        threshold : callable
            ``threshold(growth, progress) -> factors``: from the norms of the units
            relative to those before the training, and the progress in [0, 1], what
            multiplies the weights of each unit.
        epochs, rng, passes
            As in `finetune`.

        Returns
        -------
        Structure
            Of the trained model. Its units whose last factor is zero have no weights.
        """
        shrinkage = Shrinkage(self._unit_labels(), self.n_units, threshold)
        signals = self._trained(epochs, rng, passes, shrinkage)
        return self._anew(signals, self.teacher.settled())


class Shrinkage:
    """Observer of a training that scales the weights of each unit.

    Parameters
    ----------
    labels : list of ndarray of int of shape (n_inputs, n_outputs)
        The unit of each weight of each layer; -1 for none.
    n_units : int
        Number of units, including those without weights.
    threshold : callable
        As in `WeightUnits.shrink`.
    """

    def __init__(self, labels, n_units, threshold):
        # intercepts, in the last row of each layer, belong to no unit
        rows = [(0, 1), (0, 0)]
        self.labels = [np.pad(label, rows, constant_values=-1) for label in labels]
        self.n_units, self.threshold = n_units, threshold

    def __call__(self, trainee, progress):
        """Scale the units of a `Trainee` at some progress of its training."""
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
        # what belongs to no unit counts at place zero, which is left out
        totals = np.bincount(self.unit + 1, squares, minlength=self.n_units + 1)
        return np.sqrt(totals[1:])

    def _factors(self, norms):
        """Factor of each unit, and at last one for what belongs to none."""
        growth = np.divide(
            norms, self.start, out=np.zeros_like(norms), where=self.start > 0
        )
        return np.append(self.threshold(growth, self.progress), 1.0)
