"""A path of rates is what pruning at each rate would give, from one ranking."""

import sys
from itertools import combinations, product

import numpy as np
import pytest
from joblib import hash as content_hash
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune import L1, Magnitude, model_size, prune, pruning_path
from skprune.engine.functions import check_rates
from skprune.methods import METHODS
from skprune.numerics.held import arrays_of
from skprune.structures import family_of, final_model
from skprune.structures.tree_samples import routed
from tests.cases import CASES

RATES = [0.0, 0.3, 0.5, 0.8]
CHOSEN = {
    "LogisticRegression": "feature",
    "Ridge-outputs": "connection",
    "MLPClassifier": "connection",
    "MLPClassifier-tanh": "neuron",
    "MLPRegressor": "layer",
    "RandomForestClassifier": "connection",
}
SPECIMENS = [
    pytest.param(case, CHOSEN[case.name], id=case.name)
    for case in CASES
    if case.name in CHOSEN
]


def assert_same_model(model, other):
    """Hold a model to the arrays of another one, to the last digit."""
    pairs = zip(arrays_of(model), arrays_of(other), strict=True)
    for one, two in pairs:
        assert_array_equal(one, two, strict=True)
    assert model.get_params() == other.get_params()


def assert_same_path(case, **options):
    """Hold each model of a path to the one that `prune` returns."""
    X, y = case.samples()
    path = pruning_path(case.fitted(), X, y, rates=RATES, random_state=3, **options)
    for (rate, model), report in zip(path, path.reports):
        alone = prune(case.fitted(), X, y, rate=rate, random_state=3, **options)
        assert_same_model(model, alone)
        assert report.after == model_size(alone)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("case", "granularity"), SPECIMENS)
def test_each_model_is_that_of_its_rate_alone(case, granularity, method):
    """Sharing the ranking changes no digit, whatever the method draws."""
    assert_same_path(case, method=method, granularity=granularity)


@pytest.mark.parametrize("scope", ["local", "lamp"])
def test_scopes_share_the_ranking(scope):
    """The competition of layers is settled for each rate."""
    case = next(case for case in CASES if case.name == "MLPClassifier")
    assert_same_path(case, scope=scope, method="taylor")


def test_steps_and_training_are_those_of_each_rate():
    """Several steps with training passes draw the same numbers as for one rate."""
    case = next(case for case in CASES if case.name == "MLPClassifier")
    assert_same_path(case, n_steps=3, finetune=1, method="importance")


def test_no_recovery_no_shared_arrays():
    """Changing one model of the path in place leaves the others and the given one."""
    case = next(case for case in CASES if case.name == "MLPClassifier")
    before = content_hash(case.fitted())
    path = pruning_path(
        case.fitted(), *case.samples(), rates=[0, 0.2, 0.4], compensate=False
    )
    others = content_hash(path.estimators[1:])

    for array in [*path[0].coefs_, *path[0].intercepts_]:
        array[:] = 7.0

    assert content_hash(path.estimators[1:]) == others
    assert content_hash(case.fitted()) == before


@pytest.mark.slow
@pytest.mark.parametrize("compensate", [True, False])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_models_of_a_path_share_no_array(case, compensate):
    """Each model has arrays of its own, those too that no pruning has changed."""
    given = case.fitted()
    for granularity in family_of(final_model(given)).structures:
        path = pruning_path(
            given,
            *case.samples(),
            rates=[0, 0.01, 0.5],
            granularity=granularity,
            compensate=compensate,
        )
        held = [[*arrays_of(model)] for model in (given, *path.estimators)]
        for arrays, others in combinations(held, 2):
            for array, other in product(arrays, others):
                assert not np.may_share_memory(array, other), granularity


class Counting(Magnitude):
    """Magnitude that counts its rankings."""

    rankings = 0

    def rank(self, readouts, n_keep, rng):
        type(self).rankings += 1
        return super().rank(readouts, n_keep, rng)


def test_one_ranking_serves_all_rates():
    """Nine rates cost one ranking."""
    case, Counting.rankings = CASES[0], 0
    rates = np.linspace(0.1, 0.9, 9)
    pruning_path(case.fitted(), *case.samples(), rates=rates, method=Counting())
    assert Counting.rankings == 1


@pytest.mark.parametrize(
    ("options", "n_walks"), [({}, 1), ({"compensate": False}, 0), ({"rates": [0.5]}, 0)]
)
def test_samples_walk_through_the_trees_once(monkeypatch, options, n_walks):
    """Recovery at all rates knows the leaves from one walk; else none is made ahead."""
    [case] = [case for case in CASES if case.name == "RandomForestClassifier"]
    walks = []

    def counted(*args):
        walks.append(args)
        return routed(*args)

    monkeypatch.setattr("skprune.structures.tree_base.routed", counted)
    options = {"rates": RATES, **options}
    pruning_path(case.fitted(), *case.samples(), **options)

    assert len(walks) == n_walks


def test_l1_ranks_for_each_rate():
    """The penalty of a lasso follows from the rate, so it declares to depend on it."""
    assert L1.ranking_depends_on_rate
    assert not Magnitude.ranking_depends_on_rate


def test_path_is_indexed_by_rate():
    """Rates are sorted, repeated ones count once, and a rate finds its model."""
    case = CASES[0]
    path = pruning_path(case.fitted(), *case.samples(), rates=[0.6, 0.3, 0.6])
    assert_array_equal(path.rates, [0.3, 0.6])
    assert len(path) == 2
    assert path[0.6] is path.estimators[-1]
    assert [rate for rate, _ in path] == path.rates.tolist()
    with pytest.raises(KeyError, match=r"rate 0.7; its rates are \[0.3.*0.6\]"):
        path[0.7]


def test_frame_has_sizes_of_models():
    """The frame says the size of each model as `model_size` measures it."""
    pytest.importorskip("pandas")
    case = CASES[0]
    path = pruning_path(case.fitted(), *case.samples(), rates=[0, 0.5])
    frame = path.to_frame()
    assert frame["rate"].tolist() == [0, 0.5]
    assert frame["n_units"].tolist() == [24, 12]
    assert frame["n_bytes"][1] == model_size(path[0.5]).n_bytes


def test_frame_says_that_pandas_is_missing(monkeypatch):
    """Only the frame needs pandas, and its error names it."""
    case = CASES[0]
    path = pruning_path(case.fitted(), *case.samples(), rates=[0.5])
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pandas"):
        path.to_frame()


def test_containers_are_copied_around_each_model():
    """A Pipeline comes back as Pipelines that predict from the raw columns."""
    X, y = CASES[0].samples()
    pipe = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    path = pruning_path(pipe, X, y, rates=[0, 0.5])
    assert_array_equal(path[0].predict(X), pipe.predict(X))
    assert path[0][0] is not path[0.5][0]


@pytest.mark.parametrize(
    "rates",
    [[], [[0.1, 0.2]], [0.5, 1.0], [-0.1], [np.nan], ["0.5"], [True], None, "1"],
)
def test_rates_are_checked(rates):
    """What is not a list of numbers in [0, 1) is named in the error."""
    with pytest.raises(ValueError, match=r"rates=.*\[0, 1\)"):
        check_rates(rates)


def test_errors_come_before_work():
    """An unknown granularity and an unfitted model are refused."""
    X, y = CASES[0].samples()
    with pytest.raises(NotFittedError):
        pruning_path(LogisticRegression(), X, y, rates=[0.5])
    with pytest.raises(ValueError, match="granularity='tree'"):
        pruning_path(CASES[0].fitted(), X, y, rates=[0.5], granularity="tree")
