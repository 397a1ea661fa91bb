"""Weights, neurons and input features of scikit-learn's MLPs as units."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skprune import Magnitude, PruningEstimator, Random, model_size, prune
from skprune.structures.mlp import SPARSE_DENSITY, MLPView, smallest_form

ACTIVATIONS = ["identity", "relu", "tanh", "logistic"]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


@pytest.fixture(scope="module")
def net(digits):
    return MLPClassifier((40, 20), max_iter=40, tol=0.01, random_state=0).fit(*digits)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("granularity", ["neuron", "connection", "feature"])
def test_shrunk_equals_masked(digits, activation, granularity):
    """Removal without recovery computes what zeroed incoming weights compute."""
    X, y = digits
    model = MLPClassifier((12, 9), activation=activation, max_iter=3, random_state=0)
    model.fit(X, y)

    pruned = PruningEstimator(
        model, rate=0.4, granularity=granularity, compensate=False, random_state=0
    ).fit(X, y)

    fitted = copy.deepcopy(pruned.estimator).set_params(
        **{"random_state": np.random.RandomState(0).randint(np.iinfo(np.int32).max)}
    )
    masked = fitted.fit(X, y)
    gone = ~pruned.support_
    if granularity == "neuron":
        masked.coefs_[0][:, gone[:12]] = 0
        masked.coefs_[1][:, gone[12:]] = 0
    elif granularity == "feature":
        used = np.flatnonzero(masked.coefs_[0].any(axis=1))
        masked.coefs_[0][used[gone]] = 0
    else:
        flat = np.concatenate([W.ravel() for W in masked.coefs_])
        flat[np.flatnonzero(flat)[gone]] = 0
        ends = np.cumsum([W.size for W in masked.coefs_])[:-1]
        shapes = [W.shape for W in masked.coefs_]
        masked.coefs_ = [
            part.reshape(shape) for part, shape in zip(np.split(flat, ends), shapes)
        ]
    assert_allclose(pruned.predict_proba(X), masked.predict_proba(X), atol=1e-10)


def test_neurons_are_gone(digits, net):
    """Weights, intercepts and hidden_layer_sizes have the sizes of what is left."""
    X, y = digits

    small = prune(net, X, y, rate=0.5, granularity="neuron")

    assert sum(small.hidden_layer_sizes) == 30
    sizes = [64, *small.hidden_layer_sizes, 10]
    assert [W.shape for W in small.coefs_] == list(pairwise(sizes))
    assert [len(b) for b in small.intercepts_] == sizes[1:]
    assert net.hidden_layer_sizes == (40, 20)


def test_given_model_is_not_changed(digits, net):
    """The pickle of the given model is the same before and after."""
    before = pickle.dumps(net)

    for granularity in ("connection", "neuron", "layer", "feature"):
        prune(net, *digits, rate=0.5, granularity=granularity, finetune=1)

    assert pickle.dumps(net) == before


def test_training_state_is_left_behind(digits, net):
    """The moments of the optimiser do not come along; prediction does not need them."""
    small = prune(net, *digits, rate=0.0)

    assert not hasattr(small, "_optimizer")
    assert_array_equal(small.predict_proba(digits[0]), net.predict_proba(digits[0]))
    assert model_size(small).n_bytes < 0.3 * model_size(net).n_bytes


@pytest.mark.parametrize("method", [Magnitude(), Random()])
def test_recovery_beats_plain_removal(digits, net, method):
    """Least squares toward the teacher recovers what removal alone loses."""
    X, y = digits
    options = {"rate": 0.8, "method": method, "random_state": 0}

    plain = prune(net, X, y, compensate=False, **options).score(X, y)
    recovered = prune(net, X, y, **options).score(X, y)

    assert recovered > plain + 0.05


def test_second_pruning_of_sparse_weights():
    """A net whose weights became CSR arrays can be pruned again, and predicts."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 800))
    y = (X[:, :3].sum(axis=1) > 0).astype(int)
    net = MLPClassifier((130,), max_iter=5, tol=1.0, random_state=0).fit(X, y)

    once = prune(net, X, y, rate=0.95)
    twice = prune(once, X, y, rate=0.5)

    assert sparse.issparse(once.coefs_[0])
    assert not isinstance(once.coefs_[0], sparse.spmatrix)
    nonzero = [
        sum(np.count_nonzero(_dense(W)) for W in m.coefs_) for m in (once, twice)
    ]
    assert nonzero[1] == nonzero[0] - round(0.5 * nonzero[0])
    assert twice.predict(X).shape == (200,)


