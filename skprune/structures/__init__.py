"""Model families: fitted estimators seen as read-outs with units.

Every module of this folder registers its families when it is imported; adding a family
is adding a file.
"""

import importlib
import pkgutil

from skprune.structures.base import FAMILIES, Family, ModelSize, Samples, Structure
from skprune.structures.columns import input_columns
from skprune.structures.containers import Container, container_of
from skprune.structures.families import (
    family_of,
    find_family,
)
from skprune.structures.location import (
    dotted,
    final_model,
    final_models,
    locate,
    prunable_models,
    way_in,
)
from skprune.structures.samples import check_targets

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = [
    "FAMILIES",
    "Container",
    "Family",
    "ModelSize",
    "Samples",
    "Structure",
    "check_targets",
    "container_of",
    "dotted",
    "family_of",
    "final_model",
    "final_models",
    "find_family",
    "input_columns",
    "locate",
    "prunable_models",
    "way_in",
]
