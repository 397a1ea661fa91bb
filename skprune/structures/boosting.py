"""Base of the boosting families: a sum of trees on top of an initial prediction.

The output Z is the raw prediction: the initial prediction plus the sum over stages,
which have one tree per output. Training fits only the leaves of these trees, so the
values inside them mean nothing; here each split gets the mean of the leaves below it.
Besides splits, levels and features, whole trees are units ("neuron"). The mean of a
removed tree is added to the leaves of another tree of its output.
"""

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.base import is_classifier

from skprune.numerics.losses import LOGISTIC, SOFTMAX, SQUARED, tweedie
from skprune.numerics.units import Units
from skprune.readouts.whole_trees import StageReadout
from skprune.recovery.leaves import recover_boosted
from skprune.structures.tree_base import TreeStructure
from skprune.structures.tree_models import TreeModel
from skprune.structures.tree_samples import TeacherSamples, tree_targets
from skprune.structures.trees import TreeFeatures, TreeLevels, TreeSplits

REGRESSION_LOSSES = {
    "squared_error": SQUARED,
    "poisson": tweedie(1),
    "gamma": tweedie(2),
}


class BoostedSamples(TeacherSamples):
    """Samples with the loss that the model was trained for.

    If that has no second derivative, the loss is half the squared distance to the
    output of the teacher instead.
    """

    def __init__(self, view, samples):
        super().__init__(view, samples)
        self.loss = view.loss_on(self)
        if self.loss is None:
            self.loss, self.targets = SQUARED, self.teacher


@dataclass(frozen=True)
class BoostedModel(TreeModel):
    """View of a boosting model; `place` has the stage and output of each tree."""

    place: np.ndarray

    @classmethod
    def of(cls, model):
        """Make the view of all trees of a model, stage by stage."""
        n_stages, n_outputs = len(cls.grid(model)), len(cls.grid(model)[0])
        return cls(model, np.argwhere(np.ones((n_stages, n_outputs), dtype=bool)))

    @staticmethod
    @abstractmethod
    def grid(model):
        """Trees, or the estimators that have them, indexed by stage and output."""

    @cached_property
    def grid_items(self):
        """Content of the grid at the place of each tree, a list."""
        grid = self.grid(self.model)
        return [grid[stage][output] for stage, output in self.place]

    @property
    def names(self):
        return [f"{self.part}[{stage}, {output}]" for stage, output in self.place]

    def samples(self, samples):
        return BoostedSamples(self, samples)

    def loss(self):
        """Loss of the raw prediction that the model was trained for.

        None if it has no second derivative, or one that depends on the samples.
        """
        if is_classifier(self.model):
            return LOGISTIC if len(self.model.classes_) == 2 else SOFTMAX
        return REGRESSION_LOSSES.get(self.model.loss)

    def loss_on(self, samples):
        """Loss on some samples, if it depends on targets or the teacher's output."""
        return samples.loss

    def targets(self, y):
        targets = tree_targets(self.model, y)
        return targets[:, 1:] if self.loss() is LOGISTIC else targets

    def flattened(self):
        """Read the nodes of all trees; a split has the mean of the leaves below it."""
        forest = self._flat().with_fields(column=self.place[:, 1].astype(np.intp))
        return forest.with_fields(value=forest.average_up(forest.value.copy()))

    def _flat(self):
        """Read the nodes with the stored values, as if all were of one output."""
        return super().flattened()

    def recover(self, problem, structure):
        samples = structure.samples
        targets = samples.teacher - self.base(samples.X)
        curvature = samples.loss.curvature(samples.teacher)
        return recover_boosted(
            problem,
            structure.forest.column,
            targets[samples.used],
            curvature[samples.used],
        )

    def tidied(self):
        # trees of a single leaf do nothing
        forest = self.flattened()
        smaller, kept, trees = without_trees(forest, forest.split_counts > 0)
        if len(trees) == forest.n_trees:
            return super().tidied()
        return self.rebuilt(smaller, kept, forest.offset[trees], trees).model


