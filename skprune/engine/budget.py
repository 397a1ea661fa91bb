"""Budgets: as little pruning as brings a model below a size or a time.

Sizes fall as units go, so the fewest units that must go are found by bisection, on
models that are pruned but not recovered: recovery moves weights and leaves sizes as
they are. What little it may change after all, where it happens to make weights zero
or several steps rank anew, is settled on models pruned as they will be.
"""

import re
from dataclasses import dataclass
from numbers import Integral, Real
from time import perf_counter

import numpy as np

from skprune._compat import _safe_indexing
from skprune.engine.report import model_size

SIZES = ("n_parameters", "n_nonzero", "n_macs", "n_bytes")
LIMITS = (*SIZES, "latency_ms")
BYTES = re.compile(r"\s*(\d+\.?\d*)\s*([kKMG]?)(i?)B\s*")
POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3}


@dataclass(frozen=True, kw_only=True, repr=False)
class Budget:
    """A rate given by what the model may cost: the smallest that is cheap enough.

    As ``rate`` of `PruningEstimator` and `prune`. Where several limits are given all
    of them hold. What is measured is the pruned model itself, without the steps of a
    Pipeline around it; a limit that it keeps already leaves it as it is.

    Parameters
    ----------
    n_parameters, n_nonzero : int, default=None
        Numbers that the model stores, and those that are not zero.
    n_macs : float, default=None
        Multiply-adds, or comparisons, of one prediction.
    n_bytes : int or str, default=None
        Bytes of memory of its arrays; "100 kB", "1MB" or "2 GiB" are taken too.
    latency_ms : float, default=None
        Milliseconds of one call of ``predict``, the median of repeated ones: measured
        on this machine, and as noisy as it is.
    batch_size : int, default=1
        Samples that this one call predicts.

    Raises
    ------
    ValueError
        If there is no limit, or one is not positive.

    See Also
    --------
    model_size : How sizes are counted.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skprune import Budget, PruningEstimator, model_size
    >>> X, y = load_digits(return_X_y=True)
    >>> model = LogisticRegression(max_iter=20, tol=0.1)
    >>> small = PruningEstimator(model, rate=Budget(n_nonzero=200)).fit(X, y)
    >>> model_size(small).n_nonzero
    200
    """

    n_parameters: int | None = None
    n_nonzero: int | None = None
    n_macs: float | None = None
    n_bytes: int | str | None = None
    latency_ms: float | None = None
    batch_size: int = 1

    def __post_init__(self):
        if not self.limits:
            raise ValueError(f"Budget() limits nothing; give one of {LIMITS}.")
        for name, value in self.limits.items():
            _check_positive(name, value, Real)
        _check_positive("batch_size", self.batch_size, Integral)

    def __repr__(self):
        names = [name for name in LIMITS if getattr(self, name) is not None]
        if self.batch_size != 1:
            names.append("batch_size")
        given = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"Budget({given})"

    @property
    def limits(self):
        """The limits that are given, as numbers by name."""
        given = {name: getattr(self, name) for name in LIMITS}
        limits = {name: value for name, value in given.items() if value is not None}
        if isinstance(self.n_bytes, str):
            limits["n_bytes"] = n_bytes_of(self.n_bytes)
        return limits

    def excess(self, model, X):
        """What of a model is above its limit.

        Parameters
        ----------
        model : estimator
            Fitted.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples for the measuring of `latency_ms`.

        Returns
        -------
        dict of str to float
            What it costs, for each limit that it is above; empty where it keeps all.
        """
        size = model_size(model)
        costs = {name: getattr(size, name) for name in SIZES}
        if self.latency_ms is not None:
            rows = np.arange(self.batch_size) % X.shape[0]
            costs["latency_ms"] = 1e3 * prediction_seconds(
                model, _safe_indexing(X, rows)
            )
        limits = self.limits.items()
        return {name: costs[name] for name, limit in limits if costs[name] > limit}


def _check_positive(name, value, kind):
    if not isinstance(value, kind) or isinstance(value, bool) or not value > 0:
        raise ValueError(f"Budget({name}={value!r}) must be a positive number.")


def n_bytes_of(text):
    """The number of bytes that a text says.

    Parameters
    ----------
    text : str
        A number and B, kB, MB or GB (powers of 1000) or KiB, MiB or GiB (of 1024).

    Returns
    -------
    float
        The number.

    Raises
    ------
    ValueError
        If the text says something else.

    Examples
    --------
    >>> n_bytes_of("1.5 MB"), n_bytes_of("2KiB")
    (1500000.0, 2048.0)
    """
    match = BYTES.fullmatch(text)
    if match is None or (match[3] and not match[2]):
        raise ValueError(
            f"Budget(n_bytes={text!r}) is not a number of bytes; write it as 20000, "
            "'20 kB', '1MB' or '2 GiB'."
        )
    number, prefix, binary = match.groups()
    return float(number) * (1024 if binary else 1000) ** POWERS[prefix]


def fewest_gone(most, likely, certain):
    """The smallest number of removed units that meets a budget.

    Parameters
    ----------
    most : int
        How many units can go.
    likely : callable
        ``likely(n_gone) -> bool``, quick: whether the budget is probably met.
    certain : callable
        The same, as it will be measured; asked near the boundary only.

    Returns
    -------
    int or None
        None where not even `most` is enough.
    """
    start = _bisect(likely, -1, most)
    if not certain(start):
        return _fewest_above(start, most, certain)
    high, low, step = start, start - 1, 1
    while low >= 0 and certain(low):
        high, step = low, 2 * step
        low = max(high - step, 0) if high else -1
    return _bisect(certain, low, high)


def _fewest_above(low, most, certain):
    step = 1
    while low < most:
        high = min(low + step, most)
        if certain(high):
            return _bisect(certain, low, high)
        low, step = high, 2 * step
    return None


def _bisect(meets, low, high):
    """The smallest number above `low` that meets, `high` where none below it does."""
    while high - low > 1:
        middle = (low + high) // 2
        if meets(middle):
            high = middle
        else:
            low = middle
    return high


def prediction_seconds(estimator, X, n_runs=11):
    """Median wall time of predicting some samples.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples that one call of ``predict`` takes.
    n_runs : int, default=11
        How many calls are timed, after one that is not.

    Returns
    -------
    float
        In seconds.
    """
    estimator.predict(X)
    return float(np.median([_seconds(estimator, X) for _ in range(n_runs)]))


def _seconds(estimator, X):
    start = perf_counter()
    estimator.predict(X)
    return perf_counter() - start
