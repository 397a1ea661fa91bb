"""Units shrink to zero while a network trains, and those that are left grow back."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from skprune import L1
from skprune.methods.shrinking import SoftThreshold
from skprune.numerics.network import Network
from skprune.recovery.training import Trainee, train
from skprune.structures import Samples
from skprune.structures.net_shrinking import Shrinkage
from skprune.structures.nets import NetConnections, NetFeatures, NetNeurons

KINDS = [NetConnections, NetNeurons, NetFeatures]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    X = X[:600] / 16
    net = MLPClassifier((20, 12), max_iter=20, tol=1.0, random_state=0)
    return net.fit(X, y[:600]), Samples(X, y[:600])


def weights_of_unit(structure, unit):
    """Which weights are zero when the gate of the unit is."""
    gates = np.ones(structure.n_units)
    gates[unit] = 0
    gated = structure._gated(gates)
    return [(V == 0) & (W != 0) for V, W in zip(gated.coefs, structure.network.coefs)]


def shrunk(structure, n_remove, epochs=2):
    """The structure after a training in which so many units go."""
    method, rng = L1(during="finetune"), np.random.default_rng(0)
    importances = method.rank(structure.readouts(), structure.n_units - n_remove, rng)
    sizes = np.sqrt(importances)
    threshold = SoftThreshold(sizes, n_remove, structure.units, "global")
    return structure.shrink(threshold, epochs, rng)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_the_weights_behind_a_gate(digits, kind):
    """The weights of a unit are those that its gate multiplies."""
    structure = kind(*digits)
    labels = structure._unit_labels()

    for unit in np.linspace(0, structure.n_units - 1, 7).astype(int):
        own = weights_of_unit(structure, unit)
        labelled = [label == unit for label in labels]
        assert any(part.any() for part in own)
        for part, mine, W in zip(own, labelled, structure.network.coefs):
            assert_array_equal(part, mine & (W != 0))


@pytest.mark.parametrize("kind", KINDS)
def test_training_ends_with_the_units_that_are_wanted(digits, kind):
    """Just as many units have no weights; the others are as long as they trained."""
    structure = kind(*digits)
    n_remove = structure.n_units * 2 // 3

    trained = shrunk(structure, n_remove)

    squares = np.zeros(structure.n_units + 1)
    for label, W in zip(structure._unit_labels(), trained.network.coefs):
        np.add.at(squares, label, W**2)
    assert (squares[:-1] == 0).sum() == n_remove


def test_survivors_are_shorter_on_the_way(digits):
    """Before the end the network shows shortened weights, at the end whole ones."""
    network = Network([np.arange(1.0, 7.0).reshape(3, 2)], [np.ones(2)], [])
    trainee = Trainee(network, [np.ones((3, 2), dtype=bool)])

    def threshold(growth, progress):
        assert_array_equal(growth, 1)
        return np.array([0.0, 0.5, 0.9])

    labels = [np.repeat([[0], [1], [2]], 2, axis=1)]
    shrinkage = Shrinkage(labels, 3, threshold)
    shrinkage(trainee, 0.0)

    shrinkage(trainee, 0.5)
    assert_array_equal(trainee.network.coefs[0], [[0, 0], [1.5, 2], [4.5, 5.4]])
    assert_array_equal(trainee.network.intercepts[0], 1)
    shrinkage(trainee, 1.0)
    assert_array_equal(trainee.network.coefs[0], [[0, 0], [3, 4], [5, 6]])


def test_threshold_of_nothing_is_plain_training(digits):
    """Factors of one leave every weight as it is without a threshold."""
    structure = NetNeurons(*digits)
    shrinkage = Shrinkage(structure._unit_labels(), 32, lambda growth, _: np.ones(32))
    examples, recipe = structure._examples(), structure.view.recipe

    plain, shrunk = (
        train(
            structure.network,
            examples,
            structure.masks,
            recipe,
            2,
            np.random.default_rng(0),
            observer=given,
        )
        for given in (None, shrinkage)
    )

    for W, V in zip(plain.coefs, shrunk.coefs):
        assert_allclose(W, V, rtol=1e-6, atol=1e-9)


def test_teacher_is_the_network_before_it_shrank(digits):
    """After a training with a threshold the teacher is the unpruned network."""
    structure = NetConnections(*digits)

    trained = shrunk(structure, structure.n_units // 2)

    assert_array_equal(trained.teacher.output, structure.output())
