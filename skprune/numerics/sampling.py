"""Sampling of units with given inclusion probabilities, and shares of units in sums."""

import numpy as np
from scipy import sparse

# Samples on which the largest share of a unit is computed. More of them find more of
# the rare large shares, and take time and memory in proportion.
SENSITIVITY_ROWS = 256


def inclusion_probabilities(sizes, n_keep):
    """Compute inclusion probabilities proportional to size for a fixed sample size.

    They sum to `n_keep`. A unit whose share would exceed one gets probability one, and
    the rest is shared among the others. If fewer than `n_keep` sizes are positive,
    units of size zero share the rest equally.

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
    """Draw a fixed number of units with given inclusion probabilities.

    Units are placed on a line in random order, each with the length of its probability.
    Steps of length one from a random start select the units that they hit [1]_. The
    probabilities have an integer sum, the number of True entries in the result.

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


def evenly_spaced(n_samples):
    """Choose at most `SENSITIVITY_ROWS` samples on which shares are compared."""
    n_rows = min(n_samples, SENSITIVITY_ROWS)
    return np.linspace(0, n_samples - 1, n_rows).astype(int)


def largest_shares(sizes):
    """Compute the largest share of each unit in the sum over units.

    `sizes`, (n_units, ...), are non-negative, for instance for each sample and output.
    The result is in [0, 1]; zero where all sums are zero.
    """
    totals = sizes.sum(axis=0)
    shares = sizes / np.where(totals > 0, totals, np.inf)
    return shares.max(axis=tuple(range(1, sizes.ndim)))


def entry_sensitivity(A, W):
    """Compute the largest share of each weight in its output over the samples.

    A contribution is compared with the sum of the contributions of its sign [1]_, on at
    most `SENSITIVITY_ROWS` evenly spaced samples of A. The result has the shape of W.

    References
    ----------
    .. [1] C. Baykal et al., "Data-Dependent Coresets for Compressing Neural Networks
       with Applications to Generalization Bounds", ICLR 2019.
    """
    rows = evenly_spaced(A.shape[0])
    inputs = A[rows].toarray() if sparse.issparse(A) else A[rows]
    largest = np.zeros(W.shape)
    for j, w in enumerate(W.T):
        for sign in (1, -1):
            shares = largest_shares(np.maximum(sign * inputs * w, 0).T)
            np.maximum(largest[:, j], shares, out=largest[:, j])
    return largest
