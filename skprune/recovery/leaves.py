"""Recovery of trees: the values of the remaining leaves, re-estimated by a ridge.

With Z the 0/1 matrix of samples and the leaves that they fall into, r the residual of
the model with the trained values, and d the change of what each leaf adds to the sum
over trees, recovery minimises

    |r - Z d|^2 + lambda |d|^2        weighted by the samples.

This is a ridge toward the trained values: at a large lambda no leaf moves. Lambda is in
units of samples, as a single leaf moves by the sum of its residuals over (its samples +
lambda). All leaves of a forest are estimated together [1]_. The leaf indicators of each
tree sum to one, so that only the ridge makes the solution unique.

Leaves of a classifier stay probabilities (`probability_leaves`). Lambda, or the
confidence that takes its place there, is chosen by the loss on held-out samples. If no
choice improves this loss, leaves keep their values.

References
----------
.. [1] S. Ren, X. Cao, Y. Wei and J. Sun, "Global Refinement of Random Forest",
   CVPR 2015.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from skprune.recovery.leaf_choice import Choice, HeldOutLoss
from skprune.recovery.leaf_solvers import LeafIndicator, ridge
from skprune.recovery.probability_leaves import recover_bound

# Candidates for lambda: steps of about three, from a weak ridge to leaves that hardly
# move. A finer grid takes more fits per fold; no measurement of it is recorded.
STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
# If every tree was trained on every sample, no sample is truly held out: weak ridges
# look better than they are.
CAUTIOUS = (300.0, 1000.0, 3000.0)
# Lower, as the targets of boosted leaves are the output of the teacher, without noise.
BOOSTED_STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
BOUND_STRENGTH = 30.0  # matters little: probabilities already bound these leaves
# Share of equal weights in those of boosted samples. On held-out rows of 6 data sets
# and 3 seeds, 0.1 to 1 changed the log-loss by about 1 %.
EQUAL_WEIGHT = 0.3
FOLDS = 3  # each takes a fit at every strength
# Held-out samples that are enough to choose a strength: further folds are not fitted.
# Fewer are faster and make the choice noisier; no measurement of it is recorded.
ENOUGH_SAMPLES = 3000
# Held-out samples that are enough to choose a confidence. Over 6 data sets, 5 rates and
# 3 seeds, error and Brier score were those of all samples, in a sixth of the time.
ENOUGH_COUNTED = 400
BLOCK_VALUES = 2**23  # leaf values at all strengths solved together: bounds the memory
ROUGH, FINE = 1e-2, 1e-6  # tolerances during the choice and in the last fit


@dataclass(frozen=True)
class LeafProblem:
    """The leaves of some trees, and the samples that their values are fitted to.

    `leaves`, (n_trees, n_samples), is the leaf of a sample, numbered within each tree,
    and `n_leaves` their number. `scale`, one per leaf, is the factor of its values in
    the sum over trees, and `prior`, (n_leaves, n_outputs), its values as trained.
    `targets`, (n_samples, n_outputs), are those of the sum; `weights` are positive, in
    units of samples. Samples of one `fold` are held out together, and are then
    predicted by the trees that were not trained on them: `out_of_bag`, (n_trees,
    n_samples), None for all trees.

    `limits` are the `Probabilities` that values must be, None for no constraint.
    ``loss(Z, Y, variance)`` is that of each sample, where `variance` is that of Z as an
    estimate from a part of the trees. `strengths` are candidates for lambda, ascending,
    and `lowest` is a lower bound of the values, both for leaves without limits. Lambda
    of leaves with limits is `bound_strength`.
    """

    leaves: np.ndarray
    n_leaves: np.ndarray
    scale: np.ndarray
    prior: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    fold: np.ndarray
    out_of_bag: np.ndarray | None
    limits: Any
    loss: Callable
    strengths: tuple[float, ...] = STRENGTHS
    lowest: float = -np.inf
    bound_strength: float = BOUND_STRENGTH

    @cached_property
    def Z(self):
        """Samples and the leaves that they fall into, a LeafIndicator."""
        return LeafIndicator(self.leaves, self.n_leaves, dtype=self.prior.dtype)

    @cached_property
    def residual(self):
        """Targets minus the sum over trees of the prior."""
        return self.targets - self.Z.dot(self.prior * self.scale[:, None])

    def in_single(self):
        """Convert the problem to single precision."""
        names = "scale", "prior", "targets", "weights"
        parts = (getattr(self, name).astype(np.float32, copy=False) for name in names)
        return replace(self, **dict(zip(names, parts)))

    def thinned(self, n_trees):
        """Select some evenly spaced trees to stand for all.

        The scale of each tree and the ridge are multiplied by the number of trees that
        it stands for, so that the fitted sum is about the same.
        """
        share = len(self.leaves) / n_trees
        if share <= 1:
            return self
        trees = np.arange(n_trees) * len(self.leaves) // n_trees
        chosen = np.zeros(len(self.leaves), dtype=bool)
        chosen[trees] = True
        leaves = np.repeat(chosen, self.n_leaves)
        return replace(
            self,
            leaves=self.leaves[trees],
            n_leaves=self.n_leaves[trees],
            scale=self.scale[leaves] * self.scale.dtype.type(share),
            prior=self.prior[leaves],
            out_of_bag=None if self.out_of_bag is None else self.out_of_bag[trees],
            bound_strength=self.bound_strength / share,
        )

    def of_samples(self, rows):
        """Select some of the samples."""
        names = "targets", "weights", "fold"
        return replace(
            self,
            leaves=self.leaves[:, rows],
            out_of_bag=None if self.out_of_bag is None else self.out_of_bag[:, rows],
            **{name: getattr(self, name)[rows] for name in names},
        )

    def without(self, rows):
        """Return the weights, with zeros for samples that are held out."""
        weights = self.weights.copy()
        weights[rows] = 0.0
        return weights


def recover_leaves(problem):
    """Fit the values of leaves with the least held-out loss.

    Returns the values and the chosen fit: the prior and None if no fit has a lower
    loss.
    """
    free, prior = problem.limits is None, problem.prior
    folds = _folds(problem, ENOUGH_SAMPLES if free else ENOUGH_COUNTED)
    if not folds:
        return prior, None
    values, choice = (_recover_free if free else recover_bound)(problem, folds)
    return (prior, None) if np.isinf(choice.strength) else (values, choice)


def _folds(problem, enough):
    """List the samples of as many folds as the choice needs; empty for one fold."""
    labels = np.unique(problem.fold)
    if len(labels) < 2:
        return []
    n_folds = -(-enough * len(labels) // len(problem.fold))
    return [np.flatnonzero(problem.fold == fold) for fold in labels[:n_folds]]


def _recover_free(problem, folds):
    """Fit values without limits at the strength of least held-out loss."""
    losses = np.zeros(len(problem.strengths) + 1)
    for rows in folds:
        weights, values = problem.without(rows), []
        for strengths in _blocks(problem):
            values += free_values(problem, weights, strengths, ROUGH)
        held_out = HeldOutLoss(problem, rows)
        losses += [held_out.evaluate(v)[0] for v in [*values, problem.prior]]
    strengths = [*problem.strengths, np.inf]
    # of equal losses the last, which moves the leaves least
    best = len(losses) - 1 - int(np.argmin(losses[::-1]))
    choice = Choice(strengths[best], 1.0, float(losses[best]))
    if np.isinf(choice.strength):
        return problem.prior, choice
    return free_values(problem, problem.weights, (choice.strength,), FINE)[0], choice


def _blocks(problem):
    """Split the strengths into those that are solved together."""
    step = max(1, BLOCK_VALUES // max(problem.prior.size, 1))
    starts = range(0, len(problem.strengths), step)
    return [problem.strengths[i : i + step] for i in starts]


def free_values(problem, weights, strengths, tolerance):
    """Fit values of leaves without limits, one array for each of the strengths.

    Weights are zero for samples that are held out. `tolerance` is the norm of the
    residual of the equations, relative to that at the prior.
    """
    right = problem.Z.T_dot(weights[:, None] * problem.residual)
    columns = np.tile(right, len(strengths))
    penalties = np.repeat(strengths, right.shape[1])
    shifts = ridge(problem.Z, weights, columns, penalties, tolerance)
    shifts /= problem.scale[:, None]
    parts = np.split(shifts, len(strengths), axis=1)
    return [np.maximum(problem.prior + shift, problem.lowest) for shift in parts]


def recover_boosted(problem, column, targets, curvature):
    """Fit the leaves of boosted trees to the raw prediction of the teacher.

    The trees of one output add up to its raw prediction and share nothing with those of
    other outputs, so that each output is a separate ridge problem. Targets are not
    those of the data: all trees were trained on the same samples, and on these a fit to
    the data looks better than it is. The loss need not be smooth for it either.

    A large raw prediction matters little: the loss hardly differs between probabilities
    of .001 and .0001. Samples are therefore weighted by the curvature of the loss,
    mixed with equal weights, as otherwise a few samples would dominate.

    Tree t adds to output ``column[t]``. `targets` and `curvature`, both (n_samples,
    n_outputs), replace the targets of the problem: the sums over trees, and the second
    derivative of the loss at the output of the teacher. Returns values, and the chosen
    fit of each output that has one, or None.
    """
    of_leaf = np.repeat(column, problem.n_leaves)
    values, choices = problem.prior.copy(), {}
    for output in np.unique(column):
        trees, leaves = column == output, of_leaf == output
        factors = curvature_weights(curvature[:, output], problem.weights)
        part = replace(
            problem,
            leaves=problem.leaves[trees],
            n_leaves=problem.n_leaves[trees],
            scale=problem.scale[leaves],
            prior=problem.prior[leaves],
            targets=targets[:, [output]],
            weights=problem.weights * factors,
            strengths=BOOSTED_STRENGTHS,
        )
        values[leaves], choice = recover_leaves(part)
        if choice is not None:
            choices[int(output)] = choice
    return values, choices or None


def curvature_weights(curvature, weights):
    """Compute factors of the sample weights from the curvature of the loss.

    Positive; the sum of the weights does not change. Ones if all curvature is zero.
    """
    mean = np.average(curvature, weights=weights)
    if mean <= 0:
        return np.ones_like(curvature)
    return (curvature / mean + EQUAL_WEIGHT) / (1 + EQUAL_WEIGHT)
