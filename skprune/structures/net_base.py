"""Base of the structures of networks, whose read-outs are their layers.

A structure holds three networks with their signals on the samples: the current one, the
one as last trained, whose layers recovery reproduces one by one, and the teacher, whose
output all layers reproduce together.
"""

import copy
from abc import abstractmethod
from functools import cached_property, partial

import numpy as np

from skprune.numerics.least_squares import GRAM_RIDGE
from skprune.numerics.network import Signals
from skprune.readouts.dense import DenseReadout
from skprune.recovery.distillation import can_distil, distil
from skprune.recovery.gauss_newton import Teacher, refit_jointly
from skprune.recovery.layerwise import LayerTarget, LayerwiseRecovery
from skprune.recovery.training import Examples, train
from skprune.structures.base import Structure
from skprune.structures.net_view import net_view
from skprune.structures.samples import total_weights


class NetStructure(Structure):
    """Network with the signals of its layers, of any model that has a `NetView`."""

    answers = DenseReadout.answers

    def __init__(self, model, samples):
        view = net_view(model)
        network = view.network
        self.view = view.detached()
        self.X = view.features(samples.X, network.dtype)
        self.targets = view.targets(samples.y).astype(network.dtype)
        self.raw_weights = total_weights(model, samples, self.X.shape[0])
        shares = self.raw_weights / self.raw_weights.sum()
        self.weights = shares.astype(network.dtype)
        self.loss_function = view.loss
        signals = Signals(network, self.X)
        self.teacher = Teacher(signals, self.weights, self.loss_function)
        self._start_from(signals, [W != 0 for W in network.coefs])

    def _start_from(self, signals, masks):
        """Make a trained network the one to prune, whose layers recovery reproduces."""
        self.recovery = LayerwiseRecovery(signals, self.weights)
        every = [np.arange(W.shape[1]) for W in signals.network.coefs]
        self._see(signals, list(enumerate(every)), masks)

    def _see(self, signals, origin, masks):
        """Set the signals of the current network.

        `origin` has, for each layer, the layer as last trained that it reproduces, and
        which of its outputs. `masks` are the remaining weights of each layer.
        """
        self.signals, self.origin, self.masks = signals, origin, masks
        vars(self).pop("_spreads", None)  # a copy has those of the previous network
        self._set_units()

    @abstractmethod
    def _set_units(self):
        """Set `units`, `group_names` and what the granularity derives from weights."""

    @property
    def network(self):
        """The current weights."""
        return self.signals.network

    @property
    def is_teacher(self):
        """Whether nothing has been removed from the network."""
        return self.teacher.source is self.signals

    def _inputs(self, layer):
        """Inputs of a layer; those of the first need no forward pass."""
        return self.signals.inputs[layer] if layer else self.X

    @cached_property
    def _spreads(self):
        return self.signals.spreads(self.weights)

    def _spread(self, layer):
        """Standard deviation of each input of a layer."""
        return self._spreads[layer]

    @property
    def estimator(self):
        """The plain fitted model with the current weights."""
        return self.view.with_network(self.network)

    def _gradients(self):
        """Make ``gradient(layer, rng)``: D of a layer for given or drawn labels."""
        drawn = {}

        def gradient(layer, rng=None):
            source = "data" if rng is None else "model"
            if source not in drawn:
                inputs = self.signals.inputs  # backward needs them too
                Z = self.network.layer(len(inputs) - 1, inputs[-1])
                Y = self.targets if rng is None else self.loss_function.draw(Z, rng)
                D = self.loss_function.gradient(Z, Y)
                drawn[source] = self.signals.backward(D)
            return drawn[source][layer]

        return gradient

    def _checked(self, X):
        if X is None:
            return self.X
        return self.view.features(X, self.network.dtype)

    @abstractmethod
    def _gated(self, gates):
        """Make a network with each unit multiplied by its gate."""

    @abstractmethod
    def _kept(self, keep):
        """Compute `origin` and `masks` without the units whose entry is False."""

    def _without_removed(self, gates):
        """Make the gated network without the neurons that are removed."""
        return self._gated(gates)

    def output(self, gates=None, X=None):
        if gates is None and X is None:
            return self.signals.output
        network = self.network if gates is None else self._gated(gates)
        return Signals(network, self._checked(X)).output

    def prune(self, gates, *, compensate, rng):
        origin, masks = self._kept(gates != 0)
        if compensate and not gates.all():
            signals = self._recovered(origin, masks)
        else:
            signals = Signals(self._without_removed(gates), self.X)
        successor = copy.copy(self)
        successor._see(signals, origin, masks)
        return successor

    def _recovered(self, origin, masks):
        """Compute the signals of the network with its survivors re-estimated."""
        whole = self.recovery.teacher
        targets, below, rows = [], -1, np.arange(self.X.shape[1])
        for (layer, columns), mask in zip(origin, masks):
            slope = whole.mean_slope(below + 1, layer, self.weights)
            prior = slope[np.ix_(rows, columns)]
            targets.append(LayerTarget(layer, columns, prior, mask))
            below, rows = layer, columns
        return self.recovery.solve(targets, GRAM_RIDGE)

    def polished(self):
        network = refit_jointly(self.signals, self.masks, self.teacher)
        if network is self.network:
            return self
        successor = copy.copy(self)
        successor._see(Signals(network, self.X), self.origin, self.masks)
        return successor

    def _examples(self):
        """Select the samples to train on: those of positive weight."""
        examples = Examples(self.X, self.targets, self.raw_weights, self.loss_function)
        used = np.flatnonzero(self.raw_weights)
        return examples if len(used) == len(examples.Y) else examples.take(used)

    def finetune(self, epochs, rng, passes=range):
        signals = self._trained(epochs, rng, passes)
        if self.is_teacher:
            teacher = Teacher(signals, self.weights, self.loss_function)
        else:
            teacher = self.teacher.settled()
        return self._anew(signals, teacher)

    def _anew(self, signals, teacher):
        """Make the structure of a trained network, with the teacher of its prunings."""
        successor = copy.copy(self)
        successor.teacher = teacher
        successor._start_from(signals, self.masks)
        return successor

    def _trained(self, epochs, rng, passes, observer=None):
        """Train, also toward the teacher if it is another network; return Signals."""
        training = partial(
            train,
            masks=self.masks,
            recipe=self.view.recipe,
            epochs=epochs,
            rng=rng,
            passes=passes,
            observer=observer,
        )
        if self.is_teacher or not can_distil(self.loss_function):
            network = training(self.network, self._examples())
        else:
            output = self.teacher.output[self.raw_weights > 0]
            network = distil(training, self.network, self._examples(), output)
        return Signals(network, self.X)

    def finished(self):
        return self.view.finished(self.network)
