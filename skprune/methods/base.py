"""What a pruning method is: importances of units, and gates made from them.

A method is a small estimator of its own, so that its parameters can be searched over
(``method__order``). It asks read-outs and never knows which model they belong to.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from skprune._compat import validate_params
from skprune.numerics.units import keep_units


class Need(NamedTuple):
    """An operation of read-outs that not every one of them answers.

    Attributes
    ----------
    operation : str
        Its name in `Readout`: "elimination" or "sensitivity".
    setting : str
        The parameter that asks for it and its value, as in ``"score='weight'"``.
    asks : str
        What it asks for, in words.
    instead : str
        A setting that does not.
    """

    operation: str
    setting: str
    asks: str
    instead: str


class Method(ABC, BaseEstimator):
    """Ranks the units of read-outs and chooses their gates.

    Attributes
    ----------
    ranking_depends_on_rate : bool
        Of the class: whether `rank` asks how many units are kept. Where it does not,
        several rates share one ranking.
    in_training : object or None
        Strategy that removes units while the model is trained, as `Shrinking` does.
        None if they are removed before.
    """

    ranking_depends_on_rate = False
    in_training: Any = None
    _parameter_constraints: dict = {}

    def check(self):
        """Raise where a parameter is out of its range.

        Raises
        ------
        ValueError
            Names the parameter, its value and what would be right.
        """
        validate_params(self)

    def needs(self):
        """Operations of read-outs that the method asks for and that are optional.

        Returns
        -------
        list of Need
            Checked against the structure before a model is fitted.
        """
        return []

    @abstractmethod
    def importances(self, readout, rng):
        """Importance of each unit of one read-out.

        Parameters
        ----------
        readout : Readout
            What to rank.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        ndarray of shape (n_units,)
            Not negative, additive (a share of variance or of the loss, not its root)
            and comparable between read-outs. High: keep.
        """

    def rank(self, readouts, n_keep, rng):
        """Importances of the units of all read-outs of a model.

        Parameters
        ----------
        readouts : list of Readout
            From input to output.
        n_keep : int
            How many units will be kept.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        ndarray of shape (n_units,)
            In the order of the read-outs.
        """
        parts = [self.importances(readout, rng) for readout in readouts]
        return np.concatenate(parts) if parts else np.zeros(0)

    def gates(self, readouts, importances, n_remove, units, scope, rng):
        """Gates of the units: the most important ones stay as they are.

        Parameters
        ----------
        readouts : list of Readout
            From input to output.
        importances : ndarray of shape (n_units,)
            From `rank`.
        n_remove : int
            How many gates must be zero.
        units : Units
            Groups, floors and nesting of the units.
        scope : {"global", "local", "lamp"}
            How groups compete.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        ndarray of float of shape (n_units,)
            With exactly `n_remove` zeros.
        """
        return keep_units(importances, n_remove, units, scope).astype(float)


class FunctionMethod(Method):
    """A method made of a function ``f(readout, rng) -> importances``.

    Parameters
    ----------
    function : callable
        As `Method.importances`.
    """

    def __init__(self, function):
        self.function = function

    def importances(self, readout, rng):
        scores = np.asarray(self.function(readout, rng), dtype=float)
        valid = scores.shape == (readout.n_units,) and np.isfinite(scores).all()
        if not valid or (scores < 0).any():
            raise ValueError(
                f"The method {self.function!r} returned importances of shape "
                f"{scores.shape}, the smallest {scores.min(initial=np.inf)}, for the "
                f"{readout.n_units} units of {readout.name}; it must return one "
                "finite number for each, not negative."
            )
        return scores
