"""AdaBoost of trees: a weighted vote of classifiers, a weighted median of regressors.

A tree votes for the likeliest class of the leaf that a sample falls into, so its leaves
cannot be fitted to the decision. Recovery instead fits the weights of the surviving
trees to the decision of the teacher by least squares, and shifts the median of
regressors by a constant.
"""

import copy
from dataclasses import replace

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls
from sklearn.base import is_classifier
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor

from skprune.numerics.losses import SQUARED
from skprune.structures.base import REFUSALS
from skprune.structures.forests import ForestModel, ForestTrees
from skprune.structures.tree_base import TreeStructure
from skprune.structures.tree_models import tree_model
from skprune.structures.tree_samples import TeacherSamples, tree_targets
from skprune.structures.trees import (
    TreeFeatures,
    TreeLevels,
    TreeSplits,
    register_trees,
)

KINDS = (AdaBoostClassifier, AdaBoostRegressor)
WEIGHT_RIDGE = 1e-2  # toward the weights so far, relative to the mean square of votes


def votes_of(shares):
    """Compute the votes of trees for class shares or indicators, (n, n_classes).

    The largest of each row gets the vote 1, the first one of a tie; the others get
    ``-1 / (n_classes - 1)``. For two classes the result is the difference of the two
    votes, 2 or -2, of shape (n, 1).
    """
    n_classes = shares.shape[1]
    chosen = np.arange(n_classes) == shares.argmax(axis=1)[:, None]
    votes = np.where(chosen, 1.0, -1.0 / max(n_classes - 1, 1))
    return votes[:, 1:] - votes[:, :1] if n_classes == 2 else votes


def weighted_median(values, weights):
    """Compute the weighted median of each column of `values`.

    It is the smallest value such that it and those below have half of the weight.

    Examples
    --------
    >>> weighted_median(np.array([[3.0], [1.0], [2.0]]), np.array([0.2, 0.5, 0.3]))
    array([1.])
    """
    order = np.argsort(values, axis=0)
    below = np.cumsum(weights[order], axis=0)
    middle = (below >= 0.5 * below[-1]).argmax(axis=0)[None]
    chosen = np.take_along_axis(order, middle, axis=0)
    return np.take_along_axis(values, chosen, axis=0)[0]


class AdaBoostModel(ForestModel):
    """View of AdaBoost: trees and their weights."""

    @property
    def weights(self):
        """Weight of each tree, (n_trees,)."""
        return self.model.estimator_weights_[: len(self.model.estimators_)]

    def scale_of(self, members):
        weights = self.weights[members]
        return weights / weights.sum()

    def samples(self, samples):
        return TeacherSamples(self, samples)

    def loss(self):
        """Half the squared distance of the decision, or of the prediction."""
        return SQUARED

    def targets(self, y):
        """Votes for the true class, or the targets of a regression."""
        targets = tree_targets(self.model, y)
        return votes_of(targets) if is_classifier(self.model) else targets

    def flattened(self):
        """Read the nodes of all trees; those of classifiers with votes as values."""
        forest = super().flattened()
        if is_classifier(self.model):
            return forest.with_fields(value=votes_of(np.asarray(forest.value)))
        return forest

    def combined(self, forest, X, leaves):
        """Compute the mean of the votes, or the median of the values."""
        reached = (
            forest.value[forest.nodes(t)][leaves(t)] for t in range(forest.n_trees)
        )
        if is_classifier(self.model):
            return sum(share * votes for share, votes in zip(forest.scale, reached))
        values = np.array([values[:, 0] for values in reached])
        return weighted_median(values, forest.scale)[:, None]

    def with_trees(self, trees, members):
        model = super().with_trees(trees, members).model
        for name in ("estimator_weights_", "estimator_errors_"):
            setattr(model, name, getattr(self.model, name)[members])
        return replace(self, model=model)

    def rebuilt(self, forest, kept, old_offset, members):
        if is_classifier(self.model):
            shares = super().flattened().value
            forest = forest.with_fields(value=shares[kept])
        return super().rebuilt(forest, kept, old_offset, members)


