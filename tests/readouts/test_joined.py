"""Joined units, and the units of several models."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Lasso

from skprune.numerics.lasso import LassoProblem
from skprune.numerics.losses import SQUARED, Objective
from skprune.numerics.obs import squared_weight
from skprune.readouts.dense import EntryReadout, RowReadout
from skprune.readouts.joined import ConcatenatedReadout, JoinedReadout

GROUP = np.array([0, 1, 0, 2, 1])
FEATURES = np.array([0, 1, 2, 2, 1, 3, 0])  # four features, and three


def row_readout(n_outputs=2):
    """A read-out of five inputs."""
    rng = np.random.default_rng(0)
    A, W = rng.normal(size=(40, 5)), rng.normal(size=(5, n_outputs))
    D, weights = rng.normal(size=(40, n_outputs)), rng.random(40)
    return RowReadout(
        "W",
        A,
        W,
        lambda rng=None: D,
        weights / weights.sum(),
        rows=np.arange(5),
        objective=Objective(SQUARED, A @ W - D, np.zeros(n_outputs), 0.1),
    )


@pytest.mark.parametrize("name", ["size", "contribution", "sensitivity"])
def test_norm_of_group_is_that_of_its_members(name):
    """Squared norms add up over the members of a group."""
    single = row_readout()

    joined = getattr(JoinedReadout(single, GROUP, 3), name)()

    squares = getattr(single, name)() ** 2
    wanted = [np.sum(squares[GROUP == g]) for g in range(3)]
    assert_allclose(joined**2, wanted)


@pytest.mark.parametrize("name", ["fisher", "removal_loss", "gate_gradient"])
def test_loss_of_group_is_the_sum(name):
    """Quantities in units of the loss add up over the members of a group."""
    single = row_readout()

    joined = getattr(JoinedReadout(single, GROUP, 3), name)()

    values = getattr(single, name)()
    assert_allclose(joined, [values[GROUP == g].sum() for g in range(3)])


def test_elimination_adds_up():
    """Scores of backward elimination add up over the members of a group."""
    single = row_readout()

    joined = JoinedReadout(single, GROUP, 3).elimination(squared_weight)

    values = single.elimination(squared_weight)
    assert_allclose(joined, [values[GROUP == g].sum() for g in range(3)])


def test_distortion_is_that_of_the_members():
    """Gates of groups act as the same gates of their members."""
    single, gates = row_readout(), np.array([1.0, 0.0, 0.7])

    distortion = JoinedReadout(single, GROUP, 3).distortion(gates)

    assert distortion == single.distortion(gates[GROUP])


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_group_lasso_meets_its_optimality_conditions(n_outputs, share):
    """At the optimum the slope of a group is the penalty, or less where it is out."""
    problem = JoinedReadout(row_readout(n_outputs), GROUP, 3).lasso()
    _, largest = problem.solve(np.inf)
    penalty = share * largest.max()

    norms, slopes = problem.solve(penalty)

    inside = norms > 0
    assert inside.any()
    assert share < 0.9 or not inside.all()
    assert_allclose(slopes[inside], penalty, rtol=1e-4)
    assert np.all(slopes[~inside] <= penalty * (1 + 1e-6))


def test_groups_of_one_give_the_lasso():
    """Joined with nobody, each unit has the norm of scikit-learn's lasso."""
    X, y = load_diabetes(return_X_y=True)
    X, y = X / X.std(axis=0), y - y.mean()
    model = Lasso(alpha=5.0, tol=1e-8).fit(X, y)
    weights = np.full(len(X), 1 / len(X))
    single = RowReadout(
        "coef_",
        X,
        model.coef_[:, None],
        lambda rng=None: (X @ model.coef_ - y)[:, None],
        weights,
        rows=np.arange(10),
        objective=Objective(SQUARED, y[:, None], np.zeros(1), 0.0),
    )

    norms, _ = JoinedReadout(single, np.arange(10), 10).lasso().solve(5.0)

    assert_allclose(norms, np.abs(model.coef_), atol=1e-3)


def test_unknown_lasso_says_what_to_do():
    """A problem that cannot join its units raises an error that names the way out."""

    class Other(LassoProblem):
        n_units = 2

        def solve(self, penalty):
            return np.zeros(2), np.zeros(2)

    with pytest.raises(TypeError, match="use another method"):
        Other().joined(np.array([0, 0]), 1)


def test_entries_can_be_joined():
    """Weights of several outputs can be one unit too."""
    single = row_readout()
    mask = np.ones((5, 2), dtype=bool)
    entries = EntryReadout(
        "W", single.A, single.W, single._gradient, single.weights, mask=mask
    )

    rows = JoinedReadout(entries, np.repeat(np.arange(5), 2), 5)

    assert_allclose(rows.contribution(), single.contribution())


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_unit_without_members_has_no_importance(n_outputs):
    """A joined unit that is empty has a zero in its place, also in the lasso."""
    joined = JoinedReadout(row_readout(n_outputs), GROUP, 4)

    norms, slopes = joined.lasso().solve(0.01)

    assert joined.contribution()[3] == joined.fisher()[3] == 0
    assert norms.shape == slopes.shape == (4,)
    assert norms[3] == slopes[3] == 0


def noisy_readout(seed, n_features, n_outputs=1, rows=None):
    """A read-out of some inputs, by default all units, with noisy targets."""
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
    return [noisy_readout(0, 4), noisy_readout(1, 3, n_outputs=2)]


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
    """The distortion is the sum over the models."""
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
    lasso = JoinedReadout(ConcatenatedReadout("both", parts), FEATURES, 4).lasso()

    norms, slopes = lasso.solve(penalty)

    alone, weights = [part.lasso() for part in parts], np.split(lasso.W[:, 0], [4])
    W = [own.reshape(part.cross.shape) for own, part in zip(weights, alone)]
    gradients = [part.gram @ own - part.cross for part, own in zip(alone, W)]
    for g in range(4):
        rows = FEATURES[:4] == g, FEATURES[4:] == g
        own = np.concatenate([w[r].ravel() for w, r in zip(W, rows)])
        slope = np.concatenate([d[r].ravel() for d, r in zip(gradients, rows)])
        assert_allclose(norms[g], np.linalg.norm(own))
        assert_allclose(slopes[g], np.linalg.norm(slope))
        if norms[g] == 0:
            assert slopes[g] <= penalty * (1 + 1e-6)
        else:
            assert_allclose(slope, -penalty * own / norms[g], atol=1e-4)
    assert 0 < np.count_nonzero(norms)


def test_models_without_units_have_no_say():
    """A model that has lost all its inputs, or all models that have, join in."""
    empty = noisy_readout(0, 2, rows=np.arange(0))
    some = [noisy_readout(1, 3), empty]
    joined = JoinedReadout(ConcatenatedReadout("both", some), np.arange(3), 3)
    assert_allclose(joined.lasso().solve(0.1)[0], some[0].lasso().solve(0.1)[0], 1e-4)
    none = ConcatenatedReadout("both", [empty, empty])
    nothing = JoinedReadout(none, np.arange(0), 0).lasso()
    assert nothing.n_units == 0
