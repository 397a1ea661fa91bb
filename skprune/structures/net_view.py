"""Views of fitted networks, one for each class of models.

A view reads the layers of a model, describes how the model is trained, and writes a
changed network back as a plain model. Structures of networks use models only by views.
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
    """Base of views of fitted models that are a stack of dense layers.

    Attributes
    ----------
    model : estimator
        Fitted.
    weights : str
        Class attribute: name of the weights of the layers in reports.
    widths : str
        Class attribute: name of the hidden layers in reports.
    """

    model: Any
    weights: ClassVar[str] = "layers"
    widths: ClassVar[str] = "hidden"

    @property
    @abstractmethod
    def layers(self):
        """Stored weights and intercepts of each layer, a list of pairs.

        Weights have the shape (n_inputs, n_outputs) and may be sparse.
        """

    @property
    @abstractmethod
    def activations(self):
        """List of the `Activation` of each hidden layer."""

    @property
    @abstractmethod
    def loss(self):
        """The `Loss` that the model is trained with; its mean is the output link."""

    @property
    def recipe(self):
        """The `Recipe` by which the model is trained by passes."""
        return Recipe()

    @abstractmethod
    def features(self, X, dtype):
        """Check samples, and convert them to the inputs of the first layer.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            As the model takes it.
        dtype : dtype
            Precision of the network.

        Returns
        -------
        {ndarray, sparse array} of shape (n_samples, n_inputs)
            Of the data type `dtype`.
        """

    @abstractmethod
    def targets(self, y):
        """Convert targets to the form that the loss takes.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            As the model takes it.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            A classifier has an indicator of each class, or one for two classes.
        """

    @abstractmethod
    def with_network(self, network):
        """Make a plain fitted model with the weights of a network.

        Parameters
        ----------
        network : Network
            Its layers may be fewer and smaller than those of the model.

        Returns
        -------
        estimator
            A new object of the class of the model.
        """

    def finished(self, network):
        """Make the same model in the form that predicts fastest."""
        return self.with_network(network)

    def detached(self):
        """Make a view of a copy that shares nothing with the model.

        The copy may lack the layers, since `with_network` replaces them.
        """
        return replace(self, model=copy.deepcopy(self.model))

    @cached_property
    def network(self):
        """The layers as a `Network`, copied to dense arrays."""
        dtype = self.layers[0][0].dtype
        coefs, intercepts = [], []
        for W, b in self.layers:
            coefs.append(W.toarray() if sparse.issparse(W) else W.copy())
            intercepts.append(b.astype(dtype))
        return Network(coefs, intercepts, self.activations)

    def part_sizes(self):
        """Compute the `ModelSize` of each layer with its intercepts, a dict by name."""
        return {
            f"{self.weights}[{number}]": _layer_size(W, b)
            for number, (W, b) in enumerate(self.layers)
        }

    def feature_use(self):
        """Count the nonzero first-layer weights of each feature, (n_features,)."""
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
    """Make the `NetView` of a fitted network; `register_nets` adds classes of models.

    Raises a TypeError if its class is not registered.
    """
    raise TypeError(f"{type(model).__name__} has no layers that skprune can read.")
