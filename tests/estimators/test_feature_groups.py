"""Labels or lists of columns define the groups of features."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from skprune.estimators import feature_groups
from skprune.estimators.feature_groups import feature_use, group_labels, ranking
from skprune.structures import family_of


def test_labels_of_any_kind_are_numbered():
    """Labels may be strings or numbers."""
    labels = group_labels(["sex", "age", "sex"], 3)

    assert labels[0] == labels[2] != labels[1]
    np.testing.assert_array_equal(labels, group_labels(np.array([7, 3, 7]), 3))


def test_columns_in_no_list_are_alone():
    """Lists of columns name groups; each other column is a group of its own."""
    labels = group_labels([[3, 1], [0]], 5)

    assert labels[1] == labels[3]
    assert len(np.unique(labels)) == 4
    assert set(labels) == set(range(4))


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["a", "b"], "2 labels, but X has 4 features"),
        ([[0, 1], [1]], r"groups\[1\]=\[1\] repeats a column"),
        ([[0, 0]], "repeats a column"),
        ([[0, 4]], "has a column that X does not have"),
        ([[-1]], "has a column that X does not have"),
        ([[]], "must be a list of column numbers"),
        ([["a"]], "must be a list of column numbers"),
        (["a", None, "b", "b"], "None.*several types"),
        ([1, "1", 2, 2], "several types"),
        ([1, None, 2, 2], "several types"),
        ([[0.5]], "must be a list of column numbers"),
    ],
)
def test_bad_groups_are_named(groups, message):
    """Errors name the invalid group and the problem."""
    with pytest.raises(ValueError, match=message):
        group_labels(groups, 4)


def test_ranking_counts_up_by_falling_importance():
    """Kept units rank first; of the others the most important one is second."""
    support = np.array([True, False, False, True, False])

    ranks = ranking(np.array([0.1, 0.2, 0.5, 0.9, 0.3]), support)

    np.testing.assert_array_equal(ranks, [1, 4, 2, 1, 3])


def test_family_that_does_not_say_what_it_reads_is_named(monkeypatch):
    """A family without feature_use raises an error that says what is missing."""
    model = LinearRegression().fit(np.eye(3), np.arange(3))
    dumb = replace(family_of(model), feature_use=None)
    monkeypatch.setattr(feature_groups, "family_of", lambda model: dumb)

    with pytest.raises(
        TypeError, match=r"LinearRegression cannot select.*linear models has no"
    ):
        feature_use(model)
