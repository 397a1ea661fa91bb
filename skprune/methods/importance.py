"""Importance sampling: units are drawn in proportion to what they contribute."""

from numbers import Integral

import numpy as np

from skprune._compat import Interval, StrOptions
from skprune.methods.base import Method, Need
from skprune.numerics.sampling import inclusion_probabilities, systematic_sample
from skprune.numerics.units import apportion, keep_units, layer_adaptive


class ImportanceSampling(Method):
    """Draw exactly as many units as are kept, with probability by contribution.

    A unit whose contribution has norm s is kept with probability pi proportional to
    s, by systematic sampling without replacement; divided by pi, a single draw leaves
    the expected output unchanged (Horvitz and Thompson [1]_). Probabilities
    proportional to the norm make the variance of the output smallest among those of
    equal number. The sample size follows from the rate: there is nothing else to tune.
    The best of several draws, the default, changes the output less than most of them,
    but is no longer right on average.

    Parameters
    ----------
    sensitivity : {"norm", "max"}, default="norm"
        "norm" is the root mean square of a unit's contribution; "max" the largest
        share that it has in an output on any sample, for which a relative error
        is guaranteed with high probability for every sample at once [2]_ [3]_.
    deterministic : bool, default=False
        Keep the units of the largest contribution instead of drawing. With "norm" that
        is :class:`Magnitude`, with "max" the deterministic choice of SiPP [2]_.
    reweight : bool, default=True
        Whether drawn units are divided by their probability. Only for units that can
        be drawn independently of each other and scaled; splits and depth levels hang
        together, are drawn one after the other, and keep their values, and so do
        layers, which are kept or replaced as a whole.
    n_draws : int, default=10
        Number of draws, of which the one that changes the outputs of the read-outs
        least is kept. With 1 the output is unbiased, where units are divided by their
        probability.

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
        """Gates of a systematic sample in each group, or over all of them."""
        probabilities = inclusion(sizes, n_remove, units, scope)
        drawn = np.zeros(len(sizes), dtype=bool)
        pools = units.group if scope == "local" else np.zeros(len(sizes), dtype=int)
        for pool in np.unique(pools):
            members = np.flatnonzero(pools == pool)
            drawn[members] = systematic_sample(probabilities[members], rng)
        if not self.reweight or not units.rescalable:
            return drawn.astype(float)
        return np.where(drawn, 1 / np.where(drawn, probabilities, 1.0), 0.0)


def inclusion(sizes, n_remove, units, scope):
    """Probability with which each unit is kept.

    Parameters
    ----------
    sizes : ndarray of shape (n_units,)
        Norm of each unit's contribution.
    n_remove : int
        How many units go.
    units : Units
        Independent units; the largest ones up to the floor of each group are certain.
    scope : {"global", "local"}
        One sample of all units, or one in each group.

    Returns
    -------
    ndarray of shape (n_units,)
        With sum ``n_units - n_remove``, and an integer sum in each group for "local".
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
        left = wanted - (safe & (pools == pool)).sum()
        probabilities[members] = inclusion_probabilities(sizes[members], left)
    return probabilities


def _draw_nested(sizes, n_remove, units, scope, rng):
    """Gates of units drawn one after the other, whatever is above them included.

    The largest of ``log(size)`` plus Gumbel noise are such a sample (Efraimidis and
    Spirakis, "Weighted random sampling with a reservoir", 2006).
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
