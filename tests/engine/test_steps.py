"""Steps end at the number of units asked for, and budgets at the fewest that go."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor

from skprune import Budget, PruningEstimator, model_size
from skprune.engine.plan import FlooredRateWarning, Plan
from skprune.engine.progress import SILENT
from skprune.engine.ranking import FirstRanking
from skprune.engine.steps import rate_within, run_steps
from skprune.methods import Magnitude
from skprune.structures import Samples, family_of, locate

X, Y = load_diabetes(return_X_y=True)
NET = MLPRegressor(hidden_layer_sizes=(8, 4), activation="tanh", random_state=0)
NET.set_params(solver="lbfgs", max_iter=30).fit(10 * X, Y)


def start(model, granularity):
    """Where a pruning starts: the first ranking and the place of the model."""
    location = locate(model, Samples(10 * X, Y))
    structure = family_of(model).structures[granularity](model, location.samples)
    return FirstRanking(structure, Magnitude(), np.random.default_rng(0)), location


@pytest.mark.parametrize("n_steps", [1, 2, 5])
@pytest.mark.parametrize("granularity", ["connection", "neuron"])
def test_support_and_structure_agree(granularity, n_steps):
    """What is left of the support is what is left of the structure."""
    first, location = start(NET, granularity)
    plan = Plan(Magnitude(), 0.5, granularity, n_steps=n_steps)
    structure, importances, support = run_steps(first, plan, location, SILENT)
    n_units = first.structure.n_units
    assert structure.n_units == support.sum() == n_units - round(0.5 * n_units)
    assert importances.shape == support.shape == (n_units,)
    assert (importances[support] > 0).all()
    assert first.structure.n_units == n_units  # the first one is as it was


def test_floors_are_said_once():
    """More than can go is asked for: one warning, and the floor is reached."""
    first, location = start(NET, "neuron")
    plan = Plan(Magnitude(), 0.99, "neuron", n_steps=3)
    with pytest.warns(FlooredRateWarning, match="12 of 12 units") as warned:
        _, _, support = run_steps(first, plan, location, SILENT)
    assert len(warned) == 1
    assert support.sum() == 2


def test_budget_takes_as_few_units_as_it_must():
    """One unit less would cost too much."""
    first, location = start(Ridge().fit(10 * X, Y), "connection")
    plan = Plan(Magnitude(), granularity="connection")
    rate = rate_within(Budget(n_nonzero=5), first, plan, location)
    assert round(rate * 10) == 6  # four coefficients and the intercept
    pruned = PruningEstimator(Ridge(), rate=Budget(n_nonzero=5)).fit(10 * X, Y)
    assert model_size(pruned).n_nonzero == 5 and pruned.rate_ == rate


def test_budget_that_cannot_be_met():
    """The error says what the smallest model costs."""
    first, location = start(NET, "neuron")
    plan = Plan(Magnitude(), granularity="neuron")
    with pytest.raises(ValueError, match=r"cannot be met by MLPRegressor.*n_macs=12"):
        rate_within(Budget(n_macs=11), first, plan, location)
