"""Each law catches a structure that breaks it."""

import copy

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression, Ridge

from skprune.methods import Magnitude
from skprune.structures.base import FAMILIES, Family, register
from skprune.structures.linear import LinearFeatures, linear_part_sizes
from skprune.testing import structure_laws
from skprune.testing.structure_laws import STRUCTURE_LAWS, Specimen

X, Y = load_diabetes(return_X_y=True)


class Victim(Ridge):
    """A ridge whose family is one of the broken ones below."""


class Sound(LinearFeatures):
    """Breaks nothing."""


class GatesLeak(LinearFeatures):
    def output(self, gates=None, X=None):
        return super().output(gates, X) * (1 if gates is None else 1 + 1e-6)


class WrongGradient(LinearFeatures):
    def gate_gradient(self):
        return 1.001 * super().gate_gradient()


class ForgetsGates(LinearFeatures):
    def prune(self, gates, *, compensate, rng):
        return super().prune(gates != 0, compensate=compensate, rng=rng)


class FinishesAnotherModel(LinearFeatures):
    def finished(self):
        model = super().finished()
        if not self.mask.all():
            model.intercept_ += 0.1
        return model


class KeepsTheRemoved(LinearFeatures):
    def prune(self, gates, *, compensate, rng):
        pruned = super().prune(gates, compensate=compensate, rng=rng)
        pruned._set_mask(self.mask)
        return pruned


class WritesToTheModel(LinearFeatures):
    def __init__(self, model, samples):
        super().__init__(model, samples)
        model.coef_[0] += 1e-3


class SharesWithTheModel(LinearFeatures):
    def __init__(self, model, samples):
        super().__init__(model, samples)
        self.given = model

    def finished(self):
        model = super().finished()
        if self.mask.all():
            model.coef_ = self.given.coef_
        return model


class CannotBePickled(LinearFeatures):
    def finished(self):
        model = super().finished()
        model.callback = lambda: None
        return model


class NamesNoGroup(LinearFeatures):
    group_names = []


class RoundsTheModel(LinearFeatures):
    def finished(self):
        model = super().finished()
        model.coef_ = np.round(model.coef_)
        return model


class RegrowsInTraining(LinearFeatures):
    def finetune(self, epochs, rng, passes=range):
        whole = copy.copy(self)
        whole._set_mask(np.ones_like(self.mask))
        return whole


class NegativeStatistics(LinearFeatures):
    def readouts(self):
        readout = copy.copy(super().readouts()[0])
        readout.fisher = lambda rng=None: -np.ones(self.n_units)
        return [readout]


class DeclaresNothing(LinearFeatures):
    answers = frozenset()


class IgnoresWeights(LinearFeatures):
    def __init__(self, model, samples):
        super().__init__(model, samples)
        self.weights = np.full(len(self.weights), 1 / len(self.weights))


class DrawsFromNowhere(LinearFeatures):
    def prune(self, gates, *, compensate, rng):
        pruned = super().prune(gates, compensate=compensate, rng=rng)
        pruned.b = pruned.b + np.random.default_rng().normal()
        pruned.estimator = copy.copy(pruned.estimator)
        pruned.estimator.intercept_ = float(pruned.b[0])
        return pruned


MUTANTS = {
    "gates_of_one_change_nothing": GatesLeak,
    "gate_gradient_is_derivative_of_loss": WrongGradient,
    "rebuilt_model_computes_what_gates_say": ForgetsGates,
    "finished_model_predicts_what_structure_says": FinishesAnotherModel,
    "removed_units_are_gone": KeepsTheRemoved,
    "given_estimator_is_untouched": WritesToTheModel,
    "result_is_a_plain_estimator": CannotBePickled,
    "report_says_what_the_result_is": NamesNoGroup,
    "rate_zero_returns_equal_model": RoundsTheModel,
    "statistics_are_finite_and_not_negative": NegativeStatistics,
    "declared_operations_are_answered": DeclaresNothing,
    "weight_of_zero_is_a_row_removed": IgnoresWeights,
    "fine_tuning_holds_removed_units": RegrowsInTraining,
    "same_seed_same_model": DrawsFromNowhere,
}


@pytest.fixture
def specimen():
    """Makes a specimen of a model whose structure is a given class."""
    registered = []

    def make(structure):
        family = Family(
            "victims",
            lambda model: isinstance(model, Victim),
            {"feature": structure},
            {},
            linear_part_sizes,
            trains_by_passes=structure is RegrowsInTraining,
        )
        register(family)
        registered.append(family)
        return Specimen(Victim(alpha=0.1).fit(X, Y), X, Y, "feature")

    yield make
    for family in registered:
        FAMILIES.remove(family)


@pytest.mark.parametrize("law", STRUCTURE_LAWS, ids=lambda law: law.__name__)
def test_sound_structure_keeps_every_law(specimen, law):
    """A structure that breaks nothing passes."""
    law(specimen(Sound))


@pytest.mark.parametrize("name", MUTANTS)
def test_law_catches_what_breaks_it(specimen, name):
    """The structure made to break a law is caught by that law."""
    law = getattr(structure_laws, name)
    with pytest.raises(
        (AssertionError, AttributeError, TypeError, Exception)
    ) as caught:
        law(specimen(MUTANTS[name]))
    assert "Victim" not in type(caught.value).__name__


def test_shared_array_is_caught(specimen):
    """A result that holds an array of the given model is not its own."""
    with pytest.raises(AssertionError, match="shares an array"):
        structure_laws.given_estimator_is_untouched(specimen(SharesWithTheModel))


def test_every_law_is_listed_and_has_a_mutant():
    """Each law has a test; two have their own below."""
    names = {law.__name__ for law in STRUCTURE_LAWS}
    others = {"exact_number_is_removed", "output_decides_the_class"}
    assert names - set(MUTANTS) == others


def test_output_that_decides_for_another_class_is_caught():
    """An output of the wrong sign does not decide the class."""

    class Swapped(Specimen):
        def structure(self, model=None):
            structure = super().structure(model)
            right = structure.output
            structure.output = lambda gates=None, X=None: -right(gates, X)
            return structure

    y = Y > np.median(Y)
    model = LogisticRegression().fit(X, y)
    structure_laws.output_decides_the_class(Specimen(model, X, y, "feature"))
    with pytest.raises(AssertionError):
        structure_laws.output_decides_the_class(Swapped(model, X, y, "feature"))


def test_number_of_removed_units_is_held(specimen):
    """A method that removes one unit less is caught."""

    class Shy(Magnitude):
        def gates(self, readouts, importances, n_remove, units, scope, rng):
            least = max(n_remove - 1, 0)
            return super().gates(readouts, importances, least, units, scope, rng)

    with pytest.raises(AssertionError, match="units removed, not"):
        structure_laws.method_removes_exact_number(Shy(), specimen(Sound))
