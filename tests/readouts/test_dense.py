"""Dense read-outs, against sums written out sample by sample."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skprune.numerics import moments
from skprune.numerics.losses import SQUARED, Objective
from skprune.readouts.dense import EntryReadout, RowReadout

N_SAMPLES, N_INPUTS, N_OUTPUTS = 50, 6, 3


@pytest.fixture
def parts():
    """A with zeros, W with zeros, targets and weights that sum to one."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(N_SAMPLES, N_INPUTS)) + 1
    A[rng.random(A.shape) < 0.4] = 0
    W = rng.normal(size=(N_INPUTS, N_OUTPUTS))
    W[rng.random(W.shape) < 0.3] = 0
    W[2] = 0
    weights = rng.random(N_SAMPLES)
    return A, W, rng.normal(size=(N_SAMPLES, N_OUTPUTS)), weights / weights.sum()


def readout_of(parts, kind, *, centred=True, stored=np.asarray, objective=False):
    """A read-out whose loss is the squared distance of Z to the targets."""
    A, W, Y, weights = parts

    def D(rng=None):
        return rng.normal(size=Y.shape) if rng else A @ W - Y

    options = {"centred": centred}
    if objective:
        options["objective"] = Objective(SQUARED, Y, np.zeros(N_OUTPUTS), 0.0)
    if kind is EntryReadout:
        return kind("Z", stored(A), W, D, weights, mask=W != 0, **options)
    rows = np.flatnonzero(W.any(axis=1))
    return kind("Z", stored(A), W, D, weights, rows=rows, **options)


def unit_contributions(parts, kind):
    """Contribution of each unit to Z, (n_units, n_samples, n_outputs)."""
    A, W, _, _ = parts
    added = []
    for i in range(N_INPUTS):
        if kind is RowReadout and W[i].any():
            added.append(np.outer(A[:, i], W[i]))
        for j in np.flatnonzero(W[i]) if kind is EntryReadout else ():
            one = np.zeros((N_SAMPLES, N_OUTPUTS))
            one[:, j] = A[:, i] * W[i, j]
            added.append(one)
    return np.array(added)


KINDS = pytest.mark.parametrize("kind", [EntryReadout, RowReadout])
STORED = pytest.mark.parametrize("stored", [np.asarray, sparse.csr_array])
CENTRED = pytest.mark.parametrize("centred", [False, True])


@KINDS
@STORED
@CENTRED
def test_contribution(parts, kind, stored, centred):
    """Root mean square of what a unit adds, about its mean where there is a b."""
    readout = readout_of(parts, kind, stored=stored, centred=centred)
    added, weights = unit_contributions(parts, kind), parts[-1]
    assert readout.n_units == len(added)
    mean = np.einsum("unk,n->uk", added, weights) if centred else np.zeros((1, 1))
    wanted = np.einsum("unk,n->u", (added - mean[:, None]) ** 2, weights)
    assert_allclose(readout.contribution(), np.sqrt(wanted), atol=1e-12)
    assert_allclose(readout.spread(), np.sqrt(wanted.sum()))


@KINDS
@STORED
def test_gate_gradient(parts, kind, stored):
    """Central differences of the loss by each gate."""
    readout = readout_of(parts, kind, stored=stored)
    added, (A, W, Y, weights) = unit_contributions(parts, kind), parts

    def loss(gates):
        Z = A @ W + np.einsum("u,unk->nk", gates - 1, added)
        return weights @ ((Z - Y) ** 2).sum(axis=1) / 2

    shifts = 1e-5 * np.eye(len(added))
    wanted = [(loss(1 + shift) - loss(1 - shift)) / 2e-5 for shift in shifts]
    assert_allclose(readout.gate_gradient(), wanted, atol=1e-8)


@KINDS
@STORED
@CENTRED
@pytest.mark.parametrize("block", [7, 4096])
def test_fisher(parts, kind, stored, centred, block, monkeypatch):
    """Mean squared derivative over samples, with centred contributions."""
    monkeypatch.setattr(moments, "BLOCK", block)
    readout = readout_of(parts, kind, stored=stored, centred=centred)
    added, weights = unit_contributions(parts, kind), parts[-1]
    mean = np.einsum("unk,n->uk", added, weights) if centred else np.zeros((1, 1))
    for seed in (None, 3):
        rng = None if seed is None else np.random.default_rng(seed)
        again = None if seed is None else np.random.default_rng(seed)
        derivative = ((added - mean[:, None]) * readout.drawn_gradient(again)).sum(
            axis=2
        )
        assert_allclose(readout.fisher(rng), derivative**2 @ weights, atol=1e-12)


