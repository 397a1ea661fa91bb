"""Recall by class: what pruning does to the classes that few samples belong to.

Units that only a rare class needs weigh little in any mean over samples, and go first.
Accuracy hardly shows it; the recall of that class does.
"""

import warnings
from dataclasses import replace

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.utils.multiclass import type_of_target

from skprune._compat import _safe_indexing
from skprune.engine.warnings import LostClassWarning
from skprune.structures import final_model

# samples of each class on which its recall is measured: between these numbers, and
# as few as make so many of all classes
FEWEST, ROWS, ALL_ROWS = 20, 100, 500
FOUND = 0.1  # recall from which on a class is one that the model finds
LOST = 0.5  # share of its recall that a class keeps at least, or is called lost


def class_rows(model, y):
    """Choose some samples of each class, evenly spaced.

    Parameters
    ----------
    model : estimator
        Fitted, not a container.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.

    Returns
    -------
    dict of class label to ndarray of int
        Rows of the samples; empty for regressors and for several outputs.
    """
    y = np.asarray(y)
    if not is_classifier(model) or type_of_target(y) not in ("binary", "multiclass"):
        return {}
    rows = {
        label: np.flatnonzero(y.ravel() == label) for label in np.unique(y).tolist()
    }
    most = min(max(ALL_ROWS // len(rows), FEWEST), ROWS)
    return {label: r[:: -(-len(r) // most)] for label, r in rows.items()}


def recall(predicted, rows):
    """Fraction of the samples of each class that were predicted correctly.

    Parameters
    ----------
    predicted : ndarray of shape (n_samples,)
        Labels, for the rows of one class after the other.
    rows : dict of class label to ndarray of int
        From `class_rows`.

    Returns
    -------
    dict of class label to float
        In [0, 1].
    """
    parts = np.split(predicted, np.cumsum([len(r) for r in rows.values()])[:-1])
    return {label: float(np.mean(part == label)) for label, part in zip(rows, parts)}


def decided(Z, classes):
    """Classes that the output of a structure stands for.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_outputs)
        One column per class, or one that is positive for the second of two classes.
    classes : ndarray of shape (n_classes,)
        Labels.

    Returns
    -------
    ndarray of shape (n_samples,)
        Labels.
    """
    if Z.shape[1] == 1 and len(classes) == 2:
        return classes.take((Z[:, 0] > 0).astype(int))
    return classes.take(Z.argmax(axis=1))


def report_with_recall(pruned):
    """Add the recall of each class to the report of a pruning.

    Parameters
    ----------
    pruned : Pruned
        Of which the model is built.

    Returns
    -------
    PruningReport
        Complete.

    Warns
    -----
    LostClassWarning
        If the model recognised a class and its recall has more than halved.
    """
    fit = pruned.fit
    before = fit.recall_before(pruned.before)
    after = fit.recall_of(pruned.after, lambda: final_model(pruned.estimator))
    warn_of_lost_classes(before, after)
    return replace(pruned.report, recall_before=before, recall_after=after)


def take_rows(X, by_class):
    """Samples of one class after the other, as a model takes them."""
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
