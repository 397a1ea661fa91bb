"""Products with the curvature are those of the Gauss-Newton matrix."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skprune.numerics import losses, moments
from skprune.numerics.masked_network import Survivors
from skprune.numerics.network import Network, Signals
from skprune.recovery.curvature import (
    Curvature,
    curvature_rows,
    draw_rows,
    few_rows,
    weight_gradient,
)
from skprune.recovery.gauss_newton import Teacher
from tests.numerics.test_network import ACTIVATIONS

SIZES = (5, 6, 4, 3)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def random_network(rng, activation="tanh"):
    """Some weights, of which the masks leave a part."""
    masks = [rng.random(shape) < 0.6 for shape in pairwise(SIZES)]
    coefs = [rng.normal(size=mask.shape) * mask for mask in masks]
    intercepts = [rng.normal(size=n) for n in SIZES[1:]]
    return Network(coefs, intercepts, [ACTIVATIONS[activation]] * 2), masks


def products(network, masks, X, loss, weights=None):
    """The curvature on some samples, and how many weights are free."""
    survivors = Survivors.of(masks)
    weights = np.full(len(X), 1 / len(X)) if weights is None else weights
    curvature = Curvature(Signals(network, X), survivors, weights, loss)
    return curvature, survivors.n_weights


@pytest.mark.parametrize("activation", ["tanh", "logistic", "identity", "silu"])
def test_change_is_derivative_of_output(rng, activation):
    """Each product is the central difference of the output by one free weight."""
    network, masks = random_network(rng, activation)
    X, survivors = rng.normal(size=(7, SIZES[0])), Survivors.of(masks)
    curvature, n_weights = products(network, masks, X, losses.SQUARED)

    for direction in np.eye(n_weights):
        ahead = Signals(survivors.shifted(network, -1e-6 * direction), X).output
        behind = Signals(survivors.shifted(network, 1e-6 * direction), X).output
        change = curvature.change(direction)
        assert_allclose(change, (ahead - behind) / 2e-6, atol=1e-6)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("loss", [losses.SQUARED, losses.LOGISTIC, losses.SOFTMAX])
def test_curvature_is_gauss_newton_matrix(rng, loss, form):
    """Products are those of J^T C J with C by central differences of the gradient."""
    network, masks = random_network(rng)
    X, weights = rng.normal(size=(9, SIZES[0])), rng.random(9)
    weights /= weights.sum()
    curvature, n_weights = products(network, masks, form(X), loss, weights)
    Z = Signals(network, X).output
    J = np.stack([curvature.change(v).copy() for v in np.eye(n_weights)], axis=2)
    expected = 0.0
    for k, shift in enumerate(1e-6 * np.eye(3)):
        C = (loss.gradient(Z + shift, Z) - loss.gradient(Z - shift, Z)) / 2e-6
        expected = expected + np.einsum("n,nl,nlp,nq->pq", weights, C, J, J[:, k])

    H = np.column_stack([curvature.product(v) for v in np.eye(n_weights)])

    assert_allclose(H, expected, atol=1e-6)


def test_sure_predictions_have_little_curvature_in_single_precision(rng):
    """Where probabilities round to one, products are still those of the little left."""
    network, masks = random_network(rng)
    network.coefs[-1][:] *= 20
    X = rng.normal(size=(200, SIZES[0]))
    probabilities = losses.SOFTMAX.mean(Signals(network, X).output).max(axis=1)
    X = X[(probabilities > 1 - 1e-6) & (probabilities < 1 - 1e-9)]
    forms = []
    for dtype in (np.float32, np.float64):
        curvature, n_weights = products(
            network.astype(dtype), masks, X.astype(dtype), losses.SOFTMAX
        )
        vectors = np.random.default_rng(1).normal(size=(20, n_weights))
        vectors[:, -SIZES[-1] :] += (
            100  # moves all outputs alike, which changes nothing
        )
        forms.append([v @ curvature.product(v) for v in vectors])

    assert len(X) > 20
    assert_allclose(*forms, rtol=1e-3)


@pytest.mark.parametrize("loss", [losses.SQUARED, losses.SOFTMAX])
def test_drawn_labels_give_the_diagonal(rng, loss):
    """On many samples the estimate is close to the diagonal of the matrix."""
    network, masks = random_network(rng)
    X = rng.normal(size=(4000, SIZES[0]))
    curvature, n_weights = products(network, masks, X, loss)

    exact = [curvature.product(v)[q] for q, v in enumerate(np.eye(n_weights))]

    assert_allclose(curvature.diagonal(), exact, rtol=0.2)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_gradient_is_the_same_in_blocks(rng, form, monkeypatch):
    """J^T D is the sum of J v times D, however many rows are taken at once."""
    monkeypatch.setattr(moments, "BLOCK", 4)
    network, masks = random_network(rng)
    X, D = rng.normal(size=(11, SIZES[0])), rng.normal(size=(11, SIZES[-1]))
    curvature, n_weights = products(network, masks, X, losses.SQUARED)

    found = weight_gradient(Signals(network, form(X)), Survivors.of(masks), D)

    expected = [np.sum(curvature.change(v) * D) for v in np.eye(n_weights)]
    assert_allclose(found, expected, rtol=1e-12)


def test_rows_of_the_curvature():
    """A fifth of the samples, at least two and at most 15 equations a weight."""
    assert curvature_rows((1000, 10), 800) == 200
    assert curvature_rows((1000, 10), 3000) == 600
    assert curvature_rows((1000, 10), 30) == 45
    assert curvature_rows((1000, 10), 30_000) == 1000


def test_rows_are_drawn_by_size(rng):
    """As many as asked for, the large ones for certain; shares undo the preference."""
    sizes = np.r_[np.zeros(10), np.full(80, 1.0), np.full(10, 100.0)]

    rows, shares = draw_rows(sizes, 30)

    assert len(rows) == 30 and rows.min() >= 10
    assert_array_equal(rows[-10:], np.arange(90, 100))
    assert_allclose(shares, np.r_[np.full(20, 0.25), np.ones(10)])
    assert_allclose(np.sum(sizes[rows] / shares), sizes.sum())


def test_few_rows_that_matter_say_as_much_as_all(rng):
    """Rows drawn by their curvature come closer than as many evenly spaced ones."""
    network, masks = random_network(rng, "relu")
    network = replace(network, coefs=[2 * W for W in network.coefs])
    X, survivors = rng.normal(size=(4000, SIZES[0])), Survivors.of(masks)
    signals, weights = Signals(network, X), np.full(4000, 1 / 4000)
    whole, _ = products(network, masks, X, losses.SOFTMAX)
    teacher = Teacher(signals, weights, losses.SOFTMAX)
    drawn = teacher.curvature(signals, survivors, teacher.errors(signals.output), 400)
    evenly, n_weights = products(network, masks, X[::10], losses.SOFTMAX)
    vectors = rng.normal(size=(20, n_weights))

    errors = [
        np.mean([np.linalg.norm(c.product(v) - whole.product(v)) for v in vectors])
        for c in (drawn, evenly)
    ]

    assert errors[0] < 0.5 * errors[1]


def test_few_rows_are_dense_where_that_is_faster(rng):
    """Rows with many entries become an array, others stay sparse; nothing changes."""
    full, rows = rng.normal(size=(20, 50)), np.array([3, 7, 8])
    thin = np.where(rng.random((20, 50)) < 0.02, full, 0)

    for X, is_sparse in ((full, False), (thin, True)):
        few = few_rows(sparse.csr_array(X), rows)
        assert sparse.issparse(few) == is_sparse
        assert_array_equal(few.toarray() if is_sparse else few, X[rows])
