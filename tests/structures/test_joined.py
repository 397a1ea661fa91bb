"""Joined units keep the laws of a structure."""

from dataclasses import dataclass

import numpy as np
import pytest

from skprune.methods.shrinking import can_shrink
from skprune.structures.joined import JoinedUnits
from skprune.testing import structure_laws as laws
from skprune.testing.structure_laws import Specimen
from tests.cases import CASES

NAMES = ("LogisticRegression", "Ridge-outputs", "MLPClassifier", "DecisionTree")
CHOSEN = [case for case in CASES if case.name.startswith(NAMES)]
LAWS = (
    laws.gates_of_one_change_nothing,
    laws.gate_gradient_is_derivative_of_loss,
    laws.rebuilt_model_computes_what_gates_say,
    laws.finished_model_predicts_what_structure_says,
    laws.statistics_are_finite_and_not_negative,
    laws.weight_of_zero_is_a_row_removed,
)


@dataclass(frozen=True)
class JoinedSpecimen(Specimen):
    """A model whose features are joined in three groups."""

    def structure(self, model=None):
        structure = super().structure(model)
        group = np.arange(structure.n_units) % 3
        return JoinedUnits(structure, group)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: case.name)
def test_joined_features_keep_law(case, law):
    """Groups of features behave as units do."""
    law(JoinedSpecimen(case.fitted(), *case.samples(), "feature"))


@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: case.name)
def test_group_goes_as_a_whole(case):
    """A gate of zero removes all members of a group, and no others."""
    single = Specimen(case.fitted(), *case.samples(), "feature").structure()
    group = np.arange(single.n_units) % 3
    gates = np.array([1.0, 0.0, 1.0])

    joined = JoinedUnits(single, group).prune(gates, compensate=True, rng=None)

    assert joined.n_units == 2
    assert joined.structure.n_units == np.sum(group != 1)
    wanted = single.prune((group != 1).astype(float), compensate=True, rng=None)
    np.testing.assert_array_equal(joined.output(), wanted.output())


def test_groups_do_not_shrink_in_training():
    """Groups lack what shrinking needs, so that it is refused and not ignored."""
    case = next(case for case in CHOSEN if case.name == "MLPClassifier")
    joined = JoinedSpecimen(case.fitted(), *case.samples(), "feature").structure()

    assert can_shrink(type(joined.structure)) and not can_shrink(type(joined))
