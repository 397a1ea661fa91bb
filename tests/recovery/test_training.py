"""Training of survivors: removed weights stay zero, and accuracy comes back."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skprune import PruningEstimator, prune
from skprune.structures import Samples
from skprune.structures.nets import NetConnections


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def _dense(W):
    return W.toarray() if sparse.issparse(W) else W


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("nesterov", [True, False])
def test_removed_weights_stay_zero(digits, solver, nesterov):
    """Whatever the solver, momentum included, as many weights are zero as went."""
    model = MLPClassifier(
        (20,), solver=solver, nesterovs_momentum=nesterov, max_iter=8, tol=1.0
    )

    pruned = PruningEstimator(model, rate=0.8, finetune=3, random_state=0).fit(*digits)

    nonzero = sum(np.count_nonzero(_dense(W)) for W in pruned.estimator_.coefs_)
    assert nonzero == pruned.n_units_ - round(0.8 * pruned.n_units_)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_training_helps_where_recovery_is_off(digits, solver):
    """A few passes bring back most of what plain removal loses."""
    X, y = digits
    rate = 0.1 if solver == "sgd" else 0.001
    net = (
        MLPClassifier(
            (30,), solver=solver, learning_rate_init=rate, max_iter=40, random_state=0
        )
        .set_params(tol=0.01)
        .fit(X, y)
    )
    options = {"rate": 0.85, "compensate": False, "random_state": 0}

    plain = prune(net, X, y, **options).score(X, y)
    trained = prune(net, X, y, finetune=15, **options).score(X, y)

    assert trained > plain + 0.5 * (net.score(X, y) - plain)


def test_training_adds_to_recovery(digits):
    """At a high rate, passes after each step are better than recovery alone."""
    X, X_test, y, y_test = train_test_split(*digits, random_state=0)
    net = MLPClassifier((64, 32), max_iter=50, tol=0.01, random_state=0).fit(X, y)
    options = {"rate": 0.97, "n_steps": 5, "random_state": 0}

    recovered = prune(net, X, y, **options)
    trained = prune(net, X, y, finetune=5, **options)

    assert trained.score(X_test, y_test) > recovered.score(X_test, y_test)


def test_what_nobody_reads_takes_no_part(digits):
    """Weights into a neuron without weights onward stay as they are."""
    X, y = digits
    net = MLPClassifier((12,), max_iter=10, tol=1.0, random_state=0).fit(X, y)
    net.coefs_[1][3] = 0.0
    structure = NetConnections(net, Samples(X, y))

    trained = structure.finetune(1, np.random.default_rng(0)).estimator

    assert_array_equal(trained.coefs_[0][:, 3], net.coefs_[0][:, 3])
    assert trained.intercepts_[0][3] == net.intercepts_[0][3]
    read = net.coefs_[0][:, 4] != 0
    assert (trained.coefs_[0][read, 4] != net.coefs_[0][read, 4]).any()


def test_samples_of_weight_zero_are_not_seen(digits):
    """Rows of weight zero lead to the same weights as their absence."""
    X, y = digits[0][:400], digits[1][:400]
    net = MLPClassifier((12,), max_iter=10, tol=1.0, random_state=0).fit(X, y)
    weight = np.repeat([1.0, 0.0], 200)
    options = {"rate": 0.5, "finetune": 2, "random_state": 0}

    weighted = prune(net, X, y, sample_weight=weight, **options)
    fewer = prune(net, X[:200], y[:200], **options)

    for W, expected in zip(weighted.coefs_, fewer.coefs_):
        assert_allclose(W, expected, atol=1e-8)


def test_same_seed_same_weights(digits):
    """The order of the samples follows random_state."""
    X, y = digits
    net = MLPClassifier((12,), max_iter=5, tol=1.0, random_state=0).fit(X, y)

    first, again, other = (
        prune(net, X, y, rate=0.5, finetune=1, random_state=seed) for seed in (0, 0, 1)
    )

    assert_array_equal(first.coefs_[0], again.coefs_[0])
    assert (first.coefs_[0] != other.coefs_[0]).any()


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_labels_and_outputs(form):
    """String labels, several labels and several outputs are trained on."""
    X, Y = make_multilabel_classification(100, 6, random_state=0)
    names = np.array(["no", "yes"])[Y[:, 0]]
    options = {"max_iter": 5, "tol": 100.0, "random_state": 0}
    models = [
        (MLPClassifier((8,), **options), names),
        (MLPClassifier((8,), **options), Y),
        (MLPRegressor(hidden_layer_sizes=(8,), **options), Y),
    ]
    for model, y in models:
        pruned = PruningEstimator(model, finetune=2).fit(form(X), y)
        assert pruned.predict(form(X)).shape == y.shape


def test_divergence_is_an_error(digits):
    """A learning rate under which weights explode raises, and names the rate."""
    X, y = digits
    net = MLPRegressor(hidden_layer_sizes=(10,), max_iter=5, tol=100.0, random_state=0)
    net.fit(X, y)
    net.set_params(solver="sgd", learning_rate_init=1e6)

    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match="learning_rate_init"),
    ):
        prune(net, X, y, rate=0.5, finetune=3)
