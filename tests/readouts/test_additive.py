"""Read-outs that sum one output per unit, and the mean of whole models."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skprune.readouts.additive import AdditiveReadout, MemberReadout
from skprune.readouts.dense import RowReadout

N_UNITS, N_SAMPLES, N_OUTPUTS = 5, 40, 2


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
    """If each unit has its own Z, each has its own gradient."""
    rng = np.random.default_rng(0)
    contributions, D = rng.normal(size=(2, 3, 30, 2))
    readout = AdditiveReadout(
        "own", contributions, lambda rng=None: D, np.full(30, 1 / 30)
    )
    wanted = (contributions * D).sum(axis=2).mean(axis=1)
    assert_allclose(readout.gate_gradient(), wanted)


@pytest.fixture
def members():
    """Outputs of random models, targets and weights."""
    rng = np.random.default_rng(0)
    outputs = rng.standard_normal((N_UNITS, N_SAMPLES, N_OUTPUTS)) + 3
    weights = rng.random(N_SAMPLES)
    targets = rng.standard_normal((N_SAMPLES, N_OUTPUTS))
    return outputs, targets, weights / weights.sum()


def mean_readout(members):
    """The read-out for half the squared error."""
    outputs, targets, weights = members
    D = outputs.mean(axis=0) - targets
    return MemberReadout("estimators_", outputs, lambda rng=None: D, weights)


def mean_of(outputs, gates):
    """The output of the gated ensemble."""
    return np.tensordot(gates / gates.sum(), outputs, axes=1)


def test_gate_gradient_is_that_of_the_mean(members):
    """Central differences of the loss of the gated mean."""
    outputs, targets, weights = members
    slopes = []
    for unit in range(N_UNITS):
        losses = []
        for step in (1e-6, -1e-6):
            gates = np.ones(N_UNITS)
            gates[unit] += step
            errors = ((mean_of(outputs, gates) - targets) ** 2).sum(axis=1) / 2
            losses.append(weights @ errors)
        slopes.append((losses[0] - losses[1]) / 2e-6)
    assert_allclose(mean_readout(members).gate_gradient(), slopes, atol=1e-8)


def test_distortion_is_the_change_of_the_mean(members):
    """The distortion is the change of the gated mean."""
    outputs, _, weights = members
    gates = np.array([0, 1, 1, 0, 2.0])
    change = mean_of(outputs, gates) - outputs.mean(axis=0)
    wanted = weights @ (change**2).sum(axis=1)
    assert_allclose(mean_readout(members).distortion(gates), wanted)


def test_fisher_is_the_mean_square_of_the_slopes(members):
    """The slope of each sample's loss by each gate, squared."""
    outputs, targets, weights = members
    mean = outputs.mean(axis=0)
    slopes = ((outputs - mean) * (mean - targets)).sum(axis=2) / N_UNITS
    assert_allclose(mean_readout(members).fisher(), slopes**2 @ weights)


def test_a_constant_model_contributes_nothing():
    """A constant output has no contribution, and its norm as its size."""
    outputs = np.zeros((2, 30, 1))
    outputs[0] = 5.0
    outputs[1, :, 0] = np.linspace(-1, 1, 30)
    readout = mean_readout((outputs, np.zeros((30, 1)), np.full(30, 1 / 30)))
    assert_allclose(readout.contribution()[0], 0, atol=1e-7)
    assert readout.contribution()[1] > 0.2
    assert_allclose(readout.size()[0], 2.5)


def test_twins_share_what_a_lasso_needs(members):
    """The lasso keeps models that differ before one that is half the sum of others."""
    outputs, targets, weights = members
    outputs[4] = (outputs[0] + outputs[1]) / 2
    lasso = mean_readout((outputs, targets, weights)).lasso()
    norms, _ = lasso.solve(1e-6)
    assert norms.shape == (N_UNITS,)
    assert (norms[:4] > 0).all()
