"""Joint recovery of a network: all survivors at once, in Gauss-Newton steps.

Layer by layer, recovery matches what each layer computes; once few weights are left
they cannot all be matched, and what counts is the output. Around the current weights
the output is linear in all of them, so that the next weights solve a least-squares
problem toward the output of the teacher, in the metric of the loss,

    (J^T C J + damping) step = J^T gradient,

with J the derivative of the outputs by the weights and C the curvature of the loss
(Levenberg [1]_, Marquardt [2]_). J is never formed: a few conjugate gradients ask for
its products, a pass forward and a pass backward each [3]_. A step is taken only as far
as it brings the loss down.

References
----------
.. [1] K. Levenberg, "A method for the solution of certain non-linear problems in least
   squares", Quarterly of Applied Mathematics 1944.
.. [2] D. Marquardt, "An algorithm for least-squares estimation of nonlinear
   parameters", SIAM J. Applied Mathematics 1963.
.. [3] N. Schraudolph, "Fast Curvature Matrix-Vector Products for Second-Order Gradient
   Descent", Neural Computation 2002.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skprune.readouts.losses import Loss
from skprune.readouts.network import DERIVATIVES, LivePart, Network, Signals

PASSES = 60  # training passes that all steps together may cost
WORK = 5e10  # multiply-adds that they may cost: some seconds on one core
EQUATIONS = 2, 60  # per free weight: fewer are not enough, more are not needed
MAX_STEPS = 6
ITERATIONS = 12  # of conjugate gradients; each step starts from a better network
ENOUGH = 0.05  # share of the excess loss that a further step has to remove
DAMPING = 1e-3  # of the first step, relative to the diagonal of the curvature
HALVINGS = 6


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

    def unflatten(self, vector, network):
        """A network whose free numbers are those of a vector, and the others zero."""
        nothing = Network(
            [np.zeros_like(W) for W in network.coefs],
            [np.zeros_like(b) for b in network.intercepts],
            network.activation,
        )
        return self.shifted(nothing, -vector)

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
        return weight_gradient(signals, survivors, D.astype(signals.output.dtype))


def weight_gradient(signals, survivors, D):
    """Product of D with the derivative of the output by the free weights.

    Parameters
    ----------
    signals : Signals
        Of the network on some samples.
    survivors : Survivors
        The free weights.
    D : ndarray of shape (n_samples, n_outputs)
        What the derivative is multiplied by.

    Returns
    -------
    ndarray of float64 of shape (n_weights,)
        ``J^T D``.
    """
    gradients = signals.backward(D)
    coefs = [np.asarray(A.T @ back) for A, back in zip(signals.inputs, gradients)]
    intercepts = [back.sum(axis=0) for back in gradients]
    return survivors.flatten(coefs, intercepts).astype(float)


class Curvature:
    """The Gauss-Newton matrix J^T C J of a network, by its products.

    Parameters
    ----------
    signals : Signals
        Of the network on some samples.
    survivors : Survivors
        The free weights.
    weights : ndarray of shape (n_samples,)
        Sample weights.
    loss : Loss
        Whose curvature by the output is C.
    """

    def __init__(self, signals, survivors, weights, loss):
        self.signals, self.survivors, self.loss = signals, survivors, loss
        Z = signals.output
        total = max(float(weights.sum()), np.finfo(float).tiny)
        self.shares = (weights / total).astype(Z.dtype)[:, None]
        derivative = DERIVATIVES[signals.network.activation]
        self.slopes = [derivative(A) for A in signals.inputs[1:]]
        self.coupling = loss.coupling(Z)
        self.own = loss.curvature(Z)
        if self.coupling is not None:
            self.own = self.own + self.coupling**2

    def change(self, vector):
        """How the output answers to a change of the weights, J v by rows."""
        network = self.signals.network
        change = self.survivors.unflatten(vector, network)
        moved = change.layer(0, self.signals.X)
        for index, slope in enumerate(self.slopes, start=1):
            moved *= slope
            below = moved @ network.coefs[index]
            moved = change.layer(index, self.signals.inputs[index])
            moved += below
        return moved

    def product(self, vector):
        """J^T C J v, (n_weights,)."""
        moved = self.change(vector)
        D = self.own * moved
        if self.coupling is not None:
            D -= self.coupling * (self.coupling * moved).sum(axis=1, keepdims=True)
        D *= self.shares
        return weight_gradient(self.signals, self.survivors, D)

    def diagonal(self):
        """An estimate of the diagonal, from labels drawn from the network itself."""
        signals = self.signals
        Y = self.loss.draw(signals.output, np.random.default_rng(0))
        D = np.sqrt(self.shares) * self.loss.gradient(signals.output, Y)
        squares = [np.square(D) for D in signals.backward(D)]
        coefs = [np.asarray((A * A).T @ S) for A, S in zip(signals.inputs, squares)]
        intercepts = [square.sum(axis=0) for square in squares]
        return self.survivors.flatten(coefs, intercepts).astype(float)


def conjugate_gradients(product, right, scale, n_iterations):
    """Solve a positive definite system roughly [1]_.

    Parameters
    ----------
    product : callable
        ``product(vector)``: the matrix times a vector.
    right : ndarray of shape (n_values,)
        Right-hand side.
    scale : ndarray of shape (n_values,)
        Positive: the diagonal that preconditions.
    n_iterations : int
        At most so many products.

    Returns
    -------
    ndarray of shape (n_values,)
        A direction in which the quadratic form falls.

    References
    ----------
    .. [1] M. Hestenes and E. Stiefel, "Methods of Conjugate Gradients for Solving
       Linear Systems", J. Research of the National Bureau of Standards 1952.
    """
    solution, residual = np.zeros_like(right), right.copy()
    direction = residual / scale
    power = start = residual @ direction
    for _ in range(n_iterations):
        if power <= 1e-12 * start:
            break
        image = product(direction)
        length = power / (direction @ image)
        solution += length * direction
        residual -= length * image
        steepest = residual / scale
        power, before = residual @ steepest, power
        direction = steepest + power / before * direction
    return solution


def refit_jointly(network, masks, teacher, weights, loss, output=None):
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
    output : ndarray of shape (n_samples, n_outputs), default=None
        What the network is to put out; None for the output of the teacher.

    Returns
    -------
    Network
        With a loss toward these predictions that is not above that of `network`; the
        same object where the samples are too few for so many weights, or a step
        would cost more than `PASSES` training passes or the multiply-adds of `WORK`.
    """
    part = LivePart.of(masks)
    live, survivors = part.network(network), Survivors.of(part.take(masks))
    n_weights = len(survivors.flatten(live.coefs, live.intercepts))
    output = teacher.output if output is None else output
    n_rows = curvature_rows(output.shape, n_weights)
    n_steps = affordable_steps(live, len(output), n_rows)
    if not n_steps:
        return network
    targets = loss.gradient(output, np.zeros_like(output))
    matching = Matching(part.features(teacher.X), targets, weights, loss)
    best = float(weights @ loss.value(output, targets))
    refitted = _descend(matching, live, survivors, best, n_rows, n_steps)
    return part.put_back(refitted, network)


