"""What a cache keeps of trees and their samples, so that no pruning finds it again.

Which leaf a sample falls into, and which trees were not trained on it, does not depend
on how the trees are pruned.
"""

from dataclasses import dataclass

import numpy as np

from skprune.structures.tree_models import tree_model
from skprune.structures.tree_samples import routed

NODE_BYTES, LEAF_BYTES = 64, 4  # of a node and of the number of a leaf, about


@dataclass(frozen=True)
class TreeNotes:
    """What a cache keeps of trees and the samples that they were trained on.

    Attributes
    ----------
    leaves : ndarray of unsigned int of shape (n_trees, n_samples) or None
        The leaf of each tree that a sample falls into, numbered within the tree; None
        where it would take more memory than the trees.
    bags : ndarray of uint8 of shape (n_trees, n_bytes) or None
        Bits of `TreeSamples.out_of_bag`.
    """

    leaves: np.ndarray | None
    bags: np.ndarray | None


def tree_notes(model, samples):
    """What a cache keeps of trees and of the samples that they were trained on.

    Parameters
    ----------
    model : estimator
        A fitted tree or ensemble of trees.
    samples : Samples
        As the model takes them.

    Returns
    -------
    TreeNotes
        Of all trees.
    """
    holder = tree_model(model)
    own, forest, leaves = holder.samples(samples), holder.flattened(), None
    if LEAF_BYTES * forest.n_trees * len(own.weights) <= NODE_BYTES * forest.n_nodes:
        leaves = routed(holder, np.diff(forest.offset), own.X)
    held_out = own.out_of_bag
    bags = None if held_out is None else np.packbits(held_out, axis=1)
    return TreeNotes(leaves, bags)
