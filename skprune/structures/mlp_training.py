"""Training of the weights that survived: mini-batches, plain numpy.

What trains is one flat vector of the surviving weights and the intercepts. Removed
weights are not in it, so that no step and no momentum can revive them.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from skprune.numerics.losses import Loss
from skprune.numerics.network import LivePart, Network, Signals

AUTO_BATCH = 200  # what batch_size="auto" means to scikit-learn


@dataclass(frozen=True)
class Recipe:
    """How an MLP is trained: its own parameters.

    Attributes
    ----------
    solver : {"adam", "sgd"}
        Models of the solver "lbfgs" are trained by Adam.
    rate : float
        Learning rate of the first step; it falls to zero over the passes.
    batch_size : int
        Samples a step.
    penalty : float
        Strength of the quadratic penalty.
    whole : bool
        Whether the penalty is shared by all samples rather than by those of a batch,
        as it is for "lbfgs".
    shuffle : bool
        Whether each pass draws a new order of the samples.
    momentum : float
        Of SGD.
    nesterov : bool
        Of SGD.
    decays : tuple of float
        Of the first and second moments of Adam.
    epsilon : float
        Of Adam.
    """

    solver: str
    rate: float
    batch_size: int
    penalty: float
    whole: bool
    shuffle: bool
    momentum: float
    nesterov: bool
    decays: tuple[float, float]
    epsilon: float

    @classmethod
    def of(cls, model):
        """The recipe of an MLPClassifier or MLPRegressor."""
        return cls(
            solver="sgd" if model.solver == "sgd" else "adam",
            rate=model.learning_rate_init,
            batch_size=AUTO_BATCH if model.batch_size == "auto" else model.batch_size,
            penalty=model.alpha,
            whole=model.solver == "lbfgs",
            shuffle=model.shuffle,
            momentum=model.momentum,
            nesterov=model.nesterovs_momentum,
            decays=(model.beta_1, model.beta_2),
            epsilon=model.epsilon,
        )


@dataclass(frozen=True)
class Examples:
    """What a network is trained on.

    Attributes
    ----------
    X : {ndarray, sparse array} of shape (n_samples, n_features)
        Inputs, in the precision of the network.
    Y : ndarray of shape (n_samples, n_outputs)
        Targets as the loss takes them.
    weights : ndarray of shape (n_samples,)
        All positive, as given: one for samples without weights.
    loss : Loss
        By the output of the network.
    """

    X: Any
    Y: np.ndarray
    weights: np.ndarray
    loss: Loss

    def take(self, rows):
        """Some of the examples, by an array of int or a slice."""
        return Examples(self.X[rows], self.Y[rows], self.weights[rows], self.loss)

    def batches(self, recipe, rng):
        """The examples of one pass, in the order of training."""
        n_samples = len(self.Y)
        order = rng.permutation(n_samples) if recipe.shuffle else np.arange(n_samples)
        for batch in gen_batches(n_samples, recipe.batch_size):
            yield self.take(order[batch])


class Survivors:
    """The trainable numbers of a masked network, as one flat vector.

    Parameters
    ----------
    network : Network
        Where training starts; not changed.
    masks : list of ndarray of bool
        Which weights train; the others are zero and stay so.
    """

    def __init__(self, network, masks):
        arrays = [*network.coefs, *network.intercepts]
        self.flat = np.concatenate([array.ravel() for array in arrays])
        self.slopes = np.empty_like(self.flat)
        self.network = _on_vector(self.flat, network)
        self.slope_network = _on_vector(self.slopes, network)
        free = [np.ones(b.shape, bool) for b in network.intercepts]
        self.positions = np.flatnonzero(
            np.concatenate([mask.ravel() for mask in [*masks, *free]])
        )
        n_weights = sum(W.size for W in network.coefs)
        self.penalised = np.searchsorted(self.positions, n_weights)
        self.values = self.flat[self.positions]
        self.factors = np.ones(1, self.values.dtype)

    def gradient(self, examples, penalty):
        """Derivative of the mean loss and the penalty by each survivor.

        Parameters
        ----------
        examples : Examples
            A batch.
        penalty : float
            Curvature of the penalty.

        Returns
        -------
        ndarray of shape (n_survivors,)
            New.
        """
        signals = Signals(self.network, examples.X)
        inputs = signals.inputs
        D = examples.loss.gradient(signals.output, examples.Y)
        D *= (examples.weights / examples.weights.sum())[:, None]
        for layer, back in enumerate(signals.backward(D)):
            slope = self.slope_network.coefs[layer]
            slope[...] = inputs[layer].T @ back
            back.sum(axis=0, out=self.slope_network.intercepts[layer])
        gradient = self.slopes[self.positions]
        gradient[: self.penalised] += penalty * self.values[: self.penalised]
        return gradient

    def move(self, step):
        """Add a step to the survivors, an array of shape (n_survivors,)."""
        self.values += step
        self.show()

    def scale(self, factors):
        """Let the network compute with multiples of the survivors, from now on."""
        self.factors = factors
        self.show()

    def show(self):
        """Write the survivors into the network."""
        self.flat[self.positions] = self.values * self.factors


def _on_vector(flat, network):
    """A network whose arrays are views of one vector."""
    start, views = 0, []
    for array in [*network.coefs, *network.intercepts]:
        views.append(flat[start : start + array.size].reshape(array.shape))
        start += array.size
    n_layers = network.n_layers
    return Network(views[:n_layers], views[n_layers:], network.activation)


class Adam:
    """Steps of Adam [1]_, in place.

    Parameters
    ----------
    like : ndarray of shape (n_values,)
        The values that move.
    recipe : Recipe
        Its ``decays`` and ``epsilon``.

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
        """The change of the values for a gradient, (n_values,)."""
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
    """Steps of stochastic gradient descent with momentum, Nesterov's or plain.

    Parameters
    ----------
    like : ndarray of shape (n_values,)
        The values that move.
    recipe : Recipe
        Its ``momentum`` and ``nesterov``.
    """

    def __init__(self, like, recipe):
        self.velocity = np.zeros_like(like)
        self.momentum, self.nesterov = recipe.momentum, recipe.nesterov

    def step(self, gradient, rate):
        """The change of the values for a gradient, (n_values,)."""
        gradient *= -rate
        self.velocity *= self.momentum
        self.velocity += gradient
        if not self.nesterov:
            return self.velocity
        gradient += self.momentum * self.velocity
        return gradient


