"""Forests lose trees, keep what is true of the rest, and recover on held-out votes."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, make_friedman1
from sklearn.ensemble import (
    ExtraTreesRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
)

from skprune import PruningEstimator, model_size, prune
from skprune.structures import family_of
from tests.cases import SCIKIT_LEARN
from tests.tree_oracles import structure_of

# before scikit-learn 1.9 weights of samples count in the splits of a forest alone
DRAWS_BY_WEIGHT = SCIKIT_LEARN >= (1, 9)
X_IRIS, Y_IRIS = load_iris(return_X_y=True)
X_DIABETES, Y_DIABETES = load_diabetes(return_X_y=True)


def forest(n_estimators=8, **options):
    """A classifier of three classes."""
    model = RandomForestClassifier(n_estimators, random_state=0, **options)
    return model.fit(X_IRIS, Y_IRIS)


def cut(model, rate=0.5, granularity="tree", **options):
    """The model pruned on its own samples, without recovery."""
    return prune(
        model,
        X_IRIS,
        Y_IRIS,
        rate=rate,
        granularity=granularity,
        compensate=False,
        **options,
    )


def test_mean_is_that_of_the_trees_that_are_left():
    """A forest that lost trees predicts the mean of the others."""
    model = forest()
    structure = structure_of(model, X_IRIS, Y_IRIS, "neuron")
    gates = np.array([1.0, 0, 0, 1, 1, 0, 1, 0])

    smaller = structure.prune(gates, compensate=False, rng=None).finished()

    left = [e for e, gate in zip(model.estimators_, gates) if gate]
    expected = np.mean([e.predict_proba(X_IRIS) for e in left], axis=0)
    assert_allclose(smaller.predict_proba(X_IRIS), expected)
    assert_allclose(structure.output(gates), expected)


def test_weighted_trees_are_rebuilt_as_a_weighted_mean():
    """Gates other than one weight the trees that are left."""
    model = forest(4)
    structure = structure_of(model, X_IRIS, Y_IRIS, "neuron")
    gates = np.array([0.5, 0, 3, 1])

    smaller = structure.prune(gates, compensate=False, rng=None).finished()

    each = [e.predict_proba(X_IRIS) for e in model.estimators_]
    expected = np.average(each, axis=0, weights=gates)
    assert_allclose(smaller.predict_proba(X_IRIS), expected)


@pytest.mark.filterwarnings("ignore:rate=0.99")
@pytest.mark.parametrize("rate", [0, 0.3, 0.99])
def test_n_estimators_is_the_number_of_trees(rate):
    """The parameter tells how many trees there are, and survives a clone."""
    smaller = cut(forest(), rate)

    assert len(smaller.estimators_) == max(8 - round(8 * rate), 1)
    assert smaller.n_estimators == len(smaller.estimators_)
    assert clone(smaller).n_estimators == smaller.n_estimators


def test_warm_start_grows_on_from_what_is_left():
    """More trees can be added to a pruned forest."""
    smaller = cut(forest(warm_start=True))
    old = smaller.predict_proba(X_IRIS)

    smaller.set_params(n_estimators=6).fit(X_IRIS, Y_IRIS)

    assert len(smaller.estimators_) == 6
    new = [e.predict_proba(X_IRIS) for e in smaller.estimators_[4:]]
    assert_allclose(smaller.predict_proba(X_IRIS), (4 * old + np.sum(new, axis=0)) / 6)


@pytest.mark.parametrize("granularity", ["tree", "split", "depth", "feature"])
def test_left_overs_of_training_are_gone(granularity):
    """Scores and weights of training samples do not outlive the trees they are of."""
    model = forest(20, oob_score=True, class_weight="balanced")
    n_bytes = model_size(model).n_bytes

    smaller = cut(model, 0.5, granularity)

    names = ["oob_score_", "oob_decision_function_"]
    if DRAWS_BY_WEIGHT:
        names.append("_sample_weight")
    for name in names:
        assert hasattr(model, name)
        assert not hasattr(smaller, name)
    assert model_size(smaller).n_bytes < n_bytes


@pytest.mark.parametrize("granularity", ["tree", "split", "depth", "feature"])
def test_all_threads_predict_the_same(granularity):
    """A pruned forest predicts alike with one job and two, and after a pickle."""
    smaller = cut(forest(), 0.5, granularity)
    expected = smaller.predict_proba(X_IRIS)

    copied = pickle.loads(pickle.dumps(smaller)).set_params(n_jobs=2)

    assert_allclose(copied.predict_proba(X_IRIS), expected, atol=1e-15)


@pytest.mark.parametrize("kind", [IsolationForest, RandomTreesEmbedding])
def test_forests_without_a_read_out_are_refused_in_words(kind):
    """The error says why, and which families there are."""
    with pytest.raises(TypeError, match=rf"{kind.__name__} .*its .*: .*|.*forests"):
        family_of(kind())
    with pytest.raises(TypeError, match=r"cannot be pruned: its .*skprune knows .*for"):
        family_of(kind())


def test_training_samples_are_recognised():
    """A forest knows whether samples are those that its trees were drawn from."""
    model = RandomForestRegressor(5, random_state=0).fit(X_DIABETES, Y_DIABETES)

    own = structure_of(model, X_DIABETES, Y_DIABETES).samples
    others = structure_of(model, X_DIABETES[::-1], Y_DIABETES[::-1]).samples

    drawn = model.estimators_samples_
    assert [set(rows) for rows in own.seen] == [set(rows) for rows in drawn]
    assert not own.out_of_bag[2, drawn[2]].any()
    assert own.out_of_bag[2].sum() == 442 - len(set(drawn[2]))
    assert others.seen is None
    assert not own.memorised
    extra = ExtraTreesRegressor(3, random_state=0).fit(X_DIABETES, Y_DIABETES)
    assert structure_of(extra, X_DIABETES, Y_DIABETES).samples.memorised
    assert not structure_of(extra, X_DIABETES, Y_DIABETES + 1).samples.memorised


@pytest.mark.parametrize("weighted", [False, True])
def test_a_pruned_forest_is_pruned_again(weighted):
    """Trees, then splits: the samples of the trees that are left are still known.

    Unless they were drawn by weights, which a pruned forest does not keep; before
    scikit-learn 1.9 no forest draws by weights.
    """
    model = RandomForestRegressor(20, random_state=0)
    weights = np.linspace(1, 2, 442) if weighted else None
    model.fit(X_DIABETES, Y_DIABETES, sample_weight=weights)
    options = {"granularity": "tree", "compensate": False, "sample_weight": weights}
    fewer = prune(model, X_DIABETES, Y_DIABETES, rate=0.5, **options)

    again = structure_of(fewer, X_DIABETES, Y_DIABETES, sample_weight=weights)
    smaller = prune(fewer, X_DIABETES, Y_DIABETES, rate=0.8, sample_weight=weights)

    assert (again.samples.out_of_bag is None) == (weighted and DRAWS_BY_WEIGHT)
    assert len(smaller.estimators_) == 10
    nodes = [sum(e.tree_.node_count for e in m.estimators_) for m in (fewer, smaller)]
    assert 0.15 < nodes[1] / nodes[0] < 0.25


@pytest.mark.parametrize("granularity", ["split", "tree", "depth", "feature"])
def test_recovery_helps_on_new_samples(granularity):
    """Leaves estimated anew predict samples better that nobody has seen."""
    X, y = make_friedman1(900, noise=1.0, random_state=0)
    model = RandomForestRegressor(30, random_state=0).fit(X[:500], y[:500])
    plain, recovered = (
        prune(
            model,
            X[:500],
            y[:500],
            rate=0.9 if granularity != "feature" else 0.5,
            granularity=granularity,
            compensate=compensate,
        )
        for compensate in (False, True)
    )

    def error(m):
        return ((m.predict(X[500:]) - y[500:]) ** 2).mean()

    assert error(recovered) < 0.97 * error(plain)


def test_noise_is_not_fitted():
    """Where targets are noise, recovery leaves a forest as it was cut."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 5)), rng.normal(size=200)
    model = RandomForestRegressor(30, random_state=0).fit(X, y)

    plain, recovered = (
        prune(model, X, y, rate=0.9, compensate=compensate)
        for compensate in (False, True)
    )

    assert_array_equal(plain.predict(X), recovered.predict(X))


def test_recovered_probabilities_are_probabilities_everywhere():
    """Far from the samples too, classes have shares that sum to one."""
    model = PruningEstimator(forest(30), rate=0.9, random_state=0).fit(X_IRIS, Y_IRIS)
    X = np.random.default_rng(0).normal(3, 5, (2000, 4))

    P = model.predict_proba(X)

    assert (P >= 0).all()
    assert (P <= 1 + 1e-12).all()
    assert_allclose(P.sum(axis=1), 1)


def test_small_samples_are_enough():
    """Two samples, of one tree or more, are pruned without complaint."""
    model = RandomForestRegressor(3, random_state=0).fit([[0.0], [1.0]], [0.0, 2.0])

    smaller = prune(model, [[0.0], [1.0]], [0.0, 2.0], rate=0.5, granularity="tree")

    assert len(smaller.estimators_) == 1
