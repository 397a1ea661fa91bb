"""Networks: what their granularities have in common.

The layers of a network are its read-outs. A structure holds the network as it is now
and its signals on the samples, the network as last trained, whose layers recovery
reproduces one by one, and the teacher, whose output they reproduce together.
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
    """A network and the signals of its layers.

    Parameters
    ----------
    model : estimator
        Fitted, of a class that `net_view` knows.
    samples : Samples
        As the model takes them.
    """

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
        """Take a network as the one to prune, and as the one to recover."""
        self.recovery = LayerwiseRecovery(signals, self.weights)
        every = [np.arange(W.shape[1]) for W in signals.network.coefs]
        self._see(signals, list(enumerate(every)), masks)

    def _see(self, signals, origin, masks):
        """Take the signals of the network as it is now.

        Parameters
        ----------
        signals : Signals
            Of the network.
        origin : list of (int, ndarray of int)
            For each layer the layer as last trained that it reproduces, and which of
            its outputs.
        masks : list of ndarray of bool
            Remaining weights of each layer.
        """
        self.signals, self.origin, self.masks = signals, origin, masks
        vars(self).pop("_spreads", None)  # which a copy has of the network before
        self._set_units()

    @abstractmethod
    def _set_units(self):
        """Set `units` and what the granularity needs to know of the network."""

    @property
    def network(self):
        """The weights as they are now."""
        return self.signals.network

    @property
    def is_teacher(self):
        """Whether nothing has been removed from the network."""
        return self.teacher.source is self.signals

    def _inputs(self, layer):
        """Inputs of a layer; those of the first are known."""
        return self.signals.inputs[layer] if layer else self.X

    @cached_property
    def _spreads(self):
        return self.signals.spreads(self.weights)

    def _spread(self, layer):
        """Standard deviation of each input of a layer."""
        return self._spreads[layer]

    @property
    def estimator(self):
        """The plain fitted model with the weights as they are now."""
        return self.view.with_network(self.network)

    def _gradients(self):
        """For each layer a callable that gives D for given or drawn labels."""
        drawn = {}

        def gradient(layer, rng=None):
            source = "data" if rng is None else "model"
            if source not in drawn:
                inputs = self.signals.inputs  # which backward needs too
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
        """A network that computes what the gated units do."""

    @abstractmethod
    def _kept(self, keep):
        """`origin` and `masks` without the units whose entry is False."""

    def _without_removed(self, gates):
        """The gated network without what is removed."""
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
        """Signals of the network with its survivors re-estimated."""
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
        """The samples to train on, without those of no weight."""
        examples = Examples(self.X, self.targets, self.raw_weights, self.loss_function)
        used = np.flatnonzero(self.raw_weights)
        return examples if len(used) == len(examples.Y) else examples.take(used)

    def finetune(self, epochs, rng, passes=range):
        signals = self._trained(epochs, rng, passes)
        if self.is_teacher:
            return self._anew(
                signals, Teacher(signals, self.weights, self.loss_function)
            )
        return self._anew(signals, self.teacher.settled())

    def _anew(self, signals, teacher):
        """The structure of a trained network, and the teacher of what is pruned."""
        successor = copy.copy(self)
        successor.teacher = teacher
        successor._start_from(signals, self.masks)
        return successor

    def _trained(self, epochs, rng, passes, observer=None):
        """Signals after training, toward the teacher too if it is another network."""
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