def curvature_rows(shape, n_weights):
    """Rows on which the curvature is computed; none where all are not enough.

    The gradient sees every sample; the curvature only shapes the step, and needs no
    more rows than make it well determined.

    Parameters
    ----------
    shape : (int, int)
        Samples and outputs.
    n_weights : int
        Free weights.

    Returns
    -------
    int
        At most the number of samples.
    """
    n_samples, n_outputs = shape
    least, enough = EQUATIONS
    if n_samples * n_outputs < least * n_weights:
        return 0
    return min(n_samples, -(-enough * n_weights // n_outputs))


def affordable_steps(network, n_samples, n_rows):
    """How many steps `PASSES` and `WORK` allow.

    Parameters
    ----------
    network : Network
        A training pass takes three multiply-adds per weight and sample. A product with
        the curvature takes two per weight of the first layer and row, and four for
        each other weight.
    n_samples : int
        Samples that the gradient sees.
    n_rows : int
        Rows of the curvature.

    Returns
    -------
    int
        Possibly zero.
    """
    if not n_rows:
        return 0
    size, first = sum(W.size for W in network.coefs), network.coefs[0].size
    step = ITERATIONS * n_rows * (4 * size - 2 * first) + 4 * size * n_samples
    budget = min(PASSES * 3 * size * n_samples, WORK)
    return min(int(budget / step), MAX_STEPS)


def _descend(matching, network, survivors, best, n_rows, n_steps):
    """The network after some steps; ends early where a step no longer helps."""
    rows = np.linspace(0, len(matching.targets) - 1, n_rows).astype(int)
    X, weights = matching.X[rows], matching.weights[rows]
    signals, damping = Signals(network, matching.X), DAMPING
    value = matching.value(signals)
    for _ in range(n_steps):
        on_rows = Signals(signals.network, X)
        curvature = Curvature(on_rows, survivors, weights, matching.loss)
        gradient = matching.gradient(signals, survivors)
        step = _damped_step(curvature, gradient, damping)
        before = value
        signals, value, share = _longest(matching, signals, value, survivors, step)
        damping *= 0.25 if share == 1 else 4
        if before - value <= ENOUGH * (before - best):
            break
    return signals.network


def _damped_step(curvature, gradient, damping):
    scale = curvature.diagonal()
    scale += 1e-3 * (scale.mean() or 1.0)
    return conjugate_gradients(
        lambda vector: curvature.product(vector) + damping * scale * vector,
        gradient,
        scale,
        ITERATIONS,
    )


def _longest(matching, signals, value, survivors, step):
    """Signals, loss and share of the longest of ever shorter steps that helps."""
    for share in 0.5 ** np.arange(HALVINGS):
        network = survivors.shifted(signals.network, share * step)
        moved = Signals(network, matching.X)
        moved_value = matching.value(moved)
        if moved_value < value:
            return moved, moved_value, share
    return signals, value, 0.0
