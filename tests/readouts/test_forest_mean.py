"""What the read-out of whole trees says is what the outputs of the trees say."""

import numpy as np
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris
from sklearn.ensemble import ExtraTreesClassifier

from tests.tree_oracles import structure_of

X, Y = load_iris(return_X_y=True)
WEIGHT = np.random.default_rng(0).random(150)
SHARE = WEIGHT / WEIGHT.sum()


def forest():
    """A forest, its read-out of trees, and the output of each of its trees."""
    model = ExtraTreesClassifier(5, max_depth=3, random_state=0).fit(X, Y)
    structure = structure_of(model, X, Y, "neuron", sample_weight=WEIGHT)
    outputs = np.array([tree.predict_proba(X) for tree in model.estimators_])
    return structure, structure.readouts()[0], outputs


def test_contribution_is_the_spread_of_a_tree():
    """Size and contribution are root mean squares, about zero and about the mean."""
    _, readout, outputs = forest()
    parts = outputs / 5
    means = np.einsum("tnk,n->tk", parts, SHARE)
    about = np.einsum("tnk,n->t", (parts - means[:, None]) ** 2, SHARE)

    assert_allclose(readout.size() ** 2, np.einsum("tnk,n->t", parts**2, SHARE))
    assert_allclose(readout.contribution() ** 2, about)


def test_derivatives_are_those_of_the_renormalised_mean():
    """A gate moves the mean by a fifth of how the tree differs from it."""
    structure, readout, outputs = forest()
    mean = outputs.mean(axis=0)
    slopes = np.einsum("tnk,nk->tn", (outputs - mean) / 5, mean - np.eye(3)[Y])

    assert_allclose(readout.gate_gradient(), slopes @ SHARE)
    assert_allclose(readout.fisher(), slopes**2 @ SHARE)
    for t in range(5):
        step = 1e-5 * (np.arange(5) == t)
        slope = (structure.loss(1 + step) - structure.loss(1 - step)) / 2e-5
        assert_allclose(readout.gate_gradient()[t], slope, rtol=1e-5, atol=1e-9)


def test_distortion_is_the_change_of_the_output():
    """Gates change the output as the structure says that they do."""
    structure, readout, outputs = forest()
    gates = np.array([1.0, 0, 2, 0.5, 0])
    change = structure.output(gates) - outputs.mean(axis=0)

    assert_allclose(readout.distortion(gates), SHARE @ (change**2).sum(axis=1))


def test_backward_elimination_costs_what_the_best_weights_leave():
    """The first tree to go is the one that the others replace with the least loss."""
    _, readout, outputs = forest()
    differences = ((outputs - outputs.mean(axis=0)) / 5) * np.sqrt(SHARE)[:, None]
    A = differences.reshape(5, -1).T
    H = A.T @ A
    H += 0.01 * np.trace(H) / 5 * np.eye(5)

    costs = readout.removal_loss()

    first = 1 / (2 * np.linalg.inv(H).diagonal())
    assert np.argmin(costs) == np.argmin(first)
    assert_allclose(costs.min(), first.min())


def test_lasso_sees_the_moments_of_the_trees():
    """Its Gram matrix is that of the centred outputs, each of spread one."""
    _, readout, outputs = forest()
    parts = outputs / 5
    centred = parts - np.einsum("tnk,n->tk", parts, SHARE)[:, None]
    A = (centred * np.sqrt(SHARE)[:, None]).reshape(5, -1).T
    H = A.T @ A
    H += 0.01 * np.trace(H) / 5 * np.eye(5)
    spread = np.sqrt(H.diagonal())

    lasso = readout.lasso()

    assert_allclose(lasso.gram, H / np.outer(spread, spread))
    assert_allclose(lasso.cross[:, 0], lasso.gram @ spread)


def test_sensitivity_is_the_largest_share_of_a_sample():
    """The share of a tree is its part of what all trees add to one output."""
    _, readout, outputs = forest()

    shares = outputs / np.where(outputs.sum(axis=0) > 0, outputs.sum(axis=0), np.inf)
    assert_allclose(readout.sensitivity(), shares.max(axis=(1, 2)))
