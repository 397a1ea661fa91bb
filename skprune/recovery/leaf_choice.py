"""Which of several fits of leaves is kept: few errors first, then a low loss.

A fit that aims lower orders the classes better and is less sharp. Errors are counts,
and noisy: among fits whose counts do not differ by more than noise, the loss decides.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from skprune.recovery.leaf_solvers import LeafIndicator


@dataclass(frozen=True)
class Choice:
    """How leaves are fitted, and what it is worth on held-out samples.

    Attributes
    ----------
    strength : float
        Lambda, in samples; infinity where leaves keep their values.
    confidence : float
        Share of the targets in what is aimed at, the rest is uniform.
    loss, error : float
        Sums over held-out samples of the loss and of wrong classes.
    """

    strength: float
    confidence: float
    loss: float
    error: float = 0.0


def is_past(fits):
    """Whether the best of fits that aim lower and lower has been seen.

    Parameters
    ----------
    fits : list of Choice
        In the order of falling confidence.

    Returns
    -------
    bool
        True if each of the last two is worse in both regards than the one before it.
    """
    pairs = list(pairwise(fits))[-2:]
    worse = [after.loss > fit.loss and after.error >= fit.error for fit, after in pairs]
    return len(worse) == 2 and all(worse)


def best_choice(tried, total, share=1.0):
    """The fit of least loss among those with few errors.

    Parameters
    ----------
    tried : list of Choice
        The first keeps the values as they are; a fit must have a lower loss than it.
    total : float
        Weight of the held-out samples.
    share : float, default=1.0
        Few are no more than so many standard errors above the fewest. The root of the
        share of samples that was held out makes it what it would be for all of them.

    Returns
    -------
    Choice
        The first if all others have a higher loss, or the best of them more errors by
        more than noise.
    """
    stay, able = tried[0], [fit for fit in tried[1:] if fit.loss < tried[0].loss]
    if not able:
        return stay
    fewest = min(fit.error for fit in able)
    most = fewest + share * _noise(fewest, total)
    best = min((fit for fit in able if fit.error <= most), key=lambda fit: fit.loss)
    return stay if stay.error < best.error - _noise(best.error, total) else best


def _noise(count, total):
    """One standard error of a count of errors."""
    return np.sqrt(count * (1 - count / total))


class HeldOut:
    """Samples that took no part in fits, each predicted by trees that may speak for it.

    Where only some trees may, their mean stands for that of all. Its variance about
    it, estimated from how much they differ, is no fault of the values. A sample for
    which no tree may speak does not count.

    Parameters
    ----------
    problem : LeafProblem
        Samples and trees.
    rows : ndarray of int
        Which samples.
    """

    def __init__(self, problem, rows):
        self.problem, votes = problem, problem.votes
        if votes is not None:
            votes = votes[:, rows]
            heard = votes.sum(axis=0, dtype=np.int32)
            rows, votes, heard = rows[heard > 0], votes[:, heard > 0], heard[heard > 0]
            self.heard = heard[:, None].astype(problem.prior.dtype)
        self.votes = votes
        self.Z = LeafIndicator(
            problem.leaves[:, rows], problem.n_leaves, votes, problem.prior.dtype
        )
        self.targets = problem.targets[rows]
        self.weights = problem.weights[rows].astype(float)

    def loss(self, values):
        """Loss and errors of the samples.

        Parameters
        ----------
        values : ndarray of shape (n_leaves, n_outputs)
            Values of the leaves, fitted without these samples.

        Returns
        -------
        loss, error : float
            Weighted sums.
        """
        output, spread = self._output(values * self.problem.scale[:, None])
        loss = float(self.weights @ self.problem.loss(output, self.targets, spread))
        if self.problem.limits is None:
            return loss, 0.0
        errors = self.problem.limits.errors(output, self.targets)
        return loss, float(self.weights @ errors)

    def _output(self, parts):
        """Estimates of the sum over all trees, and their variances."""
        total = self.Z.dot(parts)
        if self.votes is None:
            return total, np.zeros_like(total)
        heard, n_trees = self.heard, self.Z.n_trees
        mean = total / heard
        squares = self.Z.dot(parts**2) - heard * mean**2
        missing = (1 - heard / n_trees) / (heard * np.maximum(heard - 1, 1))
        return n_trees * mean, n_trees**2 * missing * squares
