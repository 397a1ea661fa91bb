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

from skprune.readouts.leaf_choice import Choice, HeldOut, best_choice, is_past
from skprune.readouts.leaf_solvers import Descent, LeafSquares, projected_descent

CONFIDENCES = (1.0, 0.8, 0.6, 0.45, 0.3)
TREES, LEAVES = 50, 2000  # trees that stand for all, and their leaves
ROUGH = 0.07  # tolerance of choosing
FINE, COARSE = 0.05, 0.2  # of what follows, where the aim is lower or the targets


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
        """Probabilities drawn toward the uniform distribution."""
        return confidence * given + (1 - confidence) * self.uniform

    @property
    def unmoved(self):
        """The values as trained."""
        return BoundFit(1.0, Descent(self.prior, np.zeros_like(self.targets), 1.0))

    def fitted(self, start, confidence, tolerance):
        """Values fitted at a confidence.

        Parameters
        ----------
        start : BoundFit
            Where to begin, at any confidence.
        confidence : float
            Share of the targets in what is aimed at.
        tolerance : float
            Length of the last step, relative to how far the values have moved.

        Returns
        -------
        BoundFit
            At the confidence.
        """
        share = confidence / start.confidence
        shift = start.descent.values - self.softened(self.prior, start.confidence)
        shift *= share
        shift += self.softened(self.prior, confidence)
        fit = self._descent(confidence, shift, start.descent.length, tolerance)
        pulls = share * start.descent.pulls + fit.pulls
        return BoundFit(confidence, fit._replace(pulls=pulls))

    def taken_over(self, fit, tolerance):
        """Values that begin where a fit with other trees pulls them.

        Parameters
        ----------
        fit : BoundFit
            To the same samples.
        tolerance : float
            Length of the last step, relative to how far the values have moved.

        Returns
        -------
        BoundFit
            At the same confidence.
        """
        start = self.squares.T_dot(fit.descent.pulls)
        start /= self.squares.bound
        start += self.softened(self.prior, fit.confidence)
        length = fit.descent.length
        descent = self._descent(fit.confidence, start, length, tolerance)
        return BoundFit(fit.confidence, descent)

    def _descent(self, confidence, start, length, tolerance):
        return projected_descent(
            self.squares,
            self.limits.project,
            self.softened(self.targets, confidence),
            self.softened(self.prior, confidence),
            start,
            length,
            tolerance,
        )


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
    choice, start = choose_confidence(few, folds)
    if np.isinf(choice.strength):
        return problem.prior, choice
    # a lower aim is for the order of the classes, which the last small steps decide
    tolerance = COARSE if choice.confidence == 1 else FINE
    fit = BoundLeaves(few).fitted(start, choice.confidence, tolerance)
    if few is not problem:
        fit = BoundLeaves(problem).taken_over(fit, tolerance)
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
    start : BoundFit
        Where a fit to all samples may begin: the mean of the fits without each fold.
    """
    every = np.arange(len(problem.weights))
    rest = [np.delete(every, rows) for rows in folds]
    parts = [BoundLeaves(problem.of_samples(rows)) for rows in rest]
    judges = [HeldOut(problem, rows) for rows in folds]
    fits = [[part.unmoved for part in parts]]
    tried = [Choice(np.inf, 1.0, *_tally(judges, fits[0]))]
    for confidence in CONFIDENCES:
        fits.append([p.fitted(f, confidence, ROUGH) for p, f in zip(parts, fits[-1])])
        tally = _tally(judges, fits[-1])
        tried.append(Choice(problem.bound_strength, confidence, *tally))
        if tried[-1].loss > tried[0].loss or is_past(tried[1:]):
            break
    total = sum(judge.weights.sum() for judge in judges)
    choice = best_choice(tried, total, np.sqrt(total / problem.weights.sum()))
    chosen = next(k for k, one in enumerate(tried) if one is choice)
    return choice, _mean(fits[chosen], rest, len(every))


def _tally(judges, fits):
    """Loss and errors over folds, each predicted by its own fit."""
    each = [judge.loss(fit.descent.values) for judge, fit in zip(judges, fits)]
    return [sum(part) for part in zip(*each)]


def _mean(fits, rows, n_samples):
    """The mean of fits, each to some of the samples."""
    descents = [fit.descent for fit in fits]
    values = sum(one.values for one in descents) / len(fits)
    pulls = np.zeros((n_samples, values.shape[1]), dtype=values.dtype)
    for one, own in zip(descents, rows):
        pulls[own] += one.pulls / len(fits)
    length = max(one.length for one in descents)
    return BoundFit(fits[0].confidence, Descent(values, pulls, length))
