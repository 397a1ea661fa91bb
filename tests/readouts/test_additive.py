"""Read-outs that are a sum of one output a unit."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skprune.readouts.additive import AdditiveReadout
from skprune.readouts.dense import RowReadout


@pytest.fixture
def parts():
    """A dense read-out and its inputs as units of a plain sum."""
    rng = np.random.default_rng(0)
    A, W = rng.normal(size=(40, 5)) + 1, rng.normal(size=(5, 2))
    Y, weights = rng.normal(size=(40, 2)), rng.random(40)
    weights /= weights.sum()

    def D(rng=None):
        return rng.normal(size=Y.shape) if rng else A @ W - Y

    contributions = np.einsum("nu,uk->unk", A, W)
    additive = AdditiveReadout("sum", contributions, D, weights)
    return additive, RowReadout("rows", A, W, D, weights, rows=np.arange(5))


@pytest.mark.parametrize("name", ["contribution", "gate_gradient", "fisher"])
def test_answers_are_those_of_a_dense_read_out(parts, name):
    """A sum of outputs is a read-out whose inputs own a weight to each output."""
    additive, rows = parts
    assert_allclose(getattr(additive, name)(), getattr(rows, name)())
    if name == "fisher":
        seeds = [np.random.default_rng(1) for _ in range(2)]
        assert_allclose(additive.fisher(seeds[0]), rows.fisher(seeds[1]))


def test_size_is_the_norm_of_the_output(parts):
    """With its mean, weighted."""
    additive, _ = parts
    squares = (additive.contributions**2).sum(axis=2)
    assert_allclose(additive.size() ** 2, squares @ additive.weights)


def test_distortion(parts):
    """Mean square of the change about its mean, as of the dense read-out."""
    additive, rows = parts
    gates = np.array([0, 1, 0.5, 2, 0])
    assert_allclose(additive.distortion(gates), rows.distortion(gates))


def test_removal_loss_follows_what_others_can_take_over():
    """A unit that repeats another costs next to nothing, one of its own all of it."""
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 200, 1))
    contributions = np.array([one, one, other])
    readout = AdditiveReadout("sum", contributions, None, np.full(200, 1 / 200))
    costs = readout.removal_loss()
    assert costs[:2].min() < 0.05 * costs[2]
    assert_allclose(costs[2], np.var(other) / 2, rtol=0.05)


def test_one_gradient_a_unit():
    """Units with a Z of their own bring a gradient each."""
    rng = np.random.default_rng(0)
    contributions, D = rng.normal(size=(2, 3, 30, 2))
    readout = AdditiveReadout(
        "own", contributions, lambda rng=None: D, np.full(30, 1 / 30)
    )
    wanted = (contributions * D).sum(axis=2).mean(axis=1)
    assert_allclose(readout.gate_gradient(), wanted)
