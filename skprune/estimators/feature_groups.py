"""Input features as units, alone or in groups that stay or go together."""

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
        The unit of each feature of X, -1 where the model reads none of its group.
    """

    fit: Fit
    unit: np.ndarray

    @property
    def structure(self):
        """Structure of the model as trained, whose units are the groups."""
        [structure] = self.fit.structures("feature")
        return structure

    def of_features(self, of_units, unread):
        """A value for each feature of X from one for each unit.

        Parameters
        ----------
        of_units : ndarray of shape (n_units,)
            By unit.
        unread : scalar
            For features that belong to none.

        Returns
        -------
        ndarray of shape (n_features,)
            By feature.
        """
        return np.append(of_units, unread)[self.unit]


def feature_groups(fit, labels):
    """View a fitted estimator as groups of input features.

    Parameters
    ----------
    fit : Fit
        The model as trained.
    labels : ndarray of int of shape (n_features,)
        The group of each feature of X.

    Returns
    -------
    FeatureGroups
        Of those that the model reads.

    Raises
    ------
    ValueError
        If the model reads features that are not columns of X.
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
    """How many weights or splits read each feature of a model.

    Parameters
    ----------
    model : estimator
        Fitted, not a container.

    Returns
    -------
    ndarray of int of shape (n_features,)
        Zero where nothing does.

    Raises
    ------
    TypeError
        If the family of the model does not say.
    """
    return check_selects(model).feature_use(model)


def check_selects(model):
    """Raise where the family of a model, fitted or not, does not know its features.

    Parameters
    ----------
    model : estimator
        Not a container.

    Returns
    -------
    Family
        Of the model.

    Raises
    ------
    TypeError
        If the family does not say which features its models read, or if it is an
        ensemble of several models.
    """
    if container_of(model) is not None:
        raise TypeError(
            f"{type(model).__name__} cannot select features: it holds several models, "
            "each of which reads other features; select with one of them."
        )
    family = family_of(model)
    if family.feature_use is None:
        raise TypeError(
            f"{type(model).__name__} cannot select features: {family.name} do not say "
            "which features they read (their Family has no feature_use); take another "
            "model for the selection."
        )
    return family


def ranking(importances, support):
    """Rank of each unit, one for those that stay.

    Parameters
    ----------
    importances : ndarray of shape (n_units,)
        High: keep.
    support : ndarray of bool of shape (n_units,)
        Which units stay.

    Returns
    -------
    ndarray of int of shape (n_units,)
        The others count up from two by falling importance.
    """
    ranks = np.ones(len(support), dtype=int)
    gone = np.flatnonzero(~support)
    order = np.argsort(-importances[gone], kind="stable")
    ranks[gone[order]] = np.arange(2, len(gone) + 2)
    return ranks


def group_labels(groups, n_features):
    """The group of each feature.

    Parameters
    ----------
    groups : array-like of shape (n_features,), list of lists of int or None
        A label for each feature; the columns of each group, where a column in none of
        the lists is a group of its own; or None for groups of one.
    n_features : int
        Number of features.

    Returns
    -------
    ndarray of int of shape (n_features,)
        Numbered from zero without gaps.

    Raises
    ------
    ValueError
        If there is not one label for each feature, all of one kind, or if lists of
        columns overlap or name columns that do not exist.

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
            "one label for each feature, or a list of columns for each group."
        )
    labels = np.asarray(groups)
    words = [isinstance(label, str) for label in groups]
    if any(words) != all(words) or (labels.dtype == object and not all(words)):
        raise ValueError(
            f"groups={groups!r} mixes labels of several kinds, or misses some; give "
            "each feature a label, all of them strings or all numbers."
        )
    return np.unique(labels, return_inverse=True)[1]


def _from_columns(groups, n_features):
    labels = np.full(n_features, -1)
    for number, group in enumerate(groups):
        columns = np.asarray(group)
        if columns.ndim != 1 or columns.dtype.kind not in "iu":
            raise ValueError(
                f"groups[{number}]={group!r} is not a list of column numbers."
            )
        if columns.min() < 0 or columns.max() >= n_features:
            raise ValueError(
                f"groups[{number}]={group!r} names a column that X does not have; its "
                f"{n_features} columns are numbered from 0."
            )
        if len(np.unique(columns)) < len(columns) or (labels[columns] >= 0).any():
            raise ValueError(
                f"groups[{number}]={group!r} names a column for the second time; each "
                "column may be in one group only."
            )
        labels[columns] = number
    alone = labels < 0
    labels[alone] = len(groups) + np.arange(alone.sum())
    return np.unique(labels, return_inverse=True)[1]
