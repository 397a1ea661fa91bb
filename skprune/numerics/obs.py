"""Optimal brain surgeon: backward elimination by downdates of an inverse Hessian.

For the loss increase of a quadratic with Hessian H around weights w, removing weight q
and moving the others to their new optimum costs ``w_q^2 / (2 [H^-1]_qq)``; the inverse
Hessian of what is left is a rank-one downdate of H^-1 [1]_. Removing one after the
other therefore costs one such update each instead of a refit.

References
----------
.. [1] B. Hassibi and D. Stork, "Second order derivatives for network pruning: Optimal
   Brain Surgeon", NeurIPS 1993.
"""

import numpy as np
from scipy.linalg import blas, cho_factor, cho_solve

COMPACT = 0.75  # share of the rows alive below which the arrays are packed


def spd_inverse(H):
    """Inverse of a symmetric positive definite matrix.

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
    """Increase of the loss when an input goes and the others adapt.

    Parameters
    ----------
    W : ndarray of shape (n_inputs, n_outputs)
        Weights at the optimum.
    diagonal : ndarray of shape (n_inputs,)
        Of the inverse Hessian.

    Returns
    -------
    ndarray of shape (n_inputs,)
        ``w^2 / (2 [H^-1]_qq)``, summed over outputs.
    """
    return squared_weight(W, diagonal) / (2 * diagonal)


def squared_weight(W, diagonal):
    """Squared norm of each input's weights: the ranking of recursive elimination [1]_.

    Parameters
    ----------
    W : ndarray of shape (n_inputs, n_outputs)
        Weights at the optimum.
    diagonal : ndarray of shape (n_inputs,)
        Not used.

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


def elimination_costs(inverse, W, share=0.0, score=loss_increase):
    """Loss that each input costs in the order of backward elimination.

    All outputs share one support: an input goes with its weights to all of them.

    Parameters
    ----------
    inverse : ndarray of shape (n_inputs, n_inputs)
        Inverse of the Hessian by the weights of one output.
    W : ndarray of shape (n_inputs, n_outputs)
        Weights at the optimum.
    share : float, default=0.0
        Share of the inputs left that are removed at once. Zero removes one at a time,
        which is exact for a quadratic; a few per cent do most of the work in matrix
        products.

    score : callable, default=loss_increase
        ``score(W, diagonal)``: what the next input to go has least of.

    Returns
    -------
    ndarray of shape (n_inputs,)
        Score of each input in the step that removed it, never decreasing in the
        order of removal; for `loss_increase` half a sum of squares over outputs.
    """
    inverse, W = np.array(inverse, dtype=float, order="F"), np.array(W, dtype=float)
    alive, order, costs = np.arange(len(W)), [], []
    while len(alive):
        n_gone = min(max(1, int(share * len(alive))), len(alive))
        remove = _remove_singly if n_gone == 1 else _remove_block
        gone, cost = remove(inverse, W, n_gone, score)
        order.append(alive[gone])
        costs.append(cost)
        left = np.delete(np.arange(len(alive)), gone)
        inverse = np.asfortranarray(inverse[np.ix_(left, left)])
        W, alive = W[left], alive[left]
    by_input = np.empty(sum(map(len, order)))
    if order:
        by_input[np.concatenate(order)] = strictly_increasing(np.concatenate(costs))
    return by_input


def strictly_increasing(costs):
    """Running maximum, with equal neighbours told apart in the last digits.

    Parameters
    ----------
    costs : ndarray of shape (n,)
        Costs in the order of removal, not negative.

    Returns
    -------
    ndarray of shape (n,)
        Strictly increasing, so that a stable sort of them is the order of removal.
    """
    number = np.arange(len(costs))
    precision = np.finfo(float)
    raised = np.maximum.accumulate(costs) * (1 + number * precision.eps)
    return raised + number * precision.tiny


def _remove_singly(inverse, W, n_gone, score):
    """Remove inputs one by one, in place, until the arrays are worth packing."""
    gone, costs = np.zeros(len(W), dtype=bool), []
    order = []
    for _ in range(max(n_gone, int((1 - COMPACT) * len(W)))):
        diagonal = np.where(gone, 1.0, inverse.diagonal())
        ranked = np.where(gone, np.inf, score(W, diagonal))
        q = int(np.argmin(ranked))
        order.append(q)
        costs.append(ranked[q])
        column = inverse[:, q].copy()
        W -= np.outer(column, W[q] / column[q])
        blas.dger(-1.0 / column[q], column, column, a=inverse, overwrite_a=1)
        W[q], gone[q] = 0.0, True
    return np.array(order), np.array(costs)


def _remove_block(inverse, W, n_gone, score):
    """Remove the cheapest inputs at once, in place."""
    ranked = score(W, inverse.diagonal())
    gone = np.argpartition(ranked, n_gone - 1)[:n_gone]
    gone = gone[np.argsort(ranked[gone], kind="stable")]
    columns = inverse[:, gone]
    solved = np.linalg.solve(columns[gone], np.hstack([W[gone], columns.T]))
    n_outputs = W.shape[1]
    W -= columns @ solved[:, :n_outputs]
    inverse -= columns @ solved[:, n_outputs:]
    return gone, ranked[gone]
