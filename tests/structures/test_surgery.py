"""Re-packed trees are the old ones cut, in every respect that scikit-learn offers."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    export_text,
)

from skprune.numerics.forest import FlatForest
from skprune.structures.surgery import (
    concatenated,
    flatten,
    lone_leaf,
    rebuild_trees,
    tree_sizes,
    with_tree,
)
from tests.tree_oracles import (
    gone_by_tree,
    pruned_at,
    structure_of,
    trees_of,
    walked_output,
)

X_IRIS, Y_IRIS = load_iris(return_X_y=True)
X_DIABETES, Y_DIABETES = load_diabetes(return_X_y=True)
HOLES = np.where(np.random.default_rng(0).random(X_IRIS.shape) < 0.2, np.nan, X_IRIS)
LABELS = np.column_stack([Y_IRIS, Y_IRIS > 0])
OUTPUTS = np.column_stack([Y_DIABETES, np.sqrt(Y_DIABETES)])

MODELS = {
    "forest": (RandomForestClassifier(4), X_IRIS, Y_IRIS),
    "forest-regressor": (RandomForestRegressor(3), X_DIABETES, Y_DIABETES),
    "extra": (ExtraTreesClassifier(4, class_weight="balanced"), X_IRIS, Y_IRIS),
    "extra-outputs": (ExtraTreesRegressor(3), X_DIABETES, OUTPUTS),
    "best-first": (RandomForestClassifier(4, max_leaf_nodes=9), X_IRIS, Y_IRIS),
    "holes": (RandomForestClassifier(4), HOLES, Y_IRIS),
    "labels": (RandomForestClassifier(3), X_IRIS, LABELS),
    "tree": (DecisionTreeClassifier(max_features=2), HOLES, Y_IRIS),
    "tree-best-first": (
        DecisionTreeRegressor(max_leaf_nodes=30),
        X_DIABETES,
        Y_DIABETES,
    ),
    "extra-tree": (ExtraTreeClassifier(), X_IRIS, LABELS),
}


def cut(name, rate=0.6):
    """A model, the gates of its splits, the model cut by them, and its samples."""
    model, X, y = MODELS[name]
    model = copy.deepcopy(model).set_params(random_state=0).fit(X, y)
    gates, pruned = pruned_at(structure_of(model, X, y), rate)
    return model, gates, pruned.finished(), X


def predicted(model, X):
    """Values of the leaves that a model's own methods give, (n_samples, n_outputs)."""
    if not hasattr(model, "predict_proba"):
        return model.predict(X).reshape(len(X), -1)
    parts = model.predict_proba(X)
    return np.hstack(parts) if isinstance(parts, list) else parts


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("rate", [0.0, 0.3, 0.9])
def test_cut_model_predicts_as_masked_walk(name, rate):
    """Predictions are those of the old trees, walked up to the splits that went."""
    model, gates, smaller, X = cut(name, rate)
    rows = X[::7]

    expected = walked_output(model, rows, stops=gone_by_tree(model, gates))

    width = predicted(smaller, rows).shape[1]
    columns = np.abs(expected).sum(axis=0) > 0  # classes that only pad are zero
    assert_allclose(predicted(smaller, rows), expected[:, columns][:, :width])


