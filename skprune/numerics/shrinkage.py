"""Soft thresholds on the norms of units, which rise until few enough are left.

Between two steps of training every unit is shortened by the same length, those that are
shorter go: the proximal step of a penalty on the norms of units [1]_, whose strength is
found anew each time so that the schedule of the rate is met.

References
----------
.. [1] N. Parikh and S. Boyd, "Proximal Algorithms", Foundations and Trends in
   Optimization 2014.
"""

from dataclasses import dataclass

import numpy as np

from skprune.numerics.units import Units, keep_units


@dataclass(frozen=True)
class SoftThreshold:
    """By what the weights of each unit are multiplied in the course of a training.

    Attributes
    ----------
    sizes : ndarray of shape (n_units,)
        Norms of the units before the training, in a scale common to all read-outs.
    n_remove : int
        How many units are gone in the end.
    units : Units
        Groups and floors; each group has a threshold of its own where a floor or the
        scope gives it another number of units.
    scope : {"global", "local", "lamp"}
        How groups compete.
    """

    sizes: np.ndarray
    n_remove: int
    units: Units
    scope: str

    def __call__(self, growth, progress):
        """Factors of the units, in [0, 1].

        Parameters
        ----------
        growth : ndarray of shape (n_units,)
            Norms of the units now, relative to those before the training.
        progress : float
            From zero to one. The share of the survivors that goes in each equal part
            of the way is the same, as in the steps of a pruning.

        Returns
        -------
        ndarray of shape (n_units,)
            Zero for just as many units as must be gone by now.
        """
        norms = self.sizes * growth
        kept = keep_units(norms**2, self._n_gone(progress), self.units, self.scope)
        threshold = np.zeros(len(self.units.floor))
        np.maximum.at(threshold, self.units.group[~kept], norms[~kept])
        shortened = norms - threshold[self.units.group]
        factors = np.divide(shortened, norms, out=np.ones_like(norms), where=norms > 0)
        return np.where(kept, factors, 0.0)

    def _n_gone(self, progress):
        n_units = len(self.sizes)
        share_left = (1 - self.n_remove / max(n_units, 1)) ** progress
        return round(n_units * (1 - share_left)) if progress < 1 else self.n_remove
