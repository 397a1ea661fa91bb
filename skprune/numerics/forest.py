"""Trees as one set of arrays: all nodes of all trees, with sweeps up and down.

Nodes are numbered over all trees. A sweep visits one level of all trees at a time, so
that there is no Python loop over nodes.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

CACHED_NODES = 2**13  # nodes processed at once: they fit into the cache
# cached properties that depend on the pointers alone
SHAPE = "splits split_counts split_tree node_tree levels depth split_parent".split()


@dataclass(frozen=True)
class FlatForest:
    """The nodes of some trees, tree after tree.

    `left` and `right` are the children of each node, numbered over all trees: -1 at
    leaves, and never before their parent. `weight` is the weight of the training
    samples that reached a node, `value`, an array or `NodeValues` of shape (n_nodes,
    width), its prediction if it were a leaf. The nodes of tree t are
    ``offset[t]:offset[t + 1]``, the root first. In the sum over trees, its values are
    multiplied by ``scale[t]`` and added to the outputs from ``column[t]`` on.
    """

    left: np.ndarray
    right: np.ndarray
    weight: np.ndarray
    value: Any
    offset: np.ndarray
    scale: np.ndarray
    column: np.ndarray

    @property
    def n_trees(self):
        """Number of trees."""
        return len(self.offset) - 1

    @property
    def n_outputs(self):
        """Number of outputs up to the last one that a tree adds to."""
        return int(self.column.max(initial=0)) + self.value.shape[1]

    @property
    def n_nodes(self):
        """Number of nodes of all trees."""
        return len(self.left)

    @cached_property
    def splits(self):
        """Ids of the nodes that split, ascending."""
        return np.flatnonzero(self.left >= 0)

    @cached_property
    def split_counts(self):
        """Number of splits of each tree, (n_trees,)."""
        return np.diff(np.searchsorted(self.splits, self.offset))

    @cached_property
    def split_tree(self):
        """Tree of each split, (n_splits,)."""
        return np.repeat(np.arange(self.n_trees), self.split_counts)

    @cached_property
    def node_tree(self):
        """Tree of each node, (n_nodes,)."""
        return np.repeat(np.arange(self.n_trees), np.diff(self.offset))

    @cached_property
    def levels(self):
        """Ids of the splits of each depth, roots first."""
        return split_levels(self.left, self.right, self.offset[:-1])

    @cached_property
    def depth(self):
        """Number of splits above each node, (n_nodes,)."""
        depth = np.zeros(self.n_nodes, dtype=np.int32)
        for level, split in enumerate(self.levels, start=1):
            depth[self.left[split]] = level
            depth[self.right[split]] = level
        return depth

    @cached_property
    def split_parent(self):
        """Position among `splits` of the parent of each split, -1 at roots."""
        number = np.zeros(self.n_nodes, dtype=np.intp)
        number[self.splits] = np.arange(len(self.splits))
        parent = np.full(self.n_nodes, -1, dtype=np.intp)
        for children in (self.left, self.right):
            parent[children[self.splits]] = number[self.splits]
        return parent[self.splits]

    @cached_property
    def root_share(self):
        """Weight of each node over that of the root of its tree, (n_nodes,)."""
        return self.weight / self.weight[self.offset[:-1]][self.node_tree]

    @cached_property
    def step_energies(self):
        """Weighted mean square of the step of each split, (n_splits,)."""
        return squares_of_steps(self, lambda block, child: block.root_share[child])

    def with_fields(self, **fields):
        """Replace weights, values, scales or columns, but not the shape of trees."""
        other = replace(self, **fields)
        known = {name: vars(self)[name] for name in SHAPE if name in vars(self)}
        vars(other).update(known)
        return other

    def nodes(self, tree):
        """Return the slice of the nodes of one tree."""
        return slice(self.offset[tree], self.offset[tree + 1])

    def columns(self, tree):
        """Return the slice of the outputs that one tree adds to."""
        return slice(self.column[tree], self.column[tree] + self.value.shape[1])

    def block(self, start, stop):
        """Return the trees from `start` to before `stop` as a separate forest."""
        first, last = self.offset[start], self.offset[stop]
        left, right = (
            np.where(child < 0, -1, child - first)
            for child in (self.left[first:last], self.right[first:last])
        )
        return FlatForest(
            left,
            right,
            weight=self.weight[first:last],
            value=self.value[first:last],
            offset=self.offset[start : stop + 1] - first,
            scale=self.scale[start:stop],
            column=self.column[start:stop],
        )

    def sum_up(self, sums):
        """Set each split to the sum over the leaves below it, in place."""
        for split in reversed(self.levels):
            sums[split] = sums[self.left[split]] + sums[self.right[split]]
        return sums

    def gated_values(self, gates):
        """Compute the values of nodes with the step of each split times its gate.

        The value of a node is that of its root plus the gated steps on the path.
        `gates` are in the order of `splits`; below a gate of zero all nodes have the
        value of the split. Returns an array of shape (n_nodes, width).
        """
        gate, value = np.ones((self.n_nodes, 1)), self.value.copy()
        gate[self.splits, 0] = gates
        for split in self.levels:
            shift = value[split] - gate[split] * self.value[split]
            for child in (self.left[split], self.right[split]):
                value[child] = shift + gate[split] * self.value[child]
        return value

    def average_up(self, value):
        """Replace the value of each split by the weighted mean of its leaves, in place.

        Splits that no training sample with positive weight reaches keep their value.
        """
        total = self.sum_up(np.where(self.left < 0, self.root_share, 0.0))
        for split in reversed(self.levels):
            reached = split[total[split] > 0]
            parts = [
                value.take(child, axis=0) * (total[child] / total[reached])[:, None]
                for child in (self.left[reached], self.right[reached])
            ]
            value[reached] = parts[0] + parts[1]
        return value

    def survivors(self, kept):
        """Find the position in `kept` of each node or of its nearest ancestor in it.

        `kept` is ascending and contains all ancestors of its nodes. Trees without kept
        nodes get -1. Returns int32 of shape (n_nodes,).
        """
        survivor = np.full(self.n_nodes, -1, dtype=np.int32)
        survivor[kept] = np.arange(len(kept))
        for split in self.levels:
            cut = split[survivor[self.left[split]] < 0]
            survivor[self.left[cut]] = survivor[self.right[cut]] = survivor[cut]
        return survivor

    def rewired(self, left, right, roots, trees=None):
        """Follow other pointers and keep only the nodes that are reached from `roots`.

        `left` and `right` are new children for all nodes; `trees` are the trees that
        the roots belong to, ascending, None for all. Returns the forest, whose nodes
        keep their order, and their old ids.
        """
        trees = np.arange(self.n_trees) if trees is None else trees
        alive = np.zeros(self.n_nodes, dtype=bool)
        alive[roots] = True
        levels = split_levels(left, right, roots)
        for split in levels:
            alive[left[split]] = True
            alive[right[split]] = True
        kept = np.flatnonzero(alive)
        small = np.min_scalar_type(-1 - self.n_nodes)  # smallest signed type that fits
        number = np.full(self.n_nodes + 1, -1, dtype=small)  # the last serves -1
        number[kept] = np.arange(len(kept))
        forest = FlatForest(
            left=number[left[kept]].astype(np.intp),
            right=number[right[kept]].astype(np.intp),
            weight=self.weight[kept],
            value=self.value.take(kept, axis=0),
            offset=np.append(number[roots].astype(np.intp), len(kept)),
            scale=self.scale[trees],
            column=self.column[trees],
        )
        vars(forest)["levels"] = [number[split].astype(np.intp) for split in levels]
        return forest, kept


def split_levels(left, right, roots):
    """List the splits among the roots, among their children, and so on."""
    levels, front = [], roots[left[roots] >= 0]
    while front.size:
        levels.append(front)
        children = np.concatenate([left[front], right[front]])
        front = children[left[children] >= 0]
    return levels


def tree_blocks(offset, limit):
    """Yield ranges of trees with at most `limit` nodes together, or of one tree."""
    start, n_trees = 0, len(offset) - 1
    while start < n_trees:
        stop = np.searchsorted(offset, offset[start] + limit, "right") - 1
        stop = max(int(stop), start + 1)
        yield start, stop
        start = stop


def squares_of_steps(forest, factor):
    """Compute the sum of the squared steps from each split to its children.

    ``factor(block, children)`` weights the steps to some nodes of a block of trees.
    Returns sums in the squared scale of each tree, (n_splits,).
    """
    parts = []
    for start, stop in tree_blocks(forest.offset, CACHED_NODES):
        block = forest.block(start, stop)
        total = np.zeros(len(block.splits))
        for side, step in zip((block.left, block.right), both_steps(block)):
            squares = np.einsum("tk,tk->t", step, step)
            total += factor(block, side[block.splits]) * squares
        parts.append(total * block.scale[block.split_tree] ** 2)
    return np.concatenate([np.zeros(0), *parts])


def both_steps(forest):
    """Yield the steps from all splits to their left, then to their right children.

    A step is the change of the value, (n_splits, width).
    """
    start = forest.value.take(forest.splits, axis=0)
    for child in (forest.left, forest.right):
        yield forest.value.take(child[forest.splits], axis=0) - start
