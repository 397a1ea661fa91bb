"""Recall by class: what pruning does to the classes that few samples belong to.

Units that only a rare class needs weigh little in any mean over samples, and go first.
Accuracy hardly shows it; the recall of that class does.
"""

import warnings

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.utils.multiclass import type_of_target

from skprune._compat import _safe_indexing
from skprune.plan import LostClassWarning
from skprune.structures import answers_of

# samples of each class on which its recall is measured: between these numbers, and
# as few as make so many of all classes
FEWEST, ROWS, ALL_ROWS = 20, 100, 500
FOUND = 0.1  # recall from which on a class is one that the model finds
LOST = 0.5  # share of its recall that a class keeps at least, or is called lost


def rows_by_class(model, y):
    """Some samples of each class, evenly spaced.

    Parameters
    ----------
    model : estimator
        Fitted.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.

    Returns
    -------
    dict of class label to ndarray of int
        Empty for regressors and for several outputs.
    """
    y = np.asarray(y)
    if not is_classifier(model) or type_of_target(y) not in ("binary", "multiclass"):
        return {}
    rows = {
        label: np.flatnonzero(y.ravel() == label) for label in np.unique(y).tolist()
    }
    most = min(max(ALL_ROWS // len(rows), FEWEST), ROWS)
    return {label: r[:: -(-len(r) // most)] for label, r in rows.items()}


def class_recall(model, X, rows):
    """Share of the samples of each class that a model finds.

    Parameters
    ----------
    model : estimator
        A fitted classifier.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        As the model takes it.
    rows : dict of class label to ndarray of int
        Samples of each class.

    Returns
    -------
    dict of class label to float
        In [0, 1].
    """
    if not rows:
        return {}
    predicted = _predicted(model, _take(X, np.concatenate(list(rows.values()))))
    parts = np.split(predicted, np.cumsum([len(r) for r in rows.values()])[:-1])
    return {label: float(np.mean(part == label)) for label, part in zip(rows, parts)}


def _predicted(model, X):
    answers = answers_of(model, X)
    return model.predict(X) if answers is None else answers["predict"]


def _take(X, rows):
    if sparse.issparse(X):
        return X.tocsr()[rows]
    return _safe_indexing(X if hasattr(X, "__getitem__") else np.asarray(X), rows)


def warn_of_lost_classes(before, after):
    """Warn of each class that a model found and whose recall has more than halved.

    Parameters
    ----------
    before, after : dict of class label to float
        Recall by class.
    """
    found = [label for label in before if before[label] >= FOUND]
    lost = [label for label in found if after[label] < LOST * before[label]]
    if lost:
        changes = ", ".join(
            f"{label!r} ({before[label]:.2f} -> {after[label]:.2f})" for label in lost
        )
        warnings.warn(
            f"Pruning loses classes; recall of {changes}. A lower rate, n_steps > 1, "
            "class_weight='balanced' in the model or sample weights keep what rare "
            "classes need.",
            LostClassWarning,
            stacklevel=2,
        )
