"""The lasso on read-outs: which units survive a penalty on the norms of their weights.

Weights are scaled to the spread of their inputs and the curvature of their outputs, so
that one penalty is fair to all units of all read-outs. Quadratic problems are solved by
coordinate descent (`gram_lasso`), other losses by accelerated proximal gradient steps.
`shrink_to` lowers the penalty until the wanted number of units is in.
"""

import copy
from abc import ABC, abstractmethod

import numpy as np

PATH_FACTOR = 0.7  # ratio of neighbouring penalties; warm starts make the steps cheap
SMALLEST_PENALTY = 1e-5  # end of the path, relative to the largest penalty
MAX_BISECTIONS = 25  # narrows a step of the path to a relative width of 1e-8
NEGLIGIBLE = 1e-6  # weights of this size count as converged to zero
# Changes of the loss below this share of it are partly rounding. Without this limit the
# empty model of balanced classes took all 2,000 iterations (3,000 rows, 40 features).
LOSS_ROUNDING = 1e-10


class LassoProblem(ABC):
    """A convex loss with a penalty on the norm of the scaled weights of each unit.

    Attributes
    ----------
    n_units : int
        Number of norms.
    """

    n_units: int

    @abstractmethod
    def solve(self, penalty):
        """Solve at one penalty, warm-started from the previous solution.

        Parameters
        ----------
        penalty : float
            Non-negative; infinity for the empty model.

        Returns
        -------
        norms : ndarray of shape (n_units,)
            Norm of the scaled weights of each unit, exactly zero for units that are
            out.
        slopes : ndarray of shape (n_units,)
            Norm of the gradient with respect to the weights of each unit: at most the
            penalty for units that are out, equal to it for those that are in.
        """

    def joined(self, group, n_units):
        """Build the same lasso with one penalty on all weights of each group [1]_.

        Unit u belongs to ``group[u]``, one of `n_units` groups.

        Raises
        ------
        TypeError
            If the problem does not define which weights belong to which unit.

        References
        ----------
        .. [1] M. Yuan and Y. Lin, "Model selection and estimation in regression with
           grouped variables", JRSS B 2006.
        """
        raise TypeError(
            f"{type(self).__name__} cannot join units; use another method than 'l1'."
        )


class SmoothLasso(LassoProblem):
    """Lasso of any smooth convex loss, by FISTA with restarts [1]_ [2]_.

    `problem` has ``value(W)`` and ``gradient(W)``. `start` is the empty model: zero but
    for weights without penalty. `unit`, of the shape of W, is the unit of each weight,
    -1 for one without penalty and -2 for one that stays zero.

    References
    ----------
    .. [1] A. Beck and M. Teboulle, "A Fast Iterative Shrinkage-Thresholding Algorithm
       for Linear Inverse Problems", SIAM J. Imaging Sciences 2009.
    .. [2] B. O'Donoghue and E. Candes, "Adaptive Restart for Accelerated Gradient
       Schemes", Foundations of Computational Mathematics 2015.
    """

    max_iterations = 2000
    tolerance = 1e-6

    def __init__(self, problem, start, unit, n_units=None):
        self.problem, self.W, self.unit = problem, start, unit
        self.n_units = int(unit.max(initial=-1)) + 1 if n_units is None else n_units
        self.step = 1.0

    def joined(self, group, n_units):
        joined = copy.copy(self)
        joined.unit = np.append(group, [-2, -1])[self.unit]  # -1 and -2 stay
        joined.n_units = n_units
        return joined

    def _norms(self, V):
        inside = self.unit >= 0
        squares = np.bincount(self.unit[inside], V[inside] ** 2, self.n_units)
        return np.sqrt(squares)

    def _shrink(self, V, threshold):
        """Shorten the weights of each unit by the threshold, the proximal step."""
        norms = self._norms(V)
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = np.where(norms > threshold, 1 - threshold / norms, 0.0)
        factor = np.append(factor, [0.0, 1.0])  # at -2 and -1
        return V * factor[self.unit]

    def solve(self, penalty):
        W, ahead, momentum = self.W, self.W, 1.0
        for _ in range(self.max_iterations):
            new = self._proximal_step(ahead, penalty)
            change = new - W
            if np.sum((ahead - new) * change) > 0:
                momentum, ahead = 1.0, new
            else:
                after = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
                ahead = self._extrapolated(new, W, (momentum - 1) / after)
                momentum = after
            W = new
            size = np.abs(W).max(initial=NEGLIGIBLE)
            if np.abs(change).max(initial=0.0) <= self.tolerance * size:
                break
        self.W = W
        return self._norms(W), self._norms(self.problem.gradient(W))

    def _extrapolated(self, new, before, factor):
        """Compute the starting point of the next step."""
        return new + factor * (new - before)

    def _proximal_step(self, V, penalty):
        """Take a step short enough for the quadratic bound of the loss to hold."""
        value, gradient = self.problem.value(V), self.problem.gradient(V)
        self.step *= 1.1
        while True:
            new = self._shrink(V - self.step * gradient, self.step * penalty)
            move = new - V
            square = np.sum(move**2) / self.step
            if square > LOSS_ROUNDING * abs(value):
                bound = value + np.sum(gradient * move) + square / 2
                is_short = self.problem.value(new) <= bound
            else:  # the loss is quadratic so near to V: slopes are as good, and exact
                change = self.problem.gradient(new) - gradient
                is_short = np.sum(change * move) <= square
            if is_short:
                return new
            self.step /= 2


