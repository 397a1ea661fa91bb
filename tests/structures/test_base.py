"""What families share: granularities and their words, and sizes that add up."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris
from sklearn.linear_model import Ridge

from skprune.structures import FAMILIES, ModelSize, Samples
from skprune.structures.base import Family, Structure, register
from skprune.structures.linear import LinearFeatures
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


def test_loss_and_gradient_follow_from_the_loss_function():
    """They are the weighted mean of the loss, and its derivative by the output."""
    weights = np.arange(150.0)
    model = Ridge().fit(X, Y, weights)
    structure = LinearFeatures(model, Samples(X, Y, weights))
    errors = model.predict(X) - Y

    assert_allclose(structure.output_gradient()[:, 0], errors)
    assert_allclose(structure.loss(), weights @ errors**2 / weights.sum() / 2)
    drawn = structure.output_gradient(np.random.default_rng(0))
    assert drawn.shape == (150, 1) and (drawn[:, 0] != errors).all()


def test_sizes_add_up():
    """Each count is the sum of those of the parts."""
    assert ModelSize(1, 2, 3.0, 4) + ModelSize(10, 20, 30.5, 40) == ModelSize(
        11, 22, 33.5, 44
    )
