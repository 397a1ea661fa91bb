"""Structures that several prunings of one cached fit begin with.

A search with ``memory=`` prunes the same models on the same samples, candidate after
candidate. The flat nodes of a forest, or the signals of a network, are the same each
time: a structure never changes, so that one serves all of them.
"""

import copy
from dataclasses import replace

from skprune.engine.account import with_notes
from skprune.engine.recent import MOST_BYTES, Recent, held_bytes
from skprune.structures import check_targets, family_of, locate

STRUCTURES = Recent(MOST_BYTES)
SHARE = 8  # of what is kept, that the samples of one fit may be at most


def structure_of(location, granularity):
    """The structure of a model.

    Parameters
    ----------
    location : Location
        Where the model is, and its samples.
    granularity : str
        What a unit is; the name that the family uses or a synonym.

    Returns
    -------
    Structure
        Of the model as trained.

    Raises
    ------
    ValueError
        If the targets do not fit the model.
    """
    check_targets(location.model, location.samples)
    family = family_of(location.model)
    structure = family.structures[family.granularity(granularity)]
    return structure(location.model, location.samples)


def located(fitted, samples, granularity, account):
    """Where the model of an estimator is, and its structure.

    Parameters
    ----------
    fitted : estimator
        A fitted model or container.
    samples : Samples
        As the estimator takes them.
    granularity : str
        As in `structure_of`.
    account : Account or None
        Of the estimator, where it is known; its notes go with the samples.

    Returns
    -------
    location : Location
        Where the model is.
    structure : Structure
        Of the model as trained.

    Raises
    ------
    ValueError
        If the targets do not fit the model.
    """
    location = with_notes(locate(fitted, samples), account)
    return location, structure_of(location, granularity)


class Beginning:
    """What prunings of a model begin with.

    Parameters
    ----------
    fitted : estimator
        A fitted model or container.
    samples : Samples
        As the estimator takes them.
    plan : Plan
        Of the prunings.
    account : Account or None
        Of the estimator, where it is known.

    Attributes
    ----------
    location : Location
        Where the model is.
    structure : Structure
        Of the model. If it is from a cache, that of an earlier pruning of the same fit
        on the same samples where there is one at hand.
    """

    def __init__(self, fitted, samples, plan, account):
        self._name, known = None, None
        if account is not None and account.fit is not None:
            name = account.fit, plan.granularity, plan.compensate
            known = STRUCTURES.get(name)
            if known is None and held_bytes(vars(samples)) <= MOST_BYTES / SHARE:
                self._name, samples = name, _copied(samples)
        if known is None:
            known = located(fitted, samples, plan.granularity, account)
        self.location, self.structure = known

    def keep(self):
        """Keep it for the prunings to come, with what the first one has found."""
        if self._name is not None:
            kept = self.location, self.structure
            STRUCTURES.keep(self._name, kept, held_bytes(kept))


def _copied(samples):
    """A copy that nobody else will change."""
    parts = samples.X, samples.y, samples.sample_weight
    X, y, sample_weight = map(copy.deepcopy, parts)
    return replace(samples, X=X, y=y, sample_weight=sample_weight)
