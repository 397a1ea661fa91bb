"""Multilayer perceptrons: connections, neurons, input features and layers.

A removed neuron is a constant, not a zero: phi(b) goes into the intercepts of the next
layer. Its contribution is therefore (h - phi(b)) W, which is zero when it is gone.
Connections keep the shape of the network and turn sparse; a removed feature has no
weights left, but the width of the input stays.
"""

from functools import partial

import numpy as np

from skprune._compat import BaseMultilayerPerceptron
from skprune.numerics.network import Network
from skprune.numerics.units import Units
from skprune.readouts.dense import EntryReadout, RowReadout
from skprune.structures.base import Family, register
from skprune.structures.mlp_base import MLPStructure, mlp_part_sizes
from skprune.structures.mlp_layers import MLPLayers


class MLPConnections(MLPStructure):
    """A unit is a weight that is not zero; a group is a layer."""

    def _set_units(self):
        counts = [int(mask.sum()) for mask in self.masks]
        group = np.repeat(np.arange(len(counts)), counts)
        self.units = Units(group, np.ones(len(counts), dtype=int))
        self.group_names = [f"coefs_[{layer}]" for layer in range(len(counts))]

    def readouts(self):
        gradients = self._gradients()
        return [
            EntryReadout(
                self.group_names[layer],
                partial(self._inputs, layer),
                self.network.coefs[layer],
                partial(gradients, layer),
                self.weights,
                mask=mask,
                spread=partial(self._spread, layer),
            )
            for layer, mask in enumerate(self.masks)
        ]

    def _by_layer(self, gates):
        """The gates of each layer, in the shape of its weights; else zero."""
        parts = np.split(gates, np.cumsum(self.units.group_size)[:-1])
        expanded = [np.zeros(mask.shape, gates.dtype) for mask in self.masks]
        for gate, mask, part in zip(expanded, self.masks, parts):
            gate[mask] = part
        return expanded

    def _unit_labels(self):
        return [label - 1 for label in self._by_layer(np.arange(1, self.n_units + 1))]

    def _gated(self, gates):
        gates = self._by_layer(gates.astype(self.network.dtype))
        coefs = [W * gate for W, gate in zip(self.network.coefs, gates)]
        return Network(coefs, self.network.intercepts, self.network.activation)

    def _kept(self, keep):
        return self.origin, self._by_layer(keep)


class MLPFeatures(MLPStructure):
    """A unit is an input feature that has weights."""

    def _set_units(self):
        self.rows = np.flatnonzero(self.masks[0].any(axis=1))
        self.units = Units(np.zeros(len(self.rows), dtype=int), np.ones(1, dtype=int))
        self.group_names = ["coefs_[0]"]

    def readouts(self):
        return [
            RowReadout(
                "coefs_[0]",
                self.X,
                self.network.coefs[0],
                partial(self._gradients(), 0),
                self.weights,
                rows=self.rows,
            )
        ]

    def _unit_labels(self):
        labels = [np.full(mask.shape, -1) for mask in self.masks]
        labels[0][self.rows] = np.arange(self.n_units)[:, None]
        return labels

    def _gated(self, gates):
        first = self.network.coefs[0].copy()
        first[self.rows] *= gates[:, None].astype(first.dtype)
        coefs = [first, *self.network.coefs[1:]]
        return Network(coefs, self.network.intercepts, self.network.activation)

    def _kept(self, keep):
        first = self.masks[0].copy()
        first[self.rows[~keep]] = False
        return self.origin, [first, *self.masks[1:]]


class MLPNeurons(MLPStructure):
    """A unit is a hidden neuron; a group is a hidden layer."""

    def _set_units(self):
        counts = np.array([W.shape[1] for W in self.network.coefs[:-1]], dtype=int)
        group = np.repeat(np.arange(len(counts)), counts)
        self.units = Units(group, np.ones(len(counts), dtype=int))
        self.group_names = [f"hidden_layer_sizes[{k}]" for k in range(len(counts))]

    def readouts(self):
        gradients, coefs = self._gradients(), self.network.coefs
        return [
            RowReadout(
                name,
                partial(self._beyond_rest, above),
                coefs[above],
                partial(gradients, above),
                self.weights,
                rows=np.arange(len(coefs[above])),
                spread=partial(self._spread, above),
            )
            for above, name in enumerate(self.group_names, start=1)
        ]

    def _beyond_rest(self, above):
        """Inputs of a layer, less those that it gets where its neurons are gone."""
        return self._inputs(above) - self.network.resting(above - 1)

    def _by_layer(self, gates):
        return np.split(gates, np.cumsum(self.units.group_size)[:-1])

    def _unit_labels(self):
        labels = [np.full(mask.shape, -1) for mask in self.masks]
        for label, own in zip(labels[1:], self._by_layer(np.arange(self.n_units))):
            label[...] = own[:, None]
        return labels

    def _gated(self, gates):
        network = self.network
        coefs, intercepts = list(network.coefs), list(network.intercepts)
        parts = self._by_layer(gates.astype(network.dtype))
        for above, gate in enumerate(parts, start=1):
            resting = (1 - gate) * network.resting(above - 1)
            intercepts[above] = intercepts[above] + resting @ coefs[above]
            coefs[above] = gate[:, None] * coefs[above]
        return Network(coefs, intercepts, network.activation)

    def _chosen(self, keep):
        """Rows and columns of each layer that stay, as boolean arrays or slices."""
        columns = [*self._by_layer(keep), slice(None)]
        return list(zip([slice(None), *columns], columns))

    def _kept(self, keep):
        chosen = self._chosen(keep)
        origin = [
            (layer, c[cols]) for (layer, c), (_, cols) in zip(self.origin, chosen)
        ]
        masks = [mask[rows][:, cols] for mask, (rows, cols) in zip(self.masks, chosen)]
        return origin, masks

    def _shrunk(self, gates):
        gated, chosen = self._gated(gates), self._chosen(gates != 0)
        coefs = [W[rows][:, cols] for W, (rows, cols) in zip(gated.coefs, chosen)]
        intercepts = [b[cols] for b, (_, cols) in zip(gated.intercepts, chosen)]
        return Network(coefs, intercepts, gated.activation)


def mlp_feature_use(model):
    """How many weights of the first layer read each feature, (n_features,)."""
    return np.asarray((model.coefs_[0] != 0).sum(axis=1)).ravel()


def _is_mlp(model):
    return isinstance(model, BaseMultilayerPerceptron)


register(
    Family(
        name="MLPs",
        accepts=_is_mlp,
        structures={
            "connection": MLPConnections,
            "neuron": MLPNeurons,
            "layer": MLPLayers,
            "feature": MLPFeatures,
        },
        synonyms={"weight": "connection"},
        part_sizes=mlp_part_sizes,
        feature_use=mlp_feature_use,
        trains_by_passes=True,
    )
)
