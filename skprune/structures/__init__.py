"""Model families: fitted estimators described as read-outs with units.

`Family`, `Structure`, `Samples`, `ModelSize`, `Units`, `register`, `total_weights` and
`check_targets` are what a new family needs. A new kind of network needs `NetView`,
`register_nets`, `Recipe` and an `Activation` a hidden layer. Every module of this
folder registers its families on import, so that a new family is a new file.
"""

import importlib
import pkgutil

from skprune.numerics.network import IDENTITY, RELU, SIGMOID, TANH, Activation
from skprune.numerics.units import Units
from skprune.recovery.training import Recipe
from skprune.structures.base import (
    FAMILIES,
    Family,
    ModelSize,
    Samples,
    Structure,
    register,
)
from skprune.structures.columns import input_columns
from skprune.structures.containers import Container, container_of
from skprune.structures.families import (
    family_of,
    find_family,
)
from skprune.structures.linear_views import LinearView, register_linear_view
from skprune.structures.location import (
    dotted,
    final_model,
    final_models,
    locate,
    prunable_models,
    way_in,
)
from skprune.structures.net_view import NetView
from skprune.structures.nets import register_nets
from skprune.structures.samples import check_targets, total_weights

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = [
    "FAMILIES",
    "IDENTITY",
    "RELU",
    "SIGMOID",
    "TANH",
    "Activation",
    "Container",
    "Family",
    "LinearView",
    "ModelSize",
    "NetView",
    "Recipe",
    "Samples",
    "Structure",
    "Units",
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
    "register",
    "register_linear_view",
    "register_nets",
    "total_weights",
    "way_in",
]
