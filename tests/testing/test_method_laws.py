"""Each law catches a method that breaks it."""

import numpy as np
import pytest

from skprune.methods import Magnitude
from skprune.numerics.units import keep_units
from skprune.testing import method_laws
from skprune.testing.method_laws import METHOD_LAWS, example_readouts


class NotANumber(Magnitude):
    def importances(self, readout, rng):
        return np.where(np.arange(readout.n_units) == 3, np.nan, 1.0)


class Negative(Magnitude):
    def importances(self, readout, rng):
        return -super().importances(readout, rng)


class Unseeded(Magnitude):
    def importances(self, readout, rng):
        return np.random.default_rng().random(readout.n_units)


class ByNumber(Magnitude):
    def importances(self, readout, rng):
        return super().importances(readout, rng) + np.arange(readout.n_units)


class SecretlyByRate(Magnitude):
    def rank(self, readouts, n_keep, rng):
        return super().rank(readouts, n_keep, rng) * n_keep


class OneTooMany(Magnitude):
    def gates(self, readouts, importances, n_remove, units, scope, rng):
        return keep_units(importances, n_remove + 1, units, scope) * 1.0


class IgnoresFloors(Magnitude):
    def gates(self, readouts, importances, n_remove, units, scope, rng):
        return (np.argsort(np.argsort(importances)) >= n_remove) * 1.0


class WritesToTheReadout(Magnitude):
    def importances(self, readout, rng):
        found = super().importances(readout, rng)
        readout.W *= 2
        return found


class ChangesItself(Magnitude):
    def importances(self, readout, rng):
        found = super().importances(readout, rng)
        self.scale = None
        return found


MUTANTS = [
    ("importances_are_finite_and_not_negative", NotANumber),
    ("importances_are_finite_and_not_negative", Negative),
    ("same_seed_same_gates", Unseeded),
    ("ranking_depends_on_rate_only_if_declared", SecretlyByRate),
    ("permuting_units_permutes_importances", ByNumber),
    ("gates_have_exact_number_of_zeros", OneTooMany),
    ("gates_have_exact_number_of_zeros", IgnoresFloors),
    ("method_and_readout_are_untouched", WritesToTheReadout),
    ("method_and_readout_are_untouched", ChangesItself),
]


@pytest.mark.parametrize("law", METHOD_LAWS, ids=lambda law: law.__name__)
def test_sound_method_keeps_every_law(law):
    """A method that breaks nothing passes."""
    law(Magnitude())


@pytest.mark.parametrize(("name", "mutant"), MUTANTS)
def test_law_catches_what_breaks_it(name, mutant):
    """The method made to break a law is caught by that law."""
    with pytest.raises(AssertionError):
        getattr(method_laws, name)(mutant())


def test_every_law_has_a_mutant():
    """Each law has a test."""
    assert {law.__name__ for law in METHOD_LAWS} == {name for name, _ in MUTANTS}


def test_examples_are_the_same_each_time():
    """Laws compare read-outs made anew."""
    for one, other in zip(example_readouts(), example_readouts()):
        assert one.n_units == other.n_units
        assert (one.contribution() == other.contribution()).all()
