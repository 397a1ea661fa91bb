"""Joint recovery of a small network: all survivors at once, in Gauss-Newton steps.

Layer by layer, recovery matches what each layer computes; once few weights are left
they cannot all be matched, and what counts is the output. Around the current weights
the output is linear in all of them, so that the next weights solve a least-squares
problem toward the output of the teacher, in the metric of the loss,

    (J^T C J + damping) step = J^T gradient,

with J the derivative of the outputs by the weights and C the curvature of the loss
(Levenberg [1]_, Marquardt [2]_). A step is taken only if it brings the loss down.

References
----------
.. [1] K. Levenberg, "A method for the solution of certain non-linear problems in least
   squares", Quarterly of Applied Mathematics 1944.
.. [2] D. Marquardt, "An algorithm for least-squares estimation of nonlinear
   parameters", SIAM J. Applied Mathematics 1963.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve
from sklearn.utils import gen_batches

from skprune.readouts.losses import Loss
from skprune.readouts.network import Network, Signals

PASSES = 60  # training passes of the teacher that all steps together may cost
EQUATIONS = 4, 30  # per free weight: fewer are not enough, more are not needed
MAX_STEPS = 8
ENOUGH = 0.03  # share of the excess loss that a further step has to remove
BLOCK = 1024  # rows whose derivatives are held at once


@dataclass(frozen=True)
class Survivors:
    """Which weights of a network are free, as one flat vector.

    Attributes
    ----------
    places : list of (ndarray of int, ndarray of int)
        Rows and columns of the free weights of each layer.
    """

    places: list

    @classmethod
    def of(cls, masks):
        """From one mask a layer."""
        return cls([np.nonzero(mask) for mask in masks])

    def flatten(self, coefs, intercepts):
        """Free weights and intercepts of all layers, (n_weights,)."""
        parts = [
            np.concatenate([W[place], b])
            for W, b, place in zip(coefs, intercepts, self.places)
        ]
        return np.concatenate(parts)

    def shifted(self, network, step):
        """The network with a step subtracted from its free weights."""
        coefs, intercepts, start = [], [], 0
        for W, b, place in zip(network.coefs, network.intercepts, self.places):
            split, stop = start + len(place[0]), start + len(place[0]) + len(b)
            W = W.copy()
            W[place] -= step[start:split].astype(W.dtype)
            coefs.append(W)
            intercepts.append((b - step[split:stop]).astype(b.dtype))
            start = stop
        return Network(coefs, intercepts, network.activation)


@dataclass(frozen=True)
class Matching:
    """The loss of a network against what its teacher predicts.

    Attributes
    ----------
    X : {ndarray, sparse array} of shape (n_samples, n_features)
        Inputs.
    targets : ndarray of shape (n_samples, n_outputs)
        Predictions of the teacher: probabilities, or means.
    weights : ndarray of shape (n_samples,)
        Sample weights that sum to one.
    loss : Loss
        By the output.
    """

    X: Any
    targets: np.ndarray
    weights: np.ndarray
    loss: Loss

    def value(self, signals):
        """Weighted mean loss."""
        return float(self.weights @ self.loss.value(signals.output, self.targets))

    def gradient(self, signals, survivors):
        """Derivative of the loss by the free weights, (n_weights,)."""
        D = self.weights[:, None] * self.loss.gradient(signals.output, self.targets)
        gradients = signals.backward(D.astype(signals.output.dtype))
        coefs = [np.asarray(A.T @ D) for A, D in zip(signals.inputs, gradients)]
        return survivors.flatten(coefs, [D.sum(axis=0) for D in gradients])

    def curvature(self, network, survivors, n_weights, n_rows):
        """Gauss-Newton matrix by the free weights, on rows evenly spaced.

        The gradient sees every sample; the curvature only shapes the step, and needs
        no more rows than make it well determined.
        """
        n_samples = len(self.targets)
        rows = np.linspace(0, n_samples - 1, min(n_rows, n_samples)).astype(int)
        H = np.zeros((n_weights, n_weights))
        for batch in gen_batches(len(rows), BLOCK):
            H += self._block(network, survivors, rows[batch])
        return H / max(self.weights[rows].sum(), np.finfo(float).tiny)

    def _block(self, network, survivors, rows):
        X = self.X[rows].toarray() if sparse.issparse(self.X) else self.X[rows]
        signals = Signals(network, X)
        Z, weights = signals.output, self.weights[rows]
        coupling = self.loss.coupling(Z)
        own = self.loss.curvature(Z) + (0 if coupling is None else coupling**2)
        H, mixed = 0.0, 0.0
        for k in range(Z.shape[1]):
            J = output_derivative(signals, survivors, k)
            root = J * np.sqrt(weights * own[:, k])[:, None]
            H = H + root.T @ root
            if coupling is not None:
                mixed = mixed + J * coupling[:, k, None]
        if coupling is not None:
            root = mixed * np.sqrt(weights)[:, None]
            H = H - root.T @ root
        return H


def output_derivative(signals, survivors, k):
    """Derivative of one output of a network by its free weights.

    Parameters
    ----------
    signals : Signals
        Of the network on some samples, with dense inputs.
    survivors : Survivors
        The free weights.
    k : int
        Which output.

    Returns
    -------
    ndarray of shape (n_samples, n_weights)
        In the precision of the network.
    """
    D = np.zeros_like(signals.output)
    D[:, k] = 1.0
    parts = []
    for A, back, (i, j) in zip(signals.inputs, signals.backward(D), survivors.places):
        parts += [A[:, i] * back[:, j], back]
    return np.hstack(parts)


def refit_jointly(network, masks, teacher, weights, loss):
    """Re-estimate all surviving weights of a network together.

    Parameters
    ----------
    network : Network
        As it is after the recovery layer by layer; not changed.
    masks : list of ndarray of bool
        Which weights of each layer are free; intercepts always are.
    teacher : Signals
        Of the network as trained.
    weights : ndarray of shape (n_samples,)
        Sample weights that sum to one.
    loss : Loss
        By the output.

    Returns
    -------
    Network
        With a loss toward the teacher's predictions that is not above that of
        `network`; the same object where so many weights are free that the steps would
        cost more than `PASSES` training passes of the teacher.
    """
    survivors = Survivors.of(masks)
    n_weights = len(survivors.flatten(network.coefs, network.intercepts))
    n_rows = affordable_rows(teacher, n_weights)
    if n_rows * teacher.output.shape[1] < EQUATIONS[0] * n_weights:
        return network
    targets = loss.gradient(teacher.output, np.zeros_like(teacher.output))
    matching = Matching(teacher.X, targets, weights, loss)
    best = matching.value(teacher)
    signals, damping = Signals(network, teacher.X), 1e-2
    value = matching.value(signals)
    for _ in range(MAX_STEPS):
        before = value
        signals, value, damping = _step(
            matching, signals, value, survivors, damping, n_rows
        )
        if before - value <= ENOUGH * (before - best):
            break
    return signals.network


def affordable_rows(teacher, n_weights):
    """Rows on which the curvature of one step may be computed.

    Parameters
    ----------
    teacher : Signals
        Of the network as trained: a training pass costs three multiply-adds per
        weight and sample.
    n_weights : int
        Free weights; a row of the curvature costs half their square per output.

    Returns
    -------
    int
        Possibly zero.
    """
    size = sum(W.size for W in teacher.network.coefs)
    work = PASSES * 3 * size * len(teacher.output) / MAX_STEPS
    n_equations = min(2 * work / n_weights**2, EQUATIONS[1] * n_weights)
    return int(n_equations / teacher.output.shape[1])


def _step(matching, signals, value, survivors, damping, n_rows):
    """The first of ever more damped steps that brings the loss down."""
    gradient = matching.gradient(signals, survivors).astype(float)
    H = matching.curvature(signals.network, survivors, len(gradient), n_rows)
    scale = np.trace(H) / len(H)
    while damping < 1e4 and scale > 0:
        damped = H + damping * scale * np.eye(len(H))
        step = cho_solve(cho_factor(damped, lower=True), gradient)
        moved = Signals(survivors.shifted(signals.network, step), matching.X)
        moved_value = matching.value(moved)
        if moved_value < value:
            return moved, moved_value, damping / 4
        damping *= 5
    return signals, value, damping
