"""A bound on the accuracy lost by pruning, from fixed-sequence testing.

On each held-out sample the pruned model is worse than the unpruned one (1), better
(-1) or the same (0). The mean of this difference is the accuracy lost. For each rate in
ascending order, the hypothesis is tested that this loss is above `max_loss`, until one
is not rejected. The last rate rejected is safe with the requested confidence.
"""

import warnings
from dataclasses import dataclass
from numbers import Real

import numpy as np
from scipy.special import bdtr, betaincinv, gammaln, xlog1py, xlogy

LIMIT_SHARE = 0.1  # fraction of the error probability spent on the limit of q


@dataclass(frozen=True)
class PruningGuarantee:
    """Tolerance that bounds the loss of accuracy with a given confidence.

    Pass it as ``tolerance`` of `PruningEstimatorCV`, for a classifier. It applies to
    models that are fitted on the training part of a split and pruned at the chosen
    rate. With probability at least `confidence` over the held-out samples, their
    accuracy on new samples is at most `max_loss` below that of the unpruned models.
    Fixed-sequence testing keeps the probability of error at ``1 - confidence`` over all
    rates together [1]_.

    The guarantee is exact for independent samples and a cross-validation of one split
    (``ShuffleSplit`` with ``n_splits=1``, ``PredefinedSplit``). With k folds, the loss
    is the mean over the folds, and the tests treat the models of different folds as
    independent although they share training samples. ``estimator_`` is one more model
    of the same kind, fitted on all samples. Sample weights are ignored.

    Parameters
    ----------
    max_loss : float, default=0.01
        Largest accepted loss of accuracy, in (0, 1).
    confidence : float, default=0.95
        Probability with which the bound holds, in (0, 1).

    Attributes
    ----------
    n_samples_needed : int
        Smallest number of held-out samples with which any rate can be accepted.

    References
    ----------
    .. [1] A. Angelopoulos, S. Bates, E. Candes, M. Jordan and L. Lei, "Learn then
       Test: Calibrating Predictive Algorithms to Achieve Risk Control", 2021.

    Examples
    --------
    >>> from skprune import PruningGuarantee
    >>> PruningGuarantee(max_loss=0.02, confidence=0.9).n_samples_needed
    160
    """

    max_loss: float = 0.01
    confidence: float = 0.95

    def __post_init__(self):
        for name in ("max_loss", "confidence"):
            value = getattr(self, name)
            number = isinstance(value, Real) and not isinstance(value, bool)
            if not number or not 0 < value < 1:
                raise ValueError(
                    f"PruningGuarantee({name}={value!r}) must be a number strictly "
                    "between 0 and 1."
                )

    @property
    def level(self):
        """Accepted probability that the bound does not hold."""
        return 1 - self.confidence

    @property
    def n_samples_needed(self):
        """Smallest number of held-out samples with which any rate can be accepted."""
        low, high = 0, 1
        while self.p_value(0, 0, high) > self.level:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            if self.p_value(0, 0, middle) > self.level:
                low = middle
            else:
                high = middle
        return high

    def p_value(self, n_worse, n_better, n_samples):
        """Compute the p-value of the hypothesis that the loss exceeds `max_loss`.

        Parameters
        ----------
        n_worse : int
            Held-out samples that only the unpruned model predicts correctly.
        n_better : int
            Held-out samples that only the pruned model predicts correctly.
        n_samples : int
            Number of held-out samples.

        Returns
        -------
        float
            In [0, 1]. A small value is evidence that the loss is bounded.
        """
        share = LIMIT_SHARE * self.level
        return excess_loss_p_value(n_worse, n_better, n_samples, self.max_loss, share)

    def n_safe(self, n_worse, n_better, n_samples):
        """Count the rates that are safe, from the smallest on.

        Parameters
        ----------
        n_worse, n_better : sequence of int of length n_rates
            As in `p_value`, in ascending order of the rates.
        n_samples : int
            Number of held-out samples.

        Returns
        -------
        int
            Zero if not even the smallest rate is safe.
        """
        for n_tested, counts in enumerate(zip(n_worse, n_better)):
            if self.p_value(*counts, n_samples) > self.level:
                return n_tested
        return len(n_worse)

    def check_splits(self, splits, weighted):
        """Check that held-out samples are enough, and each held out once.

        Parameters
        ----------
        splits : list of (ndarray, ndarray)
            Rows of training and of held-out samples.
        weighted : bool
            Whether the samples have weights.

        Raises
        ------
        ValueError
            If there are too few samples, or one is held out more than once.

        Warns
        -----
        UserWarning
            If the samples have weights, which the tests ignore.
        """
        held_out = np.concatenate([test for _, test in splits])
        if len(np.unique(held_out)) < len(held_out):
            raise ValueError(
                f"{self!r} counts each sample once, but cv holds some out several "
                "times; use a cross-validation without repetitions, such as KFold."
            )
        if len(held_out) < self.n_samples_needed:
            raise ValueError(
                f"{self!r} needs at least {self.n_samples_needed} held-out samples, "
                f"but cv holds out {len(held_out)}; give more samples, a larger "
                "max_loss or a lower confidence."
            )
        if weighted:
            warnings.warn(
                f"{self!r} counts each held-out sample alike: the model is fitted "
                "and pruned with weights, but the bound is on the accuracy without.",
                UserWarning,
                stacklevel=4,
            )


