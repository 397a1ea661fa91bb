"""Joint recovery of a network: all survivors at once, in Gauss-Newton steps.

Layer by layer, recovery matches the output of each layer. When few weights remain, not
all of these can be matched, and only the last one counts. Around the current weights it
is linear in all of them, so the next weights solve a least-squares problem toward the
output of the teacher, in the metric of the loss,

    (J^T C J + damping) step = J^T gradient,

with J the derivative of the outputs by the weights and C the curvature of the loss
(Levenberg [1]_, Marquardt [2]_), by a few conjugate gradients. A step is shortened
until the loss falls, and not taken at all where there is next to nothing to gain.

References
----------
.. [1] K. Levenberg, "A method for the solution of certain non-linear problems in least
   squares", Quarterly of Applied Mathematics 1944.
.. [2] D. Marquardt, "An algorithm for least-squares estimation of nonlinear
   parameters", SIAM J. Applied Mathematics 1963.
"""

from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from skprune.numerics.conjugate_gradients import Orthogonality, conjugate_gradients
from skprune.numerics.losses import Loss
from skprune.numerics.masked_network import LivePart, Survivors
from skprune.numerics.network import Signals
from skprune.recovery.curvature import (
    Curvature,
    curvature_rows,
    draw_rows,
    few_rows,
    weight_gradient,
)

# Limits of the cost of all steps: training passes, multiply-adds (some seconds on one
# core), steps, and conjugate gradients of a step. Fewer iterations leave more to the
# next step, which starts from a better network.
PASSES, WORK, MAX_STEPS, ITERATIONS = 60, 5e10, 5, 10
EQUATIONS = 2  # least number per free weight: fewer would be memorised
SOLVED = 1e-6  # residual below which further iterations only add rounding
NEGLIGIBLE = 0.002  # excess loss as a share of `Teacher.worth`; measured in `curvature`
ENOUGH = 0.05  # share of the excess loss that a step must remove to be followed by one
# The damping, relative to the diagonal of the curvature, adapts from here: a quarter
# after a full step, four times after a shorter one, 64 times after none.
FIRST_DAMPING = 1e-3
HALVINGS = 6  # lengths of a step that are tried, each half of the one before
WRONG = 0.3  # share of the rows of the curvature that are drawn by their errors
SINGLE = np.float32  # precision of the steps; losses have that of the model
FALL = 0.1  # least fall of the loss, as a share of the slope times the step (Armijo)


@dataclass(frozen=True)
class Teacher:
    """The network before pruning: its output, and the loss of computing another one.

    ``source.output``, (n_samples, n_outputs) before the link function, is read when it
    is first needed; usually `source` is the `Signals` of the network. Weights sum to
    one.
    """

    source: Any
    weights: np.ndarray
    loss: Loss

    @classmethod
    def of_output(cls, output, weights, loss):
        """Build a teacher of which only the output is known."""
        return cls(SimpleNamespace(output=output), weights, loss)

    def settled(self):
        """Drop the signals, so that their memory is released."""
        return self.of_output(self.output, self.weights, self.loss)

    def take(self, rows):
        """Select some of the samples by an array of int."""
        return self.of_output(self.output[rows], self.weights[rows], self.loss)

    @property
    def output(self):
        """Output of the network, (n_samples, n_outputs)."""
        return self.source.output

    @cached_property
    def targets(self):
        """Predictions of the teacher: probabilities or means."""
        return self.loss.gradient(self.output, np.zeros_like(self.output))

    @cached_property
    def best(self):
        """Loss of the teacher itself, the smallest possible one."""
        return self._value(self.output)

    @cached_property
    def worth(self):
        """Excess loss of a network whose output is always the mean."""
        mean = self.weights @ self.output
        return self.excess(np.broadcast_to(mean, self.output.shape))

    def _value(self, output):
        return float(self.weights @ self.loss.value(output, self.targets))

    def excess(self, output):
        """Compute the weighted mean loss above the smallest one."""
        return self._value(output) - self.best

    def errors(self, output):
        """Compute the gradient of each sample's loss with respect to the output."""
        return self.loss.gradient(output, self.targets)

    def gradient(self, signals, survivors, errors):
        """Compute the gradient of the loss by the free weights, (n_weights,)."""
        D = self.weights[:, None] * errors
        return weight_gradient(signals, survivors, D.astype(SINGLE, copy=False))

    def curvature(self, signals, survivors, errors, n_rows):
        """Compute the curvature on rows that are curved themselves, or wrong."""
        curved = self.weights * self.loss.curvature(signals.output).sum(axis=1)
        wrong = self.weights * np.square(errors).sum(axis=1)
        sizes = (1 - WRONG) * _normalised(curved) + WRONG * _normalised(wrong)
        rows, shares = draw_rows(sizes, n_rows)
        X = few_rows(signals.X, rows).astype(SINGLE, copy=False)
        few = Signals(signals.network.astype(SINGLE), X)
        return Curvature(few, survivors, self.weights[rows] / shares, self.loss)


