"""Recovery of boosted trees: surviving leaves are fitted to the output of the teacher.

The trees of one output add up to its raw prediction and share nothing with those of
others, so that each output is a ridge problem of its own (`leaves`). It aims at what
the model predicted as trained, not at the data: the trees have all seen the same
samples, on which a fit to the data looks better than it is, and a loss that is not
smooth needs no treatment of its own.

A raw prediction far out matters little: a probability of .001 or .0001 is the same to
the loss. So samples count by the curvature of the loss where the teacher is, and in
part alike, as a few of them would otherwise stand for all.
"""

from dataclasses import replace

import numpy as np

from skprune.recovery.leaves import recover_leaves

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
ALIKE = 0.3  # what each sample counts beside its curvature, relative to their mean


def recover_boosted(problem, column, targets, curvature):
    """Values of the leaves by the fit that serves held-out samples best.

    Parameters
    ----------
    problem : LeafProblem
        Leaves with one value each; its targets do not count.
    column : ndarray of int of shape (n_trees,)
        The output that each tree adds to.
    targets : ndarray of shape (n_samples, n_outputs)
        What the sums over trees aim at.
    curvature : ndarray of shape (n_samples, n_outputs)
        Second derivative of each sample's loss by the output there, not negative.

    Returns
    -------
    values : ndarray of shape (n_leaves, 1)
        The prior for outputs where no fit beats it.
    choices : dict of int to Choice or None
        The fit of each output that has one; None if no leaf moves.
    """
    of_leaf = np.repeat(column, problem.n_leaves)
    values, choices = problem.prior.copy(), {}
    for output in np.unique(column):
        trees, leaves = column == output, of_leaf == output
        part = replace(
            problem,
            leaves=problem.leaves[trees],
            n_leaves=problem.n_leaves[trees],
            scale=problem.scale[leaves],
            prior=problem.prior[leaves],
            targets=targets[:, [output]],
            weights=problem.weights * importance(curvature[:, output], problem.weights),
            strengths=STRENGTHS,
        )
        values[leaves], choice = recover_leaves(part)
        if choice is not None:
            choices[int(output)] = choice
    return values, choices or None


def importance(curvature, weights):
    """What samples count beside their weights, whose sum it leaves as it is.

    Parameters
    ----------
    curvature, weights : ndarray of shape (n_samples,)
        Not negative.

    Returns
    -------
    ndarray of shape (n_samples,)
        Positive where there is any curvature; ones where there is none.
    """
    mean = np.average(curvature, weights=weights)
    if mean <= 0:
        return np.ones_like(curvature)
    return (curvature / mean + ALIKE) / (1 + ALIKE)
