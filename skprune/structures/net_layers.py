"""Hidden layers of a network as units.

A removed hidden layer is replaced by its bypass: the best affine map from its inputs to
the pre-activations of the layer above, h_(l-1) -> z_(l+1), by ridge least squares. Two
affine maps and an activation become one affine map, so the network stays plain. One map
replaces a run of neighbouring layers.
"""

from functools import cached_property

import numpy as np

from skprune.numerics.least_squares import GRAM_RIDGE
from skprune.numerics.moments import column_spread
from skprune.numerics.network import Network
from skprune.numerics.units import Units
from skprune.readouts.additive import AdditiveReadout
from skprune.recovery.layerwise import LayerTarget, LayerwiseRecovery
from skprune.structures.net_base import NetStructure


class BypassReadout(AdditiveReadout):
    """Difference of each hidden layer from its bypass, in Z of the layer above.

    Each unit has a Z of its own, measured in units of that Z's spread.
    """

    hessian_size = 0

    def removal_loss(self, rng=None):
        """Compute half the curvature of the loss along each gate.

        The remaining layers do not adapt.
        """
        return self.fisher(rng) / 2


class NetLayers(NetStructure):
    """Structure whose units are hidden layers; a gate mixes one with its bypass."""

    answers = BypassReadout.answers

    def _set_units(self):
        n_units = self.network.n_layers - 1
        group, floor = np.zeros(n_units, dtype=int), np.zeros(1, dtype=int)
        self.units = Units(group, floor, rescalable=False)
        self.group_names = [self.view.widths]
        self.bypasses = Bypasses(self.signals, self.weights)

    def readouts(self):
        if not self.n_units:
            return []
        return [
            BypassReadout(
                self.view.widths,
                self.bypasses.contributions,
                self._scaled_gradients,
                self.weights,
            )
        ]

    def _scaled_gradients(self, rng=None):
        gradients = self._gradients()
        scales = self.bypasses.scales
        return stack([gradients(u + 1, rng) * s for u, s in enumerate(scales)])

    def output(self, gates=None, X=None):
        if gates is None:
            return super().output(X=X)
        keep = gates != 0
        if not keep.all():
            smaller = self.prune(keep.astype(float), compensate=False, rng=None)
            return smaller.output(gates[keep], X)
        return self._mixed(gates, self._checked(X))

    def _mixed(self, gates, X):
        """Compute the output of the mixtures gate * layer + (1 - gate) * bypass."""
        network, below, A = self.network, None, X
        for layer in range(network.n_layers):
            Z = network.layer(layer, A)
            if layer:
                B, c = self.bypasses.maps[layer - 1]
                gate = gates[layer - 1]
                Z = gate * Z + (1 - gate) * (np.asarray(below @ B) + c)
            if layer < len(network.activations):
                below, A = A, network.activations[layer].value(Z)
        return Z

    def _kept(self, keep):
        origin, masks = [], []
        for below, layer in _steps(keep):
            origin.append(self.origin[layer])
            shape = self.network.coefs[below].shape[0], len(self.origin[layer][1])
            direct = below == layer
            masks.append(self.masks[layer] if direct else np.ones(shape, bool))
        return origin, masks

    def _gated(self, gates):
        if not np.isin(gates, (0, 1)).all():
            raise ValueError(
                f"A layer is kept or bypassed as a whole, but the gates are {gates}; "
                "each must be 0 or 1."
            )
        network, layers, steps = self.network, [], _steps(gates != 0)
        for below, layer in steps:
            if below == layer:
                layers.append((network.coefs[layer], network.intercepts[layer]))
            else:
                layers.append(self.bypasses.fit(below, layer))
        coefs, intercepts = map(list, zip(*layers))
        return Network(
            coefs, intercepts, [network.activations[k] for _, k in steps[:-1]]
        )


def _steps(keep):
    """List the remaining layers as pairs: whose inputs it reads, and its own number.

    The two are equal if the layer below remains too. The output always remains.
    """
    layers = [*np.flatnonzero(keep), len(keep)]
    return list(zip([0, *(np.array(layers[:-1], dtype=int) + 1)], layers))


class Bypasses:
    """Affine maps around the hidden layers of a network, computed when first needed.

    Sample weights sum to one.
    """

    def __init__(self, signals, weights):
        self.signals = signals
        self.weights = weights

    def fit(self, below, layer):
        """Fit the weights and intercepts from the inputs of `below` to Z of `layer`."""
        prior = self.signals.mean_slope(below, layer, self.weights)
        target = LayerTarget(
            layer, np.arange(prior.shape[1]), prior, np.ones(prior.shape, bool)
        )
        solver = LayerwiseRecovery(self.signals, self.weights)
        return solver.solve_layer(self.signals.inputs[below], target, GRAM_RIDGE)

    @cached_property
    def maps(self):
        """Bypass of each single hidden layer, a list of (weights, intercepts)."""
        n_hidden = self.signals.network.n_layers - 1
        return [self.fit(unit, unit + 1) for unit in range(n_hidden)]

    @cached_property
    def scales(self):
        """Spread of the Z above each hidden layer, a list of float."""
        above = range(1, self.signals.network.n_layers)
        Zs = map(self.signals.preactivation, above)
        spreads = [column_spread(Z, self.weights) for Z in Zs]
        return [float(np.sqrt(np.sum(s**2))) or 1.0 for s in spreads]

    @cached_property
    def contributions(self):
        """Z above each layer less its bypass, (n_units, n_samples, n_outputs)."""
        parts = []
        for unit, (B, c) in enumerate(self.maps):
            bypassed = np.asarray(self.signals.inputs[unit] @ B) + c
            Z = self.signals.preactivation(unit + 1)
            parts.append((Z - bypassed) / self.scales[unit])
        return stack(parts)


def stack(parts):
    """Stack arrays of different widths, padded with zeros on the right."""
    width = max(part.shape[1] for part in parts)
    stacked = np.zeros((len(parts), len(parts[0]), width), parts[0].dtype)
    for whole, part in zip(stacked, parts):
        whole[:, : part.shape[1]] = part
    return stacked
