"""Recovery of trees: the values of the surviving leaves, estimated anew by a ridge.

With Z the 0/1 matrix of which sample falls into which leaf, r the residual of the
model with the values it was trained with, and d what each leaf adds to its
contribution, recovery minimises

    |r - Z d|^2 + lambda |d|^2        weighted by the samples,

a ridge toward the trained values: at a large lambda nothing moves. Lambda counts
samples: a leaf alone moves by the sum of its residuals over (its samples + lambda).
Estimating all leaves of a forest together is due to [1]_; the leaf indicators of one
tree sum to one, so that only the ridge makes the solution unique.

Leaves of a classifier stay probabilities (`bound_leaves`). Lambda, or what takes its
place there, is chosen on samples that took no part, and so is whether leaves move at
all.

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

from skprune.recovery.leaf_choice import Choice, HeldOut
from skprune.recovery.leaf_solvers import LeafIndicator, ridge
from skprune.recovery.probability_leaves import recover_bound

STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
CAUTIOUS = (300.0, 1000.0, 3000.0)  # where every tree was trained on every sample
BOUND_STRENGTH = 30.0  # matters little where probabilities bound the leaves
FOLDS = 3
HELD_OUT = 3000  # samples that are enough to choose a strength by
COUNTED = 400  # samples that are enough to choose a confidence by
BLOCK_VALUES = 2**23  # values of the leaves at all strengths that are solved at once
ROUGH, FINE = 1e-2, 1e-6  # tolerances of choosing and of the last fit


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

    def in_single(self):
        """The same problem in single precision."""
        names = "scale", "prior", "targets", "weights"
        parts = (getattr(self, name).astype(np.float32, copy=False) for name in names)
        return replace(self, **dict(zip(names, parts)))

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

    def of_samples(self, rows):
        """The same problem with some of the samples."""
        names = "targets", "weights", "fold"
        return replace(
            self,
            leaves=self.leaves[:, rows],
            votes=None if self.votes is None else self.votes[:, rows],
            **{name: getattr(self, name)[rows] for name in names},
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
    values, choice = (_recover_free if free else recover_bound)(problem, folds)
    return (prior, None) if np.isinf(choice.strength) else (values, choice)


def _folds(problem, enough):
    """The samples of as many folds as are needed to choose by; none if all are one."""
    labels = np.unique(problem.fold)
    if len(labels) < 2:
        return []
    n_folds = -(-enough * len(labels) // len(problem.fold))
    return [np.flatnonzero(problem.fold == fold) for fold in labels[:n_folds]]


def _recover_free(problem, folds):
    """Values of a regressor at the strength that serves held-out samples best."""
    choice = _choose_free(problem, folds)
    if np.isinf(choice.strength):
        return problem.prior, choice
    return free_values(problem, problem.weights, (choice.strength,), FINE)[0], choice


def _choose_free(problem, folds):
    """The strength of least held-out loss."""
    losses = np.zeros(len(problem.strengths) + 1)
    for rows in folds:
        weights, values = problem.without(rows), []
        for strengths in _blocks(problem):
            values += free_values(problem, weights, strengths, ROUGH)
        held_out = HeldOut(problem, rows)
        losses += [held_out.loss(v)[0] for v in [*values, problem.prior]]
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
