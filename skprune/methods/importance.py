"""Importance sampling: units are drawn in proportion to their contributions."""

from numbers import Integral

import numpy as np

from skprune._compat import Interval, StrOptions
from skprune.methods.base import Method, Need
from skprune.numerics.sampling import inclusion_probabilities, systematic_sample
from skprune.numerics.units import apportion, keep_units, layer_adaptive


class ImportanceSampling(Method):
    """Draw the units that are kept, with probability by contribution.

    A unit whose contribution has norm s is kept with probability pi proportional to s,
    by systematic sampling without replacement. The contribution of a drawn unit is
    divided by pi, so a single draw leaves the expected output unchanged (Horvitz and
    Thompson [1]_). For a given number of units, probabilities proportional to the norm
    minimise the variance of the output. The sample size follows from the rate, so there
    is nothing else to tune. The default takes the best of several draws: it changes the
    output less than most of them, but is biased.

    Parameters
    ----------
    sensitivity : {"norm", "max"}, default="norm"
        "norm" is the root mean square of a unit's contribution. "max" is the largest
        fraction of an output that it contributes on any sample; it bounds the relative
        error of all samples at once with high probability [2]_ [3]_. Splits and depth
        levels of trees have "norm" only.
    deterministic : bool, default=False
        Keep the units with the largest contributions instead of drawing. With "norm"
        that is :class:`Magnitude`, with "max" the deterministic choice of SiPP [2]_.
    reweight : bool, default=True
        Whether drawn units are divided by their probability. This needs units that can
        be drawn independently and scaled. Splits and depth levels are nested, so they
        are drawn one after the other and keep their values. Layers are kept or replaced
        as a whole and keep their values too.
    n_draws : int, default=10
        Number of draws. The one that changes the outputs of the read-outs least is
        kept. With ``n_draws=1`` and ``reweight=True`` the output is unbiased.

    References
    ----------
    .. [1] D. G. Horvitz and D. J. Thompson, "A Generalization of Sampling Without
       Replacement From a Finite Universe", JASA 1952.
    .. [2] C. Baykal et al., "Data-Dependent Coresets for Compressing Neural Networks
       with Applications to Generalization Bounds", ICLR 2019.
    .. [3] L. Liebenwein et al., "Provable Filter Pruning for Efficient Neural
       Networks", ICLR 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import RidgeClassifier
    >>> from skprune import ImportanceSampling, PruningEstimator
    >>> X, y = load_digits(return_X_y=True)
    >>> method = ImportanceSampling()
    >>> model = PruningEstimator(RidgeClassifier(), method=method, random_state=0)
    >>> bool(model.fit(X, y).score(X, y) > 0.9)
    True
    """

    _parameter_constraints = {
        "sensitivity": [StrOptions({"norm", "max"})],
        "deterministic": ["boolean"],
        "reweight": ["boolean"],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, sensitivity="norm", deterministic=False, reweight=True, n_draws=10
    ):
        self.sensitivity = sensitivity
        self.deterministic = deterministic
        self.reweight = reweight
        self.n_draws = n_draws

    def needs(self):
        if self.sensitivity != "max":
            return []
        asks = "the contribution of each unit to each sample"
        return [Need("sensitivity", "sensitivity='max'", asks, "sensitivity='norm'")]

    def rank(self, readouts, n_keep, rng):
        self.check()
        return super().rank(readouts, n_keep, rng)

    def importances(self, readout, rng):
        if self.sensitivity == "max":
            return np.square(readout.sensitivity(), dtype=float)
        return np.square(readout.contribution() / readout.spread(), dtype=float)

    def gates(self, readouts, importances, n_remove, units, scope, rng):
        if self.deterministic:
            return super().gates(readouts, importances, n_remove, units, scope, rng)
        if scope == "lamp":
            importances, scope = layer_adaptive(importances, units), "global"
        draw = self._draw_independent if units.parent is None else _draw_nested
        draws = [
            draw(np.sqrt(importances), n_remove, units, scope, rng)
            for _ in range(self.n_draws)
        ]
        return min(draws, key=lambda gates: _distortion(readouts, gates))

    def _draw_independent(self, sizes, n_remove, units, scope, rng):
        """Draw a systematic sample in each group, or over all of them."""
        probabilities = _inclusion(sizes, n_remove, units, scope)
        drawn = np.zeros(len(sizes), dtype=bool)
        pools = units.group if scope == "local" else np.zeros(len(sizes), dtype=int)
        for pool in np.unique(pools):
            members = np.flatnonzero(pools == pool)
            drawn[members] = systematic_sample(probabilities[members], rng)
        if not self.reweight or not units.rescalable:
            return drawn.astype(float)
        return np.where(drawn, 1 / np.where(drawn, probabilities, 1.0), 0.0)


def _inclusion(sizes, n_remove, units, scope):
    """Compute the probability that each of several independent units is kept.

    The largest units up to the floor of each group are certain. The sum is
    ``n_units - n_remove``. For "local", the sum in each group is an integer.
    """
    safe = keep_units(sizes, units.removable, units, "global")
    if scope == "local":
        n_keep = units.group_size - apportion(n_remove, units)
        pools = units.group
    else:
        n_keep, pools = np.array([len(sizes) - n_remove]), np.zeros(len(sizes), int)
    probabilities = safe.astype(float)
    for pool, wanted in enumerate(n_keep):
        members = np.flatnonzero((pools == pool) & ~safe)
        n_drawn = wanted - (safe & (pools == pool)).sum()
        probabilities[members] = inclusion_probabilities(sizes[members], n_drawn)
    return probabilities


def _draw_nested(sizes, n_remove, units, scope, rng):
    """Draw units one after the other, each together with the units above it.

    The units with the largest ``log(size)`` plus Gumbel noise are such a sample
    (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006).
    """
    with np.errstate(divide="ignore"):
        keys = np.log(sizes) + rng.gumbel(size=len(sizes))
    return keep_units(keys, n_remove, units, scope).astype(float)


def _distortion(readouts, gates):
    ends = np.cumsum([readout.n_units for readout in readouts])
    parts = np.split(gates, ends[:-1])
    return sum(
        readout.distortion(part) / readout.spread() ** 2
        for readout, part in zip(readouts, parts)
    )
