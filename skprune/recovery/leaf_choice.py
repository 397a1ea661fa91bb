"""Choice among several fits of leaves: few errors first, then a low loss.

A fit of low confidence orders the classes better and is less sharp. Counts of errors
are noisy: among fits whose counts differ by less than the noise, the loss decides.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from skprune.recovery.leaf_solvers import LeafIndicator


@dataclass(frozen=True)
class Choice:
    """A fit of leaves and its held-out loss and errors, sums over samples.

    `strength` is lambda in units of samples, infinity if leaves keep their values.
    `confidence` is the weight of the data in the targets; the rest is uniform.
    """

    strength: float
    confidence: float
    loss: float
    error: float = 0.0


def is_past(fits):
    """Tell whether fits of falling confidence have passed the best one.

    True if each of the last two has a higher loss and no fewer errors than the one
    before.
    """
    pairs = list(pairwise(fits))[-2:]
    worse = [after.loss > fit.loss and after.error >= fit.error for fit, after in pairs]
    return len(worse) == 2 and all(worse)


def best_choice(tried, total, share=1.0):
    """Choose the fit of least loss among those with few errors.

    The first of `tried` keeps the values as trained. It is chosen if no other has a
    lower loss, or if the best of these has more errors by more than the noise. Few
    errors are at most `share` standard errors above the fewest; `total` is the weight
    of the held-out samples. The root of the share of held-out samples gives the
    standard error of all.
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
    """Compute one standard error of a count of errors."""
    return np.sqrt(count * (1 - count / total))


class HeldOutLoss:
    """Loss on held-out samples, each predicted by its out-of-bag trees.

    If not all trees are out-of-bag, their mean estimates that of all trees. The
    variance of this estimate is computed from the differences between trees and is not
    counted as an error of the values. Samples without an out-of-bag tree are left out.
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
        """Compute weighted loss and errors of values fitted without these samples."""
        output, variance = self._output(values * self.problem.scale[:, None])
        losses = self.problem.loss(output, self.targets, variance)
        loss = float(self.weights @ losses)
        if self.problem.limits is None:
            return loss, 0.0
        errors = self.problem.limits.errors(output, self.targets)
        return loss, float(self.weights @ errors)

    def _output(self, parts):
        """Estimate the sum over all trees, and the variance of the estimate."""
        total = self.Z.dot(parts)
        if self.mask is None:
            return total, np.zeros_like(total)
        n_used, n_trees = self.n_used, self.Z.n_trees
        mean = total / n_used
        squares = self.Z.dot(parts**2) - n_used * mean**2
        missing = (1 - n_used / n_trees) / (n_used * np.maximum(n_used - 1, 1))
        return n_trees * mean, n_trees**2 * missing * squares
