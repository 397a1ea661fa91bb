"""Moments of columns equal numpy's, dense or sparse, weighted or not."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skprune.numerics.moments import BLOCK, column_spread, square_products


@pytest.fixture
def sample():
    """More rows than a block, columns far from zero, random weights."""
    rng = np.random.default_rng(0)
    A = rng.normal(loc=[0, 50, -3], scale=[1, 0.1, 5], size=(BLOCK + 10, 3))
    weights = rng.random(len(A))
    return A, weights / weights.sum(), rng.random((len(A), 2))


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_spread_is_weighted_standard_deviation(sample, form):
    """About the mean it is the weighted standard deviation."""
    A, weights, _ = sample
    expected = np.sqrt(np.cov(A.T, aweights=weights, ddof=0).diagonal())

    assert_allclose(column_spread(form(A), weights), expected, rtol=1e-6)


def test_uncentred_spread_is_root_mean_square(sample):
    """Without an intercept it is the root mean square."""
    A, weights, _ = sample

    spread = column_spread(A, weights, centred=False)

    assert_allclose(spread, np.sqrt(weights @ A**2))


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_square_products(sample, form):
    """The product with squared, shifted inputs is that of numpy."""
    A, weights, V = sample
    mean = weights @ A

    products = square_products(form(A), mean, V)

    assert_allclose(products, ((A - mean) ** 2).T @ V, rtol=1e-6)
