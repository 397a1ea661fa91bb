"""Rankings of units, and the first one, made once for all rates.

If the importances do not depend on how many units are removed, each rate starts from
the same ranking and from the state of the generator just after it. Its result is then
exactly that of a ranking of its own.
"""

from copy import copy, deepcopy
from dataclasses import dataclass, replace

import numpy as np

from skprune.methods import Method
from skprune.structures import Structure


@dataclass(frozen=True)
class Ranking:
    """Importances of the units of a structure, from which gates are made.

    ``rng`` is the generator as the ranking left it.
    """

    structure: Structure
    method: Method
    readouts: list
    importances: np.ndarray
    rng: np.random.Generator

    def gates(self, n_remove, scope):
        """Gates of shape (n_units,), of which `n_remove` are zero."""
        ranked, units = (self.readouts, self.importances), self.structure.units
        return self.method.gates(*ranked, n_remove, units, scope, self.rng)

    def again(self, structure, n_keep):
        """Rank another structure by the same method, with the same generator."""
        return rank_units(structure, self.method, n_keep, self.rng)


def rank_units(structure, method, n_keep, rng):
    """Rank the units of a structure, of which `n_keep` will be kept."""
    readouts = structure.readouts()
    importances = method.rank(readouts, n_keep, rng)
    return Ranking(structure, method, readouts, importances, rng)


class FirstRanking:
    """The ranking of a model as trained, from which several rates start.

    It is made once, or for each rate if the method's ``ranking_depends_on_rate``. Each
    ranking and each rate draws from a copy of `rng`.
    """

    def __init__(self, structure, method, rng):
        self.structure = structure
        self.method = method
        self._rng = rng
        self._shared = None

    def at(self, n_keep):
        """The ranking for a number of units to keep, with a generator of its own."""
        if self.method.ranking_depends_on_rate:
            return self._rank(n_keep)
        if self._shared is None:
            self._shared = self._rank(n_keep)
        return replace(self._shared, rng=deepcopy(self._shared.rng))

    def _rank(self, n_keep):
        return rank_units(self.structure, self.method, n_keep, deepcopy(self._rng))


def first_rankings(structures, method, rng):
    """Prepare the first ranking of each structure, a list of FirstRanking.

    The method itself ranks the first structure and copies of it the others, as methods
    keep what they find in a model. The others draw from streams of their own.
    """
    firsts = [FirstRanking(structure, method, rng) for structure in structures[:1]]
    for number, structure in enumerate(structures[1:], start=1):
        own = np.random.Generator(rng.bit_generator.jumped(number))
        firsts.append(FirstRanking(structure, copy(method), own))
    return firsts
