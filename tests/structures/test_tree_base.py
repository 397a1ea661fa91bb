"""Recovery inside a structure: what it is fitted to, and when it holds back."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import (
    AdaBoostRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeRegressor

from tests.tree_oracles import pruned_at, structure_of, trees_of

X, Y = load_diabetes(return_X_y=True)
X_IRIS, Y_IRIS = load_iris(return_X_y=True)


def forest(**options):
    """A forest that was trained on other samples than it is pruned on."""
    model = RandomForestRegressor(4, random_state=0, **options)
    return model.fit(X[:200], Y[:200])


def test_recovered_leaves_are_a_dense_ridge_on_the_samples():
    """All leaves of all trees solve the normal equations built from `apply`."""
    model, new = forest(), (X[200:], Y[200:])
    structure = structure_of(model, *new)
    gates, plain = pruned_at(structure, 0.9)
    recovered = structure.prune(gates, compensate=True, rng=None)
    strength = recovered.choice.strength
    trees = trees_of(plain.finished())
    reached = plain.finished().apply(new[0])

    blocks = [
        (reached[:, [t]] == np.flatnonzero(tree.children_left < 0)).astype(float)
        for t, tree in enumerate(trees)
    ]
    Z = np.hstack(blocks)
    residual = new[1] - plain.finished().predict(new[0])
    shift = np.linalg.solve(Z.T @ Z + strength * np.eye(Z.shape[1]), Z.T @ residual)

    moved = np.concatenate(
        [
            (new_tree.value - old.value).ravel()[old.children_left < 0]
            for new_tree, old in zip(trees_of(recovered.finished()), trees)
        ]
    )
    assert_allclose(moved, 4 * shift, atol=1e-4 * np.abs(shift).max())


def test_inner_values_are_means_of_the_recovered_leaves():
    """Every split has the weighted mean of its leaves, so that it can be cut again."""
    structure = structure_of(forest(), X[200:], Y[200:])
    recovered = pruned_at(structure, 0.8, compensate=True)[1].finished()

    for tree in trees_of(recovered):
        split = tree.children_left >= 0
        sides = tree.children_left[split], tree.children_right[split]
        weight, value = tree.weighted_n_node_samples, tree.value.ravel()
        total = sum(weight[s] * value[s] for s in sides)
        assert_allclose(value[split], total / weight[split])


def test_each_step_recovers_toward_the_values_as_trained():
    """After two steps the leaves are those that one step to the same splits gives."""
    structure = structure_of(forest(), X[200:], Y[200:])
    gates, first = pruned_at(structure, 0.5, compensate=True)
    last, second = pruned_at(first, 0.6, compensate=True, seed=1)
    both = gates.copy()
    both[gates != 0] = last

    at_once = structure.prune(both, compensate=True, rng=None)

    assert at_once.choice.strength == second.choice.strength
    assert_allclose(second.output(), at_once.output())


@pytest.mark.parametrize("kind", [ExtraTreesClassifier, ExtraTreesRegressor])
def test_weight_of_zero_is_a_sample_left_out_of_recovery(kind):
    """Recovery with weights of zero is recovery without these samples."""
    classes = kind is ExtraTreesClassifier
    features, y = (X_IRIS, Y_IRIS) if classes else (X, Y)
    model = kind(5, max_depth=4, random_state=0).fit(features[::2], y[::2])
    present = np.arange(len(y)) % 3 > 0
    weighted = structure_of(model, features, y, sample_weight=present.astype(float))
    without = structure_of(model, features[present], y[present])

    one, other = (
        pruned_at(s, 0.5, compensate=True)[1].finished() for s in (weighted, without)
    )

    for a, b in zip(trees_of(one), trees_of(other)):
        assert_allclose(a.value, b.value, rtol=1e-6, atol=1e-9)


def test_weight_of_two_is_a_sample_given_twice():
    """Recovery with whole weights is recovery on repeated samples, in any order."""
    model = ExtraTreesRegressor(5, max_depth=4, random_state=0).fit(X[:200], Y[:200])
    counts = np.random.default_rng(0).integers(0, 4, 242)
    order = np.random.default_rng(1).permutation(counts.sum())
    rows = np.repeat(np.arange(200, 442), counts)[order]
    weighted = structure_of(model, X[200:], Y[200:], sample_weight=counts.astype(float))
    repeated = structure_of(model, X[rows], Y[rows])

    one, other = (pruned_at(s, 0.7, compensate=True)[1] for s in (weighted, repeated))

    assert one.choice.strength == other.choice.strength
    for a, b in zip(trees_of(one.finished()), trees_of(other.finished())):
        assert_allclose(a.value, b.value, rtol=1e-6)


def test_monotonic_constraints_are_not_broken():
    """A constrained model keeps its values, and a warning says so."""
    cst = np.zeros(10)
    cst[2] = 1
    structure = structure_of(forest(monotonic_cst=cst), X[200:], Y[200:])
    gates, plain = pruned_at(structure, 0.5)

    with pytest.warns(UserWarning, match="no effect .* monotonic_cst"):
        recovered = structure.prune(gates, compensate=True, rng=None)

    assert_array_equal(recovered.output(), plain.output())


def test_poisson_trees_predict_no_negative_counts():
    """Recovered leaves of a Poisson forest stay above the smallest trained one."""
    model = forest(criterion="poisson")
    structure = structure_of(model, X[200:], Y[200:])
    recovered = pruned_at(structure, 0.8, compensate=True)[1].finished()

    assert recovered.predict(X).min() > 0


def test_absolute_error_decides_where_trees_were_grown_for_it():
    """With a few huge outliers the medians of such a tree stay."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 2))
    y = features[:, 0] + np.where(rng.random(300) < 0.05, 300.0, 0.0)
    absolute, squared = (
        DecisionTreeRegressor(criterion=criterion, max_depth=3, random_state=0)
        for criterion in ("absolute_error", "squared_error")
    )
    absolute.fit(features, y)
    structure = structure_of(absolute, features, y)

    recovered = structure.prune(pruned_at(structure, 0.3)[0], compensate=True, rng=None)

    assert recovered.choice is None
    assert (
        np.abs(recovered.output()[:, 0] - y).mean()
        < np.abs(squared.fit(features, y).predict(features) - y).mean()
    )


