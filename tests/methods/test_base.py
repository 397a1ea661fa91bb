"""Methods by name, as objects and as functions."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import Ridge

from skprune import Magnitude, PruningEstimator
from skprune.methods import METHODS, FunctionMethod, Method, make_method
from skprune.numerics.units import Units, keep_units
from skprune.testing.method_laws import example_readouts


@pytest.mark.parametrize("name", METHODS)
def test_name_and_object_are_the_same_method(name, diabetes):
    """A name stands for the method with its defaults."""
    X, y = diabetes
    by_name = PruningEstimator(Ridge(), method=name, random_state=0).fit(X, y)
    by_object = PruningEstimator(Ridge(), method=METHODS[name](), random_state=0)
    assert_array_equal(by_name.importances_, by_object.fit(X, y).importances_)
    assert isinstance(by_name.method_, METHODS[name])


def test_object_is_cloned():
    """What the user gave is never written to."""
    given = Magnitude(scale=None)
    made = make_method(given)
    assert made is not given and made.get_params() == given.get_params()


def test_function_is_a_method(diabetes):
    """A function of a read-out ranks like a method, and survives a clone."""

    def by_fisher(readout, rng):
        return readout.fisher()

    X, y = diabetes
    model = clone(PruningEstimator(Ridge(), method=by_fisher)).fit(X, y)
    assert isinstance(model.method_, FunctionMethod)
    kept, gone = model.importances_[model.support_], model.importances_[~model.support_]
    assert kept.min() > gone.max()


@pytest.mark.parametrize("given", ["magnitude ", "", None, 1, Magnitude, object()])
def test_what_is_no_method(given):
    """The error names what was given and the methods that there are."""
    with pytest.raises(ValueError, match="is not known") as raised:
        make_method(given)
    for name in METHODS:
        assert repr(name) in str(raised.value)


@pytest.mark.parametrize(
    "values",
    [np.ones(3), np.full(24, np.nan), np.full(24, np.inf), -np.ones(24)],
    ids=["short", "nan", "infinite", "negative"],
)
def test_function_that_breaks_its_promise(values):
    """The error names the function, what it returned and the read-out."""
    method = make_method(lambda readout, rng: values)
    with pytest.raises(ValueError, match=r"lambda.*24 units of weights.*non-negative"):
        method.importances(example_readouts()[0], None)


class Constant(Method):
    """Importances by a parameter."""

    _parameter_constraints = {"value": [float]}

    def __init__(self, value=1.0):
        self.value = value

    def importances(self, readout, rng):
        return np.full(readout.n_units, self.value)


def test_ranking_follows_the_read_outs():
    """Importances of several read-outs come one after the other; none is none."""
    readouts = example_readouts()[:2]
    ranked = Magnitude().rank(readouts, 10, None)
    parts = [Magnitude().importances(readout, None) for readout in readouts]
    assert_array_equal(ranked, np.concatenate(parts))
    assert Constant().rank([], 0, None).shape == (0,)


def test_gates_are_those_of_the_selection():
    """The most important units keep a gate of one."""
    importances = np.random.default_rng(0).random(20)
    units = Units(np.repeat([0, 1], 10), np.ones(2, dtype=int))
    gates = Constant().gates([], importances, 7, units, "local", None)
    assert_array_equal(gates, keep_units(importances, 7, units, "local"))
    assert gates.dtype == float


def test_parameters_are_checked_by_their_constraints(diabetes):
    """A method of one's own is checked before anything is fitted, too."""
    X, y = diabetes
    with pytest.raises(ValueError, match=r"'value' parameter of Constant.*'one'"):
        PruningEstimator(Ridge(), method=Constant("one")).fit(X, y)
    assert PruningEstimator(Ridge(), method=Constant()).fit(X, y).rate_ == 0.5
