"""Recall by class: what pruning does to the classes that few samples belong to.

Units that only a rare class needs weigh little in any mean over samples, and go first.
Accuracy hardly shows it; the recall of that class does.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.utils.multiclass import type_of_target

from skprune._compat import _safe_indexing
from skprune.engine.plan import LostClassWarning
from skprune.structures import ends_of, family_of, final_model

# samples of each class on which its recall is measured: between these numbers, and
# as few as make so many of all classes
FEWEST, ROWS, ALL_ROWS = 20, 100, 500
FOUND = 0.1  # recall from which on a class is one that the model finds
LOST = 0.5  # share of its recall that a class keeps at least, or is called lost


@dataclass(frozen=True)
class ClassRows:
    """Some samples of each class.

    Attributes
    ----------
    by_class : dict of class label to ndarray of int
        Which samples; empty for regressors and for several outputs.
    ends : object or None
        Where they end in the model, from `ends_of`, one class after the other.
    """

    by_class: dict
    ends: Any = None


def class_rows(model, X, y):
    """Some samples of each class, evenly spaced.

    Parameters
    ----------
    model : estimator
        Fitted.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        As the model takes it.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.

    Returns
    -------
    ClassRows
        The same for the same samples.
    """
    y = np.asarray(y)
    if not is_classifier(model) or type_of_target(y) not in ("binary", "multiclass"):
        return ClassRows({})
    rows = {
        label: np.flatnonzero(y.ravel() == label) for label in np.unique(y).tolist()
    }
    most = min(max(ALL_ROWS // len(rows), FEWEST), ROWS)
    chosen = {label: r[:: -(-len(r) // most)] for label, r in rows.items()}
    return ClassRows(chosen, ends_of(model, _take(X, chosen)))


def recall_before(model, X, rows):
    """Share of the samples of each class that a model as trained finds.

    Parameters
    ----------
    model : estimator
        A fitted classifier.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        As the model takes it.
    rows : ClassRows
        Of that model.

    Returns
    -------
    dict of class label to float
        In [0, 1].
    """
    answers = None
    if rows.ends is not None:
        answers = family_of(model).answers(model, rows.ends)
    return _recall(answers, model, X, rows.by_class)


def recall_after(pruned, X, rows):
    """The same for a pruned model, which is built only if need be.

    Parameters
    ----------
    pruned : Pruned
        From the model of the rows.
    X, rows
        As in `recall_before`.

    Returns
    -------
    dict of class label to float
        In [0, 1].
    """
    answers = None
    if rows.ends is not None and pruned.structure is not None:
        answers = pruned.structure.answers(rows.ends)
    model = final_model(pruned.estimator) if answers is None else None
    return _recall(answers, model, X, rows.by_class)


def _recall(answers, model, X, rows):
    if not rows:
        return {}
    predicted = model.predict(_take(X, rows)) if answers is None else answers["predict"]
    parts = np.split(predicted, np.cumsum([len(r) for r in rows.values()])[:-1])
    return {label: float(np.mean(part == label)) for label, part in zip(rows, parts)}


def _take(X, by_class):
    rows = np.concatenate(list(by_class.values()))
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
