"""Sweeps over flat forests are sums and values that plain recursion gives."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from skprune.numerics.forest import FlatForest, tree_blocks


def grown(seed=0, sizes=(7, 1, 11)):
    """Random binary trees, parents before their children."""
    rng = np.random.default_rng(seed)
    left, right, offset = [], [], [0]
    for size in sizes:
        start = offset[-1]
        left += [-1] * size
        right += [-1] * size
        leaves, free = [start], start + 1
        while free < start + size:
            node = leaves.pop(rng.integers(len(leaves)))
            left[node], right[node] = free, free + 1
            leaves += [free, free + 1]
            free += 2
        offset.append(start + size)
    left, right = np.array(left), np.array(right)
    weight = np.where(left < 0, rng.integers(1, 9, len(left)), 0).astype(float)
    for node in np.flatnonzero(left >= 0)[::-1]:
        weight[node] = weight[left[node]] + weight[right[node]]
    scale, column = rng.random(len(sizes)) + 0.5, np.zeros(len(sizes), dtype=int)
    value = rng.normal(size=(len(left), 2))
    return FlatForest(left, right, weight, value, np.array(offset), scale, column)


def below(forest, node):
    """The leaves below a node, by recursion."""
    if forest.left[node] < 0:
        return [node]
    return below(forest, forest.left[node]) + below(forest, forest.right[node])


def paths(forest):
    """The splits on the way to each node, by recursion."""
    way = {}

    def follow(node, above):
        way[node] = above
        if forest.left[node] >= 0:
            follow(forest.left[node], [*above, node])
            follow(forest.right[node], [*above, node])

    for root in forest.offset[:-1]:
        follow(root, [])
    return [way[node] for node in range(forest.n_nodes)]


def test_sums_are_those_of_the_leaves_below():
    """Each node has the sum over the leaves below it."""
    forest, rng = grown(), np.random.default_rng(1)
    start = np.where(forest.left[:, None] < 0, rng.random((forest.n_nodes, 3)), np.nan)

    sums = forest.sum_up(start.copy())

    expected = [start[below(forest, node)].sum(axis=0) for node in range(len(start))]
    assert_allclose(sums, expected)


def test_depth_and_parent_are_those_of_the_path():
    """A node is as deep as its path is long, and a split hangs below its last one."""
    forest, ways = grown(2), paths(grown(2))
    number = {node: i for i, node in enumerate(forest.splits)}

    assert_array_equal(forest.depth, [len(way) for way in ways])
    expected = [number[ways[s][-1]] if ways[s] else -1 for s in forest.splits]
    assert_array_equal(forest.split_parent, expected)


def test_gated_values_are_root_plus_gated_steps():
    """A value is that of the root plus each step on the way times its gate."""
    forest, ways = grown(3), paths(grown(3))
    gates = np.random.default_rng(4).uniform(-1, 2, len(forest.splits))
    gate = dict(zip(forest.splits, gates))

    values = forest.gated_values(gates)

    for node, way in enumerate(ways):
        stops = [*way, node]
        expected = forest.value[stops[0]] + sum(
            gate[s] * (forest.value[stops[i + 1]] - forest.value[s])
            for i, s in enumerate(way)
        )
        assert_allclose(values[node], expected)


def test_gates_of_one_and_zero_are_exact():
    """Gates of one change no digit; below a gate of zero all is the split's value."""
    forest = grown(5)
    ones = np.ones(len(forest.splits))
    root_cut = np.where(forest.split_tree == 2, 0.0, ones)

    assert_array_equal(forest.gated_values(ones), forest.value)
    cut = forest.gated_values(root_cut)[forest.nodes(2)]
    assert_array_equal(cut, np.tile(forest.value[forest.offset[2]], (len(cut), 1)))


def test_averages_are_weighted_means_of_leaves():
    """A split gets the mean of its leaves by weight; leaves keep tsurvivors."""
    forest = grown(6)

    averaged = forest.average_up(forest.value.copy())

    for node in range(forest.n_nodes):
        leaves = below(forest, node)
        expected = np.average(
            forest.value[leaves], axis=0, weights=forest.weight[leaves]
        )
        assert_allclose(averaged[node], expected)


def test_rewired_forest_holds_what_is_reached():
    """After a cut and without one tree, nodes keep order, values and weights."""
    forest = grown(7)
    left, right = forest.left.copy(), forest.right.copy()
    cut = forest.splits[forest.split_tree == 2][1]
    left[cut] = right[cut] = -1
    trees = np.array([0, 2])

    smaller, kept = forest.rewired(left, right, forest.offset[trees], trees)

    reached = [
        node
        for t in trees
        for node in range(forest.offset[t], forest.offset[t + 1])
        if cut not in paths(forest)[node]
    ]
    assert_array_equal(kept, reached)
    assert_array_equal(smaller.value, forest.value[kept])
    assert_array_equal(smaller.scale, forest.scale[trees])
    assert_array_equal(kept[smaller.left[smaller.splits]], left[kept[smaller.splits]])
    assert_array_equal(kept[smaller.offset[:-1]], forest.offset[trees])


def test_blocks_are_all_trees_once():
    """Blocks of trees follow each other, stay below the limit, and hold the same."""
    forest = grown(8, sizes=(7, 1, 11, 3, 3))

    ranges = list(tree_blocks(forest.offset, 9))

    assert ranges == [(0, 2), (2, 3), (3, 5)]
    for start, stop in ranges:
        block = forest.block(start, stop)
        first = forest.offset[start]
        assert_array_equal(
            block.left[block.splits] + first, forest.left[block.splits + first]
        )
        assert_array_equal(block.value, forest.value[first : forest.offset[stop]])


def test_shape_is_known_where_only_fields_differ():
    """Levels and depths go with other values, and after a cut they are the new ones."""
    forest = grown(4)
    assert len(forest.depth) and len(forest.split_parent)
    other = forest.with_fields(value=-forest.value, scale=2 * forest.scale)
    left, right = forest.left.copy(), forest.right.copy()
    left[forest.levels[1]] = right[forest.levels[1]] = -1

    smaller, _ = forest.rewired(left, right, forest.offset[:-1])

    assert other.levels is forest.levels and other.depth is forest.depth
    assert_array_equal(other.value, -forest.value)
    assert_array_equal(other.scale, 2 * forest.scale)
    assert len(smaller.levels) == 1 and smaller.depth.max() == 1
    assert_array_equal(np.sort(smaller.levels[0]), smaller.splits)


def test_survivors_are_what_is_left_above():
    """A node that is cut off has the nearest one above it that stays, by recursion."""
    forest = grown(5, sizes=(15, 9, 11))
    left, right = forest.left.copy(), forest.right.copy()
    cut = forest.splits[[2, -2]]
    left[cut] = right[cut] = -1
    trees = np.array([0, 2])

    _, kept = forest.rewired(left, right, forest.offset[trees], trees)
    survivors = forest.survivors(kept)

    left_of = set(kept.tolist())
    for node, way in enumerate(paths(forest)):
        above = [n for n in [*way, node] if n in left_of]
        assert survivors[node] == (np.searchsorted(kept, above[-1]) if above else -1)
