"""Budgets: as little pruning as brings a model below a size or a latency.

Sizes fall as units are removed, so bisection finds the fewest units to remove, on
models that are pruned but not compensated: compensation moves weights and leaves sizes
alone. What it may still change, when weights become zero or several steps rank anew, is
settled on models pruned as the user asked.
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
    """Limits on what the model may cost, in place of a rate.

    As ``rate`` of `PruningEstimator` and `prune` it stands for the smallest rate that
    keeps every limit. The pruned model itself is measured, without the steps of a
    Pipeline around it. A model that keeps the limits already is not pruned.

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
        """Costs of a fitted model that are above their limits, a dict by name.

        ``latency_ms`` is measured on the first rows of `X`.
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
    """Number of bytes that a text such as "1.5 MB" or "2KiB" stands for.

    kB, MB and GB are powers of 1000, KiB, MiB and GiB powers of 1024.

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


def fewest_removed(most, likely, certain):
    """Find the smallest number of removed units that meets a budget.

    ``likely(n_removed)`` says quickly whether the budget is probably met, ``certain``
    measures it and is asked near the boundary only. None if `most` is not enough.
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
    """The smallest number above `low` that meets; `high` if none below it does."""
    while high - low > 1:
        middle = (low + high) // 2
        if meets(middle):
            high = middle
        else:
            low = middle
    return high


def prediction_seconds(estimator, X, n_runs=11):
    """Median seconds that ``estimator.predict(X)`` takes, after a first call."""
    estimator.predict(X)
    return float(np.median([_seconds(estimator, X) for _ in range(n_runs)]))


def _seconds(estimator, X):
    start = perf_counter()
    estimator.predict(X)
    return perf_counter() - start
