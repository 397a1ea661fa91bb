"""Recall by class before and after pruning, and the warning when a class is lost."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import recall_score

from skprune import PruningEstimator, prune
from skprune.engine.recall import warn_of_lost_classes
from skprune.engine.warnings import LostClassWarning


@pytest.fixture(scope="module")
def rare():
    """Two classes of 500 and one of 12, which its own two features tell apart."""
    rng = np.random.default_rng(0)
    X, y = make_classification(1000, 10, n_informative=6, random_state=0)
    marks = np.zeros((1012, 2))
    marks[1000:] = 4
    X = np.hstack([np.vstack([X, rng.normal(size=(12, 10))]), marks])
    X[:, 10:] += 0.5 * rng.normal(size=(1012, 2))
    return X, np.append(np.array(["no", "yes"])[y], ["rare"] * 12)


def test_recall_is_that_of_scikit_learn():
    """With at most 100 samples a class the report has scikit-learn's recall."""
    X, y = make_classification(150, 6, n_informative=4, n_classes=3, random_state=0)
    model = LogisticRegression().fit(X, y)

    pruned = PruningEstimator(LogisticRegression(), rate=0.5).fit(X, y)

    before = recall_score(y, model.predict(X), average=None)
    after = recall_score(y, pruned.predict(X), average=None)
    np.testing.assert_allclose(list(pruned.report_.recall_before.values()), before)
    np.testing.assert_allclose(list(pruned.report_.recall_after.values()), after)


def test_lost_class_is_named(rare):
    """A class that is not found any more is named in a warning, with both recalls."""
    forest = RandomForestClassifier(10, min_samples_leaf=3, random_state=0).fit(*rare)

    with pytest.warns(LostClassWarning, match=r"'rare' \(\d\.\d\d -> 0\.\d\d\)"):
        prune(forest, *rare, rate=0.98, compensate=False)


def test_what_was_not_found_is_not_lost():
    """A class of which the model found one sample in fifty has nothing to lose."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", LostClassWarning)
        warn_of_lost_classes({"a": 0.02, "b": 0.9}, {"a": 0.0, "b": 0.9})
    with pytest.warns(LostClassWarning, match="'a'"):
        warn_of_lost_classes({"a": 0.1, "b": 0.9}, {"a": 0.0, "b": 0.9})


def test_balanced_weights_keep_it(rare):
    """With balanced class weights the same pruning keeps the class, and is silent."""
    forest = RandomForestClassifier(
        10, min_samples_leaf=3, class_weight="balanced", random_state=0
    ).fit(*rare)

    with warnings.catch_warnings():
        warnings.simplefilter("error", LostClassWarning)
        prune(forest, *rare, rate=0.9, compensate=False)


def test_report_prints_what_fell(rare):
    """The printed report names the class whose recall fell."""
    with pytest.warns(LostClassWarning):
        pruned = PruningEstimator(
            RandomForestClassifier(10, min_samples_leaf=3, random_state=0),
            rate=0.98,
            compensate=False,
        ).fit(*rare)

    assert "recall of class rare:" in repr(pruned.report_)
    assert "recall of class rare:" in pruned.report_._repr_html_()


def test_regression_has_none():
    """A regressor has no recall."""
    pruned = PruningEstimator(Ridge()).fit(*load_diabetes(return_X_y=True))

    assert pruned.report_.recall_before == {}
