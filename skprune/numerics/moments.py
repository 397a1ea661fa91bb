"""Weighted first and second moments of columns, dense or sparse, in blocks of rows."""

import numpy as np
from scipy import sparse

BLOCK = 512  # rows processed at once: copies of them stay in the cache


def row_blocks(n_samples):
    """Split rows into slices of at most `BLOCK` rows.

    Examples
    --------
    >>> row_blocks(700)
    [slice(0, 512, None), slice(512, 700, None)]
    """
    starts = range(0, n_samples, BLOCK)
    return [slice(start, min(start + BLOCK, n_samples)) for start in starts]


def square_products(A, mean, V):
    """Compute ``((A - mean) ** 2).T @ V``, (n_inputs, n_outputs); A may be sparse."""
    if sparse.issparse(A):
        mixed = 2 * mean[:, None] * (A.T @ V)
        return squared(A).T @ V - mixed + np.outer(mean**2, V.sum(axis=0))
    return sum(np.square(A[rows] - mean).T @ V[rows] for rows in row_blocks(len(A)))


def squared(A):
    """Square the entries of a dense or sparse array."""
    return A.multiply(A).tocsr() if sparse.issparse(A) else A**2


def column_spread(A, weights, *, centred=True):
    """Compute the weighted standard deviation of each column of A, dense or sparse.

    Weights sum to one. If not `centred`, it is the root mean square.
    """
    mean = A.T @ weights if centred else np.zeros(A.shape[1])
    if sparse.issparse(A):
        return np.sqrt(np.maximum(squared(A).T @ weights - mean**2, 0.0))
    return np.sqrt(
        sum(weights[rows] @ np.square(A[rows] - mean) for rows in row_blocks(len(A)))
    )
