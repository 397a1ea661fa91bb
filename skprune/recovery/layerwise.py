"""Recovery of a network, layer by layer, without training.

From the first layer to the last, the surviving weights are estimated by least squares:
from the outputs of the pruned layers below to the pre-activations of the teacher, with
a ridge toward the teacher's weights [1]_. Every layer is a convex problem, and corrects
errors of the layers below as far as it can.

References
----------
.. [1] X. Dong, S. Chen and S. Pan, "Learning to Prune Deep Neural Networks via
   Layer-wise Optimal Brain Surgeon", NeurIPS 2017.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skprune.numerics import least_squares
from skprune.numerics.moments import column_spread
from skprune.numerics.network import Network, Signals

DIRECT = 5000  # inputs up to which second moments are formed: these take 200 MB


@dataclass(frozen=True)
class LayerTarget:
    """What one layer of the pruned network reproduces, and from which weights.

    The targets are the outputs `columns` of Z of `layer` of the teacher. The ridge
    shrinks toward `prior`, and the weights in `mask` survive, both (n_inputs,
    n_outputs).
    """

    layer: int
    columns: np.ndarray
    prior: np.ndarray
    mask: np.ndarray


class LayerwiseRecovery:
    """Least squares toward a teacher; keeps what all calls share.

    `teacher` are the `Signals` of the network as trained. Weights sum to one.
    """

    def __init__(self, teacher, weights):
        self.teacher = teacher
        self.weights = weights

    @cached_property
    def feature_moments(self):
        """Second moments of the features, with the first layer's Z as targets."""
        X, network = self.teacher.X, self.teacher.network
        nothing = np.empty((X.shape[0], 0), dtype=network.dtype)
        moments = least_squares.normal_equations(X, nothing, self.weights)
        return least_squares.NormalEquations(
            moments.gram,
            moments.gram @ network.coefs[0],
            moments.input_mean,
            moments.input_mean @ network.coefs[0] + network.intercepts[0],
        )

    def solve(self, targets, ridge):
        """Estimate all layers, given by a list of `LayerTarget`.

        `ridge` is relative to the mean variance of a layer's inputs. Returns the
        `Signals` of the pruned network.
        """
        every = self.teacher.network.activations
        activations = [every[target.layer] for target in targets[:-1]]
        network, inputs, A = Network([], [], activations), [], self.teacher.X
        for index, target in enumerate(targets):
            W, b = self.solve_layer(A, target, ridge)
            network.coefs.append(W)
            network.intercepts.append(b)
            inputs.append(A)
            if index + 1 < len(targets):
                A = self._next_inputs(network, A, target)
        return Signals(network, self.teacher.X, inputs)

    def solve_layer(self, A, target, ridge):
        """Estimate W and b of one layer from its inputs A in the pruned network."""
        network = self.teacher.network
        if self._is_unchanged(A, target):
            return target.prior, network.intercepts[target.layer][target.columns]
        if A.shape[1] > DIRECT:
            W, b = self._iterate(A, target, ridge)
        else:
            W, b = self._solve_directly(A, target, ridge)
        return W.astype(network.dtype), b.astype(network.dtype)

    def _is_unchanged(self, A, target):
        """Whether the teacher's own weights solve the problem exactly."""
        same_inputs = self.teacher.holds(target.layer, A)
        return same_inputs and not target.prior[~target.mask].any()

    def _solve_directly(self, A, target, ridge):
        equations = self._equations(A, target)
        strength = least_squares.ridge_strength(equations.gram, ridge)
        W = least_squares.solve_masked(equations, target.mask, target.prior, strength)
        return W, equations.intercept(W)

    def _equations(self, A, target):
        if target.layer == 0:
            return self.feature_moments.take(target.columns)
        Z = self.teacher.preactivation(target.layer)[:, target.columns]
        return least_squares.normal_equations(A, Z, self.weights)

    def _iterate(self, A, target, ridge):
        Z = self.teacher.preactivation(target.layer)[:, target.columns]
        variance = column_spread(A, self.weights) ** 2
        strength = np.full(Z.shape[1], ridge * (variance.mean() or 1.0))
        return least_squares.solve_iteratively(
            A, Z, self.weights, target.mask, target.prior, strength, centred=True
        )

    def _next_inputs(self, network, A, target):
        if not self._is_unchanged(A, target):
            return network.hidden(network.n_layers - 1, A)
        above = self.teacher.inputs[target.layer + 1]
        whole = len(target.columns) == above.shape[1]
        return above if whole else above[:, target.columns]
