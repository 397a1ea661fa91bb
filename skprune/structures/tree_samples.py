"""Samples on which trees are pruned: features, targets, weights and folds."""

from dataclasses import replace
from functools import cached_property

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier

from skprune.numerics.losses import SQUARED
from skprune.recovery.leaf_solvers import Probabilities
from skprune.structures.samples import total_weights


class TreeSamples:
    """Samples on which trees are pruned, and the loss of the trees' output.

    Attributes
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        In the form in which trees route it.
    targets : ndarray of shape (n_samples, n_outputs * n_classes)
        See `tree_targets`.
    raw_weights, weights : ndarray of shape (n_samples,)
        Sample weights times class weights, and the same with a sum of one.
    loss : Loss
        Loss of the output.
    """

    def __init__(self, view, samples):
        self.model, self.trained_on = view.model, samples.trained_on
        self.X = view.features(samples.X)
        self.raw_weights = total_weights(view.model, samples, self.X.shape[0])
        self.weights = self.raw_weights / self.raw_weights.sum()
        self.targets = view.targets(samples.y)
        self.loss = view.loss()

    @cached_property
    def limits(self):
        """Constraint on the values of leaves, Probabilities or None for a regressor."""
        if not is_classifier(self.model):
            return None
        n_classes = np.atleast_1d(self.model.n_classes_)
        return Probabilities(tuple(int(n) for n in n_classes))

    @property
    def seen(self):
        """Training samples of each tree, if they differ and are known."""
        if not getattr(self.model, "bootstrap", False):
            return None
        # a pruned forest does not have the weights that its samples were drawn by, and
        # bagging forgets the samples of the trees before a warm start
        rows = getattr(self.model, "estimators_samples_", None)
        if rows is None or len(rows) != len(self.model.estimators_):
            return None
        return rows if self.trained_on or self._explains_roots(rows) else None

    @cached_property
    def memorised(self):
        """Whether each of several trees was trained on all of these samples."""
        if getattr(self.model, "bootstrap", False) or not hasattr(
            self.model, "estimators_"
        ):
            return False
        every = [self.used] * len(self.model.estimators_)
        return self.trained_on or self._explains_roots(every)

    def _explains_roots(self, rows):
        """Whether the root of each tree has the mean target of these samples."""
        roots = [getattr(e, "tree_", None) for e in self.model.estimators_]
        return all(
            tree is not None and self._explains_root(tree, own)
            for tree, own in zip(roots, rows)
        )

    def _explains_root(self, tree, rows):
        if rows.max() >= len(self.weights):
            return False
        counts = np.bincount(rows, minlength=len(self.weights))
        if counts[self.raw_weights == 0].any():
            return False
        return any(
            np.count_nonzero(w) == tree.n_node_samples[0]
            and np.allclose(tree.value[0].ravel(), w @ self.targets / w.sum())
            for w in (counts, counts * self.raw_weights)
        )

    @cached_property
    def out_of_bag(self):
        """Out-of-bag samples of each tree, (n_trees, n_samples) of bool, or None."""
        seen = self.seen
        if seen is None:
            return None
        mask = np.ones((len(seen), len(self.weights)), dtype=bool)
        for t, rows in enumerate(seen):
            mask[t, rows] = False
        return mask

    @cached_property
    def used(self):
        """The samples of positive weight, ascending."""
        return np.flatnonzero(self.raw_weights)

    @cached_property
    def rank(self):
        """Rank of the used samples by their content, equal for equal samples."""
        y = self.targets[self.used]
        single = self.X[self.used].astype(np.float32, copy=False)
        code = y @ (1.0 + np.arange(y.shape[1])) if y.shape[1] > 1 else y[:, 0]
        return content_rank(row_hashes(single), code)

    @cached_property
    def counts(self):
        """Weights of the used samples; their sum is the number of distinct samples."""
        weights = self.raw_weights[self.used]
        return weights * ((self.rank.max() + 1) / weights.sum())


