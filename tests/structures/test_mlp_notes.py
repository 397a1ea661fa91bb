"""Notes of a network say of its samples what its structures would find."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.datasets import load_diabetes, load_iris
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skprune import PruningEstimator, prune
from skprune.pruning import prune_fitted
from skprune.structures import Samples, mlp_notes
from skprune.structures.mlp import mlp_notes as notes_of
from tests.tree_oracles import structure_of

OPTIONS = {"max_iter": 60, "tol": 10.0, "n_iter_no_change": 60, "random_state": 0}
IRIS, DIABETES = load_iris(return_X_y=True), load_diabetes(return_X_y=True)
MODELS = {
    "classifier": (MLPClassifier((9, 7), **OPTIONS), IRIS),
    "sparse": (MLPClassifier((9,), **OPTIONS), (sparse.csr_array(IRIS[0]), IRIS[1])),
    "regressor": (MLPRegressor(hidden_layer_sizes=(9,), **OPTIONS), DIABETES),
}


def noted(name):
    """A fitted network, its samples, and notes of them."""
    model, (X, y) = MODELS[name]
    model.fit(X, y)
    return model, X, y, notes_of(model, Samples(X, y, trained_on=True))


@pytest.mark.parametrize("name", MODELS)
def test_notes_are_what_a_structure_finds(name):
    """Output, spreads, moments, to the last digit; nothing flows where all is told."""
    model, X, y, notes = noted(name)
    plain = structure_of(model, X, y, "connection")
    told = structure_of(model, X, y, "connection", notes=notes)

    for structure in (plain, told):
        assert_array_equal(structure.output(), notes.output)
        for spread, known in zip(structure.spreads, notes.spreads, strict=True):
            assert_array_equal(spread, known)
        moments = structure.recovery.feature_moments
        for field in vars(moments):
            assert_array_equal(getattr(moments, field), getattr(notes.moments, field))
    assert "inputs" not in vars(told.signals)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("granularity", ["connection", "neuron", "feature", "layer"])
@pytest.mark.parametrize("method", ["magnitude", "taylor"])
def test_notes_change_no_pruning(name, granularity, method):
    """With notes and without a network is pruned alike, to the last digit."""
    model, X, y, notes = noted(name)
    pruner = PruningEstimator(model, granularity=granularity, method=method, rate=0.5)
    wanted, found = (
        prune_fitted(model, samples, pruner._plan(), np.random.default_rng(0)).estimator
        for samples in (Samples(X, y), Samples(X, y, notes=notes))
    )
    for W, expected in zip(found.coefs_, wanted.coefs_, strict=True):
        assert_array_equal(W, expected)


def test_notes_are_of_samples_without_weights():
    """Where samples have weights, what is noted of them without is not used."""
    model, X, y, notes = noted("classifier")
    weight = np.arange(1.0, 151.0)

    told = structure_of(model, X, y, "connection", sample_weight=weight, notes=notes)

    plain = structure_of(model, X, y, "connection", sample_weight=weight)
    for spread, expected in zip(told.spreads, plain.spreads, strict=True):
        assert_array_equal(spread, expected)
    assert (told.spreads[0] != notes.spreads[0]).all()


def test_large_notes_are_not_taken(monkeypatch):
    """Outputs of many samples and moments of many features are found again."""
    monkeypatch.setattr(mlp_notes, "MOST", 100)
    *_, notes = noted("regressor")
    assert notes.output is None and notes.moments is not None
    monkeypatch.setattr(mlp_notes, "MOST", 99)
    model, X, y, notes = noted("regressor")
    assert notes.moments is None

    told = structure_of(model, X, y, "connection", notes=notes)

    assert_array_equal(told.output(), structure_of(model, X, y, "connection").output())


def test_cache_holds_notes_with_the_network(tmp_path):
    """One file; prunings from it are those without a cache, weighted samples too."""
    model, X, y, _ = noted("classifier")
    weight = np.arange(1.0, 151.0)
    for fit_params in ({}, {"sample_weight": weight}):
        for rate in (0.5, 0.9):
            cached = PruningEstimator(model, rate=rate, memory=str(tmp_path))
            found = cached.fit(X, y, **fit_params).estimator_
            fitted = MLPClassifier(**model.get_params()).fit(X, y, **fit_params)
            wanted = prune(fitted, X, y, rate=rate, **fit_params)
            for W, expected in zip(found.coefs_, wanted.coefs_, strict=True):
                assert_array_equal(W, expected)
    assert len(list(tmp_path.rglob("output.pkl"))) == 2
