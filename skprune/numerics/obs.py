"""Optimal brain surgeon: backward elimination by downdates of an inverse Hessian.

For the loss increase of a quadratic with Hessian H around weights w, the removal of
weight q with the others moved to their new optimum costs ``w_q^2 / (2 [H^-1]_qq)``. The
inverse Hessian of the remaining weights is a rank-one downdate of H^-1 [1]_, so that
each removal costs one update instead of a refit.

References
----------
.. [1] B. Hassibi and D. Stork, "Second order derivatives for network pruning: Optimal
   Brain Surgeon", NeurIPS 1993.
"""

import numpy as np
from scipy.linalg import blas, cho_factor, cho_solve

COMPACT = 0.75  # share of remaining rows below which arrays are packed; only for speed


def spd_inverse(H):
    """Invert a symmetric positive definite matrix, in Fortran order."""
    return np.asfortranarray(cho_solve(cho_factor(H, lower=True), np.eye(len(H))))


def loss_increase(W, diagonal):
    """Compute the loss increase when each input is removed and the others adapt.

    It is ``w^2 / (2 [H^-1]_qq)``, summed over outputs, for weights W at the optimum.
    """
    return squared_weight(W, diagonal) / (2 * diagonal)


def squared_weight(W, diagonal):
    """Compute the squared norm of the weights of each input; `diagonal` is ignored.

    This is the ranking of recursive feature elimination [1]_.

    References
    ----------
    .. [1] I. Guyon et al., "Gene Selection for Cancer Classification using Support
       Vector Machines", Machine Learning 2002.
    """
    return (W**2).sum(axis=1)


def unit_costs(gram):
    """Compute the elimination costs of units that add up with weights of one.

    `gram` is the positive definite Hessian with respect to these weights.
    """
    return elimination_costs(spd_inverse(gram), np.ones((len(gram), 1)))


def elimination_costs(inverse, W, share=0.0, score=loss_increase):
    """Compute the loss increase of each input in backward elimination.

    An input is removed with its weights to all outputs. `inverse` is the inverse
    Hessian with respect to the weights of one output; W, (n_inputs, n_outputs), is at
    the optimum. The input of the lowest ``score(W, diagonal)`` is removed next. `share`
    is the share of the remaining inputs removed at once. With zero, inputs are removed
    one at a time, which is exact for a quadratic; a few per cent turn most of the work
    into matrix products. Returns scores at removal, increasing in the order of removal.
    """
    inverse, W = np.array(inverse, dtype=float, order="F"), np.array(W, dtype=float)
    remaining, order, costs = np.arange(len(W)), [], []
    while len(remaining):
        n_removed = min(max(1, int(share * len(remaining))), len(remaining))
        if n_removed == 1:  # several without packing the arrays in between
            n_removed = max(1, int((1 - COMPACT) * len(W)))
            removed, cost = remove_singly(inverse, W, n_removed, score)
        else:
            removed, cost = _remove_block(inverse, W, n_removed, score)
        order.append(remaining[removed])
        costs.append(cost)
        kept = np.delete(np.arange(len(remaining)), removed)
        inverse = np.asfortranarray(inverse[np.ix_(kept, kept)])
        W, remaining = W[kept], remaining[kept]
    return costs_by_unit(order, costs)


def costs_by_unit(order, costs):
    """Sort costs of units, in parts in the order of removal, by the unit."""
    by_unit = np.empty(sum(map(len, order)))
    if order:
        by_unit[np.concatenate(order)] = strictly_increasing(np.concatenate(costs))
    return by_unit


def strictly_increasing(costs):
    """Compute the running maximum, raised by rounding where neighbours are equal.

    `costs` are in the order of removal, so that a stable sort restores this order.
    """
    number = np.arange(len(costs))
    precision = np.finfo(float)
    raised = np.maximum.accumulate(costs) * (1 + number * precision.eps)
    return raised + number * precision.tiny


def remove_singly(inverse, W, n_removed, score=loss_increase):
    """Remove `n_removed` inputs one by one; `inverse` and `W` are updated in place.

    `inverse` is in Fortran order. Removed rows of W become zero, and the others are
    re-estimated. Returns the removed inputs in order, and their scores at removal.
    """
    removed, order, costs = np.zeros(len(W), dtype=bool), [], []
    for _ in range(n_removed):
        diagonal = np.where(removed, 1.0, inverse.diagonal())
        ranked = np.where(removed, np.inf, score(W, diagonal))
        q = int(np.argmin(ranked))
        order.append(q)
        costs.append(ranked[q])
        column = inverse[:, q].copy()
        W -= np.outer(column, W[q] / column[q])
        blas.dger(-1.0 / column[q], column, column, a=inverse, overwrite_a=1)
        W[q], removed[q] = 0.0, True
    return np.array(order), np.array(costs)


def _remove_block(inverse, W, n_removed, score):
    """Remove the inputs of the lowest scores at once, in place."""
    ranked = score(W, inverse.diagonal())
    removed = np.argpartition(ranked, n_removed - 1)[:n_removed]
    removed = removed[np.argsort(ranked[removed], kind="stable")]
    columns = inverse[:, removed]
    solved = np.linalg.solve(columns[removed], np.hstack([W[removed], columns.T]))
    n_outputs = W.shape[1]
    W -= columns @ solved[:, :n_outputs]
    inverse -= columns @ solved[:, n_outputs:]
    return removed, ranked[removed]
