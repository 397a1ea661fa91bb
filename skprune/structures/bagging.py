"""Bagging: of trees, which is a forest, or of any other model that can be pruned.

Each member may be trained on some of the features only.
"""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.ensemble import BaggingClassifier, BaggingRegressor

from skprune._compat import keep_seeds
from skprune.structures.bagging_members import (
    MemberConnections,
    MemberFeatures,
    MemberLayers,
    MemberNeurons,
    WholeMembers,
    family_of_base,
    features_read,
)
from skprune.structures.base import REFUSALS, Family, register
from skprune.structures.families import find_family
from skprune.structures.forests import FOREST_STRUCTURES, ForestModel
from skprune.structures.location import final_model
from skprune.structures.trees import made_of_trees, register_trees

KINDS = (BaggingClassifier, BaggingRegressor)


class BaggingModel(ForestModel):
    """View of a bagging ensemble of trees."""

    @property
    def asked(self):
        of_trees = []
        for tree, seen in zip(self.trees, self.model.estimators_features_):
            is_leaf = tree.feature < 0
            of_trees.append(
                np.where(is_leaf, -1, seen[np.where(is_leaf, 0, tree.feature)])
            )
        return np.concatenate(of_trees)

    def leaves(self, t, X):
        seen = self.model.estimators_features_[t]
        if not np.array_equal(seen, np.arange(X.shape[1])):
            X = X[:, seen]
        return self.trees[t].apply(X)

    def with_trees(self, trees, members):
        model = super().with_trees(trees, members).model
        keep_seeds(model, members, len(self.trees))
        model.estimators_features_ = [model.estimators_features_[t] for t in members]
        return replace(self, model=model)


register_trees(
    "bagging of trees",
    KINDS,
    BaggingModel,
    FOREST_STRUCTURES,
    ["tree", "estimator"],
)
BY_MEMBER = {
    "connection": MemberConnections,
    "neuron": MemberNeurons,
    "layer": MemberLayers,
    "feature": MemberFeatures,
}


@dataclass(frozen=True)
class BaggingFamily(Family):
    """Bagging, with the granularities of its members and "estimator".

    `base` is the family of the members, None before a model is known.
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
    """Choose the structure; some bases have one kind of unit under two names."""
    if base.structures[granularity] is base.structures.get("feature"):
        return MemberFeatures
    return BY_MEMBER[granularity]


def member_sizes(model):
    """Measure each part of each member."""
    family = family_of_base(model)
    return {
        f"estimators_[{t}].{name}": size
        for t, member in enumerate(model.estimators_)
        for name, size in family.part_sizes(final_model(member)).items()
    }


def member_feature_use(model):
    """Count the weights or splits of all members that read each feature."""
    total = np.zeros(model.n_features_in_, dtype=int)
    for columns, use in features_read(model):
        np.add.at(total, columns, use)
    return total


def _is_bagging(model):
    """Whether a model, fitted or not, is bagging of models that can be pruned."""
    if not isinstance(model, KINDS) or made_of_trees(model, KINDS):
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
