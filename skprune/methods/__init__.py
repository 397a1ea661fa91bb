"""Pruning methods by name."""

from sklearn.base import clone

from skprune.methods.base import FunctionMethod, Method, Need
from skprune.methods.importance import ImportanceSampling
from skprune.methods.l1 import L1
from skprune.methods.magnitude import Magnitude
from skprune.methods.random import Random
from skprune.methods.shrinking import Shrinking
from skprune.methods.taylor import Taylor

METHODS = {
    "importance": ImportanceSampling,
    "l1": L1,
    "magnitude": Magnitude,
    "random": Random,
    "taylor": Taylor,
}


def make_method(method):
    """Make the method object that a parameter stands for.

    Parameters
    ----------
    method : str, Method or callable
        A name of `METHODS`, an object, or a function ``f(readout, rng)``.

    Returns
    -------
    Method
        A new object. Method objects are cloned, so the given one never changes.

    Raises
    ------
    ValueError
        If the name is not known; the message lists the known ones.
    """
    if isinstance(method, Method):
        return clone(method)
    if callable(method) and not isinstance(method, type):
        return FunctionMethod(method)
    if isinstance(method, str) and method in METHODS:
        return METHODS[method]()
    known = ", ".join(repr(name) for name in METHODS)
    raise ValueError(
        f"method={method!r} is not known; choose {known}, a method object such as "
        "Magnitude(), or a callable f(readout, rng)."
    )


__all__ = [
    "L1",
    "METHODS",
    "FunctionMethod",
    "ImportanceSampling",
    "Magnitude",
    "Method",
    "Need",
    "Random",
    "Shrinking",
    "Taylor",
    "make_method",
]
