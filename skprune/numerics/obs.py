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
    """Compute the inverse of a symmetric positive definite matrix.

    Parameters
    ----------
    H : ndarray of shape (n, n)
        Symmetric, positive definite.

    Returns
    -------
    ndarray of shape (n, n)
        In Fortran order.
    """
    return np.asfortranarray(cho_solve(cho_factor(H, lower=True), np.eye(len(H))))


def loss_increase(W, diagonal):
    """Compute the loss increase when an input is removed and the others adapt.

    Parameters
    ----------
    W : ndarray of shape (n_inputs, n_outputs)
        Weights at the optimum.
    diagonal : ndarray of shape (n_inputs,)
        Diagonal of the inverse Hessian.

    Returns
    -------
    ndarray of shape (n_inputs,)
        ``w^2 / (2 [H^-1]_qq)``, summed over outputs.
    """
    return squared_weight(W, diagonal) / (2 * diagonal)


def squared_weight(W, diagonal):
    """Compute the squared norm of the weights of each input.

    This is the ranking of recursive feature elimination [1]_.

    Parameters
    ----------
    W : ndarray of shape (n_inputs, n_outputs)
        Weights at the optimum.
    diagonal : ndarray of shape (n_inputs,)
        Ignored.

    Returns
    -------
    ndarray of shape (n_inputs,)
        In squared units of the weights.

    References
    ----------
    .. [1] I. Guyon et al., "Gene Selection for Cancer Classification using Support
       Vector Machines", Machine Learning 2002.
    """
    return (W**2).sum(axis=1)


def unit_costs(gram):
    """Compute elimination costs of units that add up with weights of one.

    Parameters
    ----------
    gram : ndarray of shape (n_units, n_units)
        Hessian with respect to the weights of the units, positive definite.

    Returns
    -------
    ndarray of shape (n_units,)
        As `elimination_costs`.
    """
    return elimination_costs(spd_inverse(gram), np.ones((len(gram), 1)))


def elimination_costs(inverse, W, share=0.0, score=loss_increase):
    """Compute the loss increase of each input in backward elimination.

    All outputs share one support: an input is removed with its weights to all of them.

    Parameters
    ----------
    inverse : ndarray of shape (n_inputs, n_inputs)
        Inverse of the Hessian with respect to the weights of one output.
    W : ndarray of shape (n_inputs, n_outputs)
        Weights at the optimum.
    share : float, default=0.0
        Share of the remaining inputs that is removed at once. With zero, inputs are
        removed one at a time, which is exact for a quadratic. A few per cent turn most
        of the work into matrix products.
    score : callable, default=loss_increase
        ``score(W, diagonal)``; the input of the lowest score is removed next.

    Returns
    -------
    ndarray of shape (n_inputs,)
        Score of each input at its removal, non-decreasing in the order of removal.
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
    by_input = np.empty(sum(map(len, order)))
    if order:
        by_input[np.concatenate(order)] = strictly_increasing(np.concatenate(costs))
    return by_input


def strictly_increasing(costs):
    """Compute the running maximum, raised by rounding where neighbours are equal.

    Parameters
    ----------
    costs : ndarray of shape (n,)
        Costs in the order of removal, non-negative.

    Returns
    -------
    ndarray of shape (n,)
        Strictly increasing, so that a stable sort gives the order of removal.
    """
    number = np.arange(len(costs))
    precision = np.finfo(float)
    raised = np.maximum.accumulate(costs) * (1 + number * precision.eps)
    return raised + number * precision.tiny


def remove_singly(inverse, W, n_removed, score=loss_increase):
    """Remove inputs one by one, in place.

    Parameters
    ----------
    inverse : ndarray of shape (n_inputs, n_inputs)
        Inverse Hessian in Fortran order; downdated.
    W : ndarray of shape (n_inputs, n_outputs)
        Weights; removed rows become zero and the others are re-estimated.
    n_removed : int
        Number of inputs to remove.
    score : callable, default=loss_increase
        As in `elimination_costs`.

    Returns
    -------
    removed : ndarray of int of shape (n_removed,)
        Inputs in the order of removal.
    costs : ndarray of shape (n_removed,)
        Their scores at removal.
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
