"""How fitted models hold their layers, one view for each class of networks.

A view reads the layers of a model, says how the model is trained, and writes a changed
network back as a plain model. The structures of networks know nothing else of a model.
"""

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property, singledispatch
from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from skprune.numerics.network import Network
from skprune.recovery.training import Recipe
from skprune.structures.base import ModelSize


@dataclass(frozen=True)
class NetView(ABC):
    """A fitted model whose output is that of a stack of dense layers.

    Attributes
    ----------
    model : estimator
        Fitted.
    weights : str
        Of the class: name of the weights of the layers in reports.
    widths : str
        Of the class: name of the hidden layers in reports.
    """

    model: Any
    weights: ClassVar[str] = "layers"
    widths: ClassVar[str] = "hidden"

    @property
    @abstractmethod
    def layers(self):
        """Weights and intercepts of each layer as they are stored, a list of pairs.

        Weights have the shape (n_inputs, n_outputs) and may be sparse.
        """

    @property
    @abstractmethod
    def activations(self):
        """The `Activation` of each hidden layer, a list."""

    @property
    @abstractmethod
    def loss(self):
        """The `Loss` that the model is trained with, whose mean is its output link."""

    @property
    def recipe(self):
        """How the model is trained by passes, a `Recipe`."""
        return Recipe()

    @abstractmethod
    def features(self, X, dtype):
        """Samples as the first layer takes them, checked.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            As the model takes it.
        dtype : dtype
            Precision of the network.

        Returns
        -------
        {ndarray, sparse array} of shape (n_samples, n_inputs)
            In that precision.
        """

    @abstractmethod
    def targets(self, y):
        """Targets in the form that the loss takes, (n_samples, n_outputs).

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            As the model takes it.
        """

    @abstractmethod
    def with_network(self, network):
        """A plain fitted model that computes what a network does.

        Parameters
        ----------
        network : Network
            Its layers may be fewer and smaller than those of the model.

        Returns
        -------
        estimator
            Of the class of the model, which is not changed.
        """

    def finished(self, network):
        """The same in the form that predicts fastest."""
        return self.with_network(network)

    def detached(self):
        """The view of a copy that shares nothing with the model.

        The copy need not hold the layers: `with_network` puts others in their place.
        """
        return replace(self, model=copy.deepcopy(self.model))

    @cached_property
    def network(self):
        """The layers as a `Network` with dense arrays of its own."""
        dtype = self.layers[0][0].dtype
        coefs, intercepts = [], []
        for W, b in self.layers:
            coefs.append(W.toarray() if sparse.issparse(W) else W.copy())
            intercepts.append(b.astype(dtype))
        return Network(coefs, intercepts, self.activations)

    def part_sizes(self):
        """Size of each layer with its intercepts, a dict of str to `ModelSize`."""
        return {
            f"{self.weights}[{number}]": _layer_size(W, b)
            for number, (W, b) in enumerate(self.layers)
        }

    def feature_use(self):
        """How many weights of the first layer read each feature, (n_features,)."""
        return np.asarray((self.layers[0][0] != 0).sum(axis=1)).ravel()


def _layer_size(W, b):
    arrays = (W.data, W.indices, W.indptr) if sparse.issparse(W) else (W,)
    n_stored = arrays[0].size
    return ModelSize(
        n_parameters=int(n_stored + b.size),
        n_nonzero=int(np.count_nonzero(arrays[0]) + np.count_nonzero(b)),
        n_macs=int(n_stored),
        n_bytes=int(sum(array.nbytes for array in arrays) + b.nbytes),
    )


@singledispatch
def net_view(model):
    """The view of a fitted network; `register_nets` adds classes of models.

    Parameters
    ----------
    model : estimator
        A fitted network.

    Returns
    -------
    NetView
        The view of the model.

    Raises
    ------
    TypeError
        If no view of its class is registered.
    """
    raise TypeError(f"{type(model).__name__} has no layers that skprune can read.")
