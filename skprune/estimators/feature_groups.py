"""Input features as units, alone or in groups that are kept or removed together."""

from dataclasses import dataclass

import numpy as np

from skprune.engine.fits import Fit
from skprune.structures import container_of, family_of, input_columns
from skprune.structures.joined import JoinedUnits


@dataclass(frozen=True)
class FeatureGroups:
    """A fitted model whose units are groups of its input features.

    Attributes
    ----------
    fit : Fit
        Its units of granularity "feature" are groups of features that the model reads.
    unit : ndarray of int of shape (n_features,)
        Unit of each feature of X, or -1 if the model reads no feature of its group.
    """

    fit: Fit
    unit: np.ndarray

    @property
    def structure(self):
        """Structure of the teacher, whose units are the groups."""
        [structure] = self.fit.structures("feature")
        return structure

    def of_features(self, of_units, unread):
        """Map values of units to features, and features without a unit to `unread`."""
        return np.append(of_units, unread)[self.unit]


def feature_groups(fit, labels):
    """Make groups of input features the units of a `Fit`.

    `labels` gives the group of each feature of X. Groups of which the model reads
    nothing are no units. Raises ValueError if the model reads other features than
    columns of X.
    """
    columns = input_columns(fit.fitted, len(labels))
    labels_read = labels[columns[feature_use(fit.model) > 0]]
    groups, group = np.unique(labels_read, return_inverse=True)
    if len(groups) < len(labels_read):
        [structure] = fit.structures("feature")
        joined = JoinedUnits(structure, group)
        fit, labels_read = fit.with_structure("feature", joined), groups
    unit = np.full(labels.max(initial=-1) + 1, -1)
    unit[labels_read] = np.arange(len(labels_read))
    return FeatureGroups(fit, unit[labels])


def feature_use(model):
    """Count the weights or splits of a fitted model that read each of its features."""
    return check_selects(model).feature_use(model)


def check_selects(model):
    """Return the family of a model, or raise TypeError if it cannot select features.

    The model may be unfitted.
    """
    if container_of(model) is not None:
        raise TypeError(
            f"{type(model).__name__} cannot select features: it holds several models, "
            "which may read different features; select with one of them."
        )
    family = family_of(model)
    if family.feature_use is None:
        raise TypeError(
            f"{type(model).__name__} cannot select features: the Family of "
            f"{family.name} has no feature_use, which counts what reads each feature; "
            "select with another model."
        )
    return family


def ranking(importances, support):
    """Rank the units: one if kept, the others from two on by falling importance."""
    ranks = np.ones(len(support), dtype=int)
    removed = np.flatnonzero(~support)
    order = np.argsort(-importances[removed], kind="stable")
    ranks[removed[order]] = np.arange(2, len(removed) + 2)
    return ranks


def group_labels(groups, n_features):
    """Number the groups of the features from zero, without gaps.

    `groups` is a label for each feature, or the columns of each group, or None for
    groups of one. A column in none of the lists is a group of its own.

    Examples
    --------
    >>> group_labels(["b", "b", "a"], 3)
    array([1, 1, 0])
    >>> group_labels([[1, 2]], 4)
    array([1, 0, 0, 2])
    """
    if groups is None:
        return np.arange(n_features)
    if any(np.ndim(group) for group in groups):
        return _from_columns(groups, n_features)
    if np.shape(groups) != (n_features,):
        raise ValueError(
            f"groups has {len(groups)} labels, but X has {n_features} features; give "
            "one label per feature, or a list of columns per group."
        )
    labels = np.asarray(groups)
    words = [isinstance(label, str) for label in groups]
    if any(words) != all(words) or (labels.dtype == object and not all(words)):
        raise ValueError(
            f"groups={groups!r} mixes labels of several types or lacks some; give "
            "one label per feature, either all strings or all numbers."
        )
    return np.unique(labels, return_inverse=True)[1]


def _from_columns(groups, n_features):
    labels = np.full(n_features, -1)
    for number, group in enumerate(groups):
        columns = np.asarray(group)
        if columns.ndim != 1 or columns.dtype.kind not in "iu":
            raise ValueError(
                f"groups[{number}]={group!r} must be a list of column numbers."
            )
        if columns.min() < 0 or columns.max() >= n_features:
            raise ValueError(
                f"groups[{number}]={group!r} has a column that X does not have; its "
                f"{n_features} columns are numbered from 0."
            )
        if len(np.unique(columns)) < len(columns) or (labels[columns] >= 0).any():
            raise ValueError(
                f"groups[{number}]={group!r} repeats a column; a column can be in only "
                "one group, once."
            )
        labels[columns] = number
    alone = labels < 0
    labels[alone] = len(groups) + np.arange(alone.sum())
    return np.unique(labels, return_inverse=True)[1]
