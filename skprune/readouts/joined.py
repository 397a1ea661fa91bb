"""Read-outs whose units are joined: several go together or stay together.

The energy of a joined unit is the sum of those of its members, as if their
contributions were uncorrelated. The lasso alone is solved jointly, with one penalty on
the norm of all weights of a group.
"""

import copy
from functools import singledispatch

import numpy as np

from skprune.numerics.lasso import RowLasso, SmoothLasso
from skprune.readouts.base import Readout
from skprune.readouts.branch_lasso import BranchLasso


class JoinedReadout(Readout):
    """A unit is several units of another read-out.

    Parameters
    ----------
    readout : Readout
        Whose units are joined.
    group : ndarray of int of shape (readout.n_units,)
        The joined unit of each unit.
    n_units : int
        Number of joined units; one without members has no importance.
    """

    def __init__(self, readout, group, n_units):
        self.name = readout.name
        self.readout = readout
        self.group = group
        self.n_units = n_units
        self.hessian_size = readout.hessian_size

    def _total(self, of_unit):
        return np.bincount(self.group, weights=of_unit, minlength=self.n_units)

    def _norm(self, of_unit):
        return np.sqrt(self._total(np.square(of_unit, dtype=float)))

    def size(self):
        return self._norm(self.readout.size())

    def contribution(self):
        return self._norm(self.readout.contribution())

    def sensitivity(self):
        return self._norm(self.readout.sensitivity())

    def gate_gradient(self):
        return self._total(self.readout.gate_gradient())

    def fisher(self, rng=None):
        return self._total(self.readout.fisher(rng))

    def removal_loss(self, rng=None):
        return self._total(self.readout.removal_loss(rng))

    def elimination(self, score, rng=None):
        return self._total(self.readout.elimination(score, rng))

    def lasso(self, rng=None):
        return joined_lasso(self.readout.lasso(rng), self.group, self.n_units)

    def distortion(self, gates):
        return self.readout.distortion(gates[self.group])


class Quadratic:
    """Squared loss ``tr(W^T G W) / 2 - tr(C^T W)``.

    Parameters
    ----------
    gram : ndarray of shape (n_inputs, n_inputs)
        G, positive definite.
    cross : ndarray of shape (n_inputs, n_outputs)
        C.
    """

    def __init__(self, gram, cross):
        self.gram, self.cross = gram, cross

    def value(self, W):
        """The loss, a float."""
        return float(np.sum(W * (self.gram @ W / 2 - self.cross)))

    def gradient(self, W):
        """Its derivative by W, (n_inputs, n_outputs)."""
        return self.gram @ W - self.cross


@singledispatch
def joined_lasso(problem, group, n_units):
    """The same lasso with one penalty on the norm of each joined unit [1]_.

    Parameters
    ----------
    problem : LassoProblem
        Of the units.
    group : ndarray of int of shape (problem.n_units,)
        The joined unit of each unit.
    n_units : int
        Number of joined units.

    Returns
    -------
    LassoProblem
        Of the joined units.

    Raises
    ------
    TypeError
        For a problem that does not say which weights belong to which unit.

    References
    ----------
    .. [1] M. Yuan and Y. Lin, "Model selection and estimation in regression with
       grouped variables", JRSS B 2006.
    """
    raise TypeError(
        f"{type(problem).__name__} cannot join units; use another method than 'l1'."
    )


@joined_lasso.register
def _(problem: RowLasso, group, n_units):
    unit = np.full(problem.W.shape, -2)
    unit[problem.rows] = group[:, None]
    loss = Quadratic(problem.gram, problem.cross)
    joined = SmoothLasso(loss, np.zeros_like(problem.W), unit)
    joined.n_units = n_units
    return joined


@joined_lasso.register
def _(problem: SmoothLasso, group, n_units):
    joined = copy.copy(problem)
    joined.unit = np.append(group, [-2, -1])[problem.unit]  # -1 and -2 stay
    joined.n_units = n_units
    return joined


@joined_lasso.register
def _(problem: BranchLasso, group, n_units):
    joined = problem.joined(group)
    joined.n_units = n_units
    return joined
