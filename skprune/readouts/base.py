"""The read-out: one sum of contributions, Z = A W + b, whose units have gates.

Methods rank units by asking a read-out the few questions below and know nothing
of the model family behind it. Every answer is one number per unit, in the order of
the units of the read-out.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

BLOCK = 4096  # rows worked on at once: bounds the memory of intermediate copies


class Readout(ABC):
    """One sum of contributions of a model.

    A gate multiplies the contribution of its unit: one keeps, zero removes. Samples
    carry weights that sum to one, so each mean below is a weighted mean.

    Attributes
    ----------
    name : str
        Which part of the model this is, as in ``"coefs_[0]"``.
    n_units : int
        Number of units that may be removed.
    hessian_size : int
        Rows of the matrix that `removal_loss` inverts, zero if it needs none.
    answers : frozenset of str
        Of the class: which of the optional operations, "elimination" and
        "sensitivity", it has.
    """

    name: str
    n_units: int
    hessian_size: int
    answers: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def size(self):
        """Norm of each unit's own weights, shape (n_units,)."""

    @abstractmethod
    def contribution(self):
        """Root mean square of what each unit adds to Z about its mean, (n_units,).

        Where the model has no intercept to take up a mean, it is not subtracted.
        """

    @abstractmethod
    def gate_gradient(self):
        """Derivative of the mean loss by each gate, at gates of one, (n_units,)."""

    @abstractmethod
    def fisher(self, rng=None):
        """Mean over samples of the squared derivative of the loss by each gate.

        Contributions count about their mean, as in `contribution`.

        Parameters
        ----------
        rng : numpy.random.Generator, default=None
            Draws the labels from what the model predicts, which gives the curvature of
            the expected loss; None takes the labels of the data.

        Returns
        -------
        ndarray of shape (n_units,)
            In squared units of the loss.
        """

    @abstractmethod
    def removal_loss(self, rng=None):
        """Second-order change of the loss when each unit goes in its turn.

        Units are removed in ascending order, the others adapt where they can, and
        each cost is that of the unit's own step.

        Parameters
        ----------
        rng : numpy.random.Generator, default=None
            As in `fisher`.

        Returns
        -------
        ndarray of shape (n_units,)
            In units of the loss.
        """

    def elimination(self, score, rng=None):
        """Score of each unit when it goes in its turn, the others re-estimated.

        Parameters
        ----------
        score : callable
            ``score(W, diagonal)`` ranks inputs by their weights and the diagonal of
            the inverse Hessian, as `skprune.numerics.obs.squared_weight` does.
        rng : numpy.random.Generator, default=None
            As in `fisher`.

        Returns
        -------
        ndarray of shape (n_units,)
            Never decreasing in the order of removal.

        Raises
        ------
        ValueError
            Where units have no weights that are re-estimated.
        """
        raise ValueError(
            f"score='weight' ranks re-estimated weights, which {self.name} does not "
            "have; use score='loss'."
        )

    @abstractmethod
    def lasso(self, rng=None):
        """The lasso whose penalised norms are those of the units.

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
        """Largest share that each unit has in an output over the samples, (n_units,).

        Raises
        ------
        ValueError
            Where the inputs of the read-out are never stored.
        """
        raise ValueError(
            f"sensitivity='max' needs the inputs of each sample, which {self.name} "
            "does not hold; use sensitivity='norm'."
        )

    def distortion(self, gates):
        """Mean squared change of Z that gates cause.

        Parameters
        ----------
        gates : ndarray of shape (n_units,)
            Zero removes.

        Returns
        -------
        float
            As if the contributions of different units were uncorrelated.
        """
        return float(np.sum(np.square((gates - 1) * self.contribution())))

    def spread(self):
        """Root of the summed squared contributions: the scale of the read-out.

        Dividing contributions by it makes those of different read-outs comparable,
        and independent of the units in which each read-out is measured.
        """
        total = np.sqrt(np.sum(np.square(self.contribution(), dtype=float)))
        return float(total) if total > 0 else 1.0
