"""Networks with connections, neurons, input features or layers as units.

A removed neuron is a constant, not a zero: phi(b) is added to the intercepts of the
next layer. Its contribution is therefore (h - phi(b)) W. Without some connections the
network keeps its shape and turns sparse. A removed feature has no weights, but the
width of the input stays.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from skprune.readouts.dense import EntryReadout, RowReadout
from skprune.structures.base import Family, register
from skprune.structures.net_layers import NetLayers
from skprune.structures.net_shrinking import WeightUnits
from skprune.structures.net_view import net_view


class NetConnections(WeightUnits):
    """Structure whose units are nonzero weights, grouped by layer."""

    def _set_units(self):
        self._set_groups([mask.sum() for mask in self.masks], self.view.weights)

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
        """Arrange gates in the shape of each layer's weights, with zero elsewhere."""
        expanded = [np.zeros(mask.shape, gates.dtype) for mask in self.masks]
        for gate, mask, part in zip(expanded, self.masks, self._by_group(gates)):
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
    """Structure whose units are input features that have weights."""

    def _set_units(self):
        self.rows = np.flatnonzero(self.masks[0].any(axis=1))
        self._set_groups([len(self.rows)], self.view.weights)

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
    """Structure whose units are hidden neurons, grouped by layer."""

    def _set_units(self):
        counts = [W.shape[1] for W in self.network.coefs[:-1]]
        self._set_groups(counts, self.view.widths)

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
        """Compute h - phi(b), the inputs of a layer less their resting values."""
        return self._inputs(above) - self.network.resting(above - 1)

    def _unit_labels(self):
        labels = [np.full(mask.shape, -1) for mask in self.masks]
        for label, own in zip(labels[1:], self._by_group(np.arange(self.n_units))):
            label[...] = own[:, None]
        return labels

    def _gated(self, gates):
        network = self.network
        coefs, intercepts = list(network.coefs), list(network.intercepts)
        parts = self._by_group(gates.astype(network.dtype))
        for above, gate in enumerate(parts, start=1):
            resting = (1 - gate) * network.resting(above - 1)
            intercepts[above] = intercepts[above] + resting @ coefs[above]
            coefs[above] = gate[:, None] * coefs[above]
        return replace(network, coefs=coefs, intercepts=intercepts)

    def _chosen(self, keep):
        """List the remaining rows and columns of each layer, as masks or slices."""
        columns = [*self._by_group(keep), slice(None)]
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
    """Register a class of networks as a family with all granularities of networks.

    Parameters
    ----------
    kind : type
        Class of the models.
    view : type
        Subclass of `NetView` that reads them.
    name : str
        Plural noun for errors, as in "MLPs".
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
