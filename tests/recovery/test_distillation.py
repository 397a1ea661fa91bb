"""Targets softened by the unpruned network, and the scale of the output."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, softmax
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skprune import prune
from skprune.numerics.losses import LOGISTIC, SOFTMAX, SQUARED
from skprune.numerics.network import TANH, Network, Signals
from skprune.recovery.distillation import (
    best_factor,
    can_distil,
    distil,
    scaled,
    sharpness,
    softened,
)
from skprune.recovery.training import Examples
from skprune.structures.base import Samples
from skprune.structures.nets import NetConnections


def logits(n_outputs, spread, seed=0):
    """Outputs of a made-up network on 50 samples."""
    return spread * np.random.default_rng(seed).standard_normal((50, n_outputs))


def test_softened_targets_are_half_tempered_probabilities():
    """Half of a target is the softmax of logits of unit root mean square."""
    teacher, Y = logits(4, 9.0), np.eye(4)[np.arange(50) % 4]

    soft = softened(SOFTMAX, Y, teacher)

    centred = teacher - teacher.mean(axis=1, keepdims=True)
    tempered = softmax(teacher / np.sqrt(np.mean(centred**2)), axis=1)
    assert_allclose(soft, (Y + tempered) / 2, rtol=1e-12)
    assert (soft.argmax(axis=1) == Y.argmax(axis=1)).all()


def test_each_label_is_softened_by_itself():
    """With a logistic output, half of a target is its own tempered probability."""
    teacher, Y = logits(3, 5.0), (logits(3, 1.0, seed=1) > 0).astype(float)

    soft = softened(LOGISTIC, Y, teacher)

    tempered = expit(teacher / np.sqrt(np.mean(teacher**2)))
    assert_allclose(soft, (Y + tempered) / 2, rtol=1e-12)


def test_modest_teachers_are_not_sharpened():
    """Logits below unit size keep their scale."""
    teacher, Y = logits(3, 0.1), np.eye(3)[np.arange(50) % 3]

    soft = softened(SOFTMAX, Y, teacher)

    assert_allclose(soft, (Y + softmax(teacher, axis=1)) / 2, rtol=1e-12)


@pytest.mark.parametrize(("loss", "distilled"), [(SOFTMAX, True), (SQUARED, False)])
def test_only_log_losses_are_distilled(loss, distilled):
    """A regression is trained on its targets alone."""
    assert can_distil(loss) is distilled


def test_best_factor_is_the_smallest_loss_of_a_grid():
    """No factor of a fine grid within the bounds gives a smaller loss."""
    Z, Y = logits(3, 4.0), np.eye(3)[np.arange(50) % 3]
    weights = np.random.default_rng(2).uniform(0.1, 1, 50)

    factor = best_factor(SOFTMAX, Z, Y, weights, (0.01, 2.0))

    grid = np.linspace(0.01, 2, 2000)
    losses = [weights @ SOFTMAX.value(f * Z, Y) for f in grid]
    assert_allclose(factor, grid[np.argmin(losses)], atol=2e-3)


def test_scaled_network_has_scaled_output():
    """Only the output is multiplied, in the precision of the network."""
    rng = np.random.default_rng(0)
    coefs = [rng.standard_normal((4, 3)), rng.standard_normal((3, 2))]
    network = Network(
        [W.astype(np.float32) for W in coefs],
        [np.ones(3, "f"), np.ones(2, "f")],
        [TANH],
    )
    X = rng.standard_normal((5, 4)).astype(np.float32)

    twice = scaled(network, 2.0)

    assert_allclose(Signals(twice, X).output, 2 * Signals(network, X).output, rtol=1e-6)
    assert {a.dtype for a in [*twice.coefs, *twice.intercepts]} == {np.dtype("f")}
    assert twice.coefs[0] is network.coefs[0]


def test_scale_comes_back_when_training_does_nothing():
    """Shrinking the logits for the soft targets is undone for the labels."""
    Y = np.eye(3)[np.arange(50) % 3]
    X = 6 * Y + logits(3, 3.0)
    network = Network([np.eye(3)], [np.zeros(3)], [])
    examples = Examples(X, Y, np.ones(50), SOFTMAX)

    same = distil(lambda network, examples: network, network, examples, X)

    best = best_factor(SOFTMAX, X, Y, np.ones(50), (0.01, 1.0))
    assert_allclose(same.coefs[0], best * np.eye(3), atol=0.02)


def test_output_is_no_sharper_than_that_of_the_teacher():
    """Where all labels are learned, the scale stops at that of the unpruned network."""
    Y = np.eye(3)[np.arange(50) % 3]
    network = Network([np.eye(3)], [np.zeros(3)], [])
    teacher = logits(3, 2.0)

    trained = distil(
        lambda network, examples: network,
        network,
        Examples(Y, Y, np.ones(50), SOFTMAX),
        teacher,
    )

    Z = Signals(trained, Y).output
    assert_allclose(sharpness(SOFTMAX, Z), sharpness(SOFTMAX, teacher), rtol=1e-3)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, random_state=0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_probabilities_stay_sharp(digits):
    """Soft targets do not leave a network that is less sure than its log-loss asks."""
    X, X_test, y, y_test = digits
    model = MLPClassifier((40, 20), max_iter=60, random_state=0).fit(X, y)

    tuned = prune(model, X, y, rate=0.7, finetune=10, random_state=0)

    probabilities = tuned.predict_proba(X_test)
    loss = log_loss(y_test, probabilities)
    flatter = softmax(np.log(probabilities) / 2, axis=1)
    assert loss < log_loss(y_test, flatter)
    assert loss < 1.1 * log_loss(y_test, model.predict_proba(X_test))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_probabilities_become_sharp_again(digits):
    """A net that plain removal left without a say is sure of itself after training."""
    X, X_test, y, y_test = digits
    model = MLPClassifier((40, 20), max_iter=60, random_state=0).fit(X, y)
    options = {"rate": 0.8, "compensate": False, "n_steps": 3}

    tuned = prune(model, X, y, finetune=20, random_state=0, **options)

    probabilities = tuned.predict_proba(X_test)
    assert log_loss(y_test, probabilities) < log_loss(
        y_test, softmax(np.log(probabilities) / 2, axis=1)
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_teacher_is_the_unpruned_network_throughout():
    """After several steps, the teacher is the output before anything was removed."""
    X, Y = make_multilabel_classification(80, 6, n_classes=3, random_state=0)
    model = MLPClassifier((9, 8), max_iter=20, random_state=0).fit(X, Y)
    structure, rng = NetConnections(model, Samples(X, Y)), np.random.default_rng(0)
    whole = structure.output()
    assert structure.is_teacher

    for _ in range(2):
        gates = np.ones(structure.n_units)
        gates[:20] = 0
        structure = structure.prune(gates, compensate=True, rng=rng).finetune(1, rng)

    assert_allclose(structure.teacher.output, whole, rtol=0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_regression_follows_its_targets():
    """A regression network is trained on the data, whatever the unpruned one said."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 3))
    model = MLPRegressor(
        hidden_layer_sizes=(8,), learning_rate_init=0.02, max_iter=5, random_state=0
    ).fit(X, np.zeros(200))
    structure = NetConnections(model, Samples(X, X[:, 0]))
    gates = np.ones(structure.n_units)
    gates[0] = 0

    tuned = structure.prune(gates, compensate=False, rng=rng).finetune(200, rng)

    assert tuned.loss() < 0.05 * structure.loss()
