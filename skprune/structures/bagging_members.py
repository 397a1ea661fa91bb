"""Units of bagging ensembles of models that can be pruned.

A unit is a unit of one member, a feature that several members read, or a whole member.
Each member is recovered separately, on the features and classes that it was trained on.
"""

import copy
from dataclasses import replace
from functools import cached_property

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import validate_data

from skprune._compat import keep_seeds
from skprune.numerics.losses import SQUARED
from skprune.numerics.units import Units
from skprune.readouts.additive import MemberReadout
from skprune.readouts.joined import ConcatenatedReadout
from skprune.structures.base import Samples, Structure
from skprune.structures.columns import input_columns
from skprune.structures.families import family_of
from skprune.structures.forests import TRAINING_STATE, copy_around
from skprune.structures.joined import JoinedUnits
from skprune.structures.location import final_model, locate
from skprune.structures.samples import take, total_weights
from skprune.structures.tree_samples import brier, tree_targets


def locations(model, samples):
    """Yield the Location of the model in each member, with the samples it can take.

    These have the features and classes that the member was trained on.
    """
    X = validate_data(
        model,
        samples.X,
        reset=False,
        accept_sparse=["csr", "csc"],
        dtype=None,
        ensure_all_finite=False,
    )
    y = np.asarray(samples.y)
    if is_classifier(model):
        # members are trained on codes of the classes
        y = np.searchsorted(model.classes_, y.ravel())
    samples = Samples(X, y, samples.sample_weight)
    for member, features in zip(model.estimators_, model.estimators_features_):
        known = np.arange(len(y))
        if is_classifier(model):
            known = np.flatnonzero(np.isin(y, member.classes_))
        own = take(samples, known)
        yield locate(member, replace(own, X=own.X[:, features]))


def predictions(model, X):
    """Compute class probabilities or values, (n_samples, n_outputs)."""
    values = model.predict_proba(X) if is_classifier(model) else model.predict(X)
    return values.reshape(len(values), -1)


def with_members(model, members, kept=None):
    """Copy a bagging model around other members, without out-of-bag scores.

    `kept` has the positions of the members that they replace, None for all.
    """
    n_before = len(model.estimators_)
    kept = np.arange(n_before) if kept is None else kept
    smaller = copy_around(model, model.estimators_)
    smaller.estimators_, smaller.n_estimators = members, len(members)
    keep_seeds(smaller, kept, n_before)
    smaller.estimators_features_ = [smaller.estimators_features_[t] for t in kept]
    for name in TRAINING_STATE:
        vars(smaller).pop(name, None)
    return smaller


class MemberUnits(Structure):
    """Units of all members; the loss is the mean of the losses of the members."""

    granularity: str

    def __init__(self, model, samples):
        self.model, self.X = model, samples.X
        self.locations = list(locations(model, samples))
        kind = family_of_base(model).structures[self.granularity]
        self._see([kind(place.model, place.samples) for place in self.locations])

    def _see(self, members):
        self.members = members
        self.units = stacked_units([member.units for member in members])
        self.gates_are_linear = all(member.gates_are_linear for member in members)
        self.group_names = [
            f"estimators_[{t}].{name}"
            for t, member in enumerate(members)
            for name in member.group_names
        ]

    def _each(self, gates):
        """Split gates by member."""
        ends = np.cumsum([member.n_units for member in self.members])
        return np.split(np.asarray(gates, dtype=float), ends[:-1])

    @property
    def estimator(self):
        return self._packed([member.estimator for member in self.members])

    def _packed(self, models):
        rebuilt = [place.rebuild(model) for place, model in zip(self.locations, models)]
        return with_members(self.model, rebuilt)

    def readouts(self):
        return [readout for member in self.members for readout in member.readouts()]

    def gate_gradient(self):
        parts = [member.gate_gradient() for member in self.members]
        return np.concatenate(parts) / len(parts)

    def output(self, gates=None, X=None):
        cut = self
        if gates is not None:
            cut = self.prune(gates, compensate=False, rng=None)
        return predictions(cut.estimator, self.X if X is None else X)

    def loss(self, gates=None):
        if gates is None:
            return float(np.mean([member.loss() for member in self.members]))
        parts = zip(self.members, self._each(gates))
        return float(np.mean([member.loss(part) for member, part in parts]))

    def prune(self, gates, *, compensate, rng):
        return self._with(
            member.prune(part, compensate=compensate, rng=rng)
            for member, part in zip(self.members, self._each(gates))
        )

    def polished(self):
        return self._with(member.polished() for member in self.members)

    def _with(self, members):
        changed = copy.copy(self)
        changed._see(list(members))
        return changed

    def finished(self):
        return self._packed([member.finished() for member in self.members])


