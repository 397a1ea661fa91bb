"""GradientBoostingClassifier and GradientBoostingRegressor."""

import copy
from functools import cached_property

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from skprune._compat import first_raw_prediction
from skprune.numerics.losses import EXPONENTIAL, huber, weighted_quantile
from skprune.structures.boosting import (
    BOOSTING_STRUCTURES,
    TREE_WORDS,
    BoostedModel,
    packed_stages,
    places,
)
from skprune.structures.surgery import lone_leaf, with_tree
from skprune.structures.tree_samples import tree_targets
from skprune.structures.trees import register_trees

KINDS = (GradientBoostingClassifier, GradientBoostingRegressor)


class GradientBoostingModel(BoostedModel):
    """View of gradient boosting: ``estimators_``, stages by outputs."""

    part = "estimators_"
    training_state = ("oob_improvement_", "oob_score_", "oob_scores_", "train_score_")

    @staticmethod
    def grid(model):
        return model.estimators_

    @cached_property
    def trees(self):
        return [estimator.tree_ for estimator in self.grid_items]

    def loss(self):
        if self.model.loss == "exponential":
            return EXPONENTIAL
        return super().loss()

    def loss_on(self, samples):
        """Loss on some samples: Huber's has a threshold by the teacher's errors."""
        if self.model.loss != "huber":
            return samples.loss
        share = self.model.alpha
        distances = np.abs(samples.targets - samples.teacher)[:, 0]
        threshold = weighted_quantile(distances, samples.weights, share)
        return huber(threshold, share) if threshold > 0 else None

    def targets(self, y):
        if self.loss() is EXPONENTIAL:
            return 2 * tree_targets(self.model, y)[:, 1:] - 1
        return super().targets(y)

    def scale_of(self, members):
        return np.full(len(members), float(self.model.learning_rate))

    def base(self, X):
        return first_raw_prediction(self.model, X)

    def with_trees(self, trees, members):
        memo: dict = {}  # one for all, so that they go on sharing what they share
        copies = (
            with_tree(self.grid_items[t], tree, memo) for t, tree in zip(members, trees)
        )
        place = places(self.place[members, 1])
        packed = packed_stages(place, copies, _idle)
        memo[id(self.model.estimators_)] = packed
        model = copy.deepcopy(self.model, memo)
        model.n_estimators = model.n_estimators_ = len(packed)
        return type(self)(model, place)


def _idle(estimator):
    """Copy a tree estimator around a tree that adds zero."""
    idle = copy.copy(estimator)
    idle.tree_ = lone_leaf(idle.tree_)
    return idle


register_trees(
    "gradient boosting",
    KINDS,
    GradientBoostingModel.of,
    BOOSTING_STRUCTURES,
    TREE_WORDS,
)
