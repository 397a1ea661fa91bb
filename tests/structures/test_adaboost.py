"""AdaBoost: weights of votes, and the weighted median."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skprune import ImportanceSampling, PruningEstimator, prune
from skprune.structures.adaboost import votes_of, weighted_median
from tests.cases import dataset
from tests.tree_oracles import pruned_at, structure_of


def fitted(data, n_estimators=8, max_depth=2):
    """A small model and its samples."""
    X, y = dataset(data)
    base, kind = DecisionTreeClassifier(max_depth=max_depth), AdaBoostClassifier
    if data == "regression":
        base, kind = DecisionTreeRegressor(max_depth=max_depth), AdaBoostRegressor
    model = kind(base, n_estimators=n_estimators, random_state=0)
    return model.fit(X, y), X, y


def output_of(model, X):
    """Decisions or predictions, (n_samples, n_outputs)."""
    decide = getattr(model, "decision_function", model.predict)
    return decide(X).reshape(len(X), -1)


@pytest.mark.parametrize("data", ["binary", "classes", "regression"])
def test_kept_trees_have_their_weights(data):
    """The smaller model equals one whose other trees weigh nothing."""
    model, X, y = fitted(data)
    structure = structure_of(model, X, y, "neuron")
    gates = np.arange(structure.n_units) % 2.0

    smaller = structure.prune(gates, compensate=False, rng=None).finished()

    silenced = structure.finished()
    silenced.estimator_weights_ = model.estimator_weights_[: len(gates)] * gates
    assert_allclose(output_of(smaller, X), output_of(silenced, X))
    kept = gates > 0
    assert_array_equal(
        smaller.estimator_errors_, model.estimator_errors_[: len(gates)][kept]
    )
    assert smaller.n_estimators == len(smaller.estimators_) == kept.sum()


@pytest.mark.parametrize("data", ["binary", "classes", "regression"])
def test_collapsed_splits_vote_for_their_likeliest_class(data):
    """A tree cut at its root has one answer, that of the root."""
    model, X, y = fitted(data)
    structure = structure_of(model, X, y)
    forest = structure.forest
    first = np.isin(forest.split_tree, [0, 2])

    smaller = structure.prune(1.0 - first, compensate=False, rng=None).finished()

    for t in (0, 2):
        root = model.estimators_[t].tree_.value[0, 0]
        answers = np.unique(smaller.estimators_[t].predict(X))
        wanted = root if data == "regression" else [model.classes_[root.argmax()]]
        assert_array_equal(answers, wanted)
    for t in (1, 3):
        assert_array_equal(
            smaller.estimators_[t].predict(X), model.estimators_[t].predict(X)
        )


@pytest.mark.parametrize("data", ["binary", "classes", "regression"])
@pytest.mark.parametrize("granularity", ["connection", "neuron"])
def test_recovery_brings_output_nearer_to_teacher(data, granularity):
    """New weights, or a shift of the median, bring back some of what was lost.

    The scale of decisions is free: only their ratios tell which class is voted for.
    """
    model, X, y = fitted(data, n_estimators=12)
    structure = structure_of(model, X, y, granularity)
    errors = []
    for compensate in (False, True):
        _, pruned = pruned_at(structure, 0.5, compensate=compensate)
        output, wanted = output_of(pruned.finished(), X), output_of(model, X)
        scale = 1.0
        if data != "regression":
            scale = np.vdot(output, wanted) / np.vdot(output, output)
        errors.append(np.mean((scale * output - wanted) ** 2))
    assert errors[1] < errors[0]


def test_new_weights_are_not_negative():
    """A tree may lose its weight, but never votes against itself."""
    model, X, y = fitted("classes", n_estimators=12)
    smaller = prune(model, X, y, rate=0.5, granularity="tree", method="random")
    assert (smaller.estimator_weights_ >= 0).all()
    total = smaller.estimator_weights_.sum()
    assert 0 < total < model.estimator_weights_.sum()


def test_sampled_trees_are_reweighted_by_their_weights():
    """Horvitz-Thompson factors go into the weights of the votes."""
    model, X, y = fitted("binary", n_estimators=12)
    smaller = prune(
        model,
        X,
        y,
        rate=0.5,
        granularity="tree",
        method=ImportanceSampling(),
        compensate=False,
        random_state=0,
    )
    ratios = [
        weight / model.estimator_weights_[t]
        for weight, member in zip(smaller.estimator_weights_, smaller.estimators_)
        for t, old in enumerate(model.estimators_)
        if old.random_state == member.random_state
    ]
    assert len(ratios) == 6
    assert min(ratios) >= 1
    assert max(ratios) > 1


def test_votes():
    """A vote for one of three classes costs the others half; of two the difference."""
    assert_array_equal(votes_of(np.eye(3)[[1]]), [[-0.5, 1, -0.5]])
    assert_array_equal(votes_of(np.array([[0.5, 0.5], [0.2, 0.8]])), [[-2], [2]])


def test_weighted_median_is_that_of_repeated_values():
    """A weight of three is a value three times, in an odd number."""
    rng = np.random.default_rng(0)
    values, counts = rng.standard_normal((4, 20)), np.array([3, 1, 2, 1])
    wanted = np.median(np.repeat(values, counts, axis=0), axis=0)
    assert_array_equal(weighted_median(values, counts), wanted)


def test_other_bases_are_refused_in_words():
    """The reason says what would do."""
    X, y = dataset("regression")
    with pytest.raises(TypeError, match=r"AdaBoostRegressor.*only AdaBoost of single"):
        PruningEstimator(AdaBoostRegressor(Ridge())).fit(X, y)
