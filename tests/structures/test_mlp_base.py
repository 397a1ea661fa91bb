"""What MLP structures share: targets, storage, sizes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_digits, load_iris
from sklearn.neural_network import MLPClassifier

from skprune.engine.ranking import rank_units
from skprune.methods import Magnitude
from skprune.structures.mlp_base import (
    SPARSE_DENSITY,
    mlp_part_sizes,
    mlp_targets,
    smallest_form,
)
from tests.tree_oracles import structure_of


@pytest.mark.parametrize(("n_classes", "n_columns"), [(2, 1), (3, 3)])
def test_targets_have_a_column_a_class(n_classes, n_columns):
    """One column for two classes, else one a class, of zeros and ones."""
    X, y = load_iris(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    X, names = X[y < n_classes], names[y < n_classes]
    net = MLPClassifier((3,), max_iter=1, tol=10.0).fit(X, names)

    Y = mlp_targets(net, names)

    assert Y.shape == (len(X), n_columns)
    assert_array_equal(Y[:, -1], names == net.classes_[-1])


@pytest.mark.parametrize(("factor", "is_sparse"), [(1, True), (2, False)])
def test_sparse_only_below_break_even(factor, is_sparse):
    """A large matrix becomes a CSR array at the break-even density, not above it."""
    rng = np.random.default_rng(0)
    W = np.zeros(100_000)
    n_kept = int(factor * SPARSE_DENSITY * W.size)
    W[rng.permutation(W.size)[:n_kept]] = rng.normal(size=n_kept)
    W = W.reshape(500, 200)

    found = smallest_form(W)

    assert isinstance(found, sparse.csr_array) == is_sparse
    assert_array_equal(found.toarray() if is_sparse else found, W)


def test_small_matrices_stay_dense():
    """A small matrix stays dense however empty it is."""
    assert isinstance(smallest_form(np.eye(20)), np.ndarray)


def test_sizes_count_each_weight_once():
    """The parameters of the parts are those of the network."""
    X, y = load_digits(return_X_y=True)
    net = MLPClassifier((12, 7), max_iter=1, tol=10.0, random_state=0).fit(X, y)

    parts = mlp_part_sizes(net)

    expected = [64 * 12 + 12, 12 * 7 + 7, 7 * 10 + 10]
    assert [part.n_parameters for part in parts.values()] == expected
    assert [part.n_macs for part in parts.values()] == [64 * 12, 12 * 7, 7 * 10]


def test_goal_is_the_network_that_is_pruned():
    """A trained network is its own goal, whatever was pruned before it was trained."""
    X, y = load_iris(return_X_y=True)
    net = MLPClassifier((4,), max_iter=20, tol=10.0, random_state=0).fit(X, y)
    structure = structure_of(net, X, y, "connection")
    gates, rng = np.ones(structure.n_units), np.random.default_rng(0)
    gates[0] = 0.0
    before = structure.prune(gates, compensate=True, rng=rng)

    trained = structure.finetune(3, rng)

    pruned = trained.prune(gates, compensate=True, rng=rng)
    assert_array_equal(before.guide, structure.output())
    assert_array_equal(pruned.guide, trained.output())
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
