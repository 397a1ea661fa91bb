"""The family that a model belongs to."""

from skprune.structures.base import FAMILIES, REFUSALS


def find_family(model):
    """Find the family of a model, None if no family accepts it."""
    for family in FAMILIES:
        if family.accepts(model):
            return family.of(model)
    return None


def family_of(model):
    """Find the family of a model, fitted or not.

    Parameters
    ----------
    model : estimator
        A model, not a container of one.

    Returns
    -------
    Family
        The first registered family that accepts the model, made specific to it.

    Raises
    ------
    TypeError
        If no family accepts the model, or if it is a class.
    """
    family = find_family(model)
    if family is not None:
        return family
    if isinstance(model, type):
        name = model.__name__
        raise TypeError(f"{name} is a class, not an estimator; give {name}().")
    reasons = (why for kind, why in REFUSALS.items() if isinstance(model, kind))
    reason = "".join(f": {why}" for why in reasons)
    raise TypeError(
        f"{type(model).__name__} cannot be pruned{reason}; skprune knows "
        f"{known_families()}."
    )


def known_families():
    """List all families, and where their models may be, in words."""
    known = ", ".join(sorted(family.name for family in FAMILIES))
    return (
        f"{known}, also inside a Pipeline, a search, a FrozenEstimator, stacking, "
        "voting and other meta-estimators of scikit-learn"
    )
