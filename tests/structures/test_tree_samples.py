"""Samples reach trees as scikit-learn hands them over, with targets beside values."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skprune.structures import Samples
from skprune.structures.tree_models import tree_model
from skprune.structures.tree_samples import (
    TreeSamples,
    brier,
    content_rank,
    held_out_squares,
    row_hashes,
    tree_targets,
)

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["c", "a", "b"])[Y]


def test_targets_are_indicators_in_the_order_of_classes():
    """String classes become columns in the order of classes_."""
    model = DecisionTreeClassifier().fit(X, NAMES)

    targets = tree_targets(model, NAMES)

    assert_array_equal(model.classes_[targets.argmax(axis=1)], NAMES)
    assert_array_equal(targets.sum(axis=1), 1)


def test_targets_of_several_outputs_stand_beside_the_values_of_leaves():
    """A fully grown tree has the targets themselves in its leaves."""
    outputs = np.column_stack([NAMES, np.where(Y > 0, "yes", "no")])
    model = DecisionTreeClassifier(random_state=0)
    rows = np.column_stack([X, np.arange(150)])
    model.fit(rows, outputs)

    values = model.tree_.value[model.apply(rows)]
    samples = TreeSamples(tree_model(model), Samples(rows, outputs))

    assert_array_equal(tree_targets(model, outputs), values.reshape(150, -1))
    assert samples.limits.n_classes == (3, 2)


def test_regression_has_no_limits():
    """Targets of a regression are themselves, and leaves may have any value."""
    model = DecisionTreeRegressor().fit(X, Y * 1.5)

    assert_array_equal(tree_targets(model, Y * 1.5)[:, 0], Y * 1.5)
    assert TreeSamples(tree_model(model), Samples(X, Y)).limits is None


def test_features_are_single_and_may_have_holes():
    """Samples are float32, NaN is a value, and infinity is none."""
    holes = X.copy()
    holes[3, 1] = np.nan
    model = DecisionTreeClassifier().fit(X, Y)

    assert tree_model(model).features(holes).dtype == np.float32
    assert sparse.issparse(tree_model(model).features(sparse.csc_array(X)))
    with pytest.raises(ValueError, match="infinity"):
        tree_model(model).features(np.where(np.isnan(holes), np.inf, holes))


def test_class_weights_count():
    """Weights of samples are multiplied by those of their classes, and sum to one."""
    model = RandomForestClassifier(2, class_weight={0: 3, 1: 1, 2: 2}).fit(X, Y)
    weight = np.random.default_rng(0).random(150)

    samples = TreeSamples(tree_model(model), Samples(X, Y, weight))

    expected = weight * np.array([3, 1, 2])[Y]
    assert_allclose(samples.weights, expected / expected.sum())


def test_weights_count_different_samples():
    """For recovery they sum to the number of different samples of positive weight."""
    model = DecisionTreeRegressor().fit(X, Y)
    features, y = np.vstack([X[:60], X[:20]]), np.append(Y[:60], Y[:20])
    weight = np.ones(80)
    weight[50:60] = 0
    distinct = len(np.unique(np.column_stack([X[:50], Y[:50]]), axis=0))

    samples = TreeSamples(tree_model(model), Samples(features, y, weight))

    assert_allclose(samples.counts.sum(), distinct)
    assert len(samples.rank) == len(samples.used) == 70


def test_drawn_classes_have_their_probabilities():
    """Labels are drawn class by class for each output."""
    Z = np.tile([0.2, 0.5, 0.3, 0.9, 0.1, 0.0], (20000, 1))

    drawn = brier(2).draw(Z, np.random.default_rng(0))

    assert_array_equal(drawn.reshape(-1, 3).sum(axis=1), 1)
    assert_allclose(drawn.mean(axis=0), Z[0], atol=0.02)


def test_missing_trees_are_taken_off_the_loss():
    """The variance due to trees that are not out-of-bag lowers the squared error."""
    Z, Y_ = np.array([[1.0, 2.0]]), np.array([[0.0, 4.0]])

    assert_allclose(held_out_squares(Z, Y_, np.array([[0.5, 0.25]])), [4.25 / 2])


def rows_with_ties(n_samples=50):
    """Rows with NaN, and targets with ties."""
    rng = np.random.default_rng(0)
    X = rng.integers(-2, 3, (n_samples, 4)).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    return X, rng.integers(3, size=n_samples).astype(float)


def test_hashes_are_equal_for_equal_rows_alone():
    """Two rows share a hash if and only if they hold the same numbers."""
    X, _ = rows_with_ties(200)
    hashes = row_hashes(X)

    same = (X[:, None] == X[None]) | (np.isnan(X)[:, None] & np.isnan(X)[None])
    assert_array_equal(hashes[:, None] == hashes[None], same.all(axis=2))


def test_hashes_do_not_know_the_format():
    """Dense, sparse and negative zeros give the same hashes."""
    X = np.nan_to_num(rows_with_ties()[0])
    negative = np.where(X == 0, np.float32(-0.0), X)

    assert_array_equal(row_hashes(sparse.csr_array(X)), row_hashes(X))
    assert_array_equal(row_hashes(negative), row_hashes(X))


def test_rank_moves_with_the_rows_with_ties():
    """Shuffled samples have the ranks of where they came from."""
    X, y = rows_with_ties()
    order = np.random.default_rng(1).permutation(len(y))

    rank = content_rank(row_hashes(X), y)

    assert_array_equal(content_rank(row_hashes(X[order]), y[order]), rank[order])


def test_repeated_samples_share_their_rank():
    """Samples given twice get the rank that they have once, and no gap arises."""
    X, y = rows_with_ties()
    rank = content_rank(row_hashes(X), y)
    twice = content_rank(row_hashes(np.vstack([X, X[:9]])), np.append(y, y[:9]))

    assert_array_equal(twice, np.append(rank, rank[:9]))
    assert_array_equal(np.unique(rank), np.arange(rank.max() + 1))


def test_rank_follows_the_target():
    """Samples of a larger target come later."""
    X, y = rows_with_ties()

    rank = content_rank(row_hashes(X), y)

    assert (np.diff(y[np.argsort(rank, kind="stable")]) >= 0).all()
