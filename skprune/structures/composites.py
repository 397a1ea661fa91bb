"""Containers of several models: ensembles of named models, and one model per output.

Each model inside is pruned separately, on the samples and targets it was fitted to.
"""

from dataclasses import replace
from itertools import combinations

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.multiclass import (
    OneVsOneClassifier,
    OneVsRestClassifier,
    OutputCodeClassifier,
)
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.svm import LinearSVC
from sklearn.utils import check_array

from skprune._compat import is_constant
from skprune.structures.containers import Container, container_of
from skprune.structures.samples import check_targets, take

FINAL = "final_estimator_"


@container_of.register(VotingClassifier)
@container_of.register(VotingRegressor)
class _Named(Container):
    """Ensembles of named models; those of a classifier are fitted to label codes."""

    takes_weights = True

    def inner(self):
        given = {name: one for name, one in self.estimator.estimators if one != "drop"}
        if not hasattr(self.estimator, "estimators_"):
            return given
        return dict(zip(given, self.estimator.estimators_))

    def transform(self, samples):
        check_targets(self.estimator, samples)
        labels = getattr(self.estimator, "classes_", None)  # a regressor has none
        coded = replace(samples, y=_codes(samples.y, labels))
        # a model that was fitted before the ensemble may be fitted to labels
        inside = self.inner().values()
        return [samples if _has_labels(inner, labels) else coded for inner in inside]

    def route(self, name):
        return name


@container_of.register(StackingClassifier)
@container_of.register(StackingRegressor)
class _Stacking(_Named):
    def inner(self):
        model = self.estimator
        default = LogisticRegression() if is_classifier(model) else RidgeCV()
        final = getattr(model, FINAL, model.final_estimator)
        return {**super().inner(), FINAL: default if final is None else final}

    def transform(self, samples):
        *seen, last = super().transform(samples)
        prefit = isinstance(self.estimator.cv, str)
        # unless the models are prefit, the final one is fitted to predictions of other
        # clones on held-out folds
        seen = [replace(s, trained_on=s.trained_on and not prefit) for s in seen]
        outputs = self.estimator.transform(samples.X)
        outputs = outputs if sparse.issparse(outputs) else np.asarray(outputs)
        own = replace(last, X=outputs, trained_on=samples.trained_on and prefit)
        return [*seen, own]

    def route(self, name):
        return None if name == FINAL else name


class _Numbered(Container):
    """Clones of one estimator, each fitted to its own targets.

    Clones that saw one class are constants, with nothing to prune.
    """

    def inner(self):
        fitted = getattr(self.estimator, "estimators_", None)
        if fitted is None:
            return {"estimator": self.estimator.estimator}
        return {
            f"estimators_[{k}]": inner
            for k, inner in enumerate(fitted)
            if not is_constant(inner)
        }

    def transform(self, samples):
        every = zip(self.views(samples), self.estimator.estimators_)
        return [seen for seen, inner in every if not is_constant(inner)]

    def views(self, samples):
        """Compute the samples of each estimator, constant ones included."""
        check_targets(self.estimator, samples)
        return [replace(samples, y=y) for y in self.targets(samples.y)]

    def targets(self, y):
        """Compute the targets of each estimator, (n_estimators, n_samples)."""
        raise NotImplementedError


@container_of.register(MultiOutputClassifier)
@container_of.register(MultiOutputRegressor)
class _Outputs(_Numbered):
    def targets(self, y):
        return np.asarray(y).T


@container_of.register(OneVsRestClassifier)
class _OneVsRest(_Numbered):
    def targets(self, y):
        binary = self.estimator.label_binarizer_.transform(y)
        return (binary.toarray() if sparse.issparse(binary) else binary).T


@container_of.register(OutputCodeClassifier)
class _OutputCode(_Numbered):
    def targets(self, y):
        codes = _codes(y, self.estimator.classes_)
        return self.estimator.code_book_[codes].astype(int).T


