"""Sampling of units without replacement, with given probabilities of being drawn."""

import numpy as np
from scipy import sparse

SENSITIVITY_ROWS = 256  # samples on which shares are compared, ample for their maximum


def inclusion_probabilities(sizes, n_keep):
    """Probabilities proportional to size that sum to the number drawn.

    Parameters
    ----------
    sizes : ndarray of shape (n_units,)
        Not negative.
    n_keep : int
        How many units will be drawn, at most `n_units`.

    Returns
    -------
    ndarray of shape (n_units,)
        In [0, 1], with sum `n_keep`. A unit whose share would exceed one is drawn for
        certain, and the rest is shared among the others. Where fewer than `n_keep`
        sizes are positive, units of size zero share what is left.

    Examples
    --------
    >>> inclusion_probabilities(np.array([1.0, 2.0, 3.0, 10.0]), 2).round(3).tolist()
    [0.167, 0.333, 0.5, 1.0]
    """
    sizes = np.asarray(sizes, dtype=float)
    if np.count_nonzero(sizes) < n_keep:
        certain = sizes > 0
        rest = (n_keep - certain.sum()) / max((~certain).sum(), 1)
        return np.where(certain, 1.0, rest)
    certain = np.zeros(len(sizes), dtype=bool)
    while True:
        left = n_keep - certain.sum()
        total = sizes[~certain].sum()
        shares = np.where(certain, 1.0, left * sizes / total if total > 0 else 0.0)
        over = ~certain & (shares >= 1)
        if not over.any():
            return shares
        certain |= over


def systematic_sample(probabilities, rng):
    """Draw units so that each has its probability and their number is fixed.

    The units are laid along a line in random order, each as long as its probability,
    and every whole step from a random start hits one [1]_.

    Parameters
    ----------
    probabilities : ndarray of shape (n_units,)
        In [0, 1], with an integer sum.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of bool of shape (n_units,)
        With as many True as the probabilities sum to.

    References
    ----------
    .. [1] W. G. Madow, "On the Theory of Systematic Sampling, II", Annals of
       Mathematical Statistics, 1949.
    """
    drawn = probabilities >= 1
    open_units = rng.permutation(np.flatnonzero((probabilities > 0) & ~drawn))
    n_draws = round(probabilities[open_units].sum())
    if n_draws:
        ends = np.cumsum(probabilities[open_units])
        marks = (rng.random() + np.arange(n_draws)) * (ends[-1] / n_draws)
        hit = np.searchsorted(ends, marks, side="right")
        drawn[open_units[np.minimum(hit, len(ends) - 1)]] = True
    return drawn


def entry_sensitivity(A, W):
    """Largest share of each weight in its output over the samples.

    Contributions of one sign are compared with the sum of those of that sign, for
    each of the two signs [1]_, on `SENSITIVITY_ROWS` samples evenly spaced.

    Parameters
    ----------
    A : {ndarray, sparse array} of shape (n_samples, n_inputs)
        Inputs.
    W : ndarray of shape (n_inputs, n_outputs)
        Weights.

    Returns
    -------
    ndarray of shape (n_inputs, n_outputs)
        In [0, 1].

    References
    ----------
    .. [1] C. Baykal et al., "Data-Dependent Coresets for Compressing Neural Networks
       with Applications to Generalization Bounds", ICLR 2019.
    """
    rows = np.linspace(0, A.shape[0] - 1, min(A.shape[0], SENSITIVITY_ROWS)).astype(int)
    inputs = A[rows].toarray() if sparse.issparse(A) else A[rows]
    largest = np.zeros(W.shape)
    for j, w in enumerate(W.T):
        for sign in (1, -1):
            parts = np.maximum(sign * inputs * w, 0)
            totals = parts.sum(axis=1, keepdims=True)
            shares = parts / np.where(totals > 0, totals, np.inf)
            np.maximum(largest[:, j], shares.max(axis=0), out=largest[:, j])
    return largest