class ScreenedLasso(SmoothLasso):
    """Smooth lasso on the inputs that may be in, with a check of the others.

    Units that are out and whose slope is below twice the new penalty minus the previous
    one hardly ever come in [1]_. They are left out of the problem,
    ``restricted(rows)``, which is solved again with those whose slope at the solution
    exceeds the penalty.

    References
    ----------
    .. [1] R. Tibshirani et al., "Strong Rules for Discarding Predictors in Lasso-Type
       Problems", JRSS B 2012.
    """

    previous = 0.0  # penalty of the last call

    def solve(self, penalty):
        norms, slopes = self._state()
        kept = norms > 0
        if np.isfinite(penalty):
            kept |= slopes >= 2 * penalty - self.previous
        while True:
            self._solve_among(kept, penalty)
            norms, slopes = self._state()
            missed = ~kept & (slopes > penalty)
            if not missed.any():
                break
            kept |= missed
        self.previous = penalty if np.isfinite(penalty) else slopes.max(initial=0.0)
        return norms, slopes

    def _state(self):
        return self._norms(self.W), self._norms(self.problem.gradient(self.W))

    def _solve_among(self, kept, penalty):
        """Solve for the units that are kept; the others are out."""
        free = np.append(kept, [False, True])[self.unit]  # at -2 and -1
        rows = np.flatnonzero(free.any(axis=1))
        unit = np.where(free, self.unit, -2)[rows]
        restricted = self.problem.restricted(rows)
        part = SmoothLasso(restricted, self.W[rows], unit, self.n_units)
        part.step = self.step
        part.solve(penalty)
        self.W, self.step = np.zeros_like(self.W), part.step
        self.W[rows] = part.W


class SeparateLassos(LassoProblem):
    """Several lassos that share nothing but the penalty.

    ``parts[k]`` are the units of problem k; each unit is in exactly one of them.
    """

    def __init__(self, problems, parts):
        self.problems, self.parts = problems, parts
        self.n_units = sum(map(len, parts))

    @classmethod
    def stacked(cls, problems):
        """Number the units of several problems one problem after another."""
        ends = np.cumsum([problem.n_units for problem in problems])
        return cls(problems, np.split(np.arange(ends[-1]), ends[:-1]))

    def solve(self, penalty):
        solved = np.zeros((2, self.n_units))
        for problem, units in zip(self.problems, self.parts):
            solved[:, units] = problem.solve(penalty)
        return tuple(solved)

    def joined(self, group, n_units):
        pairs = zip(self.problems, self.parts)
        parts = [p.joined(group[units], n_units) for p, units in pairs if len(units)]
        if not parts:
            return self
        start, unit = (
            np.concatenate([array.ravel() for array in arrays])[:, None]
            for arrays in zip(*((part.W, part.unit) for part in parts))
        )
        joined = SmoothLasso(SumOfLosses(parts), start, unit, n_units)
        joined.max_iterations = parts[0].max_iterations
        joined.tolerance = parts[0].tolerance
        return joined


class SumOfLosses:
    """Sum of the losses of several `SmoothLasso`; all weights are one column."""

    def __init__(self, problems):
        self.problems = problems
        self.ends = np.cumsum([problem.W.size for problem in problems])

    def _parts(self, W):
        parts = np.split(W[:, 0], self.ends[:-1])
        for problem, part in zip(self.problems, parts):
            yield problem.problem, part.reshape(problem.W.shape)

    def value(self, W):
        """Compute the sum of the losses, a float."""
        return sum(loss.value(part) for loss, part in self._parts(W))

    def gradient(self, W):
        """Compute the derivative of the sum with respect to W, (n_weights, 1)."""
        parts = [loss.gradient(part).ravel() for loss, part in self._parts(W)]
        return np.concatenate(parts)[:, None]


def shrink_to(problems, n_keep):
    """Find the penalty, shared by all problems, that keeps `n_keep` units.

    Returns importances and the penalty at the end of the search. The importance of a
    unit is ``(penalty + norm) ** 2`` if it is in, ``slope ** 2`` if it is out: the
    slope is at most the penalty, and the next unit to enter has the largest one.
    """
    whole = SeparateLassos.stacked(problems)
    norms, slopes = whole.solve(np.inf)
    low = high = slopes.max(initial=0.0)
    if high == 0.0:
        return np.zeros(len(slopes)), 0.0
    smallest = SMALLEST_PENALTY * high
    while np.count_nonzero(norms) < n_keep and low > smallest:
        high, low = low, low * PATH_FACTOR
        norms, slopes = whole.solve(low)
    penalty = low
    for _ in range(MAX_BISECTIONS):
        if np.count_nonzero(norms) == n_keep or low <= smallest:
            break
        penalty = np.sqrt(low * high)
        norms, slopes = whole.solve(penalty)
        if np.count_nonzero(norms) < n_keep:
            high = penalty
        else:
            low = penalty
    inside = norms > 0
    slopes = np.minimum(slopes, penalty)
    return np.where(inside, penalty + norms, slopes) ** 2, penalty
