"""Read-outs of splits, against dense arrays of steps."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skprune.numerics.lasso import shrink_to
from skprune.readouts import paths
from skprune.readouts.joined import JoinedReadout
from tests.tree_oracles import splits_of, structure_of, trees_of

X_IRIS, Y_IRIS = load_iris(return_X_y=True)
X_DIABETES, Y_DIABETES = load_diabetes(return_X_y=True)
WEIGHT = np.random.default_rng(0).random(150)


def classifier():
    """A small forest of three classes, on weighted samples."""
    model = RandomForestClassifier(3, max_depth=4, random_state=0)
    model.fit(X_IRIS, Y_IRIS)
    return model, structure_of(model, X_IRIS, Y_IRIS, sample_weight=WEIGHT)


def dense_steps(model, X):
    """The step of each split on each sample, (n_splits, n_samples, n_outputs)."""
    steps = []
    trees = trees_of(model)
    for t, node in splits_of(model):
        tree = trees[t]
        value, step = tree.value.reshape(tree.node_count, -1), 0.0
        reached = tree.decision_path(X.astype(np.float32)).toarray().T
        for child in (tree.children_left[node], tree.children_right[node]):
            step = step + reached[child][:, None] * (value[child] - value[node])
        steps.append(step / len(trees))
    return np.array(steps)


@pytest.mark.parametrize("limit", [2**18, 5])
def test_derivatives_are_those_of_the_steps(limit, monkeypatch):
    """Gradient and Fisher of a gate are means of step times gradient, and squares."""
    monkeypatch.setattr(paths, "BLOCK_NODES", limit)
    model, structure = classifier()
    readout, steps = structure.readouts()[0], dense_steps(model, X_IRIS)
    slopes = np.einsum(
        "tnk,nk->tn",
        steps,
        structure.samples.loss.gradient(structure.output(), np.eye(3)[Y_IRIS]),
    )
    weights = WEIGHT / WEIGHT.sum()

    assert_allclose(readout.gate_gradient(), slopes @ weights, atol=1e-15)
    assert_allclose(readout.fisher(), slopes**2 @ weights)


def test_drawn_labels_give_the_curvature_of_the_model():
    """Over many draws the Fisher is that of labels with the model's probabilities."""
    model, structure = classifier()
    readout, steps = structure.readouts()[0], dense_steps(model, X_IRIS)
    P, weights = model.predict_proba(X_IRIS), WEIGHT / WEIGHT.sum()
    slopes = np.einsum("tnk,nck->tnc", steps, P[:, None] - np.eye(3))
    expected = np.einsum("tnc,nc,n->t", slopes**2, P, weights)

    rng = np.random.default_rng(0)
    drawn = np.mean([readout.fisher(rng) for _ in range(200)], axis=0)

    assert_allclose(drawn.sum(), expected.sum(), rtol=0.05)
    assert np.corrcoef(drawn, expected)[0, 1] > 0.98


@pytest.mark.parametrize("kind", [DecisionTreeClassifier, DecisionTreeRegressor])
def test_contribution_is_the_decrease_of_impurity(kind):
    """On its training samples the squared contribution is scikit-learn's decrease."""
    classes = kind is DecisionTreeClassifier
    X, y = (X_IRIS, Y_IRIS) if classes else (X_DIABETES, Y_DIABETES)
    model = kind(random_state=0).fit(X, y)
    tree = model.tree_
    weighted = tree.impurity * tree.weighted_n_node_samples / len(X)
    left, right = tree.children_left, tree.children_right

    readout = structure_of(model, X, y).readouts()[0]

    splits = left >= 0
    decrease = (weighted - weighted[left] - weighted[right])[splits]
    scale = np.var(y) if not classes else 1.0
    assert_allclose(readout.contribution() ** 2, decrease, atol=1e-13 * scale)


def test_size_is_the_norm_of_both_steps():
    """The size of a split is the root of the squared steps to its two children."""
    model, structure = classifier()
    expected = []
    for t, node in splits_of(model):
        tree = trees_of(model)[t]
        children = tree.children_left[node], tree.children_right[node]
        steps = [tree.value[child] - tree.value[node] for child in children]
        expected.append(np.linalg.norm(steps) / 3)

    assert_allclose(structure.readouts()[0].size(), expected)