def excess_loss_p_value(n_worse, n_better, n_samples, max_loss, share):
    """Compute the exact p-value of the hypothesis that a mean exceeds a bound.

    The mean is that of `n_samples` independent differences in {-1, 0, 1}, of which
    `n_worse` are 1 and `n_better` are -1. The statistic is ``n_worse - n_better``. Its
    distribution depends on the mean, at worst `max_loss`, and on the unknown
    probability q that a difference is not zero. With probability ``1 - share``, q is
    below its upper confidence limit (Clopper and Pearson). The tail is largest there,
    so that adding `share` gives a valid p-value [1]_.

    The tail grows with q: its derivative is n / 2 times the difference of two
    neighbouring probabilities of the sum of n - 1 differences. For q up to 1/2 that
    sum, shifted, is one of independent indicators, whose distribution increases up to
    within one of its mean [2]_. Beyond 1/2 the bound of Hoeffding is used.

    References
    ----------
    .. [1] R. Berger and D. Boos, "P values maximized over a confidence set for the
       nuisance parameter", JASA 1994.
    .. [2] J. Darroch, "On the distribution of the number of successes in independent
       trials", Annals of Mathematical Statistics 1964.
    """
    n_different, total = n_worse + n_better, n_worse - n_better
    if total > (n_samples - 1) * max_loss - 2 or n_different == n_samples:
        return 1.0
    limit = betaincinv(n_different + 1, n_samples - n_different, 1 - share)
    limit = max(float(limit), max_loss)
    if limit > 0.5:
        margin = max_loss - total / n_samples
        return min(1.0, share + float(np.exp(-n_samples * margin**2 / 2)))
    return min(1.0, share + _lower_tail(total, n_samples, max_loss, limit))


def _lower_tail(total, n_samples, mean, q):
    """Compute the probability that a sum of such differences is at most `total`."""
    n_different = np.arange(n_samples + 1)
    log_ways = (
        gammaln(n_samples + 1)
        - gammaln(n_different + 1)
        - gammaln(n_samples - n_different + 1)
    )
    log_probability = xlogy(n_different, q) + xlog1py(n_samples - n_different, -q)
    n_worse = np.minimum((n_different + total) // 2, n_different)
    inside = bdtr(np.maximum(n_worse, 0), n_different, (1 + mean / q) / 2)
    tail = np.where(n_worse < 0, 0.0, inside)
    return float(np.exp(log_ways + log_probability) @ tail)
