"""Which of several fits of leaves is kept: few errors first, then a low loss.

A fit of low confidence orders the classes better and is less sharp. Counts of errors
are noisy: among fits whose counts differ by less than the noise, the loss decides.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from skprune.recovery.leaf_solvers import LeafIndicator


@dataclass(frozen=True)
class Choice:
    """A fit of leaves and its held-out loss.

    Attributes
    ----------
    strength : float
        Lambda, in units of samples; infinity if leaves keep their values.
    confidence : float
        Weight of the data in the targets of the fit; the rest is uniform.
    loss, error : float
        Sums over held-out samples of the loss and of the wrong classes.
    """

    strength: float
    confidence: float
    loss: float
    error: float = 0.0


def is_past(fits):
    """Tell whether fits of falling confidence have passed the best one.

    Parameters
    ----------
    fits : list of Choice
        In the order of falling confidence.

    Returns
    -------
    bool
        True if each of the last two fits has a higher loss and no fewer errors than
        the one before it.
    """
    pairs = list(pairwise(fits))[-2:]
    worse = [after.loss > fit.loss and after.error >= fit.error for fit, after in pairs]
    return len(worse) == 2 and all(worse)


def best_choice(tried, total, share=1.0):
    """Choose the fit of least loss among those with few errors.

    Parameters
    ----------
    tried : list of Choice
        The first keeps the values as trained; a fit needs a lower loss than it.
    total : float
        Weight of the held-out samples.
    share : float, default=1.0
        Standard errors above the fewest errors that still count as few. The root of the
        share of held-out samples gives the standard error of all samples.

    Returns
    -------
    Choice
        The first if no other has a lower loss, or if the best of them has more errors
        by more than the noise.
    """
    unchanged = tried[0]
    able = [fit for fit in tried[1:] if fit.loss < unchanged.loss]
    if not able:
        return unchanged
    fewest = min(fit.error for fit in able)
    most = fewest + share * _noise(fewest, total)
    best = min((fit for fit in able if fit.error <= most), key=lambda fit: fit.loss)
    is_worse = unchanged.error < best.error - _noise(best.error, total)
    return unchanged if is_worse else best


def _noise(count, total):
    """One standard error of a count of errors."""
    return np.sqrt(count * (1 - count / total))


class HeldOutLoss:
    """Loss on held-out samples, each predicted by its out-of-bag trees.

    If not all trees are out-of-bag, their mean estimates that of all trees. The
    variance of this estimate is computed from the differences between trees and is not
    counted as an error of the values. Samples without an out-of-bag tree are left out.

    Parameters
    ----------
    problem : LeafProblem
        Samples and trees.
    rows : ndarray of int
        Held-out samples.
    """

    def __init__(self, problem, rows):
        self.problem, mask = problem, problem.out_of_bag
        if mask is not None:
            mask = mask[:, rows]
            counts = mask.sum(axis=0, dtype=np.int32)
            some = counts > 0
            rows, mask, counts = rows[some], mask[:, some], counts[some]
            self.n_used = counts[:, None].astype(problem.prior.dtype)
        self.mask = mask
        self.Z = LeafIndicator(
            problem.leaves[:, rows], problem.n_leaves, mask, problem.prior.dtype
        )
        self.targets = problem.targets[rows]
        self.weights = problem.weights[rows].astype(float)

    def evaluate(self, values):
        """Compute the loss and the errors of the samples.

        Parameters
        ----------
        values : ndarray of shape (n_leaves, n_outputs)
            Values of the leaves, fitted without these samples.

        Returns
        -------
        loss, error : float
            Weighted sums.
        """
        output, variance = self._output(values * self.problem.scale[:, None])
        losses = self.problem.loss(output, self.targets, variance)
        loss = float(self.weights @ losses)
        if self.problem.limits is None:
            return loss, 0.0
        errors = self.problem.limits.errors(output, self.targets)
        return loss, float(self.weights @ errors)

    def _output(self, parts):
        """Estimates of the sum over all trees, and their variances."""
        total = self.Z.dot(parts)
        if self.mask is None:
            return total, np.zeros_like(total)
        n_used, n_trees = self.n_used, self.Z.n_trees
        mean = total / n_used
        squares = self.Z.dot(parts**2) - n_used * mean**2
        missing = (1 - n_used / n_trees) / (n_used * np.maximum(n_used - 1, 1))
        return n_trees * mean, n_trees**2 * missing * squares
