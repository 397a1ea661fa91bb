"""Base of pruning methods: importances of units, and gates made from them.

A method is a small estimator of its own, so its parameters can be searched over
(``method__order``). It asks read-outs, and does not depend on the model behind them.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from skprune._compat import validate_params
from skprune.numerics.units import keep_units


class Need(NamedTuple):
    """Optional operation of read-outs that a method depends on.

    Attributes
    ----------
    operation : str
        Name of the operation in `Readout`: "elimination" or "sensitivity".
    setting : str
        Parameter and value that cause the need, as in ``"score='weight'"``.
    asks : str
        What the operation computes, in words for an error message.
    instead : str
        Setting without this need.
    """

    operation: str
    setting: str
    asks: str
    instead: str


class Method(ABC, BaseEstimator):
    """Base of methods, which rank the units of read-outs and choose their gates.

    Attributes
    ----------
    ranking_depends_on_rate : bool
        Of the class: whether `rank` depends on the number of units that are kept. If
        not, several rates share one ranking.
    in_training : object or None
        Strategy that removes units while the model is trained, as `Shrinking` does.
        None if they are removed before.
    """

    ranking_depends_on_rate = False
    in_training: Any = None
    _parameter_constraints: dict = {}

    def check(self):
        """Raise if a parameter is out of its range.

        Raises
        ------
        ValueError
            Names the parameter, its value and the valid ones.
        """
        validate_params(self)

    def needs(self):
        """List the optional operations of read-outs that the method depends on.

        Returns
        -------
        list of Need
            Compared with the answers of the structure before a model is fitted.
        """
        return []

    @abstractmethod
    def importances(self, readout, rng):
        """Compute the importance of each unit of one read-out.

        Parameters
        ----------
        readout : Readout
            Read-out to rank.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        ndarray of shape (n_units,)
            Non-negative, additive (a fraction of the variance or of the loss, not its
            root) and comparable between read-outs. High: keep.
        """

    def rank(self, readouts, n_keep, rng):
        """Compute the importances of the units of all read-outs of a model.

        Parameters
        ----------
        readouts : list of Readout
            From input to output.
        n_keep : int
            Number of units that will be kept.
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
        """Choose the gates; by default the most important units stay as they are.

        Parameters
        ----------
        readouts : list of Readout
            From input to output.
        importances : ndarray of shape (n_units,)
            From `rank`.
        n_remove : int
            Number of gates that must be zero.
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
    """Method made of a function ``f(readout, rng) -> importances``.

    Parameters
    ----------
    function : callable
        Called as `Method.importances`.
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
                "finite, non-negative number per unit."
            )
        return scores
