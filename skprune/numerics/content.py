"""An order of samples by what they hold, so that folds do not depend on their place."""

import numpy as np
from scipy import sparse


def content_rank(hashes, target):
    """Position of each sample in an order of what samples hold.

    Folds made of it do not depend on where a sample stands, and samples of equal
    content share one, so that a sample of weight two is treated as two samples.

    Parameters
    ----------
    hashes : ndarray of uint64 of shape (n_samples,)
        Of the content of each sample.
    target : ndarray of shape (n_samples,)
        What the order goes by first: neighbours have similar targets.

    Returns
    -------
    ndarray of int of shape (n_samples,)
        From zero, without gaps; equal for equal samples.
    """
    order = np.lexsort((hashes, target))
    new = (np.diff(hashes[order]) != 0) | (np.diff(target[order]) != 0)
    rank = np.zeros(len(order), dtype=np.intp)
    rank[order[1:]] = np.cumsum(new)
    return rank


def row_hashes(X):
    """A hash of the numbers in each row, whatever the format of the array.

    Parameters
    ----------
    X : {ndarray, sparse array in CSR format} of float32 of shape (n, n_features)
        NaN is a number like others.

    Returns
    -------
    ndarray of uint64 of shape (n,)
        Equal for equal rows.
    """
    rng = np.random.default_rng(0)
    factors = rng.integers(2**63, size=X.shape[1], dtype=np.uint64) * 2 + 1
    hashes = np.zeros(X.shape[0], dtype=np.uint64)
    if sparse.issparse(X):
        row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        np.add.at(hashes, row, _mixed(X.data) * factors[X.indices])
        return hashes
    for column, factor in zip(X.T, factors):
        hashes += _mixed(column) * factor
    return hashes


def _mixed(numbers):
    """The bits of float32 numbers, spread; zero for zero of either sign."""
    bits = np.ascontiguousarray(numbers + np.float32(0)).view(np.uint32)
    spread = bits.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return spread ^ (spread >> np.uint64(29))
