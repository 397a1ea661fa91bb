"""Recovery of boosted trees: surviving leaves are fitted to the output of the teacher.

The trees of one output add up to its raw prediction and share nothing with those of
others, so that each output is a ridge problem of its own (`leaves`). It aims at what
the model predicted as trained, not at the data: the trees have all seen the same
samples, on which a fit to the data looks better than it is, and a loss that is not
smooth needs no treatment of its own.
"""

from dataclasses import replace

import numpy as np

from skprune.readouts.leaves import recover_leaves

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)


def recover_boosted(problem, column, targets):
    """Values of the leaves by the fit that serves held-out samples best.

    Parameters
    ----------
    problem : LeafProblem
        Leaves with one value each; its targets do not count.
    column : ndarray of int of shape (n_trees,)
        The output that each tree adds to.
    targets : ndarray of shape (n_samples, n_outputs)
        What the sums over trees aim at.

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
            strengths=STRENGTHS,
        )
        values[leaves], choice = recover_leaves(part)
        if choice is not None:
            choices[int(output)] = choice
    return values, choices or None
