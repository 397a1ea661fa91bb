"""Samples without replacement have the size and the probabilities asked for."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skprune.numerics.sampling import (
    entry_sensitivity,
    inclusion_probabilities,
    systematic_sample,
)


@pytest.mark.parametrize("n_keep", [0, 1, 7, 19, 20])
def test_probabilities_sum_to_sample_size(n_keep):
    """Probabilities are in [0, 1], sum to the sample size and grow with size."""
    sizes = np.sort(np.random.default_rng(0).random(20) ** 4)

    probabilities = inclusion_probabilities(sizes, n_keep)

    assert_allclose(probabilities.sum(), n_keep)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert (np.diff(probabilities) >= -1e-12).all()


def test_units_without_contribution_fill_up():
    """Where too few sizes are positive the rest is shared among the others."""
    probabilities = inclusion_probabilities(np.array([0.0, 3.0, 0.0, 1.0]), 3)

    assert_allclose(probabilities, [0.5, 1, 0.5, 1])


def test_sample_has_its_probabilities():
    """Over many draws the frequency of each unit is its inclusion probability."""
    rng = np.random.default_rng(0)
    probabilities = inclusion_probabilities(rng.random(12) ** 2, 5)

    draws = np.array([systematic_sample(probabilities, rng) for _ in range(4000)])

    assert (draws.sum(axis=1) == 5).all()
    assert_allclose(draws.mean(axis=0), probabilities, atol=4 * 0.5 / np.sqrt(4000))


def test_sensitivity_is_largest_share():
    """On a hand-made layer the shares are those counted sample by sample."""
    A = np.array([[1.0, 1.0, 2.0], [0.0, 3.0, 1.0]])
    W = np.array([[1.0], [1.0], [-1.0]])

    shares = entry_sensitivity(A, W)

    assert_allclose(shares, [[1 / 2], [1.0], [1.0]])
