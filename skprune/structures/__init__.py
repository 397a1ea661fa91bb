"""Model families: fitted estimators seen as read-outs with units.

Every module of this folder registers its families when it is imported; adding a family
is adding a file.
"""

import importlib
import pkgutil

from skprune.structures.base import FAMILIES, Family, ModelSize, Samples, Structure
from skprune.structures.columns import input_columns
from skprune.structures.containers import final_fit_params, final_model, locate
from skprune.structures.families import (
    family_of,
    find_family,
)
from skprune.structures.samples import check_targets

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = [
    "FAMILIES",
    "Family",
    "ModelSize",
    "Samples",
    "Structure",
    "check_targets",
    "family_of",
    "final_fit_params",
    "final_model",
    "find_family",
    "input_columns",
    "locate",
]
