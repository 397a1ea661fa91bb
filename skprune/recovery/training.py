"""Training of the surviving weights of a network: mini-batches, plain numpy.

One flat vector of the surviving weights and the intercepts is trained. Removed weights
are not in it, so that neither a step nor momentum can revive them.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from skprune.numerics.losses import Loss
from skprune.numerics.masked_network import LivePart, Survivors
from skprune.numerics.network import Signals


@dataclass(frozen=True)
class Recipe:
    """How a network is trained by passes over the data.

    The learning rate starts at `rate`, called `rate_name` in errors, and falls to zero
    over the passes. `penalty` is the strength of the quadratic penalty on the weights,
    divided by the number of all samples if `whole`, else by that of a batch. `shuffle`
    draws a new order for each pass. `momentum` and `nesterov` belong to "sgd"; `decays`
    of the first and second moments and `epsilon`, which keeps steps finite, to "adam".
    """

    optimiser: str = "adam"
    rate: float = 0.001
    rate_name: str = "learning_rate"
    batch_size: int = 200
    penalty: float = 0.0
    whole: bool = False
    shuffle: bool = True
    momentum: float = 0.9
    nesterov: bool = True
    decays: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8


@dataclass(frozen=True)
class Examples:
    """Samples that a network is trained on.

    X has the precision of the network, Y the form that the loss takes. Weights are all
    positive, as given: one for samples without weights.
    """

    X: Any
    Y: np.ndarray
    weights: np.ndarray
    loss: Loss

    def take(self, rows):
        """Select some of the examples by an array of int or a slice."""
        return Examples(self.X[rows], self.Y[rows], self.weights[rows], self.loss)

    def batches(self, recipe, rng):
        """Yield the batches of one pass, in the order of training."""
        n_samples = len(self.Y)
        order = rng.permutation(n_samples) if recipe.shuffle else np.arange(n_samples)
        for batch in gen_batches(n_samples, recipe.batch_size):
            yield self.take(order[batch])


class Trainee:
    """A network whose surviving parameters move as one flat vector.

    `masks` are the weights that train; the others stay zero. The given network is not
    changed: `network` is its current state, and `values` the parameters that train,
    numbered by `survivors`.
    """

    def __init__(self, network, masks):
        self.survivors = Survivors.of(masks)
        self.matrices = list(map(np.vstack, zip(network.coefs, network.intercepts)))
        self.slopes = [np.empty_like(W) for W in self.matrices]
        self.values = self.survivors.flatten(self.matrices)
        pairs = zip(network.coefs, network.intercepts)
        is_weight = [np.vstack([np.ones_like(W), np.zeros_like(b)]) for W, b in pairs]
        self.penalised = self.survivors.flatten(is_weight)
        self.factors = np.ones(1, self.values.dtype)
        self.network = replace(
            network,
            coefs=[W[:-1] for W in self.matrices],
            intercepts=[W[-1] for W in self.matrices],
        )

    def gradient(self, examples, penalty):
        """Compute the gradient of mean loss plus penalty by each survivor."""
        signals = Signals(self.network, examples.X)
        inputs = signals.inputs
        D = examples.loss.gradient(signals.output, examples.Y)
        D *= (examples.weights / examples.weights.sum())[:, None]
        for slope, A, back in zip(self.slopes, inputs, signals.backward(D)):
            slope[:-1] = A.T @ back
            back.sum(axis=0, out=slope[-1])
        gradient = self.survivors.flatten(self.slopes)
        gradient += penalty * self.penalised * self.values
        return gradient

    def move(self, step):
        """Add a step to the survivors, an array of shape (n_survivors,)."""
        self.values += step
        self._show()

    def scale(self, factors):
        """Let the network compute with multiples of the survivors from now on."""
        self.factors = factors
        self._show()

    def _show(self):
        self.survivors.write(self.values * self.factors, self.matrices)


class Adam:
    """Steps of Adam [1]_, in place.

    References
    ----------
    .. [1] D. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization",
       ICLR 2015.
    """

    def __init__(self, like, recipe):
        self.first, self.second = np.zeros_like(like), np.zeros_like(like)
        self.decays, self.epsilon = recipe.decays, recipe.epsilon
        self.n_steps = 0

    def step(self, gradient, rate):
        """Compute the change of the values for a gradient, which is overwritten."""
        self.n_steps += 1
        (decay_1, decay_2), t = self.decays, self.n_steps
        self.first += (1 - decay_1) * (gradient - self.first)
        np.square(gradient, out=gradient)
        gradient -= self.second
        gradient *= 1 - decay_2
        self.second += gradient
        np.sqrt(self.second, out=gradient)
        gradient += self.epsilon
        np.divide(self.first, gradient, out=gradient)
        gradient *= -rate * np.sqrt(1 - decay_2**t) / (1 - decay_1**t)
        return gradient


class Momentum:
    """Steps of stochastic gradient descent with momentum, Nesterov's or plain."""

    def __init__(self, like, recipe):
        self.velocity = np.zeros_like(like)
        self.momentum, self.nesterov = recipe.momentum, recipe.nesterov

    def step(self, gradient, rate):
        """Compute the change of the values for a gradient, which is overwritten."""
        gradient *= -rate
        self.velocity *= self.momentum
        self.velocity += gradient
        if not self.nesterov:
            return self.velocity
        gradient += self.momentum * self.velocity
        return gradient


OPTIMISERS: dict[str, Any] = {"adam": Adam, "sgd": Momentum}


def pace(masks):
    """Compute the factor of the learning rate: larger when fewer weights remain."""
    n_left = sum(np.count_nonzero(mask) for mask in masks)
    return float(np.sqrt(sum(mask.size for mask in masks) / max(n_left, 1)))


def train(network, examples, masks, recipe, epochs, rng, passes=range, observer=None):
    """Train the weights of a network that survive in the masks, on examples.

    ``passes(epochs)`` is iterated over, one item a pass. ``observer(trainee,
    progress)`` is called before the first step and after each, with the progress from
    zero to one; it may scale the weights of the `Trainee`. Returns a new network in the
    same precision, or raises ValueError if a weight is no longer finite.
    """
    # an observer sees every weight, also those that do not lead to the output
    part = LivePart.of(masks if observer is None else list(map(np.ones_like, masks)))
    trainee = Trainee(part.network(network), part.take(masks))
    examples = replace(examples, X=part.features(examples.X))
    optimiser = OPTIMISERS[recipe.optimiser](trainee.values, recipe)
    n_steps, done = epochs * -(-len(examples.Y) // recipe.batch_size), 0
    rate = recipe.rate * pace(masks)
    observe = observer or (lambda trainee, progress: None)
    observe(trainee, 0.0)
    for _ in passes(epochs):
        for batch in examples.batches(recipe, rng):
            share = examples.weights.sum() if recipe.whole else batch.weights.sum()
            gradient = trainee.gradient(batch, recipe.penalty / share)
            trainee.move(optimiser.step(gradient, rate * (1 - done / n_steps)))
            done += 1
            observe(trainee, done / n_steps)
    if not np.isfinite(trainee.values).all():
        raise ValueError(
            f"finetune={epochs} diverged: a weight is no longer finite; lower "
            f"{recipe.rate_name}={recipe.rate} or scale the features."
        )
    return part.put_back(trainee.network, network)