class TeacherSamples(TreeSamples):
    """Samples with the output of the teacher, toward which trees are recovered."""

    seen = None
    limits = None
    memorised = True

    def __init__(self, view, samples):
        super().__init__(view, samples)
        self.teacher = view.raw_prediction(self.X)


def routed(view, n_nodes, X):
    """Find the leaf of each tree that each sample of ``view.features`` falls into.

    The result has shape (n_trees, n_samples), and the smallest type for `n_nodes`, the
    number of nodes of each tree. Leaves are numbered within the tree.
    """
    kind = np.min_scalar_type(n_nodes.max())
    leaves = np.empty((len(n_nodes), X.shape[0]), dtype=kind)
    for t in range(len(n_nodes)):
        leaves[t] = view.leaves(t, X)
    return leaves


def tree_targets(model, y):
    """Convert targets to the form of the values of leaves.

    The result has shape (n_samples, n_outputs * n_classes): indicators of classes, or
    the targets of a regression. The classes of one output are side by side, and each
    output has as many columns as the one with most classes.
    """
    y = np.asarray(y)
    y = y.reshape(len(y), -1)
    if not is_classifier(model):
        return y.astype(float)
    classes = model.classes_ if isinstance(model.classes_, list) else [model.classes_]
    indicator = np.zeros((*y.shape, max(map(len, classes))))
    for k, known in enumerate(classes):
        code = np.searchsorted(known, y[:, k].astype(known.dtype))
        indicator[np.arange(len(y)), k, code] = 1.0
    return indicator.reshape(len(y), -1)


def held_out_squares(Z, Y, spread):
    """Half the squared error, without the part that is due to missing trees."""
    return ((Z - Y) ** 2 - spread).sum(axis=1) / 2


def held_out_distance(Z, Y, spread):
    """Absolute error, for trees that were grown with this criterion."""
    return np.abs(Z - Y).sum(axis=1)


def brier(n_outputs):
    """Half the Brier score of class probabilities, whose labels are drawn from them.

    The probabilities of each of `n_outputs` outputs are side by side.
    """

    def draw(Z, rng):
        shape = len(Z), n_outputs, -1
        edges = np.clip(Z, 0, None).reshape(shape).cumsum(axis=2)
        height = rng.random((len(Z), n_outputs, 1)) * edges[:, :, -1:]
        drawn = (height >= edges).sum(axis=2, keepdims=True)
        drawn = np.minimum(drawn, edges.shape[2] - 1)
        return (np.arange(edges.shape[2]) == drawn).astype(float).reshape(len(Z), -1)

    return replace(SQUARED, name="Brier score", draw=draw)


def content_rank(hashes, target):
    """Rank samples by `target`, so that neighbours are similar, and then by content.

    Folds made from ranks do not depend on the order of the samples. Equal samples have
    the same rank, so that a sample of weight two is treated as two samples.
    """
    order = np.lexsort((hashes, target))
    new = (np.diff(hashes[order]) != 0) | (np.diff(target[order]) != 0)
    rank = np.zeros(len(order), dtype=np.intp)
    rank[order[1:]] = np.cumsum(new)
    return rank


def row_hashes(X):
    """Hash the numbers in each row of a float32 array or CSR array, NaN included."""
    rng = np.random.default_rng(0)
    factors = rng.integers(2**63, size=X.shape[1], dtype=np.uint64) * 2 + 1
    hashes = np.zeros(X.shape[0], dtype=np.uint64)
    if sparse.issparse(X):
        row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        np.add.at(hashes, row, _mixed(X.data) * factors[X.indices])
        return hashes
    for column, factor in zip(X.T, factors):
        hashes += _mixed(column) * factor
    return hashes


def _mixed(numbers):
    """Mix the bits of float32 numbers; zero for zero of either sign."""
    bits = np.ascontiguousarray(numbers + np.float32(0)).view(np.uint32)
    spread = bits.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return spread ^ (spread >> np.uint64(29))
