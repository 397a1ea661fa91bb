"""Joint recovery of a network: all survivors at once, in Gauss-Newton steps.

Layer by layer, recovery matches what each layer computes; once few weights are left
they cannot all be matched, and what counts is the output. Around the current weights
the output is linear in all of them, so that the next weights solve a least-squares
problem toward the output of the teacher, in the metric of the loss,

    (J^T C J + damping) step = J^T gradient,

with J the derivative of the outputs by the weights and C the curvature of the loss
(Levenberg [1]_, Marquardt [2]_), by a few conjugate gradients. A step is taken only as
far as it brings the loss down, and none where there is next to nothing to gain.

References
----------
.. [1] K. Levenberg, "A method for the solution of certain non-linear problems in least
   squares", Quarterly of Applied Mathematics 1944.
.. [2] D. Marquardt, "An algorithm for least-squares estimation of nonlinear
   parameters", SIAM J. Applied Mathematics 1963.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from skprune.numerics.losses import Loss
from skprune.numerics.network import LivePart, Signals
from skprune.recovery.curvature import (
    Curvature,
    Survivors,
    conjugate_gradients,
    curvature_rows,
    draw_rows,
    few_rows,
    weight_gradient,
)

PASSES = 60  # training passes that all steps together may cost
WORK = 5e10  # multiply-adds that they may cost: some seconds on one core
EQUATIONS = 2  # per free weight: with fewer the samples would be learned by heart
MAX_STEPS = 5
ITERATIONS = 10  # of conjugate gradients; each step starts from a better network
NEGLIGIBLE = 0.002  # excess loss, as a share of what the teacher is worth
ENOUGH = 0.05  # share of the excess loss that a further step has to remove
DAMPING = 1e-3  # of the first step, relative to the diagonal of the curvature
HALVINGS = 6
WRONG = 0.3  # share of the rows of the curvature that are drawn by their errors
SINGLE = np.float32  # steps are found in it; what they are worth, in that of the model
FALL = 0.1  # of the loss, as a share of what the slope at its start promises a step


@dataclass(frozen=True)
class Goal:
    """What a network is to put out, and what it costs to put out something else.

    Attributes
    ----------
    output : ndarray of shape (n_samples, n_outputs)
        Of the teacher, before the link function.
    weights : ndarray of shape (n_samples,)
        Sample weights that sum to one.
    loss : Loss
        By the output.
    """

    output: np.ndarray
    weights: np.ndarray
    loss: Loss

    @cached_property
    def targets(self):
        """Predictions of the teacher: probabilities, or means."""
        return self.loss.gradient(self.output, np.zeros_like(self.output))

    @cached_property
    def best(self):
        """Loss of the teacher itself, which is the least."""
        return self._value(self.output)

    @cached_property
    def worth(self):
        """Excess loss of a network that always puts out the mean."""
        mean = self.weights @ self.output
        return self.excess(np.broadcast_to(mean, self.output.shape))

    def take(self, rows):
        """The same on some of the samples, an array of int."""
        return Goal(self.output[rows], self.weights[rows], self.loss)

    def _value(self, output):
        return float(self.weights @ self.loss.value(output, self.targets))

    def excess(self, output):
        """Weighted mean loss above the least."""
        return self._value(output) - self.best

    def errors(self, output):
        """Gradient of each sample's loss by the output."""
        return self.loss.gradient(output, self.targets)

    def gradient(self, signals, survivors, errors):
        """Derivative of the loss by the free weights, (n_weights,)."""
        D = self.weights[:, None] * errors
        return weight_gradient(signals, survivors, D.astype(SINGLE, copy=False))

    def curvature(self, signals, survivors, errors, n_rows):
        """The curvature on the rows that matter: curved ones, and wrong ones."""
        curved = self.weights * self.loss.curvature(signals.output).sum(axis=1)
        wrong = self.weights * np.square(errors).sum(axis=1)
        sizes = (1 - WRONG) * _normalised(curved) + WRONG * _normalised(wrong)
        rows, shares = draw_rows(sizes, n_rows)
        X = few_rows(signals.X, rows).astype(SINGLE, copy=False)
        few = Signals(signals.network.astype(SINGLE), X)
        return Curvature(few, survivors, self.weights[rows] / shares, self.loss)


