"""Weights of samples are scikit-learn's; targets that do not fit are refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.class_weight import compute_sample_weight

from skprune.structures import Samples, check_targets
from skprune.structures.samples import total_weights

X, Y = load_iris(return_X_y=True)


@pytest.mark.parametrize(
    "class_weight", ["balanced", {0: 1.0, 1: 2.0, 2: 5.0}, None], ids=str
)
def test_weights_times_class_weights(class_weight):
    """As scikit-learn computes them; weighted counts balance weighted classes."""
    model = LogisticRegression(class_weight=class_weight)
    weights = np.random.default_rng(0).uniform(0, 2, len(Y))
    unweighted = total_weights(model, Samples(X, Y), len(Y))
    wanted = compute_sample_weight(class_weight, Y)
    assert_allclose(unweighted, wanted)

    weighted = total_weights(model, Samples(X, Y, weights), len(Y))

    if class_weight == "balanced":
        assert_allclose(np.bincount(Y, weighted), weights.sum() / 3)
        assert_allclose(np.ptp(weighted[Y == 1] / weights[Y == 1]), 0, atol=1e-12)
    else:
        assert_allclose(weighted, weights * wanted)


def test_balanced_weights_ignore_classes_of_no_weight():
    """Rows of weight zero count as little as rows that are not there."""
    model, weights = DecisionTreeClassifier(class_weight="balanced"), (Y < 2) * 1.0
    found = total_weights(model, Samples(X, Y, weights), len(Y))
    rows = Y < 2
    wanted = total_weights(model, Samples(X[rows], Y[rows]), rows.sum())
    assert_allclose(found[rows], wanted)
    assert not found[~rows].any()


def test_balanced_weights_of_several_outputs():
    """The factors of the outputs multiply."""
    targets = np.column_stack([Y, Y == 1])
    model = DecisionTreeClassifier(class_weight="balanced")
    found = total_weights(model, Samples(X, targets), len(Y))
    assert_allclose(found, compute_sample_weight("balanced", targets))


def test_one_weight_for_all():
    """A number stands for that weight of every sample."""
    assert_allclose(total_weights(Ridge(), Samples(X, Y, 2.0), len(Y)), 2.0)


def test_targets_that_fit():
    """Known classes, in words, in several columns, or as an indicator."""
    words = np.array(["a", "b", "c"])[Y]
    check_targets(LinearSVC().fit(X, words), Samples(X, words.tolist()))
    several = np.column_stack([Y, Y == 2])
    tree = DecisionTreeClassifier().fit(X, several)
    check_targets(tree, Samples(X, several))
    with pytest.raises(ValueError, match=r"classes \[7\].*never saw"):
        check_targets(tree, Samples(X, np.where(several == 2, 7, several)))
