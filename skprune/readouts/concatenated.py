"""Read-outs of models whose answers are averaged, one after the other."""

import numpy as np

from skprune.numerics.lasso import LassoProblem, SmoothLasso, solve_all
from skprune.readouts.base import Readout
from skprune.readouts.joined import joined_lasso


class ConcatenatedReadout(Readout):
    """The units of several read-outs, each of a model of its own.

    The loss is the mean of those of the models. Contributions stand as they are: the
    models answer the same question, on one scale.

    Parameters
    ----------
    name : str
        What the models are part of.
    readouts : list of Readout
        One a model.
    """

    def __init__(self, name, readouts):
        self.name = name
        self.readouts = readouts
        self.n_units = sum(readout.n_units for readout in readouts)
        self.hessian_size = max(readout.hessian_size for readout in readouts)

    def _each(self, question, *args):
        answers = [getattr(one, question)(*args) for one in self.readouts]
        return np.concatenate(answers)

    def size(self):
        return self._each("size")

    def contribution(self):
        return self._each("contribution")

    def sensitivity(self):
        return self._each("sensitivity")

    def gate_gradient(self):
        return self._each("gate_gradient") / len(self.readouts)

    def fisher(self, rng=None):
        return self._each("fisher", rng) / len(self.readouts) ** 2

    def removal_loss(self, rng=None):
        return self._each("removal_loss", rng) / len(self.readouts)

    def elimination(self, score, rng=None):
        return self._each("elimination", score, rng) / len(self.readouts)

    def lasso(self, rng=None):
        return ConcatenatedLasso([readout.lasso(rng) for readout in self.readouts])

    def distortion(self, gates):
        ends = np.cumsum([readout.n_units for readout in self.readouts])
        parts = zip(self.readouts, np.split(gates, ends[:-1]))
        return sum(readout.distortion(part) for readout, part in parts)


class ConcatenatedLasso(LassoProblem):
    """Several problems under one penalty.

    Parameters
    ----------
    problems : list of LassoProblem
        Of different weights.
    """

    def __init__(self, problems):
        self.problems = problems
        self.n_units = sum(problem.n_units for problem in problems)

    def solve(self, penalty):
        return solve_all(self.problems, penalty)


class SumOfLosses:
    """Smooth losses of different weights, which stand below each other in one column.

    Parameters
    ----------
    problems : list of SmoothLasso
        Whose losses are added.
    """

    def __init__(self, problems):
        self.problems = problems
        self.ends = np.cumsum([problem.W.size for problem in problems])

    def _parts(self, W):
        parts = np.split(W[:, 0], self.ends[:-1])
        for problem, part in zip(self.problems, parts):
            yield problem.problem, part.reshape(problem.W.shape)

    def value(self, W):
        """The sum, a float."""
        return sum(loss.value(part) for loss, part in self._parts(W))

    def gradient(self, W):
        """Its derivative by W, (n_weights, 1)."""
        parts = [loss.gradient(part).ravel() for loss, part in self._parts(W)]
        return np.concatenate(parts)[:, None]


@joined_lasso.register
def _(problem: ConcatenatedLasso, group, n_units):
    ends = np.cumsum([part.n_units for part in problem.problems])
    pairs = zip(problem.problems, np.split(group, ends[:-1]))
    parts = [joined_lasso(part, own, n_units) for part, own in pairs if len(own)]
    if not parts:
        return problem
    start, unit = (
        np.concatenate([array.ravel() for array in arrays])[:, None]
        for arrays in zip(*((part.W, part.unit) for part in parts))
    )
    joined = SmoothLasso(SumOfLosses(parts), start, unit)
    joined.n_units = n_units
    joined.max_iterations = parts[0].max_iterations
    joined.tolerance = parts[0].tolerance
    return joined
