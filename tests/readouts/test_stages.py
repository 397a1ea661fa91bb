"""The read-out of boosted trees as units, against dense matrices of what they add."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import lasso_path

from skprune.readouts.stages import DAMPING
from tests.cases import dataset
from tests.tree_oracles import structure_of


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
    """Each step of backward elimination costs what a least squares refit says."""
    readout, structure, _, centred, column, weights = stages
    curvature = structure.samples.loss.curvature(structure.output())
    costs = readout.removal_loss()
    for output in range(3):
        units = np.flatnonzero(column == output)
        H = (centred[units] * weights * curvature[:, output]) @ centred[units].T
        H += DAMPING * np.trace(H) / len(H) * np.eye(len(H))
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
    _, pulls = problem.solve(np.inf)
    penalty = 0.75 * pulls.max()
    norms, _ = problem.solve(penalty)
    assert 0 < np.count_nonzero(norms) < len(norms)
    for output in range(3):
        units = column == output
        A = np.sqrt(weights * curvature[:, output]) * centred[units]
        ridge = np.sqrt(DAMPING * np.mean((A**2).sum(axis=1)))
        A = np.hstack([A, ridge * np.eye(units.sum())]).T
        spread = np.linalg.norm(A, axis=0)
        target = A.sum(axis=1)
        _, path, _ = lasso_path(A / spread, target, alphas=[penalty / len(A)], tol=1e-9)
        assert_allclose(norms[units], np.abs(path[:, 0]), atol=1e-6)


def test_distortion_is_the_change_of_the_output(stages):
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
