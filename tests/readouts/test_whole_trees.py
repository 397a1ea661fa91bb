"""Read-outs of whole trees, against dense matrices of their outputs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier
from sklearn.linear_model import lasso_path

from skprune.numerics.least_squares import GRAM_RIDGE
from tests.cases import dataset
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
    """The distortion is the squared change of the output of the structure."""
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


@pytest.fixture(scope="module")
def stages():
    """A read-out of three outputs, and what each unit adds about its mean."""
    X, y = dataset("classes")
    options = {"n_estimators": 4, "max_depth": 2, "random_state": 0}
    model = GradientBoostingClassifier(**options).fit(X, y)
    weights = np.random.default_rng(0).uniform(0.5, 2, len(X))
    structure = structure_of(model, X, y, "neuron", sample_weight=weights)
    weights = weights / weights.sum()
    added = np.array(
        [model.learning_rate * e.predict(X) for e in model.estimators_.ravel()]
    )
    column = np.tile(np.arange(3), 4)
    centred = added - (added @ weights)[:, None]
    return structure.readouts()[0], structure, added, centred, column, weights


def test_contributions_are_weighted_spreads(stages):
    """Of what each tree adds; the size is its root mean square."""
    readout, _, added, centred, _, weights = stages
    assert_allclose(readout.size(), np.sqrt(added**2 @ weights))
    assert_allclose(readout.contribution(), np.sqrt(centred**2 @ weights))


def test_fisher_squares_slopes_sample_by_sample(stages):
    """The derivative by a gate is the centred contribution times the gradient."""
    readout, structure, _, centred, column, weights = stages
    D = structure.samples.loss.gradient(structure.output(), structure.samples.targets)
    assert_allclose(readout.fisher(), (centred * D[:, column].T) ** 2 @ weights)


def test_removal_costs_are_those_of_refits(stages):
    """Each step of backward elimination costs as much as a least-squares refit."""
    readout, structure, _, centred, column, weights = stages
    curvature = structure.samples.loss.curvature(structure.output())
    costs = readout.removal_loss()
    for output in range(3):
        units = np.flatnonzero(column == output)
        H = (centred[units] * weights * curvature[:, output]) @ centred[units].T
        H += GRAM_RIDGE * np.trace(H) / len(H) * np.eye(len(H))
        order = units[np.argsort(costs[units])]
        lost = [0.0]
        for n_gone in range(1, len(units) + 1):
            left = np.isin(units, order[n_gone:])
            schur = H[np.ix_(~left, ~left)] - H[np.ix_(~left, left)] @ np.linalg.solve(
                H[np.ix_(left, left)], H[np.ix_(left, ~left)]
            )
            lost.append(schur.sum() / 2)
        assert_allclose(costs[order], np.maximum.accumulate(np.diff(lost)), rtol=1e-6)


def test_lasso_solves_each_output_by_itself(stages):
    """Norms at one penalty are those of scikit-learn's lasso on one output."""
    readout, structure, _, centred, column, weights = stages
    curvature = structure.samples.loss.curvature(structure.output())
    problem = readout.lasso()
    _, slopes = problem.solve(np.inf)
    penalty = 0.75 * slopes.max()
    norms, _ = problem.solve(penalty)
    assert 0 < np.count_nonzero(norms) < len(norms)
    for output in range(3):
        units = column == output
        A = np.sqrt(weights * curvature[:, output]) * centred[units]
        ridge = np.sqrt(GRAM_RIDGE * np.mean((A**2).sum(axis=1)))
        A = np.hstack([A, ridge * np.eye(units.sum())]).T
        spread = np.linalg.norm(A, axis=0)
        target = A.sum(axis=1)
        _, path, _ = lasso_path(A / spread, target, alphas=[penalty / len(A)], tol=1e-9)
        assert_allclose(norms[units], np.abs(path[:, 0]), atol=1e-6)


def test_distortion_is_the_squared_change_of_the_raw_prediction(stages):
    """Squared, summed over outputs, for gates of any size."""
    readout, structure, *_, weights = stages
    gates = np.random.default_rng(1).uniform(0, 3, readout.n_units)
    change = structure.output(gates) - structure.output()
    assert_allclose(readout.distortion(gates), weights @ (change**2).sum(axis=1))


def test_sensitivity_is_the_largest_share_in_an_output(stages):
    """Shares are among the trees of one output and lie between zero and one."""
    readout, _, _, centred, column, _ = stages
    sizes = np.abs(centred)
    wanted = [
        (sizes[u] / sizes[column == column[u]].sum(axis=0)).max()
        for u in range(len(sizes))
    ]
    assert_allclose(readout.sensitivity(), wanted)
