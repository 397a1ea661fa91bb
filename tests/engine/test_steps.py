"""Steps end at the number of units asked for, and budgets at the fewest that go."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor

from skprune import Budget, PruningEstimator, model_size
from skprune.engine.fits import Fit
from skprune.engine.plan import Plan
from skprune.engine.progress import SILENT
from skprune.engine.ranking import first_rankings
from skprune.engine.steps import rate_within, removal_counts, run_steps
from skprune.engine.warnings import FlooredRateWarning
from skprune.methods import Magnitude
from skprune.structures import Samples

X, Y = load_diabetes(return_X_y=True)
NET = MLPRegressor(hidden_layer_sizes=(8, 4), activation="tanh", random_state=0)
NET.set_params(solver="lbfgs", max_iter=30).fit(10 * X, Y)

NUMBERS = [1, 2, 7, 100, 12_345]
RATES = [0, 0.1, 0.5, 0.9, 0.999]


def start(model, granularity):
    """Where a pruning starts: the first rankings and the fit."""
    fit = Fit(model, Samples(10 * X, Y))
    structures = fit.structures(granularity)
    return first_rankings(structures, Magnitude(), np.random.default_rng(0)), fit


@pytest.mark.parametrize("n_steps", [1, 2, 5])
@pytest.mark.parametrize("granularity", ["connection", "neuron"])
def test_support_and_structure_agree(granularity, n_steps):
    """What is left of the support is what is left of the structure."""
    firsts, fit = start(NET, granularity)
    plan = Plan(Magnitude(), granularity, n_steps=n_steps)
    [course] = run_steps(firsts, plan, 0.5, fit, SILENT)
    importances, support = course.importances, course.support
    n_units = firsts[0].structure.n_units
    assert course.structure.n_units == support.sum() == n_units - round(0.5 * n_units)
    assert importances.shape == support.shape == (n_units,)
    assert (importances[support] > 0).all()
    assert firsts[0].structure.n_units == n_units  # the first one is as it was


def test_floors_are_said_once():
    """More than can go is asked for: one warning, and the floor is reached."""
    firsts, fit = start(NET, "neuron")
    plan = Plan(Magnitude(), "neuron", n_steps=3)
    with pytest.warns(FlooredRateWarning, match="remove 12 of 12 units") as warned:
        [course] = run_steps(firsts, plan, 0.99, fit, SILENT)
    assert len(warned) == 1
    assert course.support.sum() == 2


def test_budget_takes_as_few_units_as_it_must():
    """One unit less would cost too much."""
    firsts, fit = start(Ridge().fit(10 * X, Y), "connection")
    plan = Plan(Magnitude(), granularity="connection")
    rate = rate_within(Budget(n_nonzero=5), firsts, plan, fit)
    assert round(rate * 10) == 6  # four coefficients and the intercept
    pruned = PruningEstimator(Ridge(), rate=Budget(n_nonzero=5)).fit(10 * X, Y)
    assert model_size(pruned).n_nonzero == 5 and pruned.rate_ == rate


def test_budget_that_cannot_be_met():
    """The error says what the smallest model costs."""
    firsts, fit = start(NET, "neuron")
    plan = Plan(Magnitude(), granularity="neuron")
    with pytest.raises(ValueError, match=r"cannot be met by MLPRegressor.*n_macs=12"):
        rate_within(Budget(n_macs=11), firsts, plan, fit)


@pytest.mark.parametrize("n_units", NUMBERS)
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("n_steps", [1, 2, 5, 30])
def test_counts(n_units, rate, n_steps):
    """One a step, never decreasing, the last at exactly the rounded rate."""
    counts = removal_counts(n_units, rate, n_steps)
    assert len(counts) == n_steps
    assert counts[-1] == round(rate * n_units)
    assert (np.diff([0, *counts]) >= 0).all()


def test_each_step_removes_the_same_share_of_what_is_left():
    """Survivors shrink by one factor."""
    left = 1_000_000 - np.array([0, *removal_counts(1_000_000, 0.96, 4)])
    assert np.allclose(left[1:] / left[:-1], 0.04 ** (1 / 4), rtol=1e-4)


def test_no_units():
    """Nothing goes from nothing."""
    assert removal_counts(0, 0.9, 3) == [0, 0, 0]
