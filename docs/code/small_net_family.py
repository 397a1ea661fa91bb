"""A family that is trained by passes: `small_net.SmallNet`, pruned by hidden neurons.

>>> from sklearn.datasets import load_digits
>>> from sklearn.model_selection import train_test_split
>>> from skprune import PruningEstimator
>>> from small_net import SmallNet
>>> X, y = load_digits(return_X_y=True)
>>> X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
>>> net = SmallNet(n_hidden=64, random_state=0)
>>> pruned = PruningEstimator(net, granularity="neuron", rate=0.75, random_state=0)
>>> print(f"{pruned.fit(X_train, y_train).score(X_test, y_test):.2f}")
0.95
>>> for _ in range(4):
...     pruned = pruned.partial_fit(X_train, y_train)
>>> print(f"{pruned.score(X_test, y_test):.2f}")
0.97
>>> pruned.estimator_.n_hidden
16
"""

import copy

import numpy as np
from small_net import SmallNet, hidden, train

from skprune.readouts import (
    SOFTMAX,
    Objective,
    RowReadout,
    normal_equations,
    ridge_strength,
    solve_rows,
)
from skprune.structures import (
    Family,
    ModelSize,
    Structure,
    Units,
    register,
    total_weights,
)

RIDGE = 1e-3  # relative to the variance of the activations, which are correlated


class HiddenNeurons(Structure):
    """The output layer as one read-out, with a unit per hidden neuron.

    The logits are ``Z = H W + b``: column u of H is the activation of neuron u, row u
    of W its outgoing weights.
    """

    loss_function = SOFTMAX
    group_names = ["hidden"]
    answers = RowReadout.answers

    def __init__(self, model, samples):
        self.X = np.asarray(samples.X, dtype=float)
        codes = np.searchsorted(model.classes_, samples.y)
        self.targets = np.eye(len(model.classes_))[codes]
        self.sample_weight = total_weights(model, samples, len(self.X))
        self._set(copy.deepcopy(model))
        self.teacher = self.output()

    def _set(self, model):
        self.estimator = model
        self.H = hidden(model.parameters_, self.X)
        group = np.zeros(model.n_hidden, dtype=int)
        self.units = Units(group, floor=np.ones(1, dtype=int))

    def _with(self, parameters):
        """Return the structure of the same model with other parameters."""
        model, other = copy.copy(self.estimator), copy.copy(self)
        model.parameters_, model.n_hidden = parameters, parameters[0].shape[1]
        other._set(model)
        return other

    @property
    def weights(self):
        return self.sample_weight / self.sample_weight.sum()

    def readouts(self):
        _, _, W, b = self.estimator.parameters_
        objective = Objective(SOFTMAX, self.targets, intercept=b, penalty=0.0)
        given = self.H, W, self.output_gradient, self.weights
        rows = np.arange(self.n_units)
        return [RowReadout("hidden", *given, rows=rows, objective=objective)]

    def output(self, gates=None, X=None):
        _, _, W, b = self.estimator.parameters_
        H = self.H if X is None else hidden(self.estimator.parameters_, X)
        return H @ (W if gates is None else W * gates[:, None]) + b

    def prune(self, gates, *, compensate, rng):
        V, a, W, b = self.estimator.parameters_
        kept = np.flatnonzero(gates)
        if compensate and len(kept) < self.n_units:
            equations = normal_equations(self.H, self.teacher, self.weights)
            W = solve_rows(equations, kept, W, ridge_strength(equations.gram, RIDGE))
            b = equations.intercept(W)
        else:
            W = W * gates[:, None]
        return self._with((V[:, kept], a[kept], W[kept], b))

    def finetune(self, epochs, rng, passes=range):
        model, samples = self.estimator, (self.X, self.targets, self.sample_weight)
        options = model.learning_rate, rng, passes(epochs)
        trained = self._with(train(model.parameters_, *samples, *options))
        trained.teacher = trained.output()  # what later steps compensate toward
        return trained

    def finished(self):
        return self.estimator


def part_sizes(model):
    """Compute the size of each layer; the hidden one counts its biases."""
    V, a, W, b = model.parameters_
    return {
        name: ModelSize(
            n_parameters=weights.size + bias.size,
            n_nonzero=int(np.count_nonzero(weights) + np.count_nonzero(bias)),
            n_macs=weights.size,
            n_bytes=weights.nbytes + bias.nbytes,
        )
        for name, weights, bias in (("hidden", V, a), ("output", W, b))
    }


register(
    Family(
        name="small nets",
        accepts=lambda model: isinstance(model, SmallNet),
        structures={"neuron": HiddenNeurons},
        synonyms={},
        part_sizes=part_sizes,
        trains_by_passes=True,
    )
)
