"""Values of many trees read like one array of them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skprune.numerics.node_values import NodeValues

LENGTHS = (3, 1, 4, 2)


@pytest.fixture
def parts():
    """Values of the nodes of four trees."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=(length, 2)) for length in LENGTHS]


@pytest.mark.parametrize(
    "key",
    [
        slice(0, 3),
        slice(3, 8),
        slice(1, 6),
        slice(4, 4),
        slice(None),
        (slice(4, 8), 1),
        (slice(2, 9), slice(1)),
        np.array([0, 2, 3, 9]),
        np.array([9, 0, 4, 4]),
        np.array([], dtype=int),
        np.arange(10) % 3 == 0,
    ],
)
def test_rows_are_those_of_the_array(parts, key):
    """Slices, rows in any order and masks give what they give of the joined array."""
    assert_array_equal(NodeValues(parts)[key], np.concatenate(parts)[key])


def test_computes_like_an_array(parts):
    """Operators, functions of numpy and a copy are those of the joined array."""
    values, joined = NodeValues(parts), np.concatenate(parts)

    assert_array_equal(values * 2 - joined, joined)
    assert_array_equal(values != joined, np.zeros(joined.shape, dtype=bool))
    assert_array_equal(np.maximum(values, 0), np.maximum(joined, 0))
    assert_array_equal(values.copy(), joined)
    assert (values.shape, values.dtype, len(values)) == (joined.shape, joined.dtype, 10)


def test_values_stay_where_they_are(parts):
    """The nodes of one tree are a view of its values; a copy is none of any."""
    values = NodeValues(parts)

    assert np.shares_memory(values[4:8], parts[2])
    assert not any(np.shares_memory(values.copy(), part) for part in parts)


@pytest.mark.parametrize("rows", [[-1, 2], [3, 10], [10, 3]])
def test_rows_that_are_not_there_are_refused(parts, rows):
    """A number below zero or past the last node is an error, as in an array."""
    with pytest.raises(IndexError):
        NodeValues(parts)[np.array(rows)]
