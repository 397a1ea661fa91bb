"""Units of a network that shrink while its weights train.

The network computes with shortened weights, those of ever more units zero, while the
weights themselves train on: a unit that went too early may come back [1]_. In the end
the survivors have their full length again.

References
----------
.. [1] Y. Bai, Y.-X. Wang and E. Liberty, "ProxQuant: Quantized Neural Networks via
   Proximal Operators", ICLR 2019.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

UPDATES = 100  # of the factors in the course of a training


@dataclass(frozen=True)
class Shrinkage:
    """Which weights shrink together, and by how much.

    Attributes
    ----------
    labels : list of ndarray of int of shape (n_inputs, n_outputs)
        The unit of each weight of each layer; -1 for none.
    n_units : int
        How many units there are, those without weights included.
    threshold : callable
        As `skprune.Method.threshold` returns it.
    """

    labels: list
    n_units: int
    threshold: Callable

    def on(self, trainee):
        """The shrinking of the survivors of a network with these layers."""
        padded = [
            np.pad(label, [(0, 1), (0, 0)], constant_values=-1) for label in self.labels
        ]
        return Shrinking(trainee, trainee.survivors.flatten(padded), self)


class Shrinking:
    """The course of the shrinking of a network.

    Parameters
    ----------
    trainee : Trainee
        Whose network is changed.
    labels : ndarray of int of shape (n_survivors,)
        The unit of each; -1 for none.
    shrinkage : Shrinkage
        Where labels and threshold come from.
    """

    def __init__(self, trainee, labels, shrinkage):
        self.trainee, self.labels = trainee, labels
        self.threshold, self.n_units = shrinkage.threshold, shrinkage.n_units
        self.start = self._norms()
        self.progress = 0.0

    def _norms(self):
        squares = np.square(self.trainee.values, dtype=float)
        # what belongs to no unit counts at place zero, which is left out
        totals = np.bincount(self.labels + 1, squares, minlength=self.n_units + 1)
        return np.sqrt(totals[1:])

    def follow(self, progress):
        """Shrink as far as the training has come, a share of it."""
        if progress - self.progress < 1 / UPDATES and progress < 1:
            return
        self.progress, norms = progress, self._norms()
        growth = np.divide(
            norms, self.start, out=np.zeros_like(norms), where=self.start > 0
        )
        factors = np.append(self.threshold(growth, progress), 1.0)[self.labels]
        if progress == 1:
            factors = factors > 0
        self.trainee.scale(factors.astype(self.trainee.values.dtype))
