"""The lasso on read-outs: which units survive a penalty on the norms of their weights.

Weights are scaled to the spread of their inputs and the curvature of their outputs, so
that one penalty is fair to all units of all read-outs. Quadratic problems are solved in
covariance form by scikit-learn's coordinate descent, others by accelerated proximal
gradient steps; `shrink_to` follows the path of penalties until as many units are left
as are wanted.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from sklearn.linear_model import lasso_path

PATH_FACTOR = 0.7  # from one penalty to the next on the way down
SMALLEST = 1e-5  # of the largest penalty: where the path ends
MAX_BISECTIONS = 25
NOTHING = 1e-6  # size of weights that may as well be zero
ROUNDED = 1e-10  # of a loss: changes below this are in part rounding


class LassoProblem(ABC):
    """A convex loss with a penalty on the norm of each unit's scaled weights.

    Attributes
    ----------
    n_units : int
        Number of norms.
    """

    n_units: int

    @abstractmethod
    def solve(self, penalty):
        """Solve at one penalty, starting from the solution before.

        Parameters
        ----------
        penalty : float
            Not negative; infinity for the empty model.

        Returns
        -------
        norms : ndarray of shape (n_units,)
            Norm of each unit's scaled weights, exactly zero for those that are out.
        pulls : ndarray of shape (n_units,)
            Norm of the gradient by each unit's weights; at most the penalty for those
            that are out, and equal to it for those that are in.
        """


class GramLasso(LassoProblem):
    """Squared loss ``tr(W^T G W) / 2 - tr(C^T W)`` in covariance form.

    Parameters
    ----------
    gram : ndarray of shape (n_inputs, n_inputs)
        G, positive definite second moments of the scaled inputs.
    cross : ndarray of shape (n_inputs, n_outputs)
        C, their moments with the targets.
    """

    def __init__(self, gram, cross):
        self.gram, self.cross = gram, cross
        self.factor = np.asfortranarray(cholesky(gram))
        self.targets = solve_triangular(self.factor, cross, trans="T")
        self.W = np.zeros_like(cross)

    def _descend(self, rows, column, penalty):
        """Coordinate descent; the loss of scikit-learn is a mean over rows of X."""
        X, targets = self.factor[:, rows], self.targets[:, column]
        options: dict[str, Any] = {"tol": 1e-8, "max_iter": 5000}
        if targets.ndim == 1:
            options["precompute"] = np.asfortranarray(self.gram[np.ix_(rows, rows)])
            options["Xy"] = self.cross[rows, column]
        _, path, _ = lasso_path(
            X,
            targets,
            alphas=[penalty / len(X)],
            coef_init=np.asfortranarray(self.W[rows, column].T),
            **options,
        )
        return path[..., 0].T

    def _solve_column(self, rows, column, penalty):
        if np.isinf(penalty):
            self.W[rows, column] = 0.0
        else:
            self.W[rows, column] = self._descend(rows, column, penalty)

    @property
    def pull(self):
        """Negative gradient of the loss by the weights, (n_inputs, n_outputs)."""
        return self.cross - self.gram @ self.W


class EntryLasso(GramLasso):
    """Each weight has a penalty of its own; the outputs are independent problems.

    Parameters
    ----------
    gram, cross
        As in `GramLasso`.
    mask : ndarray of bool of shape (n_inputs, n_outputs)
        Which weights are units; the others stay zero.
    """

    def __init__(self, gram, cross, mask):
        super().__init__(gram, cross)
        self.mask = mask
        self.n_units = int(mask.sum())

    def solve(self, penalty):
        for j in range(self.mask.shape[1]):
            rows = np.flatnonzero(self.mask[:, j])
            if len(rows):
                self._solve_column(rows, j, penalty)
        return np.abs(self.W[self.mask]), np.abs(self.pull[self.mask])


class RowLasso(GramLasso):
    """The weights of one input to all outputs share a penalty.

    Parameters
    ----------
    gram, cross
        As in `GramLasso`.
    rows : ndarray of int of shape (n_units,)
        Which inputs are units; the others stay zero.
    """

    def __init__(self, gram, cross, rows):
        super().__init__(gram, cross)
        self.rows = rows
        self.n_units = len(rows)

    def solve(self, penalty):
        column = 0 if self.W.shape[1] == 1 else slice(None)
        self._solve_column(self.rows, column, penalty)
        norms = np.linalg.norm(self.W[self.rows], axis=1)
        return norms, np.linalg.norm(self.pull[self.rows], axis=1)


class SmoothLasso(LassoProblem):
    """Any smooth convex loss, by FISTA with restarts [1]_ [2]_.

    Parameters
    ----------
    problem : object
        With ``value(W)`` and ``gradient(W)``.
    start : ndarray of shape (n_inputs, n_outputs)
        Weights of the empty model: those that are never penalised, else zero.
    unit : ndarray of int of shape (n_inputs, n_outputs)
        The unit of each weight; -1 for a weight without penalty, -2 for one that stays
        zero.

    References
    ----------
    .. [1] A. Beck and M. Teboulle, "A Fast Iterative Shrinkage-Thresholding Algorithm
       for Linear Inverse Problems", SIAM J. Imaging Sciences 2009.
    .. [2] B. O'Donoghue and E. Candes, "Adaptive Restart for Accelerated Gradient
       Schemes", Foundations of Computational Mathematics 2015.
    """

    max_iterations = 2000
    tolerance = 1e-6

    def __init__(self, problem, start, unit):
        self.problem, self.W, self.unit = problem, start, unit
        self.n_units = int(unit.max(initial=-1)) + 1
        self.step = 1.0

    def _norms(self, V):
        inside = self.unit >= 0
        squares = np.bincount(self.unit[inside], V[inside] ** 2, self.n_units)
        return np.sqrt(squares)

    def _shrink(self, V, threshold):
        """Proximal step: shorten the weights of each unit by the threshold."""
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
                ahead = self._ahead(new, W, (momentum - 1) / after)
                momentum = after
            W = new
            size = np.abs(W).max(initial=NOTHING)
            if np.abs(change).max(initial=0.0) <= self.tolerance * size:
                break
        self.W = W
        return self._norms(W), self._norms(self.problem.gradient(W))

    def _ahead(self, new, before, factor):
        """Where the next step starts: beyond the last one."""
        return new + factor * (new - before)

    def _proximal_step(self, V, penalty):
        """A step short enough for the quadratic bound of the loss to hold."""
        value, gradient = self.problem.value(V), self.problem.gradient(V)
        self.step *= 1.1
        while True:
            new = self._shrink(V - self.step * gradient, self.step * penalty)
            move = new - V
            square = np.sum(move**2) / self.step
            if square > ROUNDED * abs(value):
                bound = value + np.sum(gradient * move) + square / 2
                is_short = self.problem.value(new) <= bound
            else:  # so near, the loss is quadratic, and its slopes tell the same
                change = self.problem.gradient(new) - gradient
                is_short = np.sum(change * move) <= square
            if is_short:
                return new
            self.step /= 2


class ScreenedLasso(SmoothLasso):
    """A smooth lasso that works on the inputs that may be in, and checks the others.

    From one penalty to the next, units that are out and whose pull stays below twice
    the new penalty less the old one hardly ever come in [1]_. They are left out, and
    taken in again where the solution shows that they should not have been.

    Parameters
    ----------
    problem, start, unit
        As in `SmoothLasso`; the problem has ``restricted(rows)`` too.

    References
    ----------
    .. [1] R. Tibshirani et al., "Strong Rules for Discarding Predictors in Lasso-Type
       Problems", JRSS B 2012.
    """

    last = 0.0  # the penalty before

    def solve(self, penalty):
        norms, pulls = self._state()
        kept = norms > 0
        if np.isfinite(penalty):
            kept |= pulls >= 2 * penalty - self.last
        while True:
            self._solve_among(kept, penalty)
            norms, pulls = self._state()
            missed = ~kept & (pulls > penalty)
            if not missed.any():
                break
            kept |= missed
        self.last = penalty if np.isfinite(penalty) else pulls.max(initial=0.0)
        return norms, pulls

    def _state(self):
        return self._norms(self.W), self._norms(self.problem.gradient(self.W))

    def _solve_among(self, kept, penalty):
        """Solve for the units that are kept; the others are out."""
        free = np.append(kept, [False, True])[self.unit]  # at -2 and -1
        rows = np.flatnonzero(free.any(axis=1))
        unit = np.where(free, self.unit, -2)[rows]
        part = SmoothLasso(self.problem.restricted(rows), self.W[rows], unit)
        part.n_units, part.step = self.n_units, self.step
        part.solve(penalty)
        self.W, self.step = np.zeros_like(self.W), part.step
        self.W[rows] = part.W


def shrink_to(problems, n_keep):
    """Find the penalty that leaves just as many units as are wanted.

    Parameters
    ----------
    problems : list of LassoProblem
        One a read-out, all under the same penalty.
    n_keep : int
        How many units are wanted over all of them.

    Returns
    -------
    importances : ndarray of shape (n_units,)
        For a unit that is in, the square of penalty plus norm; for one that is out,
        the square of its pull, which is smaller: the next to enter comes first.
    penalty : float
        The penalty that was found.
    """
    norms, pulls = solve_all(problems, np.inf)
    low = high = pulls.max(initial=0.0)
    if high == 0.0:
        return np.zeros(len(pulls)), 0.0
    smallest = SMALLEST * high
    while np.count_nonzero(norms) < n_keep and low > smallest:
        high, low = low, low * PATH_FACTOR
        norms, pulls = solve_all(problems, low)
    penalty = low
    for _ in range(MAX_BISECTIONS):
        if np.count_nonzero(norms) == n_keep or low <= smallest:
            break
        penalty = np.sqrt(low * high)
        norms, pulls = solve_all(problems, penalty)
        if np.count_nonzero(norms) < n_keep:
            high = penalty
        else:
            low = penalty
    inside = norms > 0
    pulls = np.minimum(pulls, penalty)
    return np.where(inside, penalty + norms, pulls) ** 2, penalty


def solve_all(problems, penalty):
    """Norms and pulls of all units, from several problems under one penalty."""
    solved = [problem.solve(penalty) for problem in problems]
    return tuple(np.concatenate(parts) for parts in zip(*solved))
