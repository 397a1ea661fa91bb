"""Recovery of the leaves of a classifier, whose values must stay probabilities.

Means of probabilities are never as sharp as a free fit. Targets may therefore be
softened, that is mixed with the uniform distribution: the fit loses sharpness and
orders the classes better. The weight of the data in the targets, the confidence, is
chosen on held-out samples.

A few trees of a forest carry nearly the same information as all of them, so they
suffice for this choice. A gradient step is made of residuals, which belong to samples
and not to trees: the sum of the residuals over the steps of a fit with a few trees
moves the leaves of all trees close to their solution.
"""

from typing import NamedTuple

import numpy as np

from skprune.recovery.leaf_choice import Choice, HeldOutLoss, best_choice, is_past
from skprune.recovery.leaf_solvers import Descent, LeafSquares, projected_descent

# Candidates, tried in this order until one is past the best. Each takes a fit per fold;
# no measurement of the grid is recorded.
CONFIDENCES = (1.0, 0.8, 0.6, 0.45, 0.3)
# Trees that stand for all, and the leaves that they have at least together. Over 6 data
# sets, 5 rates and 3 seeds, error and Brier score were those of a choice by all trees
# (.0907 and .0910, .2009 both times), in a seventh of the time.
N_TREES, N_LEAVES = 50, 2000
# Tolerance of the fits that are compared: a lower one makes the choice slower, and the
# losses that it compares more exact. No measurement of it alone is recorded.
CHOICE_TOLERANCE = 0.07
# Tolerances of the last fits, with a few trees and then with all. Fits to softened
# targets are there for the order of the classes, which the last small steps decide.
TOLERANCES, SOFT_TOLERANCES = (0.2, 0.4), (0.05, 0.05)


class BoundFit(NamedTuple):
    """A descent toward targets of some confidence."""

    confidence: float
    descent: Descent


class BoundLeaves:
    """The leaves of some trees, to be fitted to some samples.

    The problem has limits, and the scales of the leaves of a sample sum to one.
    """

    def __init__(self, problem):
        self.limits, self.targets = problem.limits, problem.targets
        self.uniform = problem.limits.uniform.astype(problem.prior.dtype)
        self.prior = np.asfortranarray(problem.prior)
        self.squares = LeafSquares(
            problem.Z,
            problem.scale[:, None],
            problem.weights[:, None],
            problem.bound_strength,
        )

    def softened(self, probabilities, confidence):
        """Mix probabilities with the uniform distribution; the result is read-only."""
        if confidence == 1:
            return probabilities
        return confidence * probabilities + (1 - confidence) * self.uniform

    def start(self, confidence, values, residual_sum, length=1.0):
        """Build the start of a fit from values of the leaves."""
        residual = self.softened(self.targets, confidence) - self.squares.dot(values)
        return BoundFit(confidence, Descent(values, residual, residual_sum, length))

    @property
    def as_trained(self):
        """Start of a fit from the trained values, at full confidence."""
        return self.start(1.0, self.prior, np.zeros_like(self.targets))

    def lowered(self, fit, confidence):
        """Soften a fit to the targets of a lower confidence, as the start of the next.

        Its distances to the softened prior and targets are those of `fit` times the
        ratio of the confidences.
        """
        share = confidence / fit.confidence
        values, residual, residual_sum, length = fit.descent
        values = self.softened(values, share)
        descent = Descent(values, share * residual, share * residual_sum, length)
        return BoundFit(confidence, descent)

    def fitted(self, start, tolerance):
        """Fit values at the confidence of the start.

        The last step is shorter than `tolerance` times the distance from the prior.
        """
        centre = self.softened(self.prior, start.confidence)
        descent = projected_descent(
            self.squares, self.limits.project, centre, start.descent, tolerance
        )
        return BoundFit(start.confidence, descent)

    def averaged(self, fits, parts):
        """Build a start from the mean of fits, each to a part of the samples."""
        descents = [fit.descent for fit in fits]
        residual_sum = np.zeros_like(self.targets)
        for one, rows in zip(descents, parts):
            residual_sum[rows] += one.residual_sum / len(fits)
        values = sum(one.values for one in descents) / len(fits)
        length = max(one.length for one in descents)
        return self.start(fits[0].confidence, values, residual_sum, length)

    def moved_by(self, fit):
        """Build a start by applying the residuals of a fit of other trees."""
        _, _, residual_sum, length = fit.descent
        values = self.squares.T_dot(residual_sum)
        values /= self.squares.bound
        values += self.softened(self.prior, fit.confidence)
        values = self.limits.project(values)
        return self.start(fit.confidence, values, residual_sum, length)


def recover_bound(problem, folds):
    """Fit the leaves of a classifier at the confidence that held-out samples favour.

    `folds` are lists of samples that are held out together. Returns the probabilities,
    (n_leaves, n_outputs), and the chosen fit.
    """
    problem = problem.in_single()
    n_trees = int(np.ceil(N_LEAVES / problem.n_leaves.mean()))
    few = problem.thinned(max(n_trees, N_TREES))
    choice, fits, parts = choose_confidence(few, folds)
    if np.isinf(choice.strength):
        return problem.prior, choice
    first, last = TOLERANCES if choice.confidence == 1 else SOFT_TOLERANCES
    leaves = BoundLeaves(few)
    fit = leaves.fitted(leaves.averaged(fits, parts), first)
    if few is not problem:
        leaves = BoundLeaves(problem)
        fit = leaves.fitted(leaves.moved_by(fit), last)
    return problem.limits.project(fit.descent.values.astype(float)), choice


def choose_confidence(problem, folds):
    """Choose the confidence of least held-out loss among those with few errors.

    Fits with a higher loss than the prior are not considered. Returns the choice, the
    fits at this confidence without each of the folds, and the samples of these fits.
    """
    every = np.arange(len(problem.weights))
    parts = [np.delete(every, rows) for rows in folds]
    leaves = [BoundLeaves(problem.of_samples(rows)) for rows in parts]
    held_out = [HeldOutLoss(problem, rows) for rows in folds]
    fits = [[part.as_trained for part in leaves]]
    tried = [Choice(np.inf, 1.0, *_summed(held_out, fits[0]))]
    for confidence in CONFIDENCES:
        lower = [own.lowered(fit, confidence) for own, fit in zip(leaves, fits[-1])]
        pairs = zip(leaves, lower)
        fits.append([own.fitted(fit, CHOICE_TOLERANCE) for own, fit in pairs])
        sums = _summed(held_out, fits[-1])
        tried.append(Choice(problem.bound_strength, confidence, *sums))
        if tried[-1].loss > tried[0].loss or is_past(tried[1:]):
            break
    total = sum(one.weights.sum() for one in held_out)
    choice = best_choice(tried, total, np.sqrt(total / problem.weights.sum()))
    chosen = next(k for k, one in enumerate(tried) if one is choice)
    return choice, fits[chosen], parts


def _summed(held_out, fits):
    """Sum loss and errors over folds, each predicted by the fit without it."""
    pairs = zip(held_out, fits)
    each = [one.evaluate(fit.descent.values) for one, fit in pairs]
    return [sum(part) for part in zip(*each)]
