"""The ranking of a structure, and the first one, made once for all rates.

Where the importances do not depend on how many units go, each rate starts from the
same ranking and from the state of the generator just after it, so that its result is
that of a ranking of its own, to the last digit.
"""

from copy import copy, deepcopy
from dataclasses import dataclass, replace

import numpy as np

from skprune.methods import Method
from skprune.structures import Structure


@dataclass(frozen=True)
class Ranking:
    """Importances of the units of a structure, and what gates are made from.

    Attributes
    ----------
    structure : Structure
        Whose units were ranked.
    method : Method
        That ranked them.
    readouts : list of Readout
        Of the structure.
    importances : ndarray of shape (n_units,)
        High: keep.
    rng : numpy.random.Generator
        As the ranking has left it.
    """

    structure: Structure
    method: Method
    readouts: list
    importances: np.ndarray
    rng: np.random.Generator

    def gates(self, n_remove, scope):
        """Gates of the units when so many of them go.

        Parameters
        ----------
        n_remove : int
            How many gates are zero.
        scope : {"global", "local", "lamp"}
            How layers or trees compete.

        Returns
        -------
        ndarray of float of shape (n_units,)
            Zero removes.
        """
        ranked, units = (self.readouts, self.importances), self.structure.units
        return self.method.gates(*ranked, n_remove, units, scope, self.rng)

    def again(self, structure, n_keep):
        """Rank another structure by the same method, with the same generator.

        Parameters
        ----------
        structure : Structure
            What to rank.
        n_keep : int
            How many units will be kept.

        Returns
        -------
        Ranking
            Of all its units.
        """
        return rank_units(structure, self.method, n_keep, self.rng)


def rank_units(structure, method, n_keep, rng):
    """Rank the units of a structure.

    Parameters
    ----------
    structure : Structure
        What to rank.
    method : Method
        How.
    n_keep : int
        How many units will be kept.
    rng : numpy.random.Generator
        Source of randomness; drawn from.

    Returns
    -------
    Ranking
        Of all units that are left.
    """
    readouts = structure.readouts()
    importances = method.rank(readouts, n_keep, rng)
    return Ranking(structure, method, readouts, importances, rng)


class FirstRanking:
    """The ranking of a structure that several rates start from.

    Parameters
    ----------
    structure : Structure
        Of the model as trained.
    method : Method
        Ranks once, or for each number of kept units where its
        ``ranking_depends_on_rate``.
    rng : numpy.random.Generator
        Never drawn from: each ranking and each rate has a copy.
    """

    def __init__(self, structure, method, rng):
        self.structure = structure
        self.method = method
        self._rng = rng
        self._shared = None

    def at(self, n_keep):
        """The ranking when so many units will be kept.

        Parameters
        ----------
        n_keep : int
            How many units will be kept.

        Returns
        -------
        Ranking
            Whose generator is its own.
        """
        if self.method.ranking_depends_on_rate:
            return self._rank(n_keep)
        if self._shared is None:
            self._shared = self._rank(n_keep)
        return replace(self._shared, rng=deepcopy(self._shared.rng))

    def _rank(self, n_keep):
        return rank_units(self.structure, self.method, n_keep, deepcopy(self._rng))


def first_rankings(structures, method, rng):
    """Prepare the first ranking of each of several structures.

    Parameters
    ----------
    structures : list of Structure
        Structures of the models as trained.
    method : Method
        Ranks the first one; copies of it rank the others, as methods keep what they
        find in a model.
    rng : numpy.random.Generator
        Generator of the first one; the others draw apart from it.

    Returns
    -------
    list of FirstRanking
        One for each structure.
    """
    firsts = [FirstRanking(structure, method, rng) for structure in structures[:1]]
    for number, structure in enumerate(structures[1:], start=1):
        own = np.random.Generator(rng.bit_generator.jumped(number))
        firsts.append(FirstRanking(structure, copy(method), own))
    return firsts
