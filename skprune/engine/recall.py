"""Recall by class: what pruning does to rare classes.

Units that only a rare class needs weigh little in any mean over samples and are removed
first. Accuracy hardly shows it; the recall of that class does.
"""

import warnings
from dataclasses import replace

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.multiclass import type_of_target

from skprune.engine.warnings import LostClassWarning
from skprune.structures import final_model
from skprune.structures.samples import rows_of

# Rows per class on which recall is measured: all classes together make about ALL_ROWS,
# but no class has fewer than FEWEST or more than ROWS of them.
FEWEST, ROWS, ALL_ROWS = 20, 100, 500
FOUND = 0.1  # a class of less recall before pruning has nothing to lose
LOST = 0.5  # a class that keeps less than this fraction of its recall is called lost


def class_rows(model, y):
    """Choose evenly spaced rows of each class, a dict of label to ndarray of int.

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


def recall(predicted, rows):
    """Fraction of the samples of each class that were predicted correctly, by label.

    The predicted labels are those of `rows`, one class after the other.
    """
    parts = np.split(predicted, np.cumsum([len(r) for r in rows.values()])[:-1])
    return {label: float(np.mean(part == label)) for label, part in zip(rows, parts)}


def decided(Z, classes):
    """Labels that the output of a structure stands for, shape (n_samples,).

    Z has one column per class, or one that is positive for the second of two classes.
    """
    if Z.shape[1] == 1 and len(classes) == 2:
        return classes.take((Z[:, 0] > 0).astype(int))
    return classes.take(Z.argmax(axis=1))


def report_with_recall(pruned):
    """Report of a pruning with the recall of each class.

    Warns with LostClassWarning if the model recognised a class and its recall has more
    than halved.
    """
    fit = pruned.fit
    before = fit.recall_before(pruned.before)
    after = fit.recall_of(pruned.after, lambda: final_model(pruned.estimator))
    warn_of_lost_classes(before, after)
    return replace(pruned.report, recall_before=before, recall_after=after)


def take_rows(X, by_class):
    """Return the samples of one class after the other, as a model takes them."""
    return rows_of(X, np.concatenate(list(by_class.values())))


def warn_of_lost_classes(before, after):
    """Warn of each class whose recall, a dict by label, has more than halved."""
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
