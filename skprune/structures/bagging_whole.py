"""Whole members of a bagging ensemble as units; there is nothing to recover."""

import copy
from functools import cached_property

import numpy as np
from sklearn.base import is_classifier

from skprune.numerics.losses import SQUARED
from skprune.numerics.units import Units
from skprune.readouts.members import MemberReadout
from skprune.structures.bagging_members import predictions, with_members
from skprune.structures.base import Structure
from skprune.structures.samples import total_weights
from skprune.structures.tree_samples import brier, tree_targets


class WholeMembers(Structure):
    """A unit is a member; the prediction is the mean over those that are left."""

    answers = MemberReadout.answers
    group_names = ["estimators_"]

    def __init__(self, model, samples):
        self.model, self.X = model, samples.X
        self.kept = np.arange(len(model.estimators_))
        targets = tree_targets(model, samples.y)
        weights = total_weights(model, samples, len(targets))
        self.weights, self.targets = weights / weights.sum(), targets
        self.loss_function = brier(1) if is_classifier(model) else SQUARED

    @property
    def units(self):
        """Independent ones, of which one stays."""
        group = np.zeros(len(self.kept), dtype=int)
        return Units(group, np.ones(1, dtype=int), rescalable=False)

    @cached_property
    def outputs(self):
        """Predictions of each member, (n_members, n_samples, n_outputs)."""
        every = self._outputs(self.X)
        return every[self.kept]

    def _outputs(self, X):
        members = self.model.estimators_
        alone = ([member] for member in members)
        places = np.arange(len(members))[:, None]
        pairs = zip(alone, places)
        return np.stack([predictions(with_members(self.model, *p), X) for p in pairs])

    @property
    def estimator(self):
        """The plain fitted model as it is now."""
        members = [copy.deepcopy(self.model.estimators_[t]) for t in self.kept]
        return with_members(self.model, members, self.kept)

    def _gradient(self, rng=None):
        Z = self.output()
        Y = self.targets if rng is None else self.loss_function.draw(Z, rng)
        return self.loss_function.gradient(Z, Y)

    def readouts(self):
        parts = self.outputs, self._gradient, self.weights
        return [MemberReadout("estimators_", *parts)]

    def output(self, gates=None, X=None):
        gates = np.ones(len(self.kept)) if gates is None else np.asarray(gates)
        outputs = self.outputs if X is None else self._outputs(X)[self.kept]
        return np.einsum("u,unk->nk", gates / gates.sum(), outputs)

    def loss(self, gates=None):
        per_sample = self.loss_function.value(self.output(gates), self.targets)
        return float(self.weights @ per_sample)

    def prune(self, gates, *, compensate, rng):
        smaller = copy.copy(self)
        smaller.outputs = self.outputs[gates != 0]
        smaller.kept = self.kept[gates != 0]
        return smaller

    def finished(self):
        return self.estimator
