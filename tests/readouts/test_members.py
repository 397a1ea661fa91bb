"""The mean of whole models as a read-out, against the mean itself."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skprune.readouts.members import MemberReadout

N_UNITS, N_SAMPLES, N_OUTPUTS = 5, 40, 2


@pytest.fixture
def problem():
    """Outputs of random models, targets and weights."""
    rng = np.random.default_rng(0)
    outputs = rng.standard_normal((N_UNITS, N_SAMPLES, N_OUTPUTS)) + 3
    weights = rng.random(N_SAMPLES)
    targets = rng.standard_normal((N_SAMPLES, N_OUTPUTS))
    return outputs, targets, weights / weights.sum()


def readout_of(problem):
    """The read-out for half the squared error."""
    outputs, targets, weights = problem
    D = outputs.mean(axis=0) - targets
    return MemberReadout("estimators_", outputs, lambda rng=None: D, weights)


def mean_of(outputs, gates):
    """The output of the gated ensemble."""
    return np.tensordot(gates / gates.sum(), outputs, axes=1)


def test_gate_gradient_is_that_of_the_mean(problem):
    """Central differences of the loss of the gated mean."""
    outputs, targets, weights = problem
    slopes = []
    for unit in range(N_UNITS):
        losses = []
        for step in (1e-6, -1e-6):
            gates = np.ones(N_UNITS)
            gates[unit] += step
            errors = ((mean_of(outputs, gates) - targets) ** 2).sum(axis=1) / 2
            losses.append(weights @ errors)
        slopes.append((losses[0] - losses[1]) / 2e-6)
    assert_allclose(readout_of(problem).gate_gradient(), slopes, atol=1e-8)


def test_distortion_is_the_change_of_the_mean(problem):
    """Gates change the output by as much as is said."""
    outputs, _, weights = problem
    gates = np.array([0, 1, 1, 0, 2.0])
    change = mean_of(outputs, gates) - outputs.mean(axis=0)
    wanted = weights @ (change**2).sum(axis=1)
    assert_allclose(readout_of(problem).distortion(gates), wanted)


def test_fisher_is_the_mean_square_of_the_slopes(problem):
    """The slope of each sample's loss by each gate, squared."""
    outputs, targets, weights = problem
    mean = outputs.mean(axis=0)
    slopes = ((outputs - mean) * (mean - targets)).sum(axis=2) / N_UNITS
    assert_allclose(readout_of(problem).fisher(), slopes**2 @ weights)


def test_a_constant_model_contributes_nothing():
    """What never varies adds no variance, whatever its size; its size is its norm."""
    outputs = np.zeros((2, 30, 1))
    outputs[0] = 5.0
    outputs[1, :, 0] = np.linspace(-1, 1, 30)
    readout = readout_of((outputs, np.zeros((30, 1)), np.full(30, 1 / 30)))
    assert_allclose(readout.contribution()[0], 0, atol=1e-7)
    assert readout.contribution()[1] > 0.2
    assert_allclose(readout.size()[0], 2.5)


def test_twins_share_what_a_lasso_needs(problem):
    """The lasso keeps models that differ before one that is half the sum of others."""
    outputs, targets, weights = problem
    outputs[4] = (outputs[0] + outputs[1]) / 2
    lasso = readout_of((outputs, targets, weights)).lasso()
    norms, _ = lasso.solve(1e-6)
    assert norms.shape == (N_UNITS,)
    assert (norms[:4] > 0).all()
