"""Recovery of trees: the values of the surviving leaves, estimated anew by a ridge.

With Z the 0/1 matrix of which sample falls into which leaf, r the residual of the
model with the values it was trained with, and d what each leaf adds to its
contribution, recovery minimises

    |r - Z d|^2 + lambda |d|^2        weighted by the samples,

a ridge toward the trained values: at a large lambda nothing moves. Lambda counts
samples: a leaf alone moves by the sum of its residuals over (its samples + lambda).
Estimating all leaves of a forest together is due to [1]_; the leaf indicators of one
tree sum to one, so that only the ridge makes the solution unique.

Leaves of a classifier stay probabilities, and so does every mean of them. Such means
are never as sharp as a free fit, so that the fit may aim at targets that are drawn
toward the uniform distribution: this costs sharpness and gains a better order of the
classes. Lambda and this confidence are chosen on samples that took no part, and so is
whether leaves move at all.

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

from skprune.readouts.leaf_choice import Choice, best_choice, is_past
from skprune.readouts.leaf_solvers import (
    LeafIndicator,
    projected_descent,
    ridge,
)

STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
CAUTIOUS = (300.0, 1000.0, 3000.0)  # where every tree was trained on every sample
BOUND_STRENGTH = 30.0  # matters little where probabilities bound the leaves
CONFIDENCES = (1.0, 0.8, 0.6, 0.45, 0.3)
FOLDS = 3
HELD_OUT = 3000  # samples that are enough to choose a strength by
COUNTED = 400  # samples that are enough to choose a confidence by
TREES, LEAVES = 50, 2000  # trees that are enough for the same, and their leaves
BLOCK_VALUES = 2**23  # values of the leaves at all strengths that are solved at once
ROUGH, FINE = 1e-2, 1e-6  # tolerances of choosing and of the last fit, where free
LONG, SHORT = 0.05, 0.05  # the same for the last step to bound values


@dataclass(frozen=True)
class LeafProblem:
    """The leaves of some trees, and the samples that their values are fitted to.

    Attributes
    ----------
    leaves : ndarray of int of shape (n_trees, n_samples)
        The leaf of each tree that a sample falls into, numbered within the tree.
    n_leaves : ndarray of int of shape (n_trees,)
        Number of leaves of each tree.
    scale : ndarray of shape (n_leaves,)
        What multiplies the values of each leaf in the sum over trees.
    prior : ndarray of shape (n_leaves, n_outputs)
        The values as trained.
    targets : ndarray of shape (n_samples, n_outputs)
        What the sum over trees aims at.
    weights : ndarray of shape (n_samples,)
        Positive; they count samples.
    fold : ndarray of int of shape (n_samples,)
        Which samples are held out together.
    votes : ndarray of bool of shape (n_trees, n_samples) or None
        The trees that speak for a sample when it is held out: those that were not
        trained on it. None for all.
    limits : Probabilities or None
        What the values of leaves have to be; None for any numbers.
    loss : callable
        ``loss(Z, Y, spread)`` of each sample, (n_samples,), where `spread` is the
        variance that Z has because only some trees have spoken.
    strengths : tuple of float
        Values of lambda to choose from where leaves have no limits, ascending.
    lowest : float
        The least value that a leaf without limits may have.
    bound_strength : float
        Lambda where leaves have limits.
    """

    leaves: np.ndarray
    n_leaves: np.ndarray
    scale: np.ndarray
    prior: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    fold: np.ndarray
    votes: np.ndarray | None
    limits: Any
    loss: Callable
    strengths: tuple[float, ...] = STRENGTHS
    lowest: float = -np.inf
    bound_strength: float = BOUND_STRENGTH

    @cached_property
    def Z(self):
        """Which sample falls into which leaf."""
        return LeafIndicator(self.leaves, self.n_leaves, dtype=self.prior.dtype)

    @cached_property
    def residual(self):
        """Targets less the sum over trees of the prior."""
        return self.targets - self.Z.dot(self.prior * self.scale[:, None])

    def softened(self, confidence):
        """The prior drawn toward the uniform distribution."""
        uniform = self.limits.uniform.astype(self.prior.dtype)
        return confidence * self.prior + (1 - confidence) * uniform

    def in_single(self):
        """The same problem in single precision."""
        names = "scale", "prior", "targets", "weights"
        return replace(self, **{n: getattr(self, n).astype(np.float32) for n in names})

    def thinned(self, n_trees):
        """The problem of a few trees, evenly chosen, that stand for all.

        What each adds counts as often as there are trees for one of them, and so does
        what it may move: the fitted sum is about the same.
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
            votes=None if self.votes is None else self.votes[trees],
            bound_strength=self.bound_strength / share,
        )

    def without(self, rows):
        """The weights, with zeros for samples that are held out."""
        weights = self.weights.copy()
        weights[rows] = 0.0
        return weights


