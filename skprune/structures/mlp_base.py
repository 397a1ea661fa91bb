"""Multilayer perceptrons: what their granularities have in common.

The layers of an MLP are its read-outs. A structure holds the network as it is now and
its signals on the samples, and the network as trained (the teacher), which recovery
aims at.
"""

import copy
from abc import abstractmethod
from functools import cached_property, partial

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.utils.validation import validate_data

from skprune.numerics import losses
from skprune.numerics.network import Network, Signals
from skprune.readouts.dense import DenseReadout
from skprune.recovery.gauss_newton import Aim, refit_jointly
from skprune.recovery.layerwise import LayerTarget, LayerwiseRecovery
from skprune.structures.base import ModelSize, Structure
from skprune.structures.mlp_distillation import is_guided, train_guided
from skprune.structures.mlp_shrinking import Shrinkage
from skprune.structures.mlp_training import Examples, Recipe, train
from skprune.structures.samples import total_weights

# Of the recovery, relative to the mean variance of a layer's inputs. On 20,000 rows of
# MNIST a thousandth does as well; on a hundred rows of digits it loses up to 4 points.
RIDGE = 1e-2
TRAINING_STATE = (
    "_best_coefs",
    "_best_intercepts",
    "_coef_indptr",
    "_intercept_indptr",
    "_optimizer",
    "_random_state",
)
# Products with 100 rows and more are faster from here on with a CSR array: 1.2 to 1.8
# times in float64 and 1.1 to 1.3 in float32 at a density of 0.07 in 784 x 300 (2.3 and
# 1.3 to 1.7 at 0.05), one core, AMD EPYC with AVX-512; a single row may be slower. A
# matrix of 300 x 100 gains in float64 only.
SPARSE_SIZE, SPARSE_DENSITY = 100_000, 0.07
LOSSES = {
    "identity": losses.SQUARED,
    "exp": losses.tweedie(1),
    "logistic": losses.LOGISTIC,
    "softmax": losses.SOFTMAX,
}