@pytest.mark.parametrize("name", ["forest", "tree-best-first", "extra-outputs"])
def test_cut_trees_are_whole(name):
    """Depth, leaves, apply, decision_path and importances agree with each other."""
    _, gates, smaller, X = cut(name)
    for tree in trees_of(smaller):
        assert tree.node_count == len(tree.children_left)
        path = tree.decision_path(X.astype(np.float32))
        leaves = tree.apply(X.astype(np.float32))
        assert (tree.children_left[leaves] == -1).all()
        assert tree.max_depth >= path.sum(axis=1).max() - 1
        assert_array_equal(tree.feature[tree.children_left < 0], -2)
        assert tree.n_leaves == (tree.children_left < 0).sum()
        assert tree.n_leaves == tree.node_count // 2 + 1
    n_splits = sum(tree.node_count // 2 for tree in trees_of(smaller))
    assert n_splits == gates.sum()
    assert_allclose(smaller.feature_importances_.sum(), 1)


def test_depth_is_that_of_longest_path():
    """The depth is that of the deepest leaf, counted over the children."""
    _, _, smaller, _ = cut("forest")
    for estimator in smaller.estimators_:
        tree, depth = estimator.tree_, np.zeros(estimator.tree_.node_count, dtype=int)
        for node in np.flatnonzero(tree.children_left >= 0):
            depth[[tree.children_left[node], tree.children_right[node]]] = (
                depth[node] + 1
            )
        assert estimator.get_depth() == depth.max()
        assert estimator.get_n_leaves() == (tree.children_left < 0).sum()


@pytest.mark.parametrize("kind", [DecisionTreeClassifier, DecisionTreeRegressor])
def test_cost_complexity_pruning_gives_the_same_tree(kind):
    """Cutting what scikit-learn's ccp_alpha cuts gives scikit-learn's tree."""
    classes = kind is DecisionTreeClassifier
    X, y = (X_IRIS, Y_IRIS) if classes else (X_DIABETES, Y_DIABETES)
    alpha = 0.01 if classes else 40.0
    full = kind(random_state=0).fit(X, y)
    expected = kind(random_state=0, ccp_alpha=alpha).fit(X, y).tree_
    structure = structure_of(full, X, y)

    cut_nodes = _cut_nodes(full.tree_, expected)
    nodes = np.flatnonzero(full.tree_.children_left >= 0)
    gates = np.array([not _is_below(full.tree_, n, cut_nodes) for n in nodes], float)
    pruned = structure.prune(gates, compensate=False, rng=None).finished().tree_

    assert pruned.node_count == expected.node_count < full.tree_.node_count
    assert pruned.max_depth == expected.max_depth
    for name in ("children_left", "children_right", "feature", "threshold", "impurity"):
        assert_array_equal(getattr(pruned, name), getattr(expected, name))
    assert_allclose(pruned.value, expected.value)
    assert_array_equal(pruned.apply(X.astype("f4")), expected.apply(X.astype("f4")))


def _cut_nodes(full, smaller, here=0, there=0):
    """The splits of a tree that are leaves of a smaller one."""
    if full.children_left[here] < 0:
        return set()
    if smaller.children_left[there] < 0:
        return {here}
    sides = zip(
        (full.children_left, full.children_right),
        (smaller.children_left, smaller.children_right),
    )
    return set().union(
        *(_cut_nodes(full, smaller, old[here], new[there]) for old, new in sides)
    )


def _is_below(tree, node, cut_nodes):
    parent = np.full(tree.node_count, -1)
    for children in (tree.children_left, tree.children_right):
        splits = children >= 0
        parent[children[splits]] = np.flatnonzero(splits)
    while node >= 0 and node not in cut_nodes:
        node = parent[node]
    return node in cut_nodes


def test_cut_model_shares_nothing_and_leaves_the_old_one_alone():
    """Writing into a cut model does not reach the model that it came from."""
    model, X, y = MODELS["forest"]
    model = copy.deepcopy(model).set_params(random_state=0).fit(X, y)
    before = pickle.dumps(model)
    _, pruned = pruned_at(structure_of(model, X, y), 0.5)
    smaller = pruned.finished()
    for tree in trees_of(smaller):
        tree.value[...] = -1
    smaller.classes_[...] = 7

    assert pickle.dumps(model) == before


def test_cut_model_pickles_to_less():
    """A tenth of the splits pickle to about a tenth of the bytes."""
    model = RandomForestRegressor(5, random_state=0).fit(X_DIABETES, Y_DIABETES)
    structure = structure_of(model, X_DIABETES, Y_DIABETES)
    smaller = pruned_at(structure, 0.9)[1].finished()

    assert len(pickle.dumps(smaller)) < 0.2 * len(pickle.dumps(model))
    assert export_text(pickle.loads(pickle.dumps(smaller)).estimators_[0])


def test_sparse_samples_reach_the_same_leaves():
    """A cut model routes sparse and dense samples alike."""
    X = np.where(np.abs(X_DIABETES) > 0.03, X_DIABETES, 0)
    model = ExtraTreesRegressor(3, random_state=0).fit(sparse.csr_array(X), Y_DIABETES)
    structure = structure_of(model, sparse.csr_array(X), Y_DIABETES)
    smaller = pruned_at(structure, 0.6)[1].finished()

    assert_array_equal(smaller.apply(X), smaller.apply(sparse.csr_array(X)))
    assert_allclose(smaller.predict(sparse.csr_array(X)), smaller.predict(X))


class FutureTree:
    """A tree whose nodes and state have fields that nobody knows yet."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __setstate__(self, state):
        self.state = state

    def __reduce__(self):
        return FutureTree, self.arguments, self.state


def future_tree(kinds):
    """A tree of two splits, the second to the left, with an unknown field."""
    fields = [("left_child", "i8"), ("right_child", "i8"), ("impurity", "f8")]
    fields += [("n_node_samples", "i8"), ("weighted_n_node_samples", "f8")]
    layout = np.dtype([*fields, ("kind", "i4")], align=True)
    nodes = np.zeros(5, dtype=layout)
    nodes["left_child"] = [1, 2, -1, -1, -1]
    nodes["right_child"] = [4, 3, -1, -1, -1]
    nodes["impurity"] = np.arange(5)
    nodes["kind"] = kinds
    tree = FutureTree("a", "b", kinds[0])
    tree.state = {"nodes": nodes, "values": np.zeros((5, 1, 1)), "later": kinds[1]}
    return tree


def test_unknown_fields_ride_along():
    """Fields of a later scikit-learn are copied; new leaves have those of a leaf.

    The leaf is one of their own tree, and so are the arguments and the state.
    """
    trees = [future_tree([8, 9, 5, 5, 5]), future_tree([3, 2, 7, 7, 7])]
    children = [1, -1, -1, 4, -1, -1], [2, -1, -1, 5, -1, -1]
    left, right = (np.array(child) for child in children)
    weight, value = np.arange(6.0), np.arange(6.0)[:, None]
    offset, scale = np.array([0, 3, 6]), np.ones(2)
    forest = FlatForest(left, right, weight, value, offset, scale, np.zeros(2, int))
    kept = np.array([0, 1, 4, 5, 6, 9])

    new = rebuild_trees(trees, forest, kept, np.array([0, 5]))

    for tree, given, own, kinds in zip(
        new, trees, (slice(0, 3), slice(3, 6)), ([8, 5, 5], [3, 7, 7])
    ):
        assert tree.arguments == given.arguments
        assert tree.state["later"] == given.state["later"]
        nodes = tree.state["nodes"]
        assert nodes.dtype == given.state["nodes"].dtype
        assert_array_equal(nodes["kind"], kinds)
        assert_array_equal(nodes["left_child"], [1, -1, -1])
        assert_array_equal(nodes["right_child"], [2, -1, -1])
        assert_array_equal(nodes["impurity"], [0, 1, 4])
        assert_array_equal(nodes["weighted_n_node_samples"], weight[own])
        assert (tree.state["node_count"], tree.state["max_depth"]) == (3, 1)
        assert_array_equal(tree.state["values"].ravel(), value[own, 0])
        assert tree.state["values"].shape == (3, 1, 1)


def test_blocks_of_trees_are_invisible(monkeypatch):
    """However many trees are worked on at once, the arrays and new trees are equal."""
    whole = cut("forest")[2]
    sizes = tree_sizes(trees_of(whole))
    flat = flatten(trees_of(whole), np.ones(4))

    monkeypatch.setattr("skprune.structures.surgery.NODES", 1)

    parts = cut("forest")[2]
    assert tree_sizes(trees_of(parts)) == sizes
    for field in ("left", "right", "weight", "value", "offset"):
        again = flatten(trees_of(parts), np.ones(4))
        assert_array_equal(getattr(again, field), getattr(flat, field))
    for tree, other in zip(trees_of(whole), trees_of(parts)):
        states = tree.__getstate__(), other.__getstate__()
        for name in ("nodes", "values"):
            assert_array_equal(states[0][name], states[1][name])
        assert states[0]["max_depth"] == states[1]["max_depth"]


def test_joined_records_are_whole():
    """Records keep their layout, the bytes between their fields included."""
    layout = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    parts = [np.array([(1, 2.0)], layout), np.array([(3, 4.0), (5, 6.0)], layout)]

    records = concatenated(parts)

    assert records.dtype == layout and records.itemsize == 16
    assert records.tolist() == [(1, 2.0), (3, 4.0), (5, 6.0)]


def test_lone_leaf_adds_nothing():
    """All samples reach the one leaf of value zero, and the old tree is as it was."""
    tree = DecisionTreeRegressor(random_state=0).fit(X_DIABETES, Y_DIABETES).tree_
    n_nodes = tree.node_count

    leaf = lone_leaf(tree)

    assert (leaf.node_count, leaf.max_depth, tree.node_count) == (1, 0, n_nodes)
    assert_array_equal(leaf.predict(X_DIABETES.astype("f4")), 0)
    assert leaf.weighted_n_node_samples[0] == len(Y_DIABETES)
    assert leaf.feature[0] == -2


def test_sizes_count_what_trees_hold():
    """Parameters, comparisons and bytes of small trees are those counted by hand."""
    trees = [
        DecisionTreeClassifier(max_depth=depth, random_state=0).fit(X_IRIS, Y_IRIS)
        for depth in (2, 1)
    ]

    size, smaller = tree_sizes([tree.tree_ for tree in trees])

    assert size.n_parameters == 2 + 3 * 3  # two splits, three leaves of three classes
    assert size.n_nonzero == 2 + 1 + 2 + 2
    assert_allclose(size.n_macs, (150 + 100) / 150 + 3)
    state = trees[0].tree_.__getstate__()
    assert size.n_bytes == state["nodes"].nbytes + state["values"].nbytes
    assert (smaller.n_parameters, smaller.n_nonzero) == (1 + 2 * 3, 1 + 1 + 2)
    assert_allclose(smaller.n_macs, 1 + 3)


def test_copy_of_a_tree_estimator_shares_no_array():
    """Labels of any type and number are copied with what holds them."""
    for y in (np.array(["a", "bc", "d"], object)[Y_IRIS], Y_IRIS, LABELS):
        given = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X_IRIS, y)
        copied = with_tree(given, lone_leaf(given.tree_))
        labels = [
            model.classes_ if isinstance(model.classes_, list) else [model.classes_]
            for model in (given, copied)
        ]
        for mine, other in zip(*labels):
            assert_array_equal(mine, other)
            assert not np.shares_memory(mine, other)
        assert copied.get_params() == given.get_params()
        assert copied.tree_.node_count == 1 < given.tree_.node_count
