"""Defaults that every read-out inherits."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skprune.readouts.base import Readout


class Plain(Readout):
    """A read-out that knows its contributions only."""

    name = "plain"

    def __init__(self, contributions):
        self.values = np.asarray(contributions, dtype=float)
        self.n_units = len(self.values)

    def contribution(self):
        return self.values

    def size(self):
        raise NotImplementedError

    def gate_gradient(self):
        raise NotImplementedError

    def fisher(self, rng=None):
        raise NotImplementedError

    def removal_loss(self, rng=None):
        raise NotImplementedError

    def lasso(self, rng=None):
        raise NotImplementedError


def test_spread_is_the_root_of_the_energy():
    """Shares of it sum to one; a read-out that does nothing has scale one."""
    readout = Plain([3.0, 4.0])
    assert readout.spread() == 5.0
    assert_allclose(np.sum((readout.contribution() / readout.spread()) ** 2), 1.0)
    assert Plain([0.0, 0.0]).spread() == 1.0
    assert Plain([]).spread() == 1.0


def test_distortion_as_if_uncorrelated():
    """Squares of what gates change."""
    assert Plain([3.0, 4.0]).distortion(np.array([0.0, 0.5])) == 9.0 + 4.0


def test_sensitivity_needs_inputs():
    """The error names the value to use instead."""
    with pytest.raises(ValueError, match=r"sensitivity='max'.*plain.*'norm'"):
        Plain([1.0]).sensitivity()


def test_questions_must_be_answered():
    """A read-out that leaves one out cannot be made."""
    with pytest.raises(TypeError, match="abstract"):
        type("Half", (Plain,), {"fisher": Readout.fisher})([1.0])