def test_removal_losses_of_a_subtree_add_up_to_collapsing_it():
    """Where nothing helps, the costs of a tree sum to what cutting it to its root adds.

    A single regression tree is at the optimum on its own samples, so that no removal
    lowers its loss.
    """
    model = DecisionTreeRegressor(max_depth=5, random_state=0)
    model.fit(X_DIABETES, Y_DIABETES)
    structure = structure_of(model, X_DIABETES, Y_DIABETES)
    units = structure.units

    costs = structure.readouts()[0].removal_loss()

    for u in (0, 1, 5):
        below = np.arange(structure.n_units) == u
        for v in range(u + 1, structure.n_units):
            below[v] = units.parent[v] >= 0 and below[units.parent[v]]
        change = structure.loss(1.0 - below) - structure.loss()
        assert_allclose(costs[below].sum(), change)


def test_single_removal_is_the_change_of_the_loss():
    """In a forest, a split above two leaves costs what its collapse adds, if any."""
    _, structure = classifier()
    units, costs = structure.units, structure.readouts()[0].removal_loss()
    last = np.setdiff1d(np.arange(structure.n_units), units.parent)
    for u in last:
        gates = np.where(np.arange(structure.n_units) == u, 0.0, 1.0)
        change = structure.loss(gates) - structure.loss()
        assert_allclose(costs[u], max(change, 0), atol=1e-13)


def test_groups_add_up():
    """Squares, gradients and losses of a group are the sums over its splits."""
    _, structure = classifier()
    steps = structure.readouts()[0]
    group = np.arange(steps.n_units) % 4
    grouped = JoinedReadout(steps, group, 5)

    def total(of_split):
        return np.bincount(group, of_split, minlength=5)

    assert_allclose(grouped.contribution() ** 2, total(steps.contribution() ** 2))
    assert_allclose(grouped.size() ** 2, total(steps.size() ** 2))
    assert_allclose(grouped.gate_gradient(), total(steps.gate_gradient()))
    assert_allclose(grouped.fisher(), total(steps.fisher()))
    assert_allclose(grouped.removal_loss(), total(steps.removal_loss()))


def test_lasso_on_one_tree_is_one_proximal_step():
    """Steps of one tree are orthogonal on its samples: the solution is one step."""
    model = DecisionTreeRegressor(max_depth=4, random_state=0)
    model.fit(X_DIABETES, Y_DIABETES)
    structure = structure_of(model, X_DIABETES, Y_DIABETES)
    readout = structure.readouts()[0]

    importances, penalty = shrink_to([readout.lasso()], 5)

    spread = readout.contribution()
    parent = structure.units.parent
    weights = shrunk_by_recursion(spread, penalty, parent)
    norms = np.sqrt(
        [(weights[branch(u, parent)] ** 2).sum() for u in range(len(parent))]
    )
    kept = np.flatnonzero(norms)
    assert len(kept) == 5
    assert set(np.argsort(-importances)[:5]) == set(kept)
    assert set(parent[kept]) <= {-1, *kept}
    found = np.sqrt(importances[kept]) - penalty
    assert_allclose(found, norms[kept], rtol=1e-2, atol=1e-2 * norms.max())


def branch(unit, parent):
    """A split and all splits below it."""
    below = [
        child for u in np.flatnonzero(parent == unit) for child in branch(u, parent)
    ]
    return [unit, *below]


def shrunk_by_recursion(weights, threshold, parent):
    """The proximal step of the norms of all branches, the inner ones first."""
    weights = weights.copy()
    for unit in np.arange(len(parent))[::-1]:  # what is below a split comes after it
        own = branch(unit, parent)
        norm = np.linalg.norm(weights[own])
        weights[own] *= max(1 - threshold / norm, 0) if norm else 0
    return weights


def test_lasso_gradient_is_the_derivative_of_its_value():
    """Central differences of the value give the gradient, in a forest."""
    model = RandomForestRegressor(3, max_depth=3, random_state=0)
    model.fit(X_DIABETES, Y_DIABETES)
    lasso = structure_of(model, X_DIABETES, Y_DIABETES).readouts()[0].lasso()
    W = np.random.default_rng(0).normal(size=(lasso.n_units, 1))
    gradient = lasso.gradient(W)
    for u in (0, 3, 7):
        step = np.zeros_like(W)
        step[u] = 1e-3
        slope = (lasso.value(W + step) - lasso.value(W - step)) / 2e-3
        assert_allclose(gradient[u, 0], slope, rtol=1e-6)


def test_empty_forest_of_splits_answers_with_nothing():
    """A tree of one leaf has no units, and every answer is empty."""
    model = DecisionTreeClassifier().fit(X_IRIS, np.zeros(150))
    readout = structure_of(model, X_IRIS, np.zeros(150)).readouts()[0]

    for answer in (
        readout.size(),
        readout.contribution(),
        readout.gate_gradient(),
        readout.fisher(),
        readout.removal_loss(),
    ):
        assert answer.shape == (0,)
    assert readout.spread() == 1.0
