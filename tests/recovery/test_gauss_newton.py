"""Joint recovery is a damped Gauss-Newton descent on the surviving weights."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skprune.numerics import losses
from skprune.numerics.masked_network import Survivors
from skprune.numerics.network import Network, Signals
from skprune.recovery import curvature
from skprune.recovery import gauss_newton as joint
from skprune.recovery.gauss_newton import Teacher, refit_jointly
from tests.numerics.test_network import ACTIVATIONS

SIZES = (5, 6, 4, 3)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def to_the_end(monkeypatch):
    """The curvature sees every sample, and the descent ends where nothing is left."""
    monkeypatch.setattr(curvature, "EQUATIONS", (2, 10**6))
    monkeypatch.setattr(curvature, "ENOUGH_SHARE", 1)
    monkeypatch.setattr(joint, "NEGLIGIBLE", 0)


def random_network(rng, activation="tanh", sizes=SIZES):
    coefs = [rng.normal(size=shape) for shape in pairwise(sizes)]
    intercepts = [rng.normal(size=n) for n in sizes[1:]]
    return Network(coefs, intercepts, [ACTIVATIONS[activation]] * (len(sizes) - 2))


def pruned(network, rng, share=0.4):
    """A network without a share of its weights, and its masks."""
    masks = [rng.random(W.shape) < 1 - share for W in network.coefs]
    coefs = [W * mask for W, mask in zip(network.coefs, masks)]
    return replace(network, coefs=coefs), masks


def teacher_of(network, X, loss):
    """A network as the teacher, on equally weighted samples."""
    return Teacher(Signals(network, X), np.full(len(X), 1 / len(X)), loss)


@pytest.mark.usefixtures("to_the_end")
def test_one_layer_is_least_squares(rng):
    """With one layer and squared error the result is that of lstsq on the support."""
    X, whole = rng.normal(size=(80, 5)), random_network(rng, sizes=(5, 2))
    small, masks = pruned(whole, rng)
    teacher = teacher_of(whole, X, losses.SQUARED)

    fitted = refit_jointly(Signals(small, X), masks, teacher)

    for j in range(2):
        inputs = np.column_stack([X[:, masks[0][:, j]], np.ones(80)])
        expected = inputs @ np.linalg.lstsq(inputs, teacher.output[:, j], rcond=None)[0]
        assert_allclose(Signals(fitted, X).output[:, j], expected, atol=1e-4)


def test_closer_to_teacher_and_zeros_stay(rng):
    """The predictions come closer to the teacher's, and removed weights stay zero."""
    X, whole = rng.normal(size=(2000, SIZES[0])), random_network(rng, "relu")
    small, masks = pruned(whole, rng)
    teacher, before = teacher_of(whole, X, losses.SOFTMAX), Signals(small, X)
    inputs = [A.copy() for A in before.inputs]

    fitted = refit_jointly(before, masks, teacher)

    assert teacher.excess(Signals(fitted, X).output) < 0.3 * teacher.excess(
        before.output
    )
    assert all((W[~mask] == 0).all() for W, mask in zip(fitted.coefs, masks))
    for now, then in zip(before.inputs, inputs):
        assert_array_equal(now, then)  # the descent works in arrays of its own


@pytest.mark.usefixtures("to_the_end")
def test_teacher_may_be_another_output(rng):
    """With an output of its own to aim at, the network goes there."""
    X, network = rng.normal(size=(80, 5)), random_network(rng, sizes=(5, 2))
    output, weights = X @ rng.normal(size=(5, 2)), np.full(80, 1 / 80)
    masks = [np.ones((5, 2), dtype=bool)]

    teacher = Teacher.of_output(output, weights, losses.SQUARED)
    fitted = refit_jointly(Signals(network, X), masks, teacher)

    assert_allclose(Signals(fitted, X).output, output, atol=1e-4)


@pytest.mark.parametrize("loss", [losses.SQUARED, losses.LOGISTIC, losses.SOFTMAX])
def test_worth_is_what_a_constant_lacks(rng, loss):
    """The teacher itself lacks nothing; the worth is the excess loss of its mean."""
    output, weights = rng.normal(size=(50, 3)), rng.random(50)
    weights /= weights.sum()
    teacher = Teacher.of_output(output, weights, loss)
    targets = loss.gradient(output, np.zeros((50, 3)))
    mean = np.tile(weights @ output, (50, 1))

    expected = weights @ (loss.value(mean, targets) - loss.value(output, targets))

    assert teacher.excess(output) == 0
    assert_allclose(teacher.worth, expected, rtol=1e-12)


@pytest.mark.parametrize("share", [0.999, 1.001])
def test_next_to_nothing_is_not_gained(rng, monkeypatch, share):
    """A network is left as it is just where its excess loss is a negligible share."""
    X, whole = rng.normal(size=(200, SIZES[0])), random_network(rng)
    small, masks = pruned(whole, rng, share=0.1)
    teacher, before = teacher_of(whole, X, losses.SOFTMAX), Signals(small, X)
    lacking = teacher.excess(before.output) / teacher.worth
    monkeypatch.setattr(joint, "NEGLIGIBLE", share * lacking)

    fitted = refit_jointly(before, masks, teacher)

    assert (fitted is small) == (share > 1)