@container_of.register(OneVsOneClassifier)
class _OneVsOne(_Numbered):
    def views(self, samples):
        check_targets(self.estimator, samples)
        samples = replace(samples, X=_validated(samples.X))
        codes = _codes(samples.y, self.estimator.classes_)
        pairs = combinations(range(len(self.estimator.classes_)), 2)
        return [self._of_pair(samples, codes, *pair) for pair in pairs]

    def _of_pair(self, samples, codes, first, second):
        rows = np.flatnonzero((codes == first) | (codes == second))
        return replace(take(samples, rows), y=(codes[rows] == second).astype(int))


@container_of.register(ClassifierChain)
@container_of.register(RegressorChain)
class _Chain(_Numbered):
    def views(self, samples):
        chain, X = self.estimator, _validated(samples.X)
        n_features, targets = X.shape[1], np.asarray(samples.y)[:, chain.order_]
        # without folds each model is fitted to the true targets of those before it
        as_fitted = chain.cv is None
        X = _beside(X, targets) if as_fitted else self._with_outputs(X)
        trained_on = samples.trained_on and as_fitted
        return [
            replace(samples, X=X[:, : n_features + k], y=y, trained_on=trained_on)
            for k, y in enumerate(targets.T)
        ]

    def _with_outputs(self, X):
        """Append to X the output of each model, an input of the later ones."""
        method = getattr(self.estimator, "chain_method_", "predict")
        for inner in self.estimator.estimators_:
            output = getattr(inner, method)(X)
            X = _beside(X, output if output.ndim == 1 else output[:, 1])
        return X


@container_of.register(CalibratedClassifierCV)
class _Calibrated(Container):
    def inner(self):
        model = self.estimator
        if not hasattr(model, "calibrated_classifiers_"):
            default = LinearSVC(random_state=0)
            given = model.estimator
            return {"estimator": default if given is None else given}
        fitted = enumerate(model.calibrated_classifiers_)
        return {f"calibrated_classifiers_[{k}]": one.estimator for k, one in fitted}

    def transform(self, samples):
        check_targets(self.estimator, samples)
        samples = replace(samples, trained_on=samples.trained_on and self._sees_all)
        return [self._known(inner, samples) for inner in self.inner().values()]

    @property
    def _sees_all(self):
        """Whether the model inside is fitted on all rows, not on a fold."""
        model = self.estimator
        if model.ensemble != "auto":
            return not model.ensemble
        return isinstance(model.estimator, FrozenEstimator)

    def _known(self, inner, samples):
        """Select the samples of the classes in the fold of an estimator."""
        y, classes = np.asarray(samples.y).ravel(), self.estimator.classes_
        if not np.isin(inner.classes_, classes).all():  # fitted to codes
            y = np.searchsorted(classes, y)
        is_known = np.isin(y, inner.classes_)
        samples = replace(samples, y=y)
        return samples if is_known.all() else take(samples, np.flatnonzero(is_known))


def _codes(y, labels):
    """Encode targets by their positions in the labels of each column, if given."""
    y = np.asarray(y)
    if isinstance(labels, list):
        return np.stack(list(map(np.searchsorted, labels, y.T)), axis=1)
    return y.ravel() if labels is None else np.searchsorted(labels, y.ravel())


def _has_labels(inner, labels):
    """Check whether an estimator was fitted to labels, not to their codes."""
    classes = getattr(inner, "classes_", ())
    return isinstance(labels, np.ndarray) and np.array_equal(classes, labels)


def _validated(X):
    """Check X as those containers do that pass on a validated X."""
    return check_array(X, accept_sparse=["csr", "csc"], ensure_all_finite=False)


def _beside(X, columns):
    columns = columns.reshape(len(columns), -1)
    if sparse.issparse(X):
        return sparse.hstack((X, columns), format="csr")
    return np.hstack((X, columns))
