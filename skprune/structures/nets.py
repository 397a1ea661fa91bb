"""Networks: connections, neurons, input features and layers.

A removed neuron is a constant, not a zero: phi(b) goes into the intercepts of the next
layer. Its contribution is therefore (h - phi(b)) W, which is zero when it is gone.
Connections keep the shape of the network and turn sparse; a removed feature has no
weights left, but the width of the input stays.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from skprune.numerics.units import Units
from skprune.readouts.dense import EntryReadout, RowReadout
from skprune.structures.base import Family, register
from skprune.structures.net_layers import NetLayers
from skprune.structures.net_shrinking import WeightUnits
from skprune.structures.net_view import net_view


class NetConnections(WeightUnits):
    """A unit is a weight that is not zero; a group is a layer."""

    def _set_units(self):
        counts = [int(mask.sum()) for mask in self.masks]
        group = np.repeat(np.arange(len(counts)), counts)
        self.units = Units(group, np.ones(len(counts), dtype=int))
        self.group_names = [f"{self.view.weights}[{k}]" for k in range(len(counts))]

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
        return replace(self.network, coefs=coefs)

    def _kept(self, keep):
        return self.origin, self._by_layer(keep)


class NetFeatures(WeightUnits):
    """A unit is an input feature that has weights."""

    def _set_units(self):
        self.rows = np.flatnonzero(self.masks[0].any(axis=1))
        self.units = Units(np.zeros(len(self.rows), dtype=int), np.ones(1, dtype=int))
        self.group_names = [f"{self.view.weights}[0]"]

    def readouts(self):
        return [
            RowReadout(
                self.group_names[0],
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
        return replace(self.network, coefs=coefs)

    def _kept(self, keep):
        first = self.masks[0].copy()
        first[self.rows[~keep]] = False
        return self.origin, [first, *self.masks[1:]]


class NetNeurons(WeightUnits):
    """A unit is a hidden neuron; a group is a hidden layer."""

    def _set_units(self):
        counts = np.array([W.shape[1] for W in self.network.coefs[:-1]], dtype=int)
        group = np.repeat(np.arange(len(counts)), counts)
        self.units = Units(group, np.ones(len(counts), dtype=int))
        self.group_names = [f"{self.view.widths}[{k}]" for k in range(len(counts))]

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
        """Inputs of a layer, less those that it gets without its neurons."""
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
        return replace(network, coefs=coefs, intercepts=intercepts)

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

    def _without_removed(self, gates):
        gated, chosen = self._gated(gates), self._chosen(gates != 0)
        coefs = [W[rows][:, cols] for W, (rows, cols) in zip(gated.coefs, chosen)]
        intercepts = [b[cols] for b, (_, cols) in zip(gated.intercepts, chosen)]
        return replace(gated, coefs=coefs, intercepts=intercepts)


def register_nets(kind, view, *, name):
    """Make a class of networks known to `skprune`, with all granularities of networks.

    Parameters
    ----------
    kind : type
        Class of the models.
    view : type
        Subclass of `NetView` that reads them.
    name : str
        Their name in errors, in the plural.
    """
    net_view.register(kind, view)
    register(
        Family(
            name=name,
            accepts=lambda model: isinstance(model, kind),
            structures={
                "connection": NetConnections,
                "neuron": NetNeurons,
                "layer": NetLayers,
                "feature": NetFeatures,
            },
            synonyms={"weight": "connection"},
            part_sizes=lambda model: net_view(model).part_sizes(),
            feature_use=lambda model: net_view(model).feature_use(),
            trains_by_passes=True,
        )
    )