def _normalised(sizes):
    return sizes / (sizes.sum() or 1.0)


def refit_jointly(signals, masks, teacher):
    """Re-estimate all surviving weights of a network together.

    `signals` are those of the network after recovery layer by layer. `masks` are the
    free weights of each layer; intercepts are always free. Returns a network that is
    not further from the teacher. It is the given one if its excess loss is
    `NEGLIGIBLE`, if there are too few samples for so many weights, or if a step would
    cost more than `PASSES` or `WORK`.
    """
    network = signals.network
    if teacher.excess(signals.output) <= NEGLIGIBLE * teacher.worth:
        return network
    part = LivePart.of(masks)
    live, survivors = part.network(network), Survivors.of(part.take(masks))
    n_samples, n_outputs = np.count_nonzero(teacher.weights), teacher.output.shape[1]
    n_rows = curvature_rows((n_samples, n_outputs), survivors.n_weights)
    n_steps = affordable_steps(live, n_samples, n_rows)
    if n_samples * n_outputs < EQUATIONS * survivors.n_weights or not n_steps:
        return network
    before = part.signals(signals, live)
    if n_samples < len(teacher.weights):
        used = np.flatnonzero(teacher.weights)
        before, teacher = before.take(used), teacher.take(used)
    return part.put_back(_descend(teacher, before, survivors, n_rows, n_steps), network)


def affordable_steps(network, n_samples, n_rows):
    """Count the steps that `PASSES` and `WORK` allow, possibly none.

    A training pass takes three multiply-adds per weight and sample. A product with the
    curvature takes two per row and weight of the first layer, and four for each other
    weight.
    """
    size, first = sum(W.size for W in network.coefs), network.coefs[0].size
    step = ITERATIONS * n_rows * (4 * size - 2 * first) + 4 * size * n_samples
    budget = min(PASSES * 3 * size * n_samples, WORK)
    return min(int(budget / step), MAX_STEPS)


def _descend(teacher, signals, survivors, n_rows, n_steps):
    """Take steps until one no longer helps, and return the network."""
    excess, damping = teacher.excess(signals.output), FIRST_DAMPING
    for _ in range(n_steps):
        step, slope = _damped_step(teacher, signals, survivors, n_rows, damping)
        before = excess
        signals, excess, share = _longest(
            teacher, signals, excess, survivors, step, slope
        )
        damping *= 0.25 if share == 1 else 4 if share else 64
        slow = share == 1 and before - excess <= ENOUGH * before
        if slow or excess <= NEGLIGIBLE * teacher.worth:
            break
    return signals.network


def _damped_step(teacher, signals, survivors, n_rows, damping):
    """Compute a step, and the slope of the loss along it."""
    errors = teacher.errors(signals.output)
    gradient = teacher.gradient(signals, survivors, errors)
    curvature = teacher.curvature(signals, survivors, errors, n_rows)
    scale = curvature.diagonal()
    scale += 1e-3 * (scale.mean() or 1.0)
    step, _ = conjugate_gradients(
        lambda vector: curvature.product(vector) + damping * scale * vector,
        gradient,
        scale,
        tol=SOLVED,
        max_iter=ITERATIONS,
        clean=Orthogonality(scale, ITERATIONS),
    )
    return step, gradient @ step


def _longest(teacher, signals, excess, survivors, step, slope):
    """Halve a step until it helps; return signals, excess loss and share of the step.

    The signals are in the arrays of those given, which are invalid afterwards.
    """
    network = signals.network
    for share in 0.5 ** np.arange(HALVINGS):
        signals = signals.replaced(survivors.shifted(network, share * step))
        moved_excess = teacher.excess(signals.output)
        if moved_excess < excess - FALL * share * slope:
            return signals, moved_excess, share
    return signals.replaced(network), excess, 0.0
