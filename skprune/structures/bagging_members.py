"""Bagging of linear models and of MLPs, also inside a Pipeline.

The units of the members are those of the ensemble, and each member is recovered toward
what it computed itself. Or a unit is a whole member ("estimator"), and the prediction
the mean over those that are left; there is then nothing to recover. Members may have
seen some of the features, and some of the classes, each.
"""

import copy
from functools import cached_property

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.utils.validation import validate_data

from skprune._compat import LINEAR_BASES, BaseMultilayerPerceptron, keep_seeds
from skprune.readouts.losses import SQUARED
from skprune.readouts.members import MemberReadout
from skprune.readouts.selection import Units
from skprune.structures.bagging import KINDS, BaggingModel
from skprune.structures.base import (
    FAMILIES,
    Family,
    Samples,
    Structure,
    register,
    total_weights,
)
from skprune.structures.containers import final_model, locate
from skprune.structures.forests import copy_around
from skprune.structures.tree_samples import brier, tree_targets


class Members:
    """The models of a fitted bagging ensemble, and what each of them sees.

    Parameters
    ----------
    model : BaggingClassifier or BaggingRegressor
        Fitted.
    samples : Samples
        As the ensemble takes them.
    """

    def __init__(self, model, samples):
        self.model, self.samples = model, samples
        X = validate_data(
            model,
            samples.X,
            reset=False,
            accept_sparse=["csr", "csc"],
            dtype=None,
            ensure_all_finite=False,
        )
        self.X = X.tocsr() if sparse.issparse(X) else X

    def locations(self):
        """Where in each member the model is, and its samples."""
        y = np.asarray(self.samples.y)
        if is_classifier(self.model):
            # members are trained on codes of the classes
            y = np.searchsorted(self.model.classes_, y.ravel())
        pairs = zip(self.model.estimators_, self.model.estimators_features_)
        for member, features in pairs:
            known = np.arange(len(y))
            if is_classifier(self.model):
                known = np.flatnonzero(np.isin(y, member.classes_))
            own = Samples(self.X[known][:, features], y[known], self._weights(known))
            yield locate(member, own)

    def _weights(self, rows):
        """Sample weights of some rows; None, or one number, are for all of them."""
        if self.samples.sample_weight is None:
            return None
        weights = np.asarray(self.samples.sample_weight)
        return weights[rows] if weights.ndim else weights


def predictions(model, X):
    """Class probabilities or values, (n_samples, n_outputs)."""
    values = model.predict_proba(X) if is_classifier(model) else model.predict(X)
    return values.reshape(len(values), -1)


def with_members(model, members, kept=None):
    """A copy of a bagging model that holds other members.

    Parameters
    ----------
    model : BaggingClassifier or BaggingRegressor
        Fitted; not changed.
    members : list of estimator
        They become part of the copy.
    kept : ndarray of int, default=None
        Which of the members so far each of them replaces, None for all in turn.

    Returns
    -------
    BaggingClassifier or BaggingRegressor
        Without what only training leaves.
    """
    n_before = len(model.estimators_)
    kept = np.arange(n_before) if kept is None else kept
    smaller = copy_around(model, model.estimators_)
    smaller.estimators_, smaller.n_estimators = members, len(members)
    keep_seeds(smaller, kept, n_before)
    smaller.estimators_features_ = [smaller.estimators_features_[t] for t in kept]
    for name in BaggingModel.training_state:
        vars(smaller).pop(name, None)
    return smaller


class MemberUnits(Structure):
    """The units of all members; the loss is the mean of those of the members.

    Parameters
    ----------
    model : BaggingClassifier or BaggingRegressor
        Fitted.
    samples : Samples
        As the ensemble takes them.
    """

    granularity: str

    def __init__(self, model, samples):
        self.model, self.X = model, samples.X
        self.locations = list(Members(model, samples).locations())
        family = family_of_base(model)
        kind = family.structures[self.granularity]
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
        """The gates of each member."""
        ends = np.cumsum([member.n_units for member in self.members])
        return np.split(np.asarray(gates, dtype=float), ends[:-1])

    @property
    def estimator(self):
        """The plain fitted model as it is now."""
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
    """A unit is a coefficient or a weight of a member."""

    granularity = "connection"


class MemberNeurons(MemberUnits):
    """A unit is a hidden neuron of a member."""

    granularity = "neuron"


class MemberLayers(MemberUnits):
    """A unit is a hidden layer of a member."""

    granularity = "layer"


class MemberFeatures(MemberUnits):
    """A unit is a feature of a member, with its coefficients or weights there."""

    granularity = "feature"


def stacked_units(parts):
    """The units of several structures, side by side.

    Parameters
    ----------
    parts : list of Units
        Of independent units.

    Returns
    -------
    Units
        Whose groups are those of all parts.
    """
    n_groups = np.cumsum([0, *(len(part.floor) for part in parts)])
    return Units(
        group=np.concatenate([p.group + n for p, n in zip(parts, n_groups)]),
        floor=np.concatenate([part.floor for part in parts]),
        rescalable=all(part.rescalable for part in parts),
    )


class WholeMembers(Structure):
    """A unit is a member; the prediction is the mean over those that are left."""

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


def family_of_base(model):
    """The family that the members of a bagging model, fitted or not, belong to."""
    base = final_model(model.estimator)
    return next(family for family in FAMILIES if family.accepts(base))


def member_sizes(model):
    """Size of each part of each member."""
    family = family_of_base(model)
    return {
        f"estimators_[{t}].{name}": size
        for t, member in enumerate(model.estimators_)
        for name, size in family.part_sizes(final_model(member)).items()
    }


def _bagging_of(bases):
    """Whether a model is bagging whose members are of some classes."""

    def accepts(model):
        base = getattr(model, "estimator", None)
        return isinstance(model, KINDS) and isinstance(final_model(base), bases)

    return accepts


register(
    Family(
        name="bagging of linear models",
        accepts=_bagging_of(LINEAR_BASES),
        structures={
            "connection": MemberConnections,
            "feature": MemberFeatures,
            "neuron": MemberFeatures,
            "estimator": WholeMembers,
        },
        synonyms={"coefficient": "connection", "weight": "connection"},
        part_sizes=member_sizes,
    )
)
register(
    Family(
        name="bagging of MLPs",
        accepts=_bagging_of(BaseMultilayerPerceptron),
        structures={
            "connection": MemberConnections,
            "neuron": MemberNeurons,
            "layer": MemberLayers,
            "feature": MemberFeatures,
            "estimator": WholeMembers,
        },
        synonyms={"weight": "connection"},
        part_sizes=member_sizes,
    )
)
