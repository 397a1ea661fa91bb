"""Leaves of a classifier, whose values have to stay probabilities.

Such values are never as sharp as a free fit, so that the fit may aim at targets that
are drawn toward the uniform distribution: this costs sharpness and gains a better order
of the classes. This confidence is chosen on samples that took no part.

A few trees of a forest say about the same as all of them, and what their leaves have to
learn is about the same. So the confidence is chosen with a few. A gradient step is made
of residuals, which belong to samples and not to trees: their sum over the steps of a
fit with a few trees moves the leaves of all trees nearly to where they end.
"""

from typing import NamedTuple

import numpy as np

from skprune.recovery.leaf_choice import Choice, HeldOut, best_choice, is_past
from skprune.recovery.leaf_solvers import Descent, LeafSquares, projected_descent

CONFIDENCES = (1.0, 0.8, 0.6, 0.45, 0.3)
TREES, LEAVES = 50, 2000  # trees that stand for all, and their leaves
ROUGH = 0.07  # tolerance of choosing
FEW, ALL = 0.2, 0.4  # of the fits that follow, with a few trees and then with all
FINE = 0.05  # of both, where the aim is lower than the targets


class BoundFit(NamedTuple):
    """A descent toward targets at some confidence."""

    confidence: float
    descent: Descent


class BoundLeaves:
    """The leaves of some trees, to be fitted to some samples.

    Parameters
    ----------
    problem : LeafProblem
        With limits; the scales of a sample's leaves sum to one.
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

    def softened(self, given, confidence):
        """Probabilities drawn toward the uniform distribution, not to be written to."""
        if confidence == 1:
            return given
        return confidence * given + (1 - confidence) * self.uniform

    def begun(self, confidence, values, pulls, length=1.0):
        """Values that have not been fitted yet."""
        residual = self.softened(self.targets, confidence) - self.squares.dot(values)
        return BoundFit(confidence, Descent(values, residual, pulls, length))

    @property
    def unmoved(self):
        """The values as trained."""
        return self.begun(1.0, self.prior, np.zeros_like(self.targets))

    def lowered(self, fit, confidence):
        """The same values, less sharp, where the aim becomes lower.

        Parameters
        ----------
        fit : BoundFit
            Of these leaves to these samples.
        confidence : float
            Not higher than it has been.

        Returns
        -------
        BoundFit
            As far from the prior and from the targets as before, as both get nearer to
            the uniform distribution.
        """
        share = confidence / fit.confidence
        values, residual, pulls, length = fit.descent
        lower = Descent(
            self.softened(values, share), share * residual, share * pulls, length
        )
        return BoundFit(confidence, lower)

    def fitted(self, start, tolerance):
        """Values fitted at the confidence of the start.

        Parameters
        ----------
        start : BoundFit
            Of these leaves to these samples.
        tolerance : float
            Length of the last step, relative to how far the values have moved.

        Returns
        -------
        BoundFit
            Probabilities.
        """
        project, centre = (
            self.limits.project,
            self.softened(self.prior, start.confidence),
        )
        descent = projected_descent(
            self.squares, project, centre, start.descent, tolerance
        )
        return BoundFit(start.confidence, descent)

    def joined(self, fits, parts):
        """The mean of fits to some of the samples each, not fitted to all of them yet.

        Parameters
        ----------
        fits : list of BoundFit
            Of these leaves, at one confidence.
        parts : list of ndarray of int
            The samples of each.

        Returns
        -------
        BoundFit
            At the same confidence.
        """
        descents = [fit.descent for fit in fits]
        pulls = np.zeros_like(self.targets)
        for one, rows in zip(descents, parts):
            pulls[rows] += one.pulls / len(fits)
        values = sum(one.values for one in descents) / len(fits)
        length = max(one.length for one in descents)
        return self.begun(fits[0].confidence, values, pulls, length)

    def taken_over(self, fit):
        """Values to which the pulls of other leaves move these, not fitted yet.

        Parameters
        ----------
        fit : BoundFit
            Of the leaves of other trees, to these samples.

        Returns
        -------
        BoundFit
            At the same confidence.
        """
        values = self.squares.T_dot(fit.descent.pulls)
        values /= self.squares.bound
        values += self.softened(self.prior, fit.confidence)
        values = self.limits.project(values)
        _, _, pulls, length = fit.descent
        return self.begun(fit.confidence, values, pulls, length)


def recover_bound(problem, folds):
    """Values of the leaves of a classifier by the fit that serves held-out rows best.

    Parameters
    ----------
    problem : LeafProblem
        With limits.
    folds : list of ndarray of int
        Samples that are held out together.

    Returns
    -------
    values : ndarray of shape (n_leaves, n_outputs)
        Probabilities.
    choice : Choice
        How they were fitted.
    """
    problem = problem.in_single()
    n_trees = int(np.ceil(LEAVES / problem.n_leaves.mean()))
    few = problem.thinned(max(n_trees, TREES))
    choice, fits, parts = choose_confidence(few, folds)
    if np.isinf(choice.strength):
        return problem.prior, choice
    # a lower aim is for the order of the classes, which the last small steps decide
    first, last = (FEW, ALL) if choice.confidence == 1 else (FINE, FINE)
    leaves = BoundLeaves(few)
    fit = leaves.fitted(leaves.joined(fits, parts), first)
    if few is not problem:
        leaves = BoundLeaves(problem)
        fit = leaves.fitted(leaves.taken_over(fit), last)
    return problem.limits.project(fit.descent.values.astype(float)), choice


def choose_confidence(problem, folds):
    """The best calibrated fit among those whose errors are about the fewest.

    None of them may have a higher loss than the prior.

    Parameters
    ----------
    problem : LeafProblem
        With limits.
    folds : list of ndarray of int
        Samples that are held out together.

    Returns
    -------
    choice : Choice
        How to fit.
    fits : list of BoundFit
        The fit of this kind without each fold.
    parts : list of ndarray of int
        The samples of each.
    """
    every = np.arange(len(problem.weights))
    parts = [np.delete(every, rows) for rows in folds]
    leaves = [BoundLeaves(problem.of_samples(rows)) for rows in parts]
    judges = [HeldOut(problem, rows) for rows in folds]
    fits = [[part.unmoved for part in leaves]]
    tried = [Choice(np.inf, 1.0, *_tally(judges, fits[0]))]
    for confidence in CONFIDENCES:
        lower = [own.lowered(fit, confidence) for own, fit in zip(leaves, fits[-1])]
        fits.append([own.fitted(fit, ROUGH) for own, fit in zip(leaves, lower)])
        tally = _tally(judges, fits[-1])
        tried.append(Choice(problem.bound_strength, confidence, *tally))
        if tried[-1].loss > tried[0].loss or is_past(tried[1:]):
            break
    total = sum(judge.weights.sum() for judge in judges)
    choice = best_choice(tried, total, np.sqrt(total / problem.weights.sum()))
    chosen = next(k for k, one in enumerate(tried) if one is choice)
    return choice, fits[chosen], parts


def _tally(judges, fits):
    """Loss and errors over folds, each predicted by its own fit."""
    each = [judge.loss(fit.descent.values) for judge, fit in zip(judges, fits)]
    return [sum(part) for part in zip(*each)]
