"""A budget is met by the smallest rate that meets it."""

import itertools
import pickle
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune import Budget, PruningEstimator, model_size, prune
from skprune.engine import budget as budget_module
from skprune.engine.budget import SIZES, fewest_removed, n_bytes_of
from tests.cases import CASES, dataset

X, Y = dataset("classes")
BUDGETED = [
    ("LogisticRegression", "connection", "n_nonzero"),
    ("MLPClassifier", "neuron", "n_parameters"),
    ("MLPClassifier", "neuron", "n_bytes"),
    ("MLPClassifier-tanh", "connection", "n_nonzero"),
    ("MLPRegressor", "layer", "n_macs"),
    ("RandomForestClassifier", "connection", "n_macs"),
    ("RandomForestClassifier", "tree", "n_bytes"),
]


def case_of(name):
    """The case of this name."""
    return next(case for case in CASES if case.name == name)


@pytest.mark.parametrize(
    "method",
    ["magnitude", *(pytest.param(m, marks=pytest.mark.slow) for m in ("random", "l1"))],
)
@pytest.mark.parametrize(("name", "granularity", "limit"), BUDGETED)
def test_smallest_rate_meets_the_budget(name, granularity, limit, method):
    """The pruned model keeps the limit, and with one unit more it would not."""
    case = case_of(name)
    options = {"granularity": granularity, "method": method, "random_state": 0}

    def size_at(rate):
        model = prune(case.fitted(), *case.samples(), rate=rate, **options)
        return getattr(model_size(model), limit)

    allowed = size_at(0.5)
    pruner = PruningEstimator(
        FrozenEstimator(case.fitted()), rate=Budget(**{limit: allowed}), **options
    ).fit(*case.samples())
    assert getattr(model_size(pruner), limit) <= allowed
    n_gone = round(pruner.rate_ * pruner.n_units_)
    assert size_at((n_gone - 1) / pruner.n_units_) > allowed


def test_estimator_reports_the_rate_that_was_needed():
    """`rate_` is the share of units that went, and gives the same model as a rate."""
    budgeted = PruningEstimator(LogisticRegression(), rate=Budget(n_nonzero=13))
    budgeted.fit(X, Y)
    assert model_size(budgeted).n_nonzero == 13
    assert budgeted.rate_ == 14 / 24
    alone = PruningEstimator(LogisticRegression(), rate=14 / 24).fit(X, Y)
    assert_array_equal(budgeted.coef_, alone.coef_)


def test_budget_that_is_met_leaves_the_model():
    """A limit above the size of the model needs no pruning."""
    model = PruningEstimator(LogisticRegression(), rate=Budget(n_parameters=10_000))
    assert model.fit(X, Y).rate_ == 0
    assert model.support_.all()


