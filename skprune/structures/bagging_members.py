"""The units of the members of a bagging ensemble, also of members in a Pipeline.

They are those of the ensemble, and each member is recovered as if it were alone.
Members may have seen some of the features, and some of the classes, each; a feature is
one of the ensemble, in all members that read it.
"""

import copy
from dataclasses import replace

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.utils.validation import validate_data

from skprune._compat import keep_seeds
from skprune.numerics.units import Units
from skprune.readouts.joined import ConcatenatedReadout
from skprune.structures.bagging import BaggingModel
from skprune.structures.base import Samples, Structure
from skprune.structures.columns import input_columns
from skprune.structures.containers import final_model, locate
from skprune.structures.families import family_of
from skprune.structures.forests import copy_around
from skprune.structures.joined import JoinedUnits


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
    """A unit is a coefficient, a weight or a split of a member."""

    granularity = "connection"


class MemberNeurons(MemberUnits):
    """A unit is a hidden neuron or a tree of a member."""

    granularity = "neuron"


class MemberLayers(MemberUnits):
    """A unit is a hidden layer, or a depth level of a tree, of a member."""

    granularity = "layer"


class FeaturesByMember(MemberUnits):
    """A unit is a feature of a member; all of them make one read-out."""

    granularity = "feature"

    def _see(self, members):
        super()._see(members)
        self.group_names = ["estimators_"]

    def readouts(self):
        return [ConcatenatedReadout("estimators_", super().readouts())]


class MemberFeatures(JoinedUnits):
    """A unit is a feature of the ensemble, in all members that read it.

    Parameters
    ----------
    model : BaggingClassifier or BaggingRegressor
        Fitted.
    samples : Samples
        As the ensemble takes them.
    """

    def __init__(self, model, samples):
        read = [columns[use > 0] for columns, use in features_read(model)]
        group = np.unique(np.concatenate(read), return_inverse=True)[1]
        super().__init__(FeaturesByMember(model, samples), group)


def stacked_units(parts):
    """The units of several structures, side by side.

    Parameters
    ----------
    parts : list of Units
        One a structure.

    Returns
    -------
    Units
        Whose groups are those of all parts.
    """
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
    """The family that the members of a bagging model, fitted or not, belong to."""
    return family_of(final_model(model.estimator))


def features_read(model):
    """What the model of each member reads.

    Parameters
    ----------
    model : BaggingClassifier or BaggingRegressor
        Fitted.

    Yields
    ------
    columns : ndarray of int
        The column of X that each of its features is.
    use : ndarray of int
        How many weights or splits read each of them.

    Raises
    ------
    ValueError
        If a transformer in a member makes features of its own.
    """
    for member, seen in zip(model.estimators_, model.estimators_features_):
        inner = final_model(member)
        use = family_of(inner).feature_use(inner)
        yield seen[input_columns(member, len(seen))], use