def test_descent_ends_where_nothing_is_to_gain(rng, monkeypatch):
    """Once the excess loss is a negligible share, no further step is taken."""
    X, whole = rng.normal(size=(500, SIZES[0])), random_network(rng)
    small, masks = pruned(whole, rng, share=0.1)
    teacher, before = teacher_of(whole, X, losses.SOFTMAX), Signals(small, X)
    n_steps = []
    longest = joint._longest

    def counted(*args):
        n_steps[-1] += 1
        return longest(*args)

    monkeypatch.setattr(joint, "_longest", counted)
    for share in (0.0, 0.5):
        monkeypatch.setattr(joint, "NEGLIGIBLE", share)
        n_steps.append(0)
        monkeypatch.setattr(Teacher, "worth", teacher.excess(before.output))
        refit_jointly(before, masks, teacher)

    assert n_steps[0] > n_steps[1] > 0


def test_too_few_samples_leave_the_network_alone(rng):
    """With few samples a network of many free weights comes back as it is."""
    whole, X = random_network(rng, sizes=(200, 20, 2)), rng.normal(size=(5, 200))
    small, masks = pruned(whole, rng)
    teacher = teacher_of(whole, X, losses.SOFTMAX)

    assert refit_jointly(Signals(small, X), masks, teacher) is small


def test_what_would_cost_too_much_is_left_alone(rng, monkeypatch):
    """A step of more multiply-adds than are allowed is not taken."""
    X, whole = rng.normal(size=(200, SIZES[0])), random_network(rng)
    small, masks = pruned(whole, rng)
    teacher = teacher_of(whole, X, losses.SOFTMAX)
    assert refit_jointly(Signals(small, X), masks, teacher) is not small
    monkeypatch.setattr(joint, "WORK", 1e3)

    assert refit_jointly(Signals(small, X), masks, teacher) is small


@pytest.mark.parametrize("gain", [0.9, 1.1])
def test_a_step_has_to_keep_a_part_of_its_promise(rng, monkeypatch, gain):
    """Unless a tenth of what the slope promises has come, a step is halved."""
    X, whole = rng.normal(size=(30, 5)), random_network(rng, sizes=(5, 2))
    teacher, signals = teacher_of(whole, X, losses.SQUARED), Signals(whole, X)
    survivors = Survivors.of([np.ones((5, 2), dtype=bool)])
    slope, losses_seen = 1.0, iter([1 - gain * joint.FALL, 0.5])
    monkeypatch.setattr(Teacher, "excess", lambda self, output: next(losses_seen))

    *_, share = joint._longest(teacher, signals, 1.0, survivors, np.zeros(12), slope)

    assert share == (1.0 if gain > 1 else 0.5)


def test_samples_without_weight_are_not_seen(rng):
    """With samples of weight zero among them the network comes out the same."""
    X, whole = rng.normal(size=(300, SIZES[0])), random_network(rng)
    small, masks = pruned(whole, rng)
    used = rng.random(300) < 0.6
    weights = used / used.sum()
    output = Signals(whole, X).output

    fitted = [
        refit_jointly(Signals(small, X[rows]), masks, teacher)
        for rows in (slice(None), used)
        for teacher in [Teacher.of_output(output[rows], weights[rows], losses.SOFTMAX)]
    ]

    assert fitted[0] is not small
    for W, other in zip(fitted[0].coefs, fitted[1].coefs):
        assert_allclose(W, other, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("loss", [losses.SQUARED, losses.SOFTMAX])
def test_single_precision_is_enough(rng, monkeypatch, loss):
    """Steps found in single precision lead where those in double precision do."""
    X, whole = rng.normal(size=(600, SIZES[0])), random_network(rng, "relu")
    small, masks = pruned(whole, rng)
    teacher, before = teacher_of(whole, X, loss), Signals(small, X)

    found = refit_jointly(before, masks, teacher)

    monkeypatch.setattr(joint, "SINGLE", np.float64)
    wanted = refit_jointly(before, masks, teacher)
    output, other = (Signals(network, X).output for network in (found, wanted))
    assert found is not small and found.dtype == np.float64
    assert_allclose(output, other, atol=1e-3 * np.abs(other).max())


def test_teacher_is_asked_when_it_is_needed(rng):
    """Nothing is computed before; once settled, only the output is held."""
    X, network = rng.normal(size=(50, SIZES[0])), random_network(rng)
    signals, weights = Signals(network, X), np.full(50, 1 / 50)
    teacher = Teacher(signals, weights, losses.SOFTMAX)
    assert not {"inputs", "output"} & set(vars(signals))

    settled = teacher.settled()

    assert settled.source is not signals
    assert_array_equal(settled.output, Signals(network, X).output)
    assert settled.worth == teacher.worth
    assert "inputs" not in vars(signals)