class AdaBoosted(TreeStructure):
    """Base of the structures of AdaBoost."""

    @property
    def gates_are_linear(self):
        return is_classifier(self.source.model) and super().gates_are_linear

    def __init__(self, model, samples):
        self.tree_weights = tree_model(model).weights
        super().__init__(model, samples)

    def _set_units(self):
        super()._set_units()  # type: ignore[safe-super]
        self.units = replace(self.units, rescalable=isinstance(self, AdaBoostTrees))

    def _scale_of(self, trees):
        weights = self.tree_weights[trees]
        return weights / weights.sum()

    def _packed(self, forest, kept, prior, trees=None):
        pruned = super()._packed(forest, kept, prior, trees)
        if trees is not None:
            pruned.tree_weights = self.tree_weights[trees]
        return pruned

    def _built(self):
        view = super()._built()
        view.model.estimator_weights_ = self.tree_weights.copy()
        return view

    def _recovered(self):
        teacher = self.samples.teacher
        if is_classifier(self.source.model):
            return self._reweighted(self._fitted_weights(teacher))
        return self._moved(self.weights @ (teacher - self.output()))

    def _reweighted(self, weights):
        """Give the same trees other weights."""
        changed = copy.copy(self)
        changed.tree_weights = weights
        changed.forest = self.forest.with_fields(scale=weights / weights.sum())
        if self._view is not None:
            model = copy.copy(self._view.model)
            model.estimator_weights_ = weights.copy()
            changed._view = replace(self._view, model=model)
        return changed

    def _moved(self, shift):
        """Add a constant to all values."""
        changed = self._with_values(self.forest.value + shift)
        changed.prior = self.prior + shift
        return changed

    def _fitted_weights(self, teacher):
        """Estimate weights of the trees by a non-negative ridge regression.

        Their sum is free, as only ratios of decisions matter for the predicted class.
        """
        forest, before = self.forest, self.tree_weights
        root = np.sqrt(self.weights)[:, None]
        votes = np.array(
            [
                (root * forest.value[forest.nodes(t)][self._leaves(t)]).ravel()
                for t in range(forest.n_trees)
            ]
        )
        gram, share = votes @ votes.T, before / before.sum()
        ridge = WEIGHT_RIDGE * (np.trace(gram) / len(gram) or 1.0)
        right = votes @ (root * teacher).ravel() + ridge * share
        factor = cholesky(gram + ridge * np.eye(len(gram)))
        fitted, _ = nnls(factor, solve_triangular(factor, right, trans="T"))
        return fitted * (before.sum() / fitted.sum()) if fitted.any() else before


class AdaBoostSplits(AdaBoosted, TreeSplits):
    """AdaBoost whose units are splits, each with the subtree below it."""


class AdaBoostLevels(AdaBoosted, TreeLevels):
    """AdaBoost whose units are depth levels of trees."""


class AdaBoostFeatures(AdaBoosted, TreeFeatures):
    """AdaBoost whose units are the input features that some split uses."""


class AdaBoostTrees(AdaBoosted, ForestTrees):
    """AdaBoost whose units are trees; a gate multiplies the weight of its tree."""

    def output(self, gates=None, X=None):
        gated = self
        if gates is not None:
            shares = np.asarray(gates) * self.forest.scale
            gated = copy.copy(self)
            gated.forest = self.forest.with_fields(scale=shares / shares.sum())
        return gated._output(self.forest.value, X)

    def _cut(self, gates):
        trees, forest = np.flatnonzero(gates), self.forest
        roots = forest.offset[trees]
        smaller, kept = forest.rewired(forest.left, forest.right, roots, trees)
        pruned = self._packed(smaller, kept, self.prior[kept], trees)
        return pruned._reweighted(pruned.tree_weights * gates[trees])


for kind in KINDS:
    REFUSALS[kind] = "only AdaBoost of single trees can"
register_trees(
    "AdaBoost of trees",
    KINDS,
    AdaBoostModel,
    {
        "connection": AdaBoostSplits,
        "neuron": AdaBoostTrees,
        "layer": AdaBoostLevels,
        "feature": AdaBoostFeatures,
    },
    ["tree", "stage"],
)
