"""What structures of networks share: the teacher, and what is not computed."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier

from skprune.engine.ranking import rank_units
from skprune.methods import Magnitude
from tests.tree_oracles import structure_of


def test_teacher_is_the_network_that_is_pruned():
    """A trained network is its own teacher, whatever was pruned from it before."""
    X, y = load_iris(return_X_y=True)
    net = MLPClassifier((4,), max_iter=20, tol=10.0, random_state=0).fit(X, y)
    structure = structure_of(net, X, y, "connection")
    gates, rng = np.ones(structure.n_units), np.random.default_rng(0)
    gates[0] = 0.0
    before = structure.prune(gates, compensate=True, rng=rng)

    trained = structure.finetune(3, rng)

    pruned = trained.prune(gates, compensate=True, rng=rng)
    assert_array_equal(before.teacher.output, structure.output())
    assert_array_equal(pruned.teacher.output, trained.output())
    assert not np.array_equal(trained.output(), structure.output())


@pytest.mark.parametrize("granularity", ["connection", "neuron", "feature"])
def test_magnitudes_need_no_activations_of_all_samples(granularity):
    """Ranked and pruned without recovery, a network holds no activations."""
    X, y = load_iris(return_X_y=True)
    net = MLPClassifier((6, 5), max_iter=20, tol=10.0, random_state=0).fit(X, y)
    structure = structure_of(net, X, y, granularity)
    ranking = rank_units(structure, Magnitude(), 5, np.random.default_rng(0))

    gates = ranking.gates(structure.n_units - 2, "global")
    pruned = structure.prune(gates, compensate=False, rng=ranking.rng)

    for one in (structure, pruned):
        assert "inputs" not in vars(one.signals)
    assert "output" not in vars(pruned.signals)
    named = zip(structure.readouts(), ranking.readouts, strict=True)
    for plain, ranked in named:
        spread = np.sqrt(np.cov(plain.A.T, ddof=0).diagonal())
        assert_allclose(ranked.input_spread, spread, atol=1e-12)