def recover_leaves(problem):
    """Values of the leaves by the fit that serves held-out samples best.

    Parameters
    ----------
    problem : LeafProblem
        Leaves and samples.

    Returns
    -------
    values : ndarray of shape (n_leaves, n_outputs)
        The prior where no fit beats it.
    choice : Choice or None
        The fit; None if the prior stays.
    """
    free, prior = problem.limits is None, problem.prior
    folds = _folds(problem, HELD_OUT if free else COUNTED)
    if not folds:
        return prior, None
    problem = problem if free else problem.in_single()
    choice = (_choose_free if free else _choose_bound)(problem, folds)
    if np.isinf(choice.strength):
        return prior, None
    if free:
        fits = free_values(problem, problem.weights, (choice.strength,), FINE)
        return fits[0], choice
    start = problem.softened(choice.confidence)
    fit = bound_values(problem, problem.weights, choice.confidence, start, SHORT)
    return problem.limits.project(fit.astype(float)), choice


def _folds(problem, enough):
    """The samples of as many folds as are needed to choose by; none if all are one."""
    labels = np.unique(problem.fold)
    if len(labels) < 2:
        return []
    n_folds = -(-enough * len(labels) // len(problem.fold))
    return [np.flatnonzero(problem.fold == fold) for fold in labels[:n_folds]]


def _choose_free(problem, folds):
    """The strength of least held-out loss."""
    losses = np.zeros(len(problem.strengths) + 1)
    for rows in folds:
        weights, values = problem.without(rows), []
        for strengths in _blocks(problem):
            values += free_values(problem, weights, strengths, ROUGH)
        losses += [held_out_loss(problem, rows, v)[0] for v in [*values, problem.prior]]
    strengths = [*problem.strengths, np.inf]
    # of equal losses the last, which moves the leaves least
    best = len(losses) - 1 - int(np.argmin(losses[::-1]))
    return Choice(strengths[best], 1.0, float(losses[best]))


def _blocks(problem):
    """Strengths that are solved together."""
    step = max(1, BLOCK_VALUES // max(problem.prior.size, 1))
    starts = range(0, len(problem.strengths), step)
    return [problem.strengths[i : i + step] for i in starts]


def free_values(problem, weights, strengths, tolerance):
    """Values of the leaves of a regressor.

    Parameters
    ----------
    problem : LeafProblem
        Without limits.
    weights : ndarray of shape (n_samples,)
        Zero for samples that take no part.
    strengths : tuple of float
        Each lambda.
    tolerance : float
        Length of the residual of the equations, relative to that at the prior.

    Returns
    -------
    list of ndarray of shape (n_leaves, n_outputs)
        One for each strength.
    """
    pull = problem.Z.T_dot(weights[:, None] * problem.residual)
    columns = np.tile(pull, len(strengths))
    penalties = np.repeat(strengths, pull.shape[1])
    shifts = ridge(problem.Z, weights, columns, penalties, tolerance)
    shifts /= problem.scale[:, None]
    parts = np.split(shifts, len(strengths), axis=1)
    return [np.maximum(problem.prior + shift, problem.lowest) for shift in parts]


def _choose_bound(problem, folds):
    """The best calibrated fit among those whose errors are about the fewest.

    None of them may have a higher loss than the prior. A few trees show what all would.
    """
    n_trees = int(np.ceil(LEAVES / problem.n_leaves.mean()))
    problem = problem.thinned(max(n_trees, TREES))
    fits = [problem.prior] * len(folds)
    tried, last = [Choice(np.inf, 1.0, *_tally(problem, folds, fits))], 1.0
    for confidence in CONFIDENCES:
        fits = [
            bound_values(
                problem,
                problem.without(rows),
                confidence,
                problem.softened(confidence)
                + (fit - problem.softened(last)) * (confidence / last),
                LONG,
            )
            for rows, fit in zip(folds, fits)
        ]
        last = confidence
        tried.append(Choice(BOUND_STRENGTH, confidence, *_tally(problem, folds, fits)))
        if tried[-1].loss > tried[0].loss or is_past(tried[1:]):
            break
    total = sum(problem.weights[rows].sum() for rows in folds)
    return best_choice(tried, total, np.sqrt(total / problem.weights.sum()))


def _tally(problem, folds, fits):
    """Loss and errors over folds, each predicted by its own fit."""
    each = [held_out_loss(problem, rows, fit) for rows, fit in zip(folds, fits)]
    return [sum(part) for part in zip(*each)]


def bound_values(problem, weights, confidence, start, tolerance):
    """Values of the leaves of a classifier.

    Parameters
    ----------
    problem : LeafProblem
        With limits; the scales of a sample's leaves sum to one.
    weights : ndarray of shape (n_samples,)
        Zero for samples that take no part.
    confidence : float
        Share of the targets in what is aimed at.
    start : ndarray of shape (n_leaves, n_outputs)
        Where to begin.
    tolerance : float
        Length of the last step, relative to how far the values have moved.

    Returns
    -------
    ndarray of shape (n_leaves, n_outputs)
        Probabilities.
    """
    limits, Z, scale = problem.limits, problem.Z, problem.scale[:, None]
    centre, columns, weights = (
        problem.softened(confidence),
        limits.contrasts,
        weights[:, None],
    )
    strength = problem.bound_strength * scale**2
    aim = confidence * problem.targets + (1 - confidence) * limits.uniform
    aim = aim[:, columns].astype(scale.dtype)

    def pull(of_samples):
        return limits.completed(Z.T_dot(weights * of_samples)) * scale

    def product(d):
        image = pull(Z.dot(d[:, columns] * scale))
        image += strength * d
        return image

    bound = Z.n_trees * Z.T_dot(weights) * scale**2 + strength
    right = pull(aim - Z.dot(centre[:, columns] * scale))
    return projected_descent(
        product, bound, right, limits.project, centre, start, tolerance
    )


def held_out_loss(problem, rows, values):
    """Loss and errors of samples, each predicted by the trees that may speak for it.

    Where only some trees may, their mean stands for that of all. Its variance about
    it, estimated from how much they differ, is no fault of the values.

    Parameters
    ----------
    problem : LeafProblem
        Samples and trees.
    rows : ndarray of int
        Which samples.
    values : ndarray of shape (n_leaves, n_outputs)
        Values of the leaves, fitted without these samples.

    Returns
    -------
    loss, error : float
        Weighted sums. A sample for which no tree may speak does not count.
    """
    parts = values * problem.scale[:, None]
    if problem.votes is None:
        Z = LeafIndicator(problem.leaves[:, rows], problem.n_leaves).dot(parts)
        spread = np.zeros_like(Z)
    else:
        rows = rows[problem.votes[:, rows].any(axis=0)]
        Z, spread = _by_vote(problem, rows, parts)
    weights, Y = problem.weights[rows].astype(float), problem.targets[rows]
    loss = float(weights @ problem.loss(Z, Y, spread))
    if problem.limits is None:
        return loss, 0.0
    return loss, float(weights @ problem.limits.errors(Z, Y))


def _by_vote(problem, rows, parts):
    """Estimates of the sum over all trees, from some, and their variances."""
    votes, n_trees = problem.votes[:, rows], len(problem.leaves)
    Z = LeafIndicator(problem.leaves[:, rows], problem.n_leaves, votes)
    heard = votes.sum(axis=0)[:, None]
    mean = Z.dot(parts) / heard
    squares = Z.dot(parts**2) - heard * mean**2
    missing = (1 - heard / n_trees) / (heard * np.maximum(heard - 1, 1))
    return n_trees * mean, n_trees**2 * missing * squares