class MLPStructure(Structure):
    """An MLP and the signals of its layers.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Fitted; its ``coefs_`` may be sparse.
    samples : Samples
        As the model takes them.
    """

    aim: Aim | None = None  # the unpruned network, once something is gone
    answers = DenseReadout.answers
    can_shrink = True

    def __init__(self, model, samples):
        network = network_of(model)
        self.template = _own_copy(model)
        self.X = _features(model, samples.X, network.dtype)
        self.targets = mlp_targets(model, samples.y).astype(network.dtype)
        self.raw_weights = total_weights(model, samples, self.X.shape[0])
        shares = self.raw_weights / self.raw_weights.sum()
        self.weights = shares.astype(network.dtype)
        self.loss_function = LOSSES[model.out_activation_]
        self._start_from(Signals(network, self.X), [W != 0 for W in network.coefs])

    def _start_from(self, signals, masks):
        """Take a network as the one to prune, and as the teacher."""
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
            For each layer the layer of the teacher that it reproduces, and which of
            its outputs.
        masks : list of ndarray of bool
            Which weights of each layer are left.
        """
        self.signals, self.origin, self.masks = signals, origin, masks
        for name in ("_own_aim", "_spreads"):
            vars(self).pop(name, None)  # which a copy has of the network before
        self._set_units()

    @abstractmethod
    def _set_units(self):
        """Set `units` and what the granularity needs to know of the network."""

    @property
    def network(self):
        """The weights as they are now."""
        return self.signals.network

    @property
    def teacher(self):
        """Signals of the network as trained."""
        return self.recovery.teacher

    @property
    def guide(self):
        """Output of the unpruned network, None while this is it."""
        return None if self.aim is None else self.aim.goal.output

    @property
    def _later_aim(self):
        """What networks that are pruned from this one are to put out."""
        return self._own_aim if self.aim is None else self.aim

    @cached_property
    def _own_aim(self):
        return Aim(self.signals, self.weights, self.loss_function)

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
        return with_network(self.template, self.network)

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

    def loss(self, gates=None):
        per_sample = self.loss_function.value(self.output(gates), self.targets)
        return float(self.weights @ per_sample)

    def _checked(self, X):
        if X is None:
            return self.X
        return _features(self.template, X, self.network.dtype)

    @abstractmethod
    def _gated(self, gates):
        """A network that computes what the gated units do."""

    @abstractmethod
    def _kept(self, keep):
        """`origin` and `masks` when the units whose entry is False are gone."""

    def _shrunk(self, gates):
        """The gated network without what is gone."""
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
            signals = Signals(self._shrunk(gates), self.X)
        successor = copy.copy(self)
        successor.aim = self._later_aim
        successor._see(signals, origin, masks)
        return successor

    def _recovered(self, origin, masks):
        """Signals of the network whose survivors are estimated anew."""
        targets, below, rows = [], -1, np.arange(self.X.shape[1])
        for (layer, columns), mask in zip(origin, masks):
            slope = self.teacher.mean_slope(below + 1, layer, self.weights)
            prior = slope[np.ix_(rows, columns)]
            targets.append(LayerTarget(layer, columns, prior, mask))
            below, rows = layer, columns
        return self.recovery.solve(targets, RIDGE)

    def polished(self):
        network = refit_jointly(self.signals, self.masks, self._later_aim.goal)
        if network is self.network:
            return self
        successor = copy.copy(self)
        successor._see(Signals(network, self.X), self.origin, self.masks)
        return successor

    def _examples(self):
        """What to train on, without samples of no weight, and the guide."""
        examples = Examples(self.X, self.targets, self.raw_weights, self.loss_function)
        if self.raw_weights.all():
            return examples, self.guide
        used = np.flatnonzero(self.raw_weights)
        guide = None if self.guide is None else self.guide[used]
        return examples.take(used), guide

    def _unit_labels(self):
        """The unit of each weight of each layer, -1 for none."""
        raise NotImplementedError(f"{type(self).__name__} has no weights of units.")

    def finetune(self, epochs, rng, passes=range, threshold=None):
        examples, guide = self._examples()
        if threshold is not None:
            threshold = Shrinkage(self._unit_labels(), self.n_units, threshold)
        training = partial(
            train,
            masks=self.masks,
            recipe=Recipe.of(self.template),
            epochs=epochs,
            rng=rng,
            passes=passes,
            shrinkage=threshold,
        )
        if guide is None or not is_guided(self.loss_function):
            network = training(self.network, examples)
        else:
            network = train_guided(training, self.network, examples, guide)
        successor = copy.copy(self)
        if threshold is not None or self.aim is not None:
            successor.aim = self._later_aim.settled()
        successor._start_from(Signals(network, self.X), self.masks)
        return successor

    def finished(self):
        model = self.estimator
        model.coefs_ = [smallest_form(W) for W in model.coefs_]
        return model


def network_of(model):
    """Weights of a fitted MLP, dense and our own.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Fitted; its ``coefs_`` may be sparse.

    Returns
    -------
    Network
        In the precision of the model.
    """
    dtype = model.coefs_[0].dtype
    coefs = [W.toarray() if sparse.issparse(W) else W.copy() for W in model.coefs_]
    intercepts = [b.astype(dtype) for b in model.intercepts_]
    return Network(coefs, intercepts, model.activation)


def _own_copy(model):
    """A copy without weights and without what only training needs."""
    dropped = {*TRAINING_STATE, "coefs_", "intercepts_"}
    bare = copy.copy(model)
    for name in dropped & set(vars(bare)):
        delattr(bare, name)
    return copy.deepcopy(bare)


def with_network(model, network):
    """A shallow copy of a fitted MLP with other weights.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Fitted; not changed. It may have lost its own weights.
    network : Network
        Its layers may be fewer and smaller.

    Returns
    -------
    MLPClassifier or MLPRegressor
        Whose ``hidden_layer_sizes`` and ``n_layers_`` fit the weights.
    """
    sizes = tuple(W.shape[1] for W in network.coefs[:-1])
    changed = copy.copy(model)
    if sizes != tuple(np.ravel(model.hidden_layer_sizes)):
        changed.hidden_layer_sizes = sizes
    changed.n_layers_ = network.n_layers + 1
    changed.coefs_ = list(network.coefs)
    changed.intercepts_ = list(network.intercepts)
    return changed


def mlp_targets(model, y):
    """Targets in the form that the loss of an MLP takes.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Fitted.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        As the model takes it.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        One column of truth values a class, one in all for two classes.
    """
    y = np.asarray(y)
    if not is_classifier(model):
        return y.reshape(len(y), -1)
    if y.ndim == 2 and y.shape[1] > 1:
        return y
    y, classes = y.reshape(-1, 1), model.classes_
    return y == classes if len(classes) > 2 else y != classes[0]


def _features(model, X, dtype):
    X = validate_data(
        model, X, reset=False, accept_sparse="csr", dtype=[np.float64, np.float32]
    )
    return (sparse.csr_array(X) if sparse.issparse(X) else X).astype(dtype, copy=False)


def smallest_form(W):
    """A weight matrix as a CSR array where that predicts faster, else as it is.

    Parameters
    ----------
    W : ndarray of shape (n_inputs, n_outputs)
        Weights.

    Returns
    -------
    ndarray or csr_array
        Never a ``csr_matrix``, which scikit-learn cannot multiply with every X.
    """
    density = np.count_nonzero(W) / W.size
    if W.size >= SPARSE_SIZE and density <= SPARSE_DENSITY:
        return sparse.csr_array(W)
    return W


def mlp_part_sizes(model):
    """Size of each layer of a fitted MLP, with its intercepts.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Fitted.

    Returns
    -------
    dict of str to ModelSize
        ``"coefs_[0]"``, ``"coefs_[1]"``, ...
    """
    parts = map(_layer_size, model.coefs_, model.intercepts_)
    return {f"coefs_[{layer}]": size for layer, size in enumerate(parts)}


def _layer_size(W, b):
    arrays = (W.data, W.indices, W.indptr) if sparse.issparse(W) else (W,)
    n_stored = arrays[0].size
    return ModelSize(
        n_parameters=int(n_stored + b.size),
        n_nonzero=int(np.count_nonzero(arrays[0]) + np.count_nonzero(b)),
        n_macs=int(n_stored),
        n_bytes=int(sum(array.nbytes for array in arrays) + b.nbytes),
    )