def test_several_limits_hold_together():
    """The tightest one decides."""
    case = case_of("MLPClassifier")
    size = model_size(case.fitted())
    limits = {"n_parameters": size.n_parameters // 2, "n_macs": size.n_macs // 3}
    model = prune(
        case.fitted(), *case.samples(), rate=Budget(**limits), granularity="neuron"
    )
    after = model_size(model)
    assert after.n_parameters <= limits["n_parameters"]
    assert after.n_macs <= limits["n_macs"]


@pytest.mark.parametrize("compensate", [True, False])
def test_several_steps_meet_the_budget(compensate):
    """Steps rank anew, and the number of units is settled with them."""
    case = case_of("MLPClassifier")
    options = {"granularity": "neuron", "n_steps": 3, "compensate": compensate}
    allowed = model_size(case.fitted()).n_parameters // 2
    model = prune(
        case.fitted(), *case.samples(), rate=Budget(n_parameters=allowed), **options
    )
    sizes = [
        model_size(prune(case.fitted(), *case.samples(), rate=n / 11, **options))
        for n in range(10)
    ]
    first = next(size for size in sizes if size.n_parameters <= allowed)
    assert model_size(model) == first


def test_budget_below_the_floor_names_what_can_be_reached():
    """The error says the smallest size, which is that of the largest rate."""
    case = case_of("MLPClassifier")
    floor = model_size(
        prune(case.fitted(), *case.samples(), rate=9 / 11, granularity="neuron")
    )
    for name in SIZES:
        smallest = getattr(floor, name)
        with pytest.raises(ValueError, match=rf"can reach is {name}={smallest:.6g}"):
            prune(
                case.fitted(),
                *case.samples(),
                rate=Budget(**{name: smallest - 1}),
                granularity="neuron",
            )


def test_latency_is_measured_on_the_pruned_model(monkeypatch):
    """The time of one call for `batch_size` samples decides."""

    def seconds(model, X):
        assert len(X) == 7
        return 1e-6 * model_size(model).n_nonzero

    monkeypatch.setattr(budget_module, "prediction_seconds", seconds)
    budget = Budget(latency_ms=0.0201, batch_size=7)
    model = PruningEstimator(LogisticRegression(), rate=budget).fit(X, Y)
    assert model_size(model).n_nonzero == 20
    with pytest.raises(ValueError, match=r"can reach is latency_ms=0\.004"):
        model.set_params(rate=replace(budget, latency_ms=0.001)).fit(X, Y)


def test_latency_of_a_generous_budget_is_real():
    """Measured with the clock, a minute is enough for any model here."""
    model = PruningEstimator(LogisticRegression(), rate=Budget(latency_ms=60_000))
    assert model.fit(X, Y).rate_ == 0


def test_grid_search_over_budgets():
    """Budgets are candidates like rates; clones and pickles keep them."""
    budgets = [Budget(n_nonzero=20), Budget(n_nonzero=10)]
    pipe = make_pipeline(StandardScaler(), PruningEstimator(LogisticRegression()))
    grid = {"pruningestimator__rate": budgets}
    search = GridSearchCV(clone(pipe), grid, cv=3).fit(X, Y)
    chosen = search.best_params_["pruningestimator__rate"]
    assert chosen in budgets
    assert model_size(search).n_nonzero == chosen.n_nonzero
    model = clone(search.best_estimator_)
    assert model.get_params()["pruningestimator__rate"] == chosen
    assert pickle.loads(pickle.dumps(chosen)) == chosen


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({}, "limits nothing"),
        ({"batch_size": 3}, "limits nothing"),
        ({"n_parameters": 0}, "n_parameters=0"),
        ({"n_macs": "many"}, "n_macs='many'"),
        ({"latency_ms": np.nan}, "latency_ms=nan"),
        ({"n_bytes": "1 potato"}, "1 potato"),
        ({"n_bytes": "-1MB"}, "-1MB"),
        ({"n_bytes": "0 B"}, "n_bytes=0.0"),
        ({"latency_ms": 1, "batch_size": 0.5}, "batch_size=0.5"),
    ],
)
def test_bad_budgets_are_refused_when_made(limits, message):
    """The error names the limit and its value."""
    with pytest.raises(ValueError, match=message):
        Budget(**limits)


def test_texts_of_bytes():
    """Decimal and binary prefixes are told apart."""
    texts = ["12 B", "1kB", "1 KB", "1.5MB", "2GB", "1KiB", "3MiB", "1 GiB"]
    numbers = [12, 1e3, 1e3, 1.5e6, 2e9, 2**10, 3 * 2**20, 2**30]
    assert [n_bytes_of(text) for text in texts] == numbers


def test_repr_shows_what_is_given():
    """Limits that are not given are left out."""
    assert repr(Budget(n_bytes="1MB")) == "Budget(n_bytes='1MB')"
    budget = Budget(latency_ms=2, batch_size=100, n_macs=5)
    assert repr(budget) == "Budget(n_macs=5, latency_ms=2, batch_size=100)"


@pytest.mark.parametrize(
    ("guess", "truth"),
    list(itertools.product([0, 1, 7, 30, 40], [0, 1, 8, 29, 40, None])),
)
def test_search_settles_from_any_guess(guess, truth):
    """However far the quick answer is off, the certain one is found."""
    asked = []

    def certain(n_gone):
        asked.append(n_gone)
        return truth is not None and n_gone >= truth

    assert fewest_removed(40, lambda n_removed: n_removed >= guess, certain) == truth
    assert len(asked) == len(set(asked)) <= 14


def test_good_guess_is_checked_at_two_numbers():
    """Where the quick answer is right, two models are pruned in full."""
    asked = []

    def certain(n_gone):
        asked.append(n_gone)
        return n_gone >= 500

    assert fewest_removed(1000, lambda n_removed: n_removed >= 500, certain) == 500
    assert asked == [500, 499]


class Timed:
    """A model whose predictions advance a clock of their own."""

    def __init__(self, durations):
        self.durations = list(durations)
        self.now = 0.0

    def predict(self, X):
        self.now += self.durations.pop(0)
        return X


def test_median_of_the_calls_after_the_first(monkeypatch):
    """The first call warms up; one slow call among the others does not count."""
    model = Timed([100.0, 1.0, 9.0, 2.0])
    monkeypatch.setattr(budget_module, "perf_counter", lambda: model.now)
    assert budget_module.prediction_seconds(model, np.zeros((3, 1)), n_runs=3) == 2.0
    assert model.durations == []
