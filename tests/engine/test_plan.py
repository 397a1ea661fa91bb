"""A plan is checked against the model before anything else happens."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune.engine.plan import Plan, check_rate
from skprune.methods import Magnitude


@pytest.mark.parametrize(
    "rate", [0, 0.0, 0.5, np.float32(0.25), np.float64(0.99), 1e-9]
)
def test_rates_that_are(rate):
    """Numbers in [0, 1), of any kind."""
    check_rate(rate)


@pytest.mark.parametrize(
    "rate", [1, 1.0, -1e-9, np.nan, True, "0.5", None, 0.5j, [0.5]]
)
def test_rates_that_are_not(rate):
    """The value is named, and the range."""
    with pytest.raises(ValueError, match=r"is not a share.*\[0, 1\)") as raised:
        check_rate(rate)
    assert repr(rate) in str(raised.value)


def test_model_is_looked_for_in_its_container():
    """What a container holds decides what is possible."""
    net = make_pipeline(StandardScaler(), MLPRegressor())
    Plan(Magnitude(), granularity="neuron", finetune=3).check(net)
    with pytest.raises(ValueError, match="not trained by passes"):
        Plan(Magnitude(), finetune=3).check(make_pipeline(StandardScaler(), Ridge()))
    with pytest.raises(TypeError, match="StandardScaler cannot be pruned"):
        Plan(Magnitude()).check(make_pipeline(Ridge(), StandardScaler()))


def test_plan_is_what_it_was():
    """A plan cannot be changed."""
    with pytest.raises(AttributeError):
        Plan(Magnitude()).rate = 0.9
