"""Model families: fitted estimators seen as read-outs with units.

Every module of this folder registers its families when it is imported; adding a family
is adding a file.
"""

import importlib
import pkgutil

from skprune.structures.base import (
    FAMILIES,
    REFUSALS,
    Family,
    ModelSize,
    Samples,
    Structure,
    check_targets,
)
from skprune.structures.columns import input_columns
from skprune.structures.containers import final_fit_params, final_model, locate


def family_of(model):
    """The family of a model, fitted or not.

    Parameters
    ----------
    model : estimator
        A linear model, an MLP, a tree, a forest, ...; not a container of one.

    Returns
    -------
    Family
        The first registered family that accepts the model.

    Raises
    ------
    TypeError
        If none does; names those that exist.
    """
    for family in FAMILIES:
        if family.accepts(model):
            return family
    known = ", ".join(sorted(family.name for family in FAMILIES))
    reasons = (why for kind, why in REFUSALS.items() if isinstance(model, kind))
    reason = "".join(f": {why}" for why in reasons)
    raise TypeError(
        f"{type(model).__name__} cannot be pruned{reason}; skprune knows {known}, "
        "also inside a Pipeline, a search, a TransformedTargetRegressor or a "
        "FrozenEstimator."
    )


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
    "input_columns",
    "locate",
]
