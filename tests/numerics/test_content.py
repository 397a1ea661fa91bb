"""The order of samples by content does not know where they stand."""

import numpy as np
from numpy.testing import assert_array_equal
from scipy import sparse

from skprune.numerics.content import content_rank, row_hashes


def samples(n_samples=50):
    """Rows with NaN, and targets with ties."""
    rng = np.random.default_rng(0)
    X = rng.integers(-2, 3, (n_samples, 4)).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    return X, rng.integers(3, size=n_samples).astype(float)


def test_hashes_are_equal_for_equal_rows_alone():
    """Two rows share a hash if and only if they hold the same numbers."""
    X, _ = samples(200)
    hashes = row_hashes(X)

    same = (X[:, None] == X[None]) | (np.isnan(X)[:, None] & np.isnan(X)[None])
    assert_array_equal(hashes[:, None] == hashes[None], same.all(axis=2))


def test_hashes_do_not_know_the_format():
    """Dense, sparse and negative zeros give the same hashes."""
    X = np.nan_to_num(samples()[0])
    negative = np.where(X == 0, np.float32(-0.0), X)

    assert_array_equal(row_hashes(sparse.csr_array(X)), row_hashes(X))
    assert_array_equal(row_hashes(negative), row_hashes(X))


def test_rank_moves_with_the_samples():
    """Shuffled samples have the ranks of where they came from."""
    X, y = samples()
    order = np.random.default_rng(1).permutation(len(y))

    rank = content_rank(row_hashes(X), y)

    assert_array_equal(content_rank(row_hashes(X[order]), y[order]), rank[order])


def test_repeated_samples_share_their_rank():
    """Samples given twice get the rank that they have once, and no gap arises."""
    X, y = samples()
    rank = content_rank(row_hashes(X), y)
    twice = content_rank(row_hashes(np.vstack([X, X[:9]])), np.append(y, y[:9]))

    assert_array_equal(twice, np.append(rank, rank[:9]))
    assert_array_equal(np.unique(rank), np.arange(rank.max() + 1))


def test_rank_follows_the_target():
    """Samples of a larger target come later."""
    X, y = samples()

    rank = content_rank(row_hashes(X), y)

    assert (np.diff(y[np.argsort(rank, kind="stable")]) >= 0).all()