@dataclass(frozen=True)
class Aim:
    """The goal of networks that are pruned from one, made when it is first needed.

    Attributes
    ----------
    signals : Signals or None
        Of the unpruned network; None once settled.
    weights : ndarray of shape (n_samples,)
        Sample weights that sum to one.
    loss : Loss
        By the output.
    """

    signals: Any
    weights: np.ndarray
    loss: Loss

    @cached_property
    def goal(self):
        """To put out what the unpruned network does."""
        return Goal(self.signals.output, self.weights, self.loss)

    def settled(self):
        """The same without the signals, so that nothing else of them is held."""
        settled = Aim(None, self.weights, self.loss)
        vars(settled)["goal"] = self.goal
        return settled


def _normalised(sizes):
    return sizes / (sizes.sum() or 1.0)


def refit_jointly(signals, masks, goal):
    """Re-estimate all surviving weights of a network together.

    Parameters
    ----------
    signals : Signals
        Of the network as it is after the recovery layer by layer; not changed.
    masks : list of ndarray of bool
        Which weights of each layer are free; intercepts always are.
    goal : Goal
        What it is to put out.

    Returns
    -------
    Network
        With a loss toward these predictions that is not above that of the one given;
        the same object where its excess loss is `NEGLIGIBLE`, where the samples are
        too few for so many weights, or where a step would cost more than `PASSES`
        training passes or the multiply-adds of `WORK`.
    """
    network = signals.network
    if goal.excess(signals.output) <= NEGLIGIBLE * goal.worth:
        return network
    part = LivePart.of(masks)
    live, survivors = part.network(network), Survivors.of(part.take(masks))
    n_samples, n_outputs = np.count_nonzero(goal.weights), goal.output.shape[1]
    n_rows = curvature_rows((n_samples, n_outputs), survivors.n_weights)
    n_steps = affordable_steps(live, n_samples, n_rows)
    if n_samples * n_outputs < EQUATIONS * survivors.n_weights or not n_steps:
        return network
    before = part.signals(signals, live)
    if n_samples < len(goal.weights):
        used = np.flatnonzero(goal.weights)
        before, goal = before.take(used), goal.take(used)
    return part.put_back(_descend(goal, before, survivors, n_rows, n_steps), network)


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
    size, first = sum(W.size for W in network.coefs), network.coefs[0].size
    step = ITERATIONS * n_rows * (4 * size - 2 * first) + 4 * size * n_samples
    budget = min(PASSES * 3 * size * n_samples, WORK)
    return min(int(budget / step), MAX_STEPS)


def _descend(goal, signals, survivors, n_rows, n_steps):
    """The network after some steps; ends early where a step no longer helps."""
    excess, damping = goal.excess(signals.output), DAMPING
    for _ in range(n_steps):
        step, slope = _damped_step(goal, signals, survivors, n_rows, damping)
        before = excess
        signals, excess, share = _longest(goal, signals, excess, survivors, step, slope)
        damping *= 0.25 if share == 1 else 4 if share else 64
        slow = share == 1 and before - excess <= ENOUGH * before
        if slow or excess <= NEGLIGIBLE * goal.worth:
            break
    return signals.network


def _damped_step(goal, signals, survivors, n_rows, damping):
    """A step, and the slope of the loss along it."""
    errors = goal.errors(signals.output)
    gradient = goal.gradient(signals, survivors, errors)
    curvature = goal.curvature(signals, survivors, errors, n_rows)
    scale = curvature.diagonal()
    scale += 1e-3 * (scale.mean() or 1.0)
    step = conjugate_gradients(
        lambda vector: curvature.product(vector) + damping * scale * vector,
        gradient,
        scale,
        ITERATIONS,
    )
    return step, gradient @ step


def _longest(goal, signals, excess, survivors, step, slope):
    """Signals, excess loss and share of the longest of ever shorter steps that helps.

    The signals are in the arrays of those given, which are no longer right.
    """
    network = signals.network
    for share in 0.5 ** np.arange(HALVINGS):
        signals = signals.replaced(survivors.shifted(network, share * step))
        moved_excess = goal.excess(signals.output)
        if moved_excess < excess - FALL * share * slope:
            return signals, moved_excess, share
    return signals.replaced(network), excess, 0.0
