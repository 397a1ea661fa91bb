"""A plan is checked against the model before anything else happens."""

import numpy as np
import pytest
from sklearn.ensemble import BaggingRegressor, RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune import ImportanceSampling, PruningEstimator, Taylor
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
    with pytest.raises(ValueError, match=r"is not a fraction.*\[0, 1\)") as raised:
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


class Unfittable(RandomForestRegressor):
    """A forest that must not be trained."""

    def fit(self, X, y, sample_weight=None):
        """Fails."""
        raise AssertionError("The plan was not checked before the fit.")


@pytest.mark.parametrize("order", ["auto", 2])
def test_weights_of_splits_are_not_re_estimated(order):
    """The value is refused before the forest is trained, and what to do is said."""
    method = Taylor(order=order, score="weight")
    pruner = PruningEstimator(Unfittable(), method=method, granularity="tree")
    with pytest.raises(ValueError, match=r"score='weight'.*forests.*score='loss'\.$"):
        pruner.fit([[0.0], [1.0]], [0, 1])
    Plan(Taylor(order=1, score="weight")).check(Unfittable())
    Plan(method).check(Ridge())


def test_sensitivity_of_splits_is_not_known():
    """The granularity that can answer is named."""
    method = ImportanceSampling(sensitivity="max")
    wanted = r"sensitivity='max'.*granularity='connection'.*'norm', or .*='neuron'"
    with pytest.raises(ValueError, match=wanted):
        Plan(method, granularity="split").check(Unfittable())
    Plan(method, granularity="tree").check(Unfittable())


@pytest.mark.parametrize("base", [Ridge(), RandomForestRegressor()], ids=str)
def test_bagging_has_what_its_members_have(base):
    """Members answer for the ensemble, at each granularity of theirs."""
    plan = Plan(Taylor(score="weight"), granularity="connection")
    if isinstance(base, Ridge):
        plan.check(BaggingRegressor(base))
    else:
        with pytest.raises(ValueError, match="bagging of forests do not have"):
            plan.check(BaggingRegressor(base))