class MemberConnections(MemberUnits):
    """A unit is a coefficient, a weight or a split of a member."""

    granularity = "connection"


class MemberNeurons(MemberUnits):
    """A unit is a hidden neuron or a tree of a member."""

    granularity = "neuron"


class MemberLayers(MemberUnits):
    """A unit is a hidden layer, or a depth level of a tree, of a member."""

    granularity = "layer"


class FeaturesByMember(MemberUnits):
    """A unit is a feature of a member; together they make one read-out."""

    granularity = "feature"

    def _see(self, members):
        super()._see(members)
        self.group_names = ["estimators_"]

    def readouts(self):
        return [ConcatenatedReadout("estimators_", super().readouts())]


class MemberFeatures(JoinedUnits):
    """A unit is a feature of the ensemble, in all members that read it."""

    def __init__(self, model, samples):
        read = [columns[use > 0] for columns, use in features_read(model)]
        group = np.unique(np.concatenate(read), return_inverse=True)[1]
        super().__init__(FeaturesByMember(model, samples), group)


class WholeMembers(Structure):
    """A unit is a member; the prediction is the mean over the remaining members."""

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
        group = np.zeros(len(self.kept), dtype=int)
        return Units(group, np.ones(1, dtype=int), rescalable=False)

    @cached_property
    def outputs(self):
        """Predictions of the remaining members, (n_members, n_samples, n_outputs)."""
        return self._outputs(self.X)[self.kept]

    def _outputs(self, X):
        return np.stack(
            [
                predictions(with_members(self.model, [member], [t]), X)
                for t, member in enumerate(self.model.estimators_)
            ]
        )

    @property
    def estimator(self):
        members = [copy.deepcopy(self.model.estimators_[t]) for t in self.kept]
        return with_members(self.model, members, self.kept)

    def readouts(self):
        parts = self.outputs, self.output_gradient, self.weights
        return [MemberReadout("estimators_", *parts)]

    def output(self, gates=None, X=None):
        gates = np.ones(len(self.kept)) if gates is None else np.asarray(gates)
        outputs = self.outputs if X is None else self._outputs(X)[self.kept]
        return np.einsum("u,unk->nk", gates / gates.sum(), outputs)

    def prune(self, gates, *, compensate, rng):
        smaller = copy.copy(self)
        smaller.outputs = self.outputs[gates != 0]
        smaller.kept = self.kept[gates != 0]
        return smaller

    def finished(self):
        return self.estimator


def stacked_units(parts):
    """Concatenate the units of several structures, a list of Units."""
    n_groups = np.cumsum([0, *(len(part.floor) for part in parts)])
    stacked = Units(
        group=np.concatenate([p.group + n for p, n in zip(parts, n_groups)]),
        floor=np.concatenate([part.floor for part in parts]),
        least=max(part.least for part in parts),
        rescalable=all(part.rescalable for part in parts),
    )
    if all(part.parent is None for part in parts):
        return stacked
    n_units = np.cumsum([0, *(part.n_units for part in parts)])
    parents = [
        np.where(part.parent < 0, -1, part.parent + n)
        for part, n in zip(parts, n_units)
    ]
    return replace(
        stacked,
        parent=np.concatenate(parents),
        depth=np.concatenate([part.depth for part in parts]),
    )


def family_of_base(model):
    """Find the family of the members of a bagging model, fitted or not."""
    return family_of(final_model(model.estimator))


def features_read(model):
    """Find what the model of each member reads.

    Yields the column of X of each feature of the model, and the number of its weights
    or splits that read this feature.
    """
    for member, seen in zip(model.estimators_, model.estimators_features_):
        inner = final_model(member)
        use = family_of(inner).feature_use(inner)
        yield seen[input_columns(member, len(seen))], use
