"""The lasso on splits: its operator against the trees, its sweeps against loops."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from skprune.readouts.branch_lasso import BranchLasso, PathOperator, SplitLevels
from tests.cases import dataset
from tests.tree_oracles import structure_of

KINDS = [GradientBoostingClassifier, RandomForestClassifier]


def operator(kind):
    """Of a small ensemble of three classes, with its structure."""
    X, y = dataset("classes")
    structure = structure_of(kind(n_estimators=3, random_state=0).fit(X, y), X, y)
    return PathOperator(structure.forest, structure._leaves, len(X)), structure


@pytest.mark.parametrize("kind", KINDS)
def test_output_is_that_of_gated_trees(kind):
    """But for the first guess of boosting, which no gate changes."""
    paths, structure = operator(kind)
    gates = np.random.default_rng(0).uniform(0, 2, structure.n_units)
    base = structure.view.base(structure.samples.X)
    assert_allclose(paths.output(gates) + base, structure.output(gates))


@pytest.mark.parametrize("kind", KINDS)
def test_pulls_are_the_transpose(kind):
    """The inner product with what a direction of gates changes is the same."""
    paths, structure = operator(kind)
    rng = np.random.default_rng(0)
    direction = rng.standard_normal(structure.n_units)
    R = rng.standard_normal(structure.output().shape)
    change = paths.output(direction) - paths.output(np.zeros_like(direction))
    assert_allclose(paths.gate_sums(R) @ direction, np.vdot(R, change))


def ancestors(unit, parent):
    """A split and all those above it."""
    while unit >= 0:
        yield unit
        unit = parent[unit]


@pytest.mark.parametrize("kind", KINDS)
def test_sweeps_are_sums_over_branches(kind):
    """Up: each split counts for all above it. Down: it has what all above it add."""
    _, structure = operator(kind)
    parent, levels = structure.units.parent, SplitLevels(structure.forest)
    numbers = np.random.default_rng(0).random(len(parent))
    up, down = np.zeros((2, len(parent)))
    for unit in range(len(parent)):
        for above in ancestors(unit, parent):
            up[above] += numbers[unit]
            down[unit] += numbers[above]
    assert_allclose(levels.branch_sums(numbers), up)
    assert_allclose(levels.run_down(numbers[levels.order]), down[levels.order])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.0])
def test_shrinkage_is_branch_after_branch(kind, threshold):
    """The norms of all branches are shortened in turn, the inner ones first."""
    _, structure = operator(kind)
    parent, levels = structure.units.parent, SplitLevels(structure.forest)
    weights = np.random.default_rng(0).standard_normal(len(parent))
    wanted = weights.copy()
    for unit in range(len(parent))[::-1]:
        own = [u for u in range(len(parent)) if unit in ancestors(u, parent)]
        norm = np.linalg.norm(wanted[own])
        wanted[own] *= max(1 - threshold / norm, 0) if norm else 0
    assert_allclose(weights * levels.shrinkage(weights**2, threshold), wanted)


def test_proximal_step_minimises_its_objective():
    """No direction from it lowers half the squared distance plus the penalty."""
    _, structure = operator(RandomForestClassifier)
    lasso = BranchLasso(structure.readouts()[0])
    rng = np.random.default_rng(0)
    V = rng.standard_normal((lasso.n_units, 1)) * (lasso.unit != -2)

    def objective(W):
        return ((W - V) ** 2).sum() / 2 + 0.4 * lasso._norms(W).sum()

    step = lasso._shrink(V, 0.4)
    least = objective(step)
    assert 0 < np.count_nonzero(step) < np.count_nonzero(V)
    for size in (1e-3, 1e-2, 0.1):
        for _ in range(20):
            direction = rng.standard_normal(V.shape)
            assert objective(step + size * direction) >= least


@pytest.mark.parametrize("penalty", [0.03, 0.1])
def test_what_stays_is_a_tree(penalty):
    """The solution has no split without those above it."""
    _, structure = operator(RandomForestClassifier)
    norms, _ = BranchLasso(structure.readouts()[0]).solve(penalty)
    parent, kept = structure.units.parent, norms > 0
    assert 0 < kept.sum() < len(kept)
    assert kept[parent[kept & (parent >= 0)]].all()


def test_residuals_ahead_are_those_of_their_weights():
    """Extrapolated residuals equal those of a pass over the samples."""
    _, structure = operator(GradientBoostingClassifier)
    lasso, rng = BranchLasso(structure.readouts()[0]), np.random.default_rng(0)
    new, before = rng.standard_normal((2, lasso.n_units, 1))
    ahead = lasso._extrapolated(new, before, 0.7)
    assert_allclose(lasso.value(ahead), lasso.value(ahead.copy()))
    assert_allclose(lasso.gradient(ahead), lasso.gradient(ahead.copy()))
