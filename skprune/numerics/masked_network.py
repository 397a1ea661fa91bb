"""Parts of a network whose removed weights are held at zero by a mask for each layer.

`Survivors` are the parameters that are free to move. `LivePart` is what the output
still depends on.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from skprune.numerics.network import Signals

MOST = 0.9  # share of features read, above which X is not copied without the others


@dataclass(frozen=True)
class Survivors:
    """The free parameters of a network as one flat vector.

    `places` has, for each layer, the positions of the free weights and of all
    intercepts in its flattened weights with the intercepts as a last row.
    """

    places: list

    @classmethod
    def of(cls, masks):
        """Free the weights in the boolean masks, one a layer, and all intercepts."""
        rows = [np.ones((1, mask.shape[1]), dtype=bool) for mask in masks]
        return cls([np.flatnonzero(np.vstack(pair)) for pair in zip(masks, rows)])

    @property
    def n_weights(self):
        """Number of free parameters."""
        return sum(map(len, self.places))

    def flatten(self, matrices):
        """Collect the free parameters of all layers, (n_weights,)."""
        return np.concatenate([W.take(p) for W, p in zip(matrices, self.places)])

    def write(self, vector, matrices):
        """Write a vector to the places of the free parameters."""
        start = 0
        for W, places in zip(matrices, self.places):
            W.reshape(-1)[places] = vector[start : start + len(places)]
            start += len(places)

    def shifted(self, network, step):
        """Copy a network, with a step subtracted from its free parameters."""
        layers = zip(network.coefs, network.intercepts)
        matrices = [np.vstack(layer) for layer in layers]
        self.write(self.flatten(matrices) - step, matrices)
        coefs, intercepts = [W[:-1] for W in matrices], [W[-1] for W in matrices]
        return replace(network, coefs=coefs, intercepts=intercepts)


@dataclass(frozen=True)
class LivePart:
    """The part of a masked network from which weights lead to the output.

    Inputs and neurons that no remaining weight reads have no gradient, so products
    leave them out. `ends` are the inputs of each layer that are read, and all outputs
    of the last layer.
    """

    ends: list

    @classmethod
    def of(cls, masks):
        """Find the live part for boolean masks, one a layer."""
        ends = [np.arange(masks[-1].shape[1])]
        for mask in masks[::-1]:
            ends.insert(0, np.flatnonzero(mask[:, ends[0]].any(axis=1)))
        if len(ends[0]) > MOST * len(masks[0]):
            ends[0] = np.arange(len(masks[0]))
        return cls(ends)

    def take(self, arrays):
        """Cut this part out of matrices, one a layer."""
        return [W[np.ix_(*ends)] for W, ends in zip(arrays, pairwise(self.ends))]

    def network(self, whole):
        """Cut this part out of a network, as a copy."""
        intercepts = [b[end] for b, end in zip(whole.intercepts, self.ends[1:])]
        return replace(whole, coefs=self.take(whole.coefs), intercepts=intercepts)

    def features(self, X):
        """Select the columns of X that this part reads."""
        return X if len(self.ends[0]) == X.shape[1] else X[:, self.ends[0]]

    def signals(self, whole, network):
        """Cut this part out of signals; all arrays but X are copies."""
        X, hidden = self.features(whole.X), zip(whole.inputs[1:], self.ends[1:])
        return Signals(network, X, [X, *(A.take(live, axis=1) for A, live in hidden)])

    def put_back(self, part, whole):
        """Copy a network with this part exchanged."""
        coefs = [W.copy() for W in whole.coefs]
        intercepts = [b.copy() for b in whole.intercepts]
        for W, new, ends in zip(coefs, part.coefs, pairwise(self.ends)):
            W[np.ix_(*ends)] = new
        for b, new, end in zip(intercepts, part.intercepts, self.ends[1:]):
            b[end] = new
        return replace(whole, coefs=coefs, intercepts=intercepts)