@KINDS
def test_size(parts, kind):
    """Norm of the weights of each unit."""
    W = parts[1]
    wanted = np.abs(W[W != 0])
    if kind is RowReadout:
        wanted = np.linalg.norm(W[W.any(axis=1)], axis=1)
    assert_allclose(readout_of(parts, kind).size(), wanted)


@KINDS
def test_removal_losses_sum_to_the_loss_without_units(parts, kind):
    """For squared loss at its optimum, all costs together are what the units gain."""
    A, W, Y, weights = parts
    centred, targets = A - weights @ A, Y - weights @ Y
    root = np.sqrt(weights)[:, None]
    fitted = np.linalg.lstsq(root * centred, root * targets, rcond=None)[0]
    if kind is EntryReadout:  # each output at the optimum on its own support
        for j in range(N_OUTPUTS):
            rows = np.flatnonzero(W[:, j])
            own = np.linalg.lstsq(
                root * centred[:, rows], root[:, 0] * targets[:, j], rcond=None
            )[0]
            fitted[:, j] = 0
            fitted[rows, j] = own
    readout = readout_of((A, fitted, Y, weights), kind, objective=True)
    gained = weights @ (targets**2 - (targets - centred @ fitted) ** 2).sum(axis=1) / 2
    assert_allclose(readout.removal_loss().sum(), gained, rtol=1e-6)


@KINDS
def test_distortion(parts, kind):
    """Mean square of the change of Z about its mean, for any gates."""
    readout = readout_of(parts, kind)
    added, weights = unit_contributions(parts, kind), parts[-1]
    gates = np.random.default_rng(2).uniform(0, 2, len(added))
    change = np.einsum("u,unk->nk", gates - 1, added)
    change -= weights @ change
    assert_allclose(readout.distortion(gates), weights @ (change**2).sum(axis=1))
    assert readout.distortion(np.ones(len(added))) == 0


@KINDS
def test_sensitivity(parts, kind):
    """The largest share of the absolute contributions to an output."""
    readout, sizes = readout_of(parts, kind), np.abs(unit_contributions(parts, kind))
    A, W, _, _ = parts
    # positive and negative contributions are shares of their own sums
    found = readout.sensitivity()
    assert found.shape == (len(sizes),)
    assert (found > 0).all() and (found <= 1 + 1e-12).all()
    alone = readout_of(
        (A, np.where(np.arange(6)[:, None] == 0, W, 0), *parts[2:]), kind
    )
    assert_allclose(alone.sensitivity(), 1.0)


def test_nothing_negative_from_sparse_inputs():
    """Rounding about the mean of a constant column gives no negative variance."""
    A = np.full((30, 3), 1.1) + np.array([0, 0, 1e-9]) * np.arange(30)[:, None]
    W, weights = np.ones((3, 2)), np.full(30, 1 / 30)
    for kind in (EntryReadout, RowReadout):
        readout = readout_of(
            (A, W, np.zeros((30, 2)), weights), kind, stored=sparse.csr_array
        )
        for values in (readout.contribution(), readout.fisher()):
            assert (values >= 0).all()
            assert values.max() < 1e-6


def test_gradient_is_asked_for_once():
    """The gradient of the data is computed when it is needed, and once."""
    calls = []

    def D(rng=None):
        calls.append(rng)
        return np.ones((4, 1))

    given = np.ones((4, 2)), np.ones((2, 1)), D, np.full(4, 0.25)
    readout = RowReadout("Z", *given, rows=np.arange(2))
    readout.size(), readout.contribution()
    assert calls == []
    readout.fisher(), readout.gate_gradient()
    assert calls == [None]


def test_inputs_are_asked_for_when_they_are_needed(parts):
    """Where the spread is known contributions need no inputs; other questions do."""
    known, asked = readout_of(parts, EntryReadout), []
    spread = known.input_spread

    def inputs():
        asked.append(True)
        return known.A

    given = known.W, lambda rng=None: known.D, known.weights
    readout = EntryReadout(
        "layer", inputs, *given, mask=known.mask, spread=lambda: 2 * spread
    )

    assert_allclose(readout.contribution(), 2 * known.contribution())
    assert not asked
    assert_allclose(readout.gate_gradient(), known.gate_gradient())
    assert readout.A is known.A and len(asked) == 1
