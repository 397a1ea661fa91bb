"""Backward elimination for losses that are not quadratic.

Optimal brain surgeon on a quadratic model of the loss. After each removal of a share of
the units, Newton steps move the remaining weights to their optimum and the Hessian is
recomputed. Weights of all outputs and the intercepts form one vector; intercepts are
never removed.
"""

from dataclasses import dataclass, replace
from itertools import combinations_with_replacement, pairwise

import numpy as np
from scipy import sparse

from skprune.numerics.least_squares import SMALLEST_RIDGE
from skprune.numerics.losses import SOFTMAX, Loss
from skprune.numerics.obs import costs_by_unit, remove_singly, spd_inverse

# Share of the units removed before the Hessian is recomputed, and Newton steps after
# each time. A lower share or more steps stay nearer to the exact order, at the price of
# more Hessians; no measurement of these values is recorded.
REFRESH, N_NEWTON = 0.2, 2
MAX_WEIGHTS = 2000  # the Hessian takes 32 MB and is inverted in half a second
VALUE_ROUNDING = 1e-12  # relative rounding error of the value of a loss


def is_affordable(A, n_weights):
    """Whether A is dense and there are at most `MAX_WEIGHTS` weights."""
    return not sparse.issparse(A) and n_weights <= MAX_WEIGHTS


@dataclass(frozen=True)
class PenalisedLoss:
    """Loss of Z = X W with a quadratic penalty, as a function of the weights W.

    X includes a column of ones if there is an intercept. `targets` have the form that
    the loss takes, and `weights` sum to one. `penalty`, of the shape of W, is the
    curvature of the penalty for each weight.
    """

    X: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    loss: Loss
    penalty: np.ndarray

    @classmethod
    def of(cls, A, weights, objective, *, centred):
        """Build the loss of a read-out that is the output of a model.

        If `centred`, inputs get a column of ones. The intercept is then the last row of
        W and is not penalised.
        """
        penalty = np.full((A.shape[1], objective.targets.shape[1]), objective.penalty)
        if centred:
            A = np.column_stack([A, np.ones(len(A))])
            penalty = np.vstack([penalty, np.zeros(penalty.shape[1])])
        return cls(A, objective.targets, weights, objective.loss, penalty)

    def restricted(self, rows):
        """Restrict the loss to the weights of some inputs, the others being zero."""
        return replace(self, X=self.X[:, rows], penalty=self.penalty[rows])

    def value(self, W):
        """Compute the weighted mean loss plus the penalty."""
        per_sample = self.loss.value(self.X @ W, self.targets)
        return self.weights @ per_sample + (self.penalty * W**2).sum() / 2

    def gradient(self, W):
        """Compute the derivative with respect to W, (n_inputs, n_outputs)."""
        D = self.loss.gradient(self.X @ W, self.targets)
        return self.X.T @ (self.weights[:, None] * D) + self.penalty * W

    def hessian(self, W, active):
        """Compute the Hessian of the active weights, numbered output by output.

        `active` is a mask of the shape of W. The result, (n_active, n_active), is
        positive definite.
        """
        Z = self.X @ W
        diagonal, coupling = self.loss.curvature(Z), self.loss.coupling(Z)
        rows = [np.flatnonzero(column) for column in active.T]
        ends = np.cumsum([0, *map(len, rows)])
        spans = [slice(*ends) for ends in pairwise(ends)]
        H = np.zeros((ends[-1], ends[-1]))
        for a, b in combinations_with_replacement(range(len(rows)), 2):
            if a == b:
                S = self.weights * diagonal[:, a] / 2
            elif coupling is None:
                continue
            else:
                S = -self.weights * coupling[:, a] * coupling[:, b]
            block = (self.X[:, rows[a]] * S[:, None]).T @ self.X[:, rows[b]]
            H[spans[a], spans[b]] = block
        H += H.T
        strength = np.concatenate([self.penalty[r, a] for a, r in enumerate(rows)])
        H[np.diag_indices_from(H)] += strength + SMALLEST_RIDGE * np.trace(H) / len(H)
        return H


def elimination_costs(problem, W, unit):
    """Compute the loss increase of each unit in the order of backward elimination.

    W should be near the optimum. `unit` has its shape: the unit of each weight, -1 for
    one that is never removed, -2 for one that is already removed. Returns (n_units,),
    increasing in the order of removal.
    """
    W, unit = np.array(W, dtype=float), np.array(unit)
    order, costs = [], []
    while (unit >= 0).any():
        active = unit > -2
        for _ in range(N_NEWTON):
            W = _newton_step(problem, W, active)
        inverse = spd_inverse(problem.hessian(W, active))
        labels = unit.T[active.T]
        removable = labels >= 0
        inverse = np.asfortranarray(inverse[np.ix_(removable, removable)])
        values, labels = W.T[active.T][removable], labels[removable]
        n_units = len(np.unique(labels))
        n_removed = max(1, int(REFRESH * n_units))
        if n_units == len(labels):
            removed, cost = remove_singly(inverse, values[:, None], n_removed)
            removed = labels[removed]
        else:
            removed, cost = _remove_groups(inverse, values, labels, n_removed)
        order.append(removed)
        costs.append(cost)
        flat = W.T[active.T]
        flat[removable] = values
        W.T[active.T] = flat
        lost = np.isin(unit, removed)
        W[lost], unit[lost] = 0.0, -2
    return costs_by_unit(order, costs)


def minimise(problem, W, active, *, max_steps=20, tol=1e-8):
    """Minimise a loss over the active weights by Newton's method.

    W is zero outside the mask `active`. The iteration stops after `max_steps`, or when
    no weight moves by more than `tol` times the largest. The loss of the result is not
    above that of W.
    """
    for _ in range(max_steps):
        before, W = W, _newton_step(problem, W, active)
        if np.abs(W - before).max() <= tol * np.abs(W).max():
            break
    return W


def _newton_step(problem, W, active):
    """Take a Newton step, halved until the loss does not increase."""
    H = problem.hessian(W, active)
    step = np.zeros_like(W)
    step.T[active.T] = np.linalg.solve(H, problem.gradient(W).T[active.T])
    if problem.loss is SOFTMAX:  # invariant to a shift of all outputs
        free = (active & (problem.penalty == 0)).all(axis=1)
        step[free] -= step[free].mean(axis=1, keepdims=True)
    before, factor = problem.value(W), 1.0
    # near the optimum the loss changes by less than its rounding error
    allowed = before + VALUE_ROUNDING * abs(before)
    while problem.value(W - factor * step) > allowed and factor > 1e-3:
        factor /= 2
    return W - factor * step if factor > 1e-3 else W


def _remove_groups(inverse, values, labels, n_removed):
    """Remove the cheapest groups of weights one by one, in place.

    A group S costs half of ``w_S^T [H^-1]_SS^-1 w_S``.
    """
    members = {int(u): np.flatnonzero(labels == u) for u in np.unique(labels)}
    order, costs = [], []
    for _ in range(n_removed):
        ranked = {
            u: values[S] @ np.linalg.solve(inverse[np.ix_(S, S)], values[S]) / 2
            for u, S in members.items()
        }
        best = min(ranked, key=ranked.__getitem__)
        S = members.pop(best)
        order.append(best)
        costs.append(ranked[best])
        columns = inverse[:, S].copy()
        solved = np.linalg.solve(columns[S], np.column_stack([values[S], columns.T]))
        values -= columns @ solved[:, 0]
        inverse -= columns @ solved[:, 1:]
        values[S] = 0.0
    return order, costs
