"""GradientBoosting: splits and trees of stages, for every loss and first guess."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_classifier
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from skprune import ImportanceSampling, model_size, prune
from skprune.structures import family_of
from tests.boosting_oracles import walked_stages
from tests.cases import dataset
from tests.tree_oracles import pruned_at, structure_of


def fitted(loss, data, **options):
    """A small model and its samples."""
    kind = GradientBoostingRegressor
    if data in ("binary", "classes"):
        kind = GradientBoostingClassifier
    options = {"n_estimators": 5, "learning_rate": 0.5, "random_state": 0, **options}
    X, y = dataset(data)
    return kind(loss=loss, **options).fit(X, y), X, y


def raw_prediction(model, X):
    """Raw predictions by public methods, (n_samples, n_outputs)."""
    raw = model.decision_function(X) if is_classifier(model) else model.predict(X)
    return raw.reshape(len(X), -1)


MODELS = [
    ("log_loss", "binary", {}),
    ("log_loss", "classes", {"subsample": 0.6}),
    ("log_loss", "classes", {"init": LogisticRegression(max_iter=500)}),
    ("exponential", "binary", {}),
    ("squared_error", "regression", {"init": Ridge()}),
    ("squared_error", "regression", {"init": "zero", "max_leaf_nodes": 5}),
    ("absolute_error", "regression", {}),
    ("huber", "regression", {}),
    ("quantile", "regression", {}),
    ("squared_error", "regression", {"n_iter_no_change": 1, "n_estimators": 300}),
]


@pytest.mark.parametrize(("loss", "data", "options"), MODELS)
def test_collapsed_splits_predict_means_of_their_leaves(loss, data, options):
    """The rebuilt model adds what a walk does that ends at the removed splits."""
    model, X, y = fitted(loss, data, **options)
    structure = structure_of(model, X, y)
    stops = {place: set() for place in np.ndindex(model.estimators_.shape)}
    gates, pruned = pruned_at(structure, 0.6)
    splits = [
        (place, node)
        for place, estimator in np.ndenumerate(model.estimators_)
        for node in np.flatnonzero(estimator.tree_.children_left >= 0)
    ]
    assert len(splits) == structure.n_units
    for (place, node), gate in zip(splits, gates):
        stops[place] |= set() if gate else {int(node)}

    whole = walked_stages(model, X, dict.fromkeys(stops, ())).sum(axis=0).T
    wanted = walked_stages(model, X, stops).sum(axis=0).T

    first_guess = raw_prediction(model, X) - whole
    smaller = raw_prediction(pruned.finished(), X)
    assert_allclose(smaller, first_guess + wanted, atol=1e-10)


@pytest.mark.parametrize(("loss", "data", "options"), MODELS)
def test_removed_stages_leave_their_means(loss, data, options):
    """Each tree that goes is replaced by the mean that it added."""
    model, X, y = fitted(loss, data, **options)
    added = walked_stages(
        model, X, dict.fromkeys(np.ndindex(model.estimators_.shape), ())
    )
    structure = structure_of(model, X, y, "neuron")
    gates, pruned = pruned_at(structure, 0.6)

    every = np.ones(added.shape[:2])
    every.ravel()[structure.trees] = gates
    mean = added.mean(axis=2, keepdims=True)
    change = ((every[:, :, None] - 1) * (added - mean)).sum(axis=0).T

    smaller = pruned.finished()
    wanted = raw_prediction(model, X) + change
    assert_allclose(raw_prediction(smaller, X), wanted, atol=1e-10)
    assert smaller.n_estimators_ == len(smaller.estimators_)
    with_splits = [e.tree_.node_count > 1 for e in smaller.estimators_.ravel()]
    assert sum(with_splits) == gates.sum()


def test_stages_are_packed_by_class():
    """A class that keeps fewer trees than others has trees that add nothing at last."""
    model, X, y = fitted("log_loss", "classes")
    structure = structure_of(model, X, y, "neuron")
    gates = np.zeros((5, 3))
    gates[:, 0], gates[2:4, 1] = 1, 1

    smaller = structure.prune(gates.ravel(), compensate=False, rng=None).finished()

    nodes = np.array([[e.tree_.node_count for e in row] for row in smaller.estimators_])
    assert_array_equal(
        nodes > 1, [[1, 1, 0], [1, 1, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0]]
    )
    constants = [e.tree_.value.item() for e in smaller.estimators_[:, 2]]
    assert constants[0] != 0
    assert not any(constants[1:])
    again = structure_of(smaller, X, y, "neuron")
    assert again.n_units == 7
    assert_allclose(again.output(), raw_prediction(smaller, X))


def test_splits_of_all_trees_can_go_but_one():
    """Trees without a split are dropped from the finished model, their values kept."""
    model, X, y = fitted("squared_error", "regression")
    structure = structure_of(model, X, y)
    _, pruned = pruned_at(structure, 1.0)

    smaller = pruned.finished()

    assert pruned.n_units == 1
    assert len(smaller.estimators_) == 1
    assert_allclose(smaller.predict(X), pruned.output()[:, 0])


@pytest.mark.parametrize("data", ["regression", "classes"])
def test_sampled_stages_predict_the_same_on_average(data):
    """The mean of many draws of importance sampling is the output of the model."""
    loss = "squared_error" if data == "regression" else "log_loss"
    model, X, y = fitted(loss, data, max_depth=2)
    structure = structure_of(model, X, y, "neuron")
    method, rng = ImportanceSampling(n_draws=1), np.random.default_rng(0)
    readouts = structure.readouts()
    importances = method.rank(readouts, 4, rng)
    n_remove = structure.n_units - 4

    draws = np.array(
        [
            structure.output(
                method.gates(
                    readouts, importances, n_remove, structure.units, "global", rng
                )
            )
            for _ in range(300)
        ]
    )

    error = draws.std(axis=0) / np.sqrt(len(draws))
    distance = np.abs(draws.mean(axis=0) - raw_prediction(model, X))
    assert (distance <= 5 * error + 1e-9).all()


def test_sampled_gates_scale_trees_about_their_means():
    """A gate of two doubles what a tree adds about its mean, in the model too."""
    model, X, y = fitted("squared_error", "regression")
    structure = structure_of(model, X, y, "neuron")
    gates = np.array([2.0, 0, 0, 1, 0.5])
    smaller = structure.prune(gates, compensate=False, rng=None).finished()
    assert_allclose(smaller.predict(X), structure.output(gates)[:, 0])
    assert len(smaller.estimators_) == 3


@pytest.mark.parametrize("granularity", ["connection", "neuron"])
def test_recovery_brings_raw_predictions_nearer_to_teacher(granularity):
    """Leaves estimated anew predict the model as trained better than pruned ones."""
    model, X, y = fitted("log_loss", "classes", n_estimators=12)
    structure = structure_of(model, X, y, granularity)

    errors = []
    for compensate in (False, True):
        _, pruned = pruned_at(structure, 0.6, compensate=compensate)
        errors.append(np.mean((pruned.output() - structure.output()) ** 2))

    assert errors[1] < 0.7 * errors[0]


def test_warm_started_model_is_pruned_whole():
    """Stages of all fits count."""
    model, X, y = fitted("squared_error", "regression", warm_start=True)
    model.set_params(n_estimators=9).fit(X, y)
    smaller = prune(model, X, y, rate=4 / 9, granularity="stage")
    assert smaller.n_estimators_ == len(smaller.estimators_) == 5


def test_result_holds_nothing_of_its_training():
    """Scores of the training go, and the pickle shrinks with the trees."""
    model, X, y = fitted("squared_error", "regression", n_estimators=40, subsample=0.5)
    smaller = prune(model, X, y, rate=0.8, granularity="tree")
    left = {"train_score_", "oob_improvement_", "oob_scores_", "oob_score_"}
    assert not left & set(vars(smaller))
    assert len(pickle.dumps(smaller)) < 0.4 * len(pickle.dumps(model))
    assert model_size(smaller).n_parameters < 0.4 * model_size(model).n_parameters


def test_feature_importances_of_the_result_are_those_left():
    """A removed feature has no importance, and the others add up to one."""
    model, X, y = fitted("squared_error", "regression")
    smaller = prune(model, X, y, rate=0.5, granularity="feature")
    read = family_of(model).feature_use(smaller) > 0
    assert_array_equal(smaller.feature_importances_ > 0, read)
    assert_allclose(smaller.feature_importances_.sum(), 1)


@pytest.mark.parametrize("word", ["tree", "stage", "neuron"])
def test_synonyms(word):
    """The family's own words name the same granularity."""
    model, *_ = fitted("squared_error", "regression")
    assert family_of(model).granularity(word) == "neuron"


def test_outliers_rank_no_stage_of_hubers_loss():
    """Its threshold is a quantile, beyond which it does not matter how far."""
    model, X, y = fitted("huber", "regression", alpha=0.8)
    far = y.copy()
    distance = np.abs(y - model.predict(X))
    far[distance.argmax()] += 1e6 * np.sign(y - model.predict(X))[distance.argmax()]
    one, other = (structure_of(model, X, t, "neuron") for t in (y, far))

    slopes = one.samples.loss.gradient(one.output(), one.samples.targets)

    assert_allclose(np.mean(np.abs(slopes) < np.abs(slopes).max()), 0.8, atol=0.02)
    for name in ("fisher", "removal_loss"):
        ranked = [getattr(s.readouts()[0], name)() for s in (one, other)]
        assert_allclose(ranked[0], ranked[1])
    assert other.loss() > one.loss()