def test_gates_of_one_return_the_structure_itself():
    """Nothing is rebuilt, and nothing moves, where no unit goes."""
    structure = structure_of(forest(), X[200:], Y[200:])

    assert structure.prune(np.ones(structure.n_units), compensate=True, rng=None) is (
        structure
    )


def test_values_of_nodes_are_not_copied_before_nodes_go():
    """They are most of a forest: a structure reads them where the trees hold them."""
    model, new = forest(), (X[200:], Y[200:])
    whole = structure_of(model, *new).forest

    for t, tree in enumerate(trees_of(model)):
        assert np.shares_memory(whole.value[whole.nodes(t)], tree.value)


def test_no_value_of_the_given_trees_is_written_to():
    """Recovery, gates between zero and one, and later steps work on copies."""
    model, new = forest(), (X[200:], Y[200:])
    before = [tree.value.copy() for tree in trees_of(model)]
    structure = structure_of(model, *new)
    gates, _ = pruned_at(structure, 0.5)

    recovered = structure.prune(gates, compensate=True, rng=None)
    structure.prune(gates / 2, compensate=False, rng=None).finished()
    recovered.prune(np.ones(recovered.n_units) / 2, compensate=True, rng=None)

    for tree, value in zip(trees_of(model), before):
        assert_array_equal(tree.value, value)


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeRegressor(random_state=0),
        RandomForestRegressor(4, random_state=0),
        AdaBoostRegressor(n_estimators=4, random_state=0),
        GradientBoostingRegressor(n_estimators=4, random_state=0),
        HistGradientBoostingRegressor(max_iter=4),
    ],
    ids=lambda model: type(model).__name__,
)
def test_recovery_does_not_write_into_what_it_recovers(model):
    """The trees of the structure that is recovered keep their values."""
    structure = structure_of(model.fit(X[:200], Y[:200]), X[200:], Y[200:])
    plain = pruned_at(structure, 0.7)[1]
    before = plain.estimator.predict(X)

    recovered = plain._recovered()

    assert_array_equal(plain.estimator.predict(X), before)
    assert (recovered.estimator.predict(X) != before).any()
    assert_allclose(recovered.estimator.predict(X[200:]), recovered.output()[:, 0])
