"""Which family a model belongs to."""

import pytest
from sklearn.linear_model import LinearRegression

from skprune.structures import FAMILIES, family_of
from skprune.structures.base import Family, register


def test_families_are_named_in_refusals():
    """The error lists every family that there is."""
    with pytest.raises(TypeError) as raised:
        family_of(object())
    for family in FAMILIES:
        assert family.name in str(raised.value)


def test_a_class_is_told_from_an_estimator():
    """Who gives the class is told how to make an estimator of it."""
    with pytest.raises(TypeError, match=r"a class.*give LinearRegression\(\)"):
        family_of(LinearRegression)


def test_a_family_may_depend_on_the_model():
    """What is returned is the family as it says to be for the model."""

    class Named(Family):
        def of(self, model):
            return Family(repr(model), self.accepts, {}, {}, dict)

    families = FAMILIES.copy()
    try:
        register(Named("mine", lambda model: model == "a model", {}, {}, dict))
        assert family_of("a model").name == "'a model'"
        assert family_of(LinearRegression()).name == "linear models"
    finally:
        FAMILIES[:] = families
