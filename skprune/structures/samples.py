"""Weights, rows and targets of the samples on which models are pruned."""

from dataclasses import replace

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_consistent_length

from skprune._compat import _safe_indexing, method_params


def total_weights(model, samples, n_samples):
    """Multiply sample weights and class weights.

    Parameters
    ----------
    model : estimator
        Its parameter ``class_weight``, if it has one, multiplies the weights.
    samples : Samples
        As the model takes them.
    n_samples : int
        Number of samples.

    Returns
    -------
    ndarray of float64 of shape (n_samples,)
        Non-negative, with a positive sum.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, if there is not one per sample, or if all
        are zero.
    """
    weights = samples.sample_weight
    if isinstance(weights, str):
        raise ValueError(
            f"sample_weight={weights!r} is not one number per sample; use "
            f"sklearn.utils.class_weight.compute_sample_weight({weights!r}, y)."
        )
    weights = np.ones(n_samples) if weights is None else np.array(weights, dtype=float)
    if weights.ndim == 0:
        weights = np.full(n_samples, float(weights))
    if weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}; it must be ({n_samples},)."
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("sample_weight must be finite and not negative.")
    class_weight = getattr(model, "class_weight", None)
    if class_weight is not None:
        weights = weights * _class_factors(class_weight, samples.y, weights)
    if not weights.sum() > 0:
        raise ValueError("All sample weights are zero; at least one must be positive.")
    return weights


def _class_factors(class_weight, y, weights):
    """Compute the class weight of each sample, (n_samples,)."""
    if not isinstance(class_weight, str):
        return compute_sample_weight(class_weight, y)
    factors, used = np.ones(len(weights)), weights > 0
    for column in np.asarray(y).reshape(len(weights), -1)[used].T:
        _, codes = np.unique(column, return_inverse=True)
        counts = np.bincount(codes, weights=weights[used])
        factors[used] *= weights.sum() / (len(counts) * counts[codes])
    return factors


def check_targets(model, samples):
    """Raise if the targets do not fit a fitted model.

    Parameters
    ----------
    model : estimator
        A model, not a container.
    samples : Samples
        As the model takes them.

    Raises
    ------
    ValueError
        If there are none or not one per sample, if one is not finite, or if the model
        was not trained on its class.
    """
    if samples.y is None:
        raise ValueError("y=None: pruning needs the targets of the samples.")
    check_consistent_length(samples.X, samples.y)
    y = np.asarray(samples.y)
    if not is_classifier(model):
        if not np.isfinite(y.astype(float)).all():
            raise ValueError("y has NaN or infinite targets; all must be finite.")
        return
    if isinstance(model.classes_, list):
        columns = list(zip(model.classes_, y.T))
    else:  # an indicator of several labels has no classes to compare
        several = y.ndim == 2 and y.shape[1] > 1
        columns = [] if several else [(model.classes_, y.ravel())]
    for known, column in columns:
        unknown = np.setdiff1d(column, known)
        if len(unknown):
            raise ValueError(
                f"y has the classes {unknown.tolist()} that {type(model).__name__} "
                f"never saw; it knows {np.asarray(known).tolist()}."
            )


def take(samples, rows):
    """Select rows of samples, with their weights and metadata."""
    weights, params = samples.sample_weight, samples.fit_params
    if np.asarray(weights).ndim:  # None and one number are for all rows
        weights = np.asarray(weights)[rows]
    if params is not None:
        params = method_params(samples.X, params, indices=rows)
    X, y = rows_of(samples.X, rows), np.asarray(samples.y)[rows]
    return replace(samples, X=X, y=y, sample_weight=weights, fit_params=params)


def rows_of(X, rows):
    """Select rows of an array, dense or sparse, of a table or of a list."""
    if sparse.issparse(X):
        return X.tocsr()[rows]
    return _safe_indexing(X if hasattr(X, "__getitem__") else np.asarray(X), rows)