OPTIMISERS: dict[str, Any] = {"adam": Adam, "sgd": Momentum}


def pace(masks):
    """By what the learning rate grows: fewer weights share the work of a step."""
    n_left = sum(np.count_nonzero(mask) for mask in masks)
    return float(np.sqrt(sum(mask.size for mask in masks) / max(n_left, 1)))


def train(network, examples, masks, recipe, epochs, rng, passes=range, shrinkage=None):
    """Train the surviving weights of a network.

    Parameters
    ----------
    network : Network
        Where training starts; not changed.
    examples : Examples
        What it is trained on.
    masks : list of ndarray of bool
        Which weights train.
    recipe : Recipe
        How.
    epochs : int
        Passes over the examples.
    rng : numpy.random.Generator
        Order of the examples.
    passes : callable, default=range
        ``passes(epochs)`` is iterated over, one item a pass.
    shrinkage : Shrinkage, default=None
        Shrinks units on the way.

    Returns
    -------
    Network
        Trained, with its own arrays; in the precision of `network`.

    Raises
    ------
    ValueError
        If the weights grew beyond all bounds.
    """
    # units that shrink are counted wherever they are
    part = LivePart.of(masks if shrinkage is None else list(map(np.ones_like, masks)))
    survivors = Survivors(part.network(network), part.take(masks))
    examples = replace(examples, X=part.features(examples.X))
    optimiser = OPTIMISERS[recipe.solver](survivors.values, recipe)
    n_steps, done = epochs * -(-len(examples.Y) // recipe.batch_size), 0
    rate = recipe.rate * pace(masks)
    shrinking = None if shrinkage is None else shrinkage.on(survivors)
    for _ in passes(epochs):
        for batch in examples.batches(recipe, rng):
            share = examples.weights.sum() if recipe.whole else batch.weights.sum()
            gradient = survivors.gradient(batch, recipe.penalty / share)
            survivors.move(optimiser.step(gradient, rate * (1 - done / n_steps)))
            done += 1
            if shrinking is not None:
                shrinking.follow(done / n_steps)
    if not np.isfinite(survivors.values).all():
        raise ValueError(
            f"finetune={epochs} diverged: a weight is no longer finite; lower "
            f"learning_rate_init={recipe.rate} or scale the features."
        )
    return part.put_back(survivors.network, network)
