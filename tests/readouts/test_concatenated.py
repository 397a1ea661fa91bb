"""Read-outs of models whose answers are averaged."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skprune.numerics.losses import SQUARED, Objective
from skprune.numerics.obs import squared_weight
from skprune.readouts.concatenated import ConcatenatedReadout
from skprune.readouts.dense import RowReadout
from skprune.readouts.joined import JoinedReadout

GROUP = np.array([0, 1, 2, 2, 1, 3, 0])  # four features, and three


def row_readout(seed, n_features, n_outputs=1, rows=None):
    """A read-out of some inputs, all units where not said, toward noisy targets."""
    rng = np.random.default_rng(seed)
    A, W = rng.normal(size=(60, n_features)), rng.normal(size=(n_features, n_outputs))
    D, weights = rng.normal(size=(60, n_outputs)), rng.random(60)
    return RowReadout(
        "W",
        A,
        W,
        lambda rng=None: D,
        weights / weights.sum(),
        rows=np.arange(n_features) if rows is None else rows,
        objective=Objective(SQUARED, A @ W - D, np.zeros(n_outputs), 0.1),
    )


@pytest.fixture
def parts():
    """Two models with different numbers of inputs and outputs."""
    return [row_readout(0, 4), row_readout(1, 3, n_outputs=2)]


@pytest.mark.parametrize(
    ("question", "power"),
    [
        ("size", 0),
        ("contribution", 0),
        ("sensitivity", 0),
        ("gate_gradient", 1),
        ("removal_loss", 1),
        ("fisher", 2),
    ],
)
def test_answers_are_those_of_the_models_in_turn(parts, question, power):
    """In units of the loss they are those of a mean of two."""
    answer = getattr(ConcatenatedReadout("both", parts), question)()
    own = np.concatenate([getattr(part, question)() for part in parts])
    assert_allclose(answer, own / 2**power)


def test_each_model_is_eliminated_by_itself(parts):
    """Backward elimination with a score of weights is that of each model."""
    answer = ConcatenatedReadout("both", parts).elimination(squared_weight)
    own = np.concatenate([part.elimination(squared_weight) for part in parts])
    assert_allclose(answer, own / 2)


def test_distortions_add_up(parts):
    """What gates change is summed over the models."""
    gates = np.array([1, 0, 2, 1, 0, 1, 0.5])
    whole = ConcatenatedReadout("both", parts).distortion(gates)
    assert whole == parts[0].distortion(gates[:4]) + parts[1].distortion(gates[4:])


def test_lasso_solves_each_model_under_one_penalty(parts):
    """Without joined units the problems have nothing to do with each other."""
    both = ConcatenatedReadout("both", parts).lasso().solve(0.3)
    alone = [part.lasso().solve(0.3) for part in parts]
    for answer, own in zip(both, zip(*alone)):
        assert_array_equal(answer, np.concatenate(own))


@pytest.mark.parametrize("penalty", [0.2, 0.6, 1.0])
def test_joined_lasso_is_a_group_lasso_over_models(parts, penalty):
    """At its solution the conditions of optimality hold for each group of weights.

    The gradient of a group that is in is the penalty times its direction; that of a
    group that is out is no longer than the penalty.
    """
    lasso = JoinedReadout(ConcatenatedReadout("both", parts), GROUP, 4).lasso()

    norms, pulls = lasso.solve(penalty)

    alone, weights = [part.lasso() for part in parts], np.split(lasso.W[:, 0], [4])
    W = [own.reshape(part.cross.shape) for own, part in zip(weights, alone)]
    gradients = [part.gram @ own - part.cross for part, own in zip(alone, W)]
    for g in range(4):
        rows = GROUP[:4] == g, GROUP[4:] == g
        own = np.concatenate([w[r].ravel() for w, r in zip(W, rows)])
        slope = np.concatenate([d[r].ravel() for d, r in zip(gradients, rows)])
        assert_allclose(norms[g], np.linalg.norm(own))
        assert_allclose(pulls[g], np.linalg.norm(slope))
        if norms[g] == 0:
            assert pulls[g] <= penalty * (1 + 1e-6)
        else:
            assert_allclose(slope, -penalty * own / norms[g], atol=1e-4)
    assert 0 < np.count_nonzero(norms)


def test_models_without_units_have_no_say():
    """A model that has lost all its inputs, or all models that have, join in."""
    empty = row_readout(0, 2, rows=np.arange(0))
    some = [row_readout(1, 3), empty]
    joined = JoinedReadout(ConcatenatedReadout("both", some), np.arange(3), 3)
    assert_allclose(joined.lasso().solve(0.1)[0], some[0].lasso().solve(0.1)[0], 1e-4)
    none = ConcatenatedReadout("both", [empty, empty])
    nothing = JoinedReadout(none, np.arange(0), 0).lasso()
    assert nothing.n_units == 0
