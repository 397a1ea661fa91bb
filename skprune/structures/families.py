"""Which family a model belongs to."""

from skprune.structures.base import FAMILIES, REFUSALS


def find_family(model):
    """The first registered family that accepts a model, as `family_of`, or None."""
    for family in FAMILIES:
        if family.accepts(model):
            return family.of(model)
    return None


def family_of(model):
    """The family of a model, fitted or not.

    Parameters
    ----------
    model : estimator
        A linear model, an MLP, a tree, a forest, ...; not a container of one.

    Returns
    -------
    Family
        The first registered family that accepts the model, as it is for such a model.

    Raises
    ------
    TypeError
        If none does; names those that exist. If it is a class.
    """
    family = find_family(model)
    if family is not None:
        return family
    if isinstance(model, type):
        name = model.__name__
        raise TypeError(f"{name} is a class, not an estimator; give {name}().")
    known = ", ".join(sorted(family.name for family in FAMILIES))
    reasons = (why for kind, why in REFUSALS.items() if isinstance(model, kind))
    reason = "".join(f": {why}" for why in reasons)
    raise TypeError(
        f"{type(model).__name__} cannot be pruned{reason}; skprune knows {known}, "
        "also inside a Pipeline, a search, a TransformedTargetRegressor or a "
        "FrozenEstimator."
    )
