"""HistGradientBoosting: missing values, categories, and the private arrays of nodes."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_classifier
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from skprune import model_size, prune
from skprune.structures import family_of
from tests.boosting_oracles import encoded, walked_predictor
from tests.cases import dataset
from tests.tree_oracles import pruned_at, structure_of

CATEGORICAL = np.isin(np.arange(8), [1, 4])


def fitted(loss, data, **options):
    """A small model and its samples."""
    kind = HistGradientBoostingRegressor
    if loss == "log_loss":
        kind = HistGradientBoostingClassifier
    options = {"max_iter": 4, "min_samples_leaf": 4, "random_state": 0, **options}
    X, y = dataset(data)
    return kind(loss=loss, **options).fit(X, y), X, y


def raw_prediction(model, X):
    """Raw predictions by public methods, (n_samples, n_outputs)."""
    raw = model.decision_function(X) if is_classifier(model) else model.predict(X)
    if model.loss in ("poisson", "gamma"):
        raw = np.log(raw)
    return raw.reshape(len(X), -1)


def walked(model, X, stops):
    """What all trees add, (n_samples, n_outputs), with means where walks stop."""
    columns = [
        sum(
            walked_predictor(stage[k], X, stops.get((s, k), ()))
            for s, stage in enumerate(model._predictors)
        )
        for k in range(model.n_trees_per_iteration_)
    ]
    return np.column_stack(columns)


MODELS = [
    ("log_loss", "holes", {}),
    ("log_loss", "categories", {"categorical_features": CATEGORICAL}),
    ("squared_error", "regression", {"early_stopping": True, "max_iter": 8}),
    ("absolute_error", "regression", {}),
    ("quantile", "regression", {"quantile": 0.8}),
    ("poisson", "counts", {}),
    ("gamma", "counts", {}),
]


@pytest.mark.parametrize(("loss", "data", "options"), MODELS)
def test_collapsed_splits_predict_means_of_their_leaves(loss, data, options):
    """The rebuilt model adds what a walk does that ends at the removed splits."""
    model, X, y = fitted(loss, data, **options)
    structure = structure_of(model, X, y)
    gates, pruned = pruned_at(structure, 0.5)
    stops, unit = {}, 0
    for s, stage in enumerate(model._predictors):
        for k, tree in enumerate(stage):
            for node in np.flatnonzero(tree.nodes["is_leaf"] == 0):
                if gates[unit] == 0:
                    stops.setdefault((s, k), set()).add(int(node))
                unit += 1
    assert unit == structure.n_units

    seen = (
        encoded(X, CATEGORICAL)
        if options.get("categorical_features") is not None
        else X
    )
    change = walked(model, seen, stops) - walked(model, seen, {})

    smaller = raw_prediction(pruned.finished(), X)
    assert_allclose(smaller, raw_prediction(model, X) + change, atol=1e-10)


def test_only_sets_of_surviving_categorical_splits_are_held():
    """As many sets of categories are left as there are splits on categories."""
    options = {"categorical_features": CATEGORICAL, "max_iter": 12}
    model, X, y = fitted("log_loss", "categories", **options)
    _, pruned = pruned_at(structure_of(model, X, y), 0.8)

    def splits_and_sets(model):
        trees = [tree for stage in model._predictors for tree in stage]
        splits = [
            np.sum((t.nodes["is_leaf"] == 0) & (t.nodes["is_categorical"] == 1))
            for t in trees
        ]
        sets = [
            (len(t.raw_left_cat_bitsets), len(t.binned_left_cat_bitsets)) for t in trees
        ]
        return splits, sets

    before, _ = splits_and_sets(model)
    splits, sets = splits_and_sets(pruned.finished())
    assert 0 < sum(splits) < sum(before)
    assert sets == [(n, n) for n in splits]


def test_features_behind_categories_are_columns_of_the_input():
    """Categories stand in front inside of the model; units are columns all the same."""
    model, X, y = fitted("log_loss", "categories", categorical_features=CATEGORICAL)
    read = family_of(model).feature_use(model) > 0
    changed = []
    for j in range(X.shape[1]):
        other = X.copy()
        other[:, j] = np.roll(other[:, j], 7)
        same = np.array_equal(model.predict_proba(other), model.predict_proba(X))
        changed.append(not same)
    assert_array_equal(read, changed)

    structure = structure_of(model, X, y, "feature")
    gates = (structure.features != structure.features[0]).astype(float)
    smaller = structure.prune(gates, compensate=False, rng=None).finished()
    use = family_of(model).feature_use(smaller)
    assert use[structure.features[0]] == 0


def test_removed_stages_leave_their_means():
    """Trees that go are replaced by their means; all classes have as many stages."""
    model, X, y = fitted("log_loss", "holes")
    structure = structure_of(model, X, y, "neuron")
    gates = np.zeros((4, 3))
    gates[:2, 0], gates[3, 1] = 1, 1

    smaller = structure.prune(gates.ravel(), compensate=False, rng=None).finished()

    added = np.array(
        [[walked_predictor(tree, X, ()) for tree in row] for row in model._predictors]
    )
    mean = added.mean(axis=2, keepdims=True)
    change = ((gates[:, :, None] - 1) * (added - mean)).sum(axis=0).T
    wanted = raw_prediction(model, X) + change
    assert_allclose(raw_prediction(smaller, X), wanted, atol=1e-10)
    assert smaller.n_iter_ == 2
    nodes = np.array([[len(t.nodes) for t in row] for row in smaller._predictors])
    assert_array_equal(nodes > 1, [[1, 1, 0], [1, 0, 0]])


def test_result_pickles_and_is_small():
    """The pickle predicts the same, and is smaller as the model is."""
    model, X, y = fitted("squared_error", "regression", max_iter=30)
    smaller = prune(model, X, y, rate=0.8, granularity="stage")
    twin = pickle.loads(pickle.dumps(smaller))
    assert_array_equal(twin.predict(X), smaller.predict(X))
    assert model_size(smaller).n_parameters < 0.4 * model_size(model).n_parameters
    assert not {"train_score_", "validation_score_"} & set(vars(smaller))


def test_class_weight_moves_the_means_that_stay():
    """The mean of a tree that goes is over samples by the weights of their classes."""
    model, X, y = fitted("log_loss", "categories", class_weight={False: 5, True: 1})
    structure = structure_of(model, X, y, "neuron")
    raw = raw_prediction(model, X)
    wanted = np.average(raw[:, 0], weights=np.where(y, 1, 5))
    assert not np.isclose(wanted, raw.mean(), rtol=1e-3)
    assert_allclose(structure.output(np.zeros(4)), np.full_like(raw, wanted))
