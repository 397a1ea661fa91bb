"""Bagging of any model that can be pruned by itself."""

from dataclasses import dataclass, replace

import numpy as np

from skprune.structures.bagging import KINDS, is_bagging_of_trees
from skprune.structures.bagging_members import (
    MemberConnections,
    MemberFeatures,
    MemberLayers,
    MemberNeurons,
    family_of_base,
    features_read,
)
from skprune.structures.bagging_whole import WholeMembers
from skprune.structures.base import REFUSALS, Family, register
from skprune.structures.containers import final_model
from skprune.structures.families import find_family

BY_MEMBER = {
    "connection": MemberConnections,
    "neuron": MemberNeurons,
    "layer": MemberLayers,
    "feature": MemberFeatures,
}


@dataclass(frozen=True)
class BaggingFamily(Family):
    """Bagging, whose granularities are those of its members and "estimator".

    Attributes
    ----------
    base : Family or None
        Of the members; None before a model is known.
    """

    base: Family | None = None

    def of(self, model):
        base = family_of_base(model)
        words = [own for own in base.structures if own != "estimator"]
        structures = {own: _of_members(base, own) for own in words}
        structures["estimator"] = WholeMembers
        return replace(
            self,
            base=base,
            name=f"bagging of {base.name}",
            structures=structures,
            synonyms={w: own for w, own in base.synonyms.items() if w != "estimator"},
            feature_use=base.feature_use and member_feature_use,
        )

    def answers(self, granularity):
        if self.base is None or granularity == "estimator":
            return super().answers(granularity)
        return self.base.answers(granularity)


def _of_members(base, granularity):
    """The units of all members; some bases have one kind of unit under two names."""
    if base.structures[granularity] is base.structures.get("feature"):
        return MemberFeatures
    return BY_MEMBER[granularity]


def member_sizes(model):
    """Size of each part of each member."""
    family = family_of_base(model)
    return {
        f"estimators_[{t}].{name}": size
        for t, member in enumerate(model.estimators_)
        for name, size in family.part_sizes(final_model(member)).items()
    }


def member_feature_use(model):
    """How many weights or splits of all members read each feature, (n_features,)."""
    total = np.zeros(model.n_features_in_, dtype=int)
    for columns, use in features_read(model):
        np.add.at(total, columns, use)
    return total


def _is_bagging(model):
    """Whether a model, fitted or not, is bagging of what can be pruned by itself."""
    if not isinstance(model, KINDS) or is_bagging_of_trees(model):
        return False
    return find_family(final_model(model.estimator)) is not None


for kind in KINDS:
    REFUSALS[kind] = "its base cannot be pruned by itself"
register(
    BaggingFamily(
        name="bagging of other models",
        accepts=_is_bagging,
        structures={**BY_MEMBER, "estimator": WholeMembers},
        synonyms={},
        part_sizes=member_sizes,
        feature_use=member_feature_use,
    )
)
