"""Every family, granularity and method keeps the laws of `skprune.testing`."""
import pytest
from skprune.testing import STRUCTURE_LAWS
from tests.cases import CASES

SPECIMENS = [
    pytest.param(case, granularity, id=f"{case.name}-{granularity}")
    for case in CASES
    for granularity in case.granularities
]


@pytest.mark.parametrize("law", STRUCTURE_LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize(("case", "granularity"), SPECIMENS)
def test_structure_keeps_law(case, granularity, law):
    """The structure of a fitted model keeps each law."""
    law(case.specimen(granularity))
