"""GradientBoostingClassifier and GradientBoostingRegressor."""

import copy
from functools import cached_property

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from skprune._compat import first_raw_prediction
from skprune.numerics.losses import EXPONENTIAL, huber, weighted_quantile
from skprune.structures.base import Family, register
from skprune.structures.boosting import (
    BOOSTING_STRUCTURES,
    BOOSTING_SYNONYMS,
    BoostedModel,
    places,
)
from skprune.structures.surgery import lone_leaf, tree_sizes, with_tree
from skprune.structures.tree_models import tree_model
from skprune.structures.tree_samples import tree_targets
from skprune.structures.trees import tree_feature_use

KINDS = (GradientBoostingClassifier, GradientBoostingRegressor)


class GradientBoostingModel(BoostedModel):
    """View of gradient boosting: ``estimators_``, stages by outputs."""

    part = "estimators_"
    training_state = ("oob_improvement_", "oob_score_", "oob_scores_", "train_score_")

    @staticmethod
    def grid(model):
        """Array of the trees, (n_stages, n_outputs)."""
        return model.estimators_

    @cached_property
    def trees(self):
        """The ``Tree`` objects, a list."""
        return [estimator.tree_ for estimator in self.grid_items]

    def loss(self):
        """Loss of the raw prediction; also the exponential one, for two classes."""
        if self.model.loss == "exponential":
            return EXPONENTIAL
        return super().loss()

    def loss_on(self, samples):
        """Loss on some samples: Huber's has the threshold of the teacher's errors."""
        if self.model.loss != "huber":
            return samples.loss
        share = self.model.alpha
        distances = np.abs(samples.targets - samples.teacher)[:, 0]
        threshold = weighted_quantile(distances, samples.weights, share)
        return huber(threshold, share) if threshold > 0 else None

    def targets(self, y):
        """Targets in the form that the loss takes: -1 and 1 for the exponential one."""
        if self.loss() is EXPONENTIAL:
            return 2 * tree_targets(self.model, y)[:, 1:] - 1
        return super().targets(y)

    def scale_of(self, members):
        """Learning rate, for each of some trees."""
        return np.full(len(members), float(self.model.learning_rate))

    def base(self, X):
        """Initial prediction, (n_samples, n_outputs)."""
        return first_raw_prediction(self.model, X)

    def with_trees(self, trees, members):
        """View of a copy of the model that has other trees."""
        grid_items = self.grid_items
        memo: dict = {}  # one for all, so that they go on sharing what they share
        place = places(self.place[members, 1])
        shape = place[:, 0].max() + 1, self.model.estimators_.shape[1]
        packed = np.empty(shape, dtype=object)
        for (stage, output), t, tree in zip(place, members, trees):
            packed[stage, output] = with_tree(grid_items[t], tree, memo)
        _fill(packed)
        memo[id(self.model.estimators_)] = packed
        model = copy.deepcopy(self.model, memo)
        model.n_estimators = model.n_estimators_ = len(packed)
        return type(self)(model, place)


def _fill(packed):
    """Fill the stages of outputs that have fewer trees with trees that add zero."""
    empty = [[estimator is None for estimator in row] for row in packed]
    for stage, output in np.argwhere(empty):
        idle = copy.copy(packed[0, output])
        idle.tree_ = lone_leaf(idle.tree_)
        packed[stage, output] = idle


def part_sizes(model):
    """Measure each tree of a gradient boosting model."""
    sizes = tree_sizes([estimator.tree_ for estimator in model.estimators_.flat])
    places = np.ndindex(model.estimators_.shape)
    return {
        f"estimators_[{stage}, {output}]": size
        for (stage, output), size in zip(places, sizes)
    }


for kind in KINDS:
    tree_model.register(kind, GradientBoostingModel.of)
register(
    Family(
        name="gradient boosting",
        accepts=lambda model: isinstance(model, KINDS),
        structures=BOOSTING_STRUCTURES,
        synonyms=BOOSTING_SYNONYMS,
        part_sizes=part_sizes,
        feature_use=tree_feature_use,
    )
)