def _dense(W):
    return W.toarray() if sparse.issparse(W) else W


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(digits, dtype):
    """A net trained in float32 stays one."""
    X, y = digits[0].astype(dtype), digits[1]
    net = MLPClassifier((15,), max_iter=5, tol=1.0, random_state=0).fit(X, y)

    small = prune(net, X, y, rate=0.5, finetune=1)

    assert {_dense(W).dtype for W in small.coefs_} == {np.dtype(dtype)}


@pytest.mark.parametrize("granularity", ["connection", "neuron", "layer", "feature"])
def test_multilabel_and_multi_output(granularity):
    """Several labels and several outputs are pruned like one."""
    X, Y = make_multilabel_classification(120, 8, random_state=0)
    labels = MLPClassifier((10, 8), max_iter=20, tol=1.0, random_state=0).fit(X, Y)
    outputs = MLPRegressor(hidden_layer_sizes=(10, 8), max_iter=20, tol=100.0)
    outputs.set_params(random_state=0).fit(X, Y)

    for net in (labels, outputs):
        small = prune(net, X, Y, rate=0.5, granularity=granularity)
        assert small.predict(X).shape == Y.shape


def test_sparse_features_give_the_same(digits, net):
    """CSR samples and dense samples lead to the same network."""
    X, y = digits

    dense = prune(net, X, y, rate=0.7)
    from_sparse = prune(net, sparse.csr_array(X), y, rate=0.7)

    assert_allclose(from_sparse.predict_proba(X), dense.predict_proba(X), atol=1e-6)


def test_no_hidden_layer():
    """A net without hidden layers has no neurons: it works and says so."""
    X, y = load_digits(return_X_y=True)
    net = MLPClassifier((), max_iter=5, tol=1.0, random_state=0)

    for granularity in ("neuron", "layer"):
        pruned = PruningEstimator(net, granularity=granularity).fit(X, y)
        assert pruned.n_units_ == 0
        assert pruned.rate_ == 0.0


@pytest.mark.parametrize(("n_classes", "n_columns"), [(2, 1), (3, 3)])
def test_targets_have_a_column_a_class(n_classes, n_columns):
    """One column for two classes, else one a class, of zeros and ones."""
    X, y = load_iris(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    X, names = X[y < n_classes], names[y < n_classes]
    net = MLPClassifier((3,), max_iter=1, tol=10.0).fit(X, names)

    Y = MLPView(net).targets(names)

    assert Y.shape == (len(X), n_columns)
    assert_array_equal(Y[:, -1], names == net.classes_[-1])


@pytest.mark.parametrize(("factor", "is_sparse"), [(1, True), (2, False)])
def test_sparse_only_below_break_even(factor, is_sparse):
    """A large matrix becomes a CSR array at the break-even density, not above it."""
    rng = np.random.default_rng(0)
    W = np.zeros(100_000)
    n_kept = int(factor * SPARSE_DENSITY * W.size)
    W[rng.permutation(W.size)[:n_kept]] = rng.normal(size=n_kept)
    W = W.reshape(500, 200)

    found = smallest_form(W)

    assert isinstance(found, sparse.csr_array) == is_sparse
    assert_array_equal(found.toarray() if is_sparse else found, W)


def test_small_matrices_stay_dense():
    """A small matrix stays dense however empty it is."""
    assert isinstance(smallest_form(np.eye(20)), np.ndarray)


def test_sizes_count_each_weight_once():
    """The parameters of the parts are those of the network."""
    X, y = load_digits(return_X_y=True)
    net = MLPClassifier((12, 7), max_iter=1, tol=10.0, random_state=0).fit(X, y)

    parts = MLPView(net).part_sizes()

    expected = [64 * 12 + 12, 12 * 7 + 7, 7 * 10 + 10]
    assert [part.n_parameters for part in parts.values()] == expected
    assert [part.n_macs for part in parts.values()] == [64 * 12, 12 * 7, 7 * 10]
