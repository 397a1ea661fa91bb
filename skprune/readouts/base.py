"""The read-out: one sum of contributions, Z = A W + b, whose units have gates.

Methods rank units by asking a read-out the questions below and know nothing of the
model family behind it. Every answer is one number per unit, in the order of the units.
"""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import ClassVar

import numpy as np


class Readout(ABC):
    """One sum of contributions of a model.

    A gate multiplies the contribution of its unit: one keeps it, zero removes it.
    Sample weights sum to one, so each mean below is a weighted mean.

    Attributes
    ----------
    name : str
        Part of the model, for instance ``"coefs_[0]"``.
    n_units : int
        Number of units that may be removed.
    hessian_size : int
        Rows of the matrix that `removal_loss` inverts, zero if it inverts none.
    answers : frozenset of str
        Optional operations of the class, of "elimination" and "sensitivity".
    """

    name: str
    n_units: int
    hessian_size: int
    answers: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def size(self):
        """Compute the norm of the weights of each unit, shape (n_units,)."""

    @abstractmethod
    def contribution(self):
        """Compute the standard deviation of each unit's contribution to Z, (n_units,).

        The mean is subtracted only if an intercept of the model can absorb it.
        """

    @abstractmethod
    def gate_gradient(self):
        """Compute the derivative of the mean loss by each gate at one, (n_units,)."""

    @abstractmethod
    def fisher(self, rng=None):
        """Compute the mean squared derivative of each sample's loss by each gate.

        Contributions are centred as in `contribution`.

        Parameters
        ----------
        rng : numpy.random.Generator, default=None
            Draws labels from the predictions of the model, which gives the curvature
            of the expected loss. None uses the labels of the data.

        Returns
        -------
        ndarray of shape (n_units,)
            In squared units of the loss.
        """

    @abstractmethod
    def removal_loss(self, rng=None):
        """Compute the second-order increase of the loss when each unit is removed.

        Units are removed in ascending order of cost, and the remaining ones are
        re-estimated where the read-out allows it.

        Parameters
        ----------
        rng : numpy.random.Generator, default=None
            As in `fisher`.

        Returns
        -------
        ndarray of shape (n_units,)
            In units of the loss; the increase caused by the removal of that unit.
        """

    def elimination(self, score, rng=None):
        """Compute the score of each unit at its removal by backward elimination.

        Parameters
        ----------
        score : callable
            ``score(W, diagonal)`` ranks inputs by their re-estimated weights and the
            diagonal of the inverse Hessian, as `skprune.numerics.obs.squared_weight`.
        rng : numpy.random.Generator, default=None
            As in `fisher`.

        Returns
        -------
        ndarray of shape (n_units,)
            Non-decreasing in the order of removal.

        Raises
        ------
        ValueError
            If the units have no weights to re-estimate.
        """
        raise ValueError(
            f"score='weight' ranks re-estimated weights, which {self.name} does not "
            "have; use score='loss'."
        )

    @abstractmethod
    def lasso(self, rng=None):
        """Build a lasso problem with one penalised norm per unit.

        Parameters
        ----------
        rng : numpy.random.Generator, default=None
            As in `fisher`.

        Returns
        -------
        LassoProblem
            Its loss is in the units of the loss of the model.
        """

    def sensitivity(self):
        """Compute the largest share of each unit in an output, (n_units,).

        Raises
        ------
        ValueError
            If the inputs of the read-out are not stored.
        """
        raise ValueError(
            f"sensitivity='max' needs the inputs of each sample, which {self.name} "
            "does not hold; use sensitivity='norm'."
        )

    def distortion(self, gates):
        """Compute the mean squared change of Z caused by gates.

        Parameters
        ----------
        gates : ndarray of shape (n_units,)
            Zero removes a unit.

        Returns
        -------
        float
            By default computed as if contributions of different units were
            uncorrelated.
        """
        return float(np.sum(np.square((gates - 1) * self.contribution())))

    def spread(self):
        """Compute the scale of the read-out: the norm of all contributions.

        Contributions divided by it can be compared between read-outs that are
        measured in different units.
        """
        total = np.sqrt(np.sum(np.square(self.contribution(), dtype=float)))
        return float(total) if total > 0 else 1.0


class GradientReadout(Readout):
    """Read-out with the gradient of each sample's loss with respect to Z.

    ``D()`` returns it, (n_samples, n_outputs), and ``D(rng)`` for labels drawn from the
    model; it is called when a method first needs it. Weights sum to one.
    """

    def __init__(self, name, D, weights):
        self.name = name
        self.weights = weights
        self._gradient = D

    @cached_property
    def D(self):
        """Gradient of each sample's loss with respect to Z, (n_samples, n_outputs)."""
        return self._gradient()

    def drawn_gradient(self, rng):
        """Compute the gradient for labels drawn from the model; D if `rng` is None."""
        return self.D if rng is None else self._gradient(rng)
