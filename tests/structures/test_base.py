"""What families share: granularities and their words, weights, checks of targets."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.class_weight import compute_sample_weight

from skprune.structures import FAMILIES, ModelSize, Samples, check_targets
from skprune.structures.base import Family, Structure, register, total_weights
from tests.cases import CASES

X, Y = load_iris(return_X_y=True)
CANONICAL = {"connection", "neuron", "layer", "feature", "estimator"}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_families_speak_the_same_granularities(family):
    """Granularities are of the four, or whole members; synonyms lead to one of them."""
    assert set(family.structures) <= CANONICAL
    for word, canonical in family.synonyms.items():
        assert canonical in family.structures
        assert family.granularity(word) == canonical
    for name, structure in family.structures.items():
        assert family.granularity(name) == name
        assert issubclass(structure, Structure)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_unknown_granularity_names_those_there_are(family):
    """The error has every granularity and every synonym."""
    with pytest.raises(ValueError, match="granularity='cell'") as raised:
        family.granularity("cell")
    for word in (*family.structures, *family.synonyms):
        assert repr(word) in str(raised.value)


def test_every_family_has_cases():
    """No family escapes the laws: each accepts a model of the table of cases."""
    for family in FAMILIES:
        own = [case for case in CASES if family.accepts(case.model)]
        assert own, family.name
        tested = {granularity for case in own for granularity in case.granularities}
        missing = {
            granularity
            for granularity, structure in family.structures.items()
            if structure not in {family.structures[name] for name in tested}
        }
        assert not missing, family.name


def test_family_registered_last_is_asked_first():
    """A family of one's own may take models from those that skprune has."""
    own = Family("mine", lambda model: True, {}, {}, dict)
    try:
        register(own)
        assert FAMILIES[0] is own
    finally:
        FAMILIES.remove(own)


def test_sizes_add_up():
    """Each count is the sum of those of the parts."""
    assert ModelSize(1, 2, 3.0, 4) + ModelSize(10, 20, 30.5, 40) == ModelSize(
        11, 22, 33.5, 44
    )


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
