"""The laws as third parties call them."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune import Magnitude, testing
from skprune.testing import Specimen, check_method, check_structure

X, Y = load_iris(return_X_y=True)


def test_structure_of_a_container_with_weights():
    """Models in containers are checked, with weights."""
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    weights = np.linspace(0.5, 2, len(Y))
    check_structure(model, X, Y, "connection", sample_weight=weights)


def test_method_on_models():
    """A method is checked on the given models."""
    model = LogisticRegression(max_iter=500).fit(X, Y)
    specimens = [Specimen(model, X, Y, name) for name in ("connection", "feature")]
    check_method(Magnitude(scale=None), specimens)

    class Stubborn(Magnitude):
        def gates(self, readouts, importances, n_remove, units, scope, rng):
            if len(importances) == 24:  # the examples are pruned as they should be
                return super().gates(readouts, importances, n_remove, units, scope, rng)
            return np.ones(len(importances))

    check_method(Stubborn())
    with pytest.raises(AssertionError, match="0 units removed"):
        check_method(Stubborn(), specimens)


def test_function_as_a_method():
    """A function is checked like a method object."""
    check_method(lambda readout, rng: readout.size() ** 2)
    with pytest.raises(ValueError, match="non-negative"):
        check_method(lambda readout, rng: -readout.size())


def test_exported_names():
    """The names that third parties need are exported."""
    assert set(testing.__all__) <= set(dir(testing))
    assert {"check_method", "check_structure"} <= set(testing.__all__)