def places(column):
    """Find the stage and output of trees, from the output of each.

    Trees of one output keep their order and leave no stage out.
    """
    stage = np.empty(len(column), dtype=int)
    for output in np.unique(column):
        stage[column == output] = np.arange(np.count_nonzero(column == output))
    return np.column_stack([stage, column])


def packed_stages(place, trees, idle):
    """Make an array of trees by stage and output.

    Outputs that have fewer trees get ``idle(tree)`` in the remaining stages, made of
    their first tree.
    """
    stages = np.empty(place.max(axis=0) + 1, dtype=object)
    for (stage, output), tree in zip(place, trees):
        stages[stage, output] = tree
    for stage, output in np.ndindex(stages.shape):
        if stages[stage, output] is None:
            stages[stage, output] = idle(stages[0, output])
    return stages


def without_trees(forest, stays):
    """Remove trees, and add their constants to another tree of the same output.

    All nodes of a tree that does not stay must have one value. If no tree of an output
    stays, one of them becomes a leaf. Returns the smaller forest, the old ids of its
    nodes, and the remaining trees.
    """
    roots, value = forest.offset[:-1], forest.value.copy()
    left, right, stays = forest.left.copy(), forest.right.copy(), stays.copy()
    constant = np.where(stays, 0.0, value[roots, 0] * forest.scale)
    for output in np.unique(forest.column):
        trees = np.flatnonzero(forest.column == output)
        staying = trees[stays[trees]]
        taker = staying[0] if len(staying) else trees[0]
        if not len(staying):
            value[forest.nodes(taker)] = 0.0
            left[roots[taker]] = right[roots[taker]] = -1
            stays[taker] = True
        value[forest.nodes(taker)] += constant[trees].sum() / forest.scale[taker]
    trees = np.flatnonzero(stays)
    with_values = forest.with_fields(value=value)
    return *with_values.rewired(left, right, roots[trees], trees), trees


class StageTrees(TreeStructure):
    """Boosting whose units are trees of stages.

    A gate multiplies the difference of the tree's output from its mean.
    """

    answers = StageReadout.answers

    def _set_units(self):
        self.trees = np.flatnonzero(self.forest.split_counts)
        group = np.zeros(len(self.trees), dtype=int)
        self.units = Units(group, np.ones(1, dtype=int))

    def readouts(self):
        options = {"units": self.trees, "curvature": self._curvature}
        return [self._readout(StageReadout, **options)]

    def output(self, gates=None, X=None):
        value = self.forest.value
        if gates is not None:
            value = self._gated(value, np.asarray(gates, dtype=float))
        return self._output(value, X)

    def _gated(self, value, gates):
        """Apply gates to the values of nodes, about the mean of each tree."""
        mean, gate = np.zeros((2, self.forest.n_trees, 1))
        for t, weights in enumerate(self._leaf_weights()):
            mean[t] = weights @ value[self.forest.nodes(t)]
        gate[:] = 1.0
        gate[self.trees, 0] = gates
        mean, gate = mean[self.forest.node_tree], gate[self.forest.node_tree]
        return np.where(gate == 1, value, mean + gate * (value - mean))

    def _leaf_weights(self):
        """Yield for each tree the weight of the samples that end at each node."""
        for t in range(self.forest.n_trees):
            nodes = self.forest.nodes(t)
            n_nodes = nodes.stop - nodes.start
            yield np.bincount(self._leaves(t), self.weights, n_nodes)

    def _cut(self, gates):
        forest = self.forest
        stays = np.zeros(forest.n_trees, dtype=bool)
        stays[self.trees[gates != 0]] = True
        gated, prior = (
            forest.with_fields(value=self._gated(value, gates))
            for value in (forest.value, self.prior)
        )
        smaller, kept, trees = without_trees(gated, stays)
        prior = without_trees(prior, stays)[0].value
        return self._packed(smaller, kept, prior, trees)


BOOSTING_STRUCTURES = {
    "connection": TreeSplits,
    "neuron": StageTrees,
    "layer": TreeLevels,
    "feature": TreeFeatures,
}
TREE_WORDS = "tree", "stage"  # of the granularity "neuron"
