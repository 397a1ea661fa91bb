"""PruningEstimatorCV scores as GridSearchCV does, and fits once a fold."""

import pickle

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from skprune import (
    PruningEstimator,
    PruningEstimatorCV,
    PruningGuarantee,
    within_tolerance,
)
from skprune import scorers as sizes
from tests.cases import CASES, dataset
from tests.test_bad_input import NeverFitted

RATES = [0, 0.3, 0.6, 0.8]
SEARCHED = {
    "LogisticRegression": {"method": "importance"},
    "Ridge-outputs": {"method": "random", "granularity": "feature"},
    "MLPClassifier": {"granularity": "neuron", "finetune": 1},
    "RandomForestClassifier": {"method": "taylor", "n_steps": 2},
}
X, Y = dataset("classes")
MODEL = LogisticRegression()


def results_of(search):
    """The entries of ``cv_results_`` that are not times."""
    return {k: v for k, v in search.cv_results_.items() if "time" not in k}


def assert_same_scores(search, grid):
    """Hold a search to the results of a GridSearchCV, to the last digit."""
    assert set(grid.cv_results_) <= set(search.cv_results_)
    for name, values in results_of(grid).items():
        assert_array_equal(search.cv_results_[name], values, err_msg=name)


def both(model, data, scoring=None, refit=True, fit_params=None, **options):
    """A search and the GridSearchCV that it stands for, both fitted."""
    fit_params = fit_params or {}
    search = PruningEstimatorCV(
        model, rates=RATES, cv=3, scoring=scoring, refit=refit, **options
    )
    grid = GridSearchCV(
        PruningEstimator(model, **options),
        {"rate": RATES},
        cv=3,
        scoring=scoring,
        refit=refit,
    )
    return search.fit(*data, **fit_params), grid.fit(*data, **fit_params)


@pytest.mark.parametrize("name", SEARCHED)
def test_scores_are_those_of_grid_search(name):
    """One fit per fold and one ranking leave all scores exactly equal."""
    case = next(case for case in CASES if case.name == name)
    options = {"random_state": 5, **SEARCHED[name]}
    assert_same_scores(*both(case.model, case.samples(), **options))


def test_random_state_instance_is_not_used_up():
    """Every split starts from the same state, as GridSearchCV's clones do."""
    state = np.random.RandomState(3)
    before = state.get_state()[1].copy()
    searches = both(MODEL, (X, Y), method="random", random_state=state)
    assert_same_scores(*searches)
    assert_array_equal(state.get_state()[1], before)


@pytest.mark.parametrize(
    ("scoring", "refit"),
    [
        (["accuracy", "f1_macro"], "f1_macro"),
        ({"a": "accuracy", "size": sizes.n_nonzero}, "a"),
        (make_scorer(accuracy_score), True),
        ("neg_log_loss", True),
    ],
)
def test_scorings_are_those_of_grid_search(scoring, refit):
    """One or several scores have the names that scikit-learn gives them."""
    assert_same_scores(*both(MODEL, (X, Y), scoring=scoring, refit=refit))


def test_first_of_several_scores_decides_unless_one_is_named():
    """The first score chooses the rate, or the one that `refit` names."""
    scoring = {"size": sizes.n_nonzero, "accuracy": "accuracy"}
    search = PruningEstimatorCV(MODEL, rates=RATES, scoring=scoring, tolerance=0)
    assert search.fit(X, Y).rate_ == 0.8
    search.set_params(refit="accuracy").fit(X, Y)
    assert search.rate_ < 0.8
    assert search.best_score_ == search.cv_results_["mean_test_accuracy"].max()


class Counting(LogisticRegression):
    """A model that counts how often it is fitted."""

    n_fits = 0

    def fit(self, X, y, sample_weight=None):
        type(self).n_fits += 1
        return super().fit(X, y, sample_weight)


def test_fits_once_a_fold():
    """Twenty rates and four folds take five fits, the last one on all samples."""
    Counting.n_fits = 0
    PruningEstimatorCV(Counting(), rates=20, cv=4).fit(X, Y)
    assert Counting.n_fits == 5


def test_memory_holds_the_models(tmp_path):
    """A second search, over another method, fits nothing."""
    search = PruningEstimatorCV(Counting(), rates=3, cv=4, memory=str(tmp_path))
    search.fit(X, Y)
    Counting.n_fits = 0
    search.set_params(method="random").fit(X, Y)
    assert Counting.n_fits == 0


def test_model_is_that_of_pruning_estimator():
    """`estimator_` is the result of PruningEstimator on all samples at `rate_`."""
    search = PruningEstimatorCV(MODEL, rates=RATES, tolerance=0.05).fit(X, Y)
    alone = PruningEstimator(MODEL, rate=search.rate_).fit(X, Y)
    assert search.rate_ in RATES[1:]
    assert_array_equal(search.coef_, alone.coef_)
    assert_array_equal(search.support_, alone.support_)
    assert repr(search.report_) == repr(alone.report_)
    assert search.score(X, Y) == alone.score(X, Y)


def test_tolerance_chooses_the_largest_rate_within():
    """Each tolerance chooses the rate that its definition implies for the scores."""
    search = PruningEstimatorCV(MODEL, rates=8, cv=4, tolerance="1se").fit(X, Y)
    means, stds = (search.cv_results_[f"{k}_test_score"] for k in ("mean", "std"))
    best = means.argmax()
    chosen = {"1se": stds[best] / 2, 0.04: 0.04, 0: 0}
    for tolerance, loss in chosen.items():
        expected = search.rates_[means >= means[best] - loss].max()
        assert search.rate_at(tolerance) == expected
    assert search.rate_ == search.rate_at("1se")
    assert search.best_score_ == means[search.best_index_]


def test_without_refit_there_is_a_rate_and_no_model():
    """refit=False ends with the table and deletes an earlier model."""
    search = PruningEstimatorCV(MODEL, rates=RATES).fit(X, Y)
    search.set_params(refit=False).fit(X, Y)
    assert search.rate_ in RATES
    assert not hasattr(search, "estimator_")
    with pytest.raises(NotFittedError, match="set refit=True"):
        search.predict(X)


def test_sizes_stand_beside_the_scores():
    """The mean sizes are those that scorers measure on the models of the folds."""
    names = ("n_parameters", "n_nonzero", "n_macs", "n_bytes")
    scoring = {"accuracy": "accuracy", **{name: getattr(sizes, name) for name in names}}
    search, grid = both(MODEL, (X, Y), scoring=scoring, refit="accuracy")
    for name in names:
        measured = -grid.cv_results_[f"mean_test_{name}"]
        assert_array_equal(search.cv_results_[f"mean_{name}"], measured)
    assert_array_equal(search.cv_results_["mean_n_units"], [24, 17, 10, 5])


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_splits_run_side_by_side(backend):
    """Processes and threads give the results of sequential splits."""
    search = PruningEstimatorCV(MODEL, rates=RATES, cv=3, random_state=0)
    alone = search.fit(X, Y)
    with parallel_config(backend=backend):
        parallel = clone(search).set_params(n_jobs=2).fit(X, Y)
    for name, values in results_of(alone).items():
        assert_array_equal(parallel.cv_results_[name], values)


def test_weights_reach_fit_and_score():
    """Sample weights count in fitting, pruning and scoring, as in GridSearchCV."""
    weights = np.random.default_rng(0).uniform(0, 2, len(Y))
    weighted = both(MODEL, (X, Y), fit_params={"sample_weight": weights})
    assert_same_scores(*weighted)
    plain = PruningEstimatorCV(MODEL, rates=RATES, cv=3).fit(X, Y)
    scores = (s.cv_results_["mean_test_score"] for s in (plain, weighted[0]))
    assert not np.array_equal(*scores)


def test_scorer_without_weights_warns():
    """A warning is raised if the scorer cannot use the weights."""
    search = PruningEstimatorCV(MODEL, rates=RATES, scoring=lambda m, X, y: 1.0)
    with pytest.warns(UserWarning, match="scored without"):
        search.fit(X, Y, sample_weight=np.ones(len(Y)))


def test_groups_reach_the_splits():
    """Groups reach the splitter with and without metadata routing."""
    groups = np.arange(len(Y)) % 7
    search = PruningEstimatorCV(MODEL, rates=RATES, cv=GroupKFold(3))
    plain = search.fit(X, Y, groups=groups)
    with config_context(enable_metadata_routing=True):
        routed = clone(search).fit(X, Y, groups=groups)
    for name, values in results_of(plain).items():
        assert_array_equal(routed.cv_results_[name], values)


def test_metadata_is_routed_through_a_pipeline():
    """Weights under another name reach the model and the scorer that ask for them."""
    weights = np.random.default_rng(0).uniform(0, 2, len(Y))
    with config_context(enable_metadata_routing=True):
        model = LogisticRegression().set_fit_request(sample_weight="w")
        pipe = make_pipeline(StandardScaler(), model)
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight="w")
        routed = both(pipe, (X, Y), scoring=scorer, fit_params={"w": weights})
        assert_same_scores(*routed)
    assert not np.array_equal(
        routed[0].cv_results_["mean_test_score"],
        PruningEstimatorCV(pipe, rates=RATES, cv=3)
        .fit(X, Y)
        .cv_results_["mean_test_score"],
    )


def test_unknown_metadata_is_refused():
    """Without routing, only weights and groups can be passed."""
    with pytest.raises(ValueError, match="metadata routing"):
        PruningEstimatorCV(MODEL).fit(X, Y, colour="red")


def test_clones_pickles_and_lists_nested_parameters():
    """The parameters of the model are nested parameters of the search."""
    search = PruningEstimatorCV(LogisticRegression(C=2), tolerance=PruningGuarantee())
    copy = clone(search).set_params(estimator__C=3, rates=RATES, tolerance=0.1)
    assert search.estimator.C == 2
    again = pickle.loads(pickle.dumps(copy.fit(X, Y)))
    assert_array_equal(again.predict(X), copy.predict(X))
    assert not hasattr(PruningEstimatorCV(Ridge()), "predict_proba")


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ([], r"rates=\[\]"),
        ([0.5, 1.2], "1.2"),
        (["a"], "'a'"),
        (1, "rates"),
        (0.5, "rates"),
    ],
)
def test_bad_rates_are_named_before_anything_is_fitted(rates, message):
    """Rates out of [0, 1) and none at all are errors that say so."""
    Counting.n_fits = 0
    with pytest.raises(ValueError, match=message):
        PruningEstimatorCV(Counting(), rates=rates).fit(X, Y)
    assert Counting.n_fits == 0


def test_rates_are_sorted_and_counted_once():
    """Order and repetitions of the rates do not matter; a number makes a grid."""
    search = PruningEstimatorCV(MODEL, rates=[0.6, 0, 0.6, 0.3]).fit(X, Y)
    assert search.rates_.tolist() == [0, 0.3, 0.6]
    grid = PruningEstimatorCV(MODEL, rates=5, cv=2).fit(X, Y).rates_
    assert grid.tolist() == [0, 0.6838, 0.9, 0.9684, 0.99]


def test_nan_score_is_an_error_that_says_where():
    """The score that decides must not be NaN; other scores may be."""

    def undefined(model, X, y):
        return np.nan

    search = PruningEstimatorCV(MODEL, rates=RATES, scoring=undefined)
    with pytest.raises(ValueError, match="score at rate 0 of split 0 is NaN"):
        search.fit(X, Y)
    scoring = {"accuracy": "accuracy", "nothing": undefined}
    results = search.set_params(scoring=scoring).fit(X, Y).cv_results_
    assert np.isnan(results["mean_test_nothing"]).all()
    assert set(results["rank_test_nothing"]) == {1}


def test_unknown_deciding_metric_is_an_error():
    """`refit` must name one of the scores, before anything is fitted."""
    late = PruningEstimatorCV(MODEL, scoring=lambda *_: {"a": 1.0}, refit="recall")
    with pytest.raises(ValueError, match=r"\['a'\], and refit='recall'"):
        late.fit(X, Y)
    for scoring, known in ((["accuracy"], "accuracy"), ("accuracy", "score")):
        search = PruningEstimatorCV(NeverFitted(), scoring=scoring, refit="recall")
        with pytest.raises(ValueError, match=rf"refit='recall'.*\['{known}'\]"):
            search.fit(X, Y)


def test_guarantee_says_that_it_counts_no_weights():
    """A warning is raised if the guarantee ignores the weights."""
    search = PruningEstimatorCV(MODEL, rates=[0], tolerance=PruningGuarantee(0.2))
    with pytest.warns(UserWarning, match="counts each held-out sample alike"):
        search.fit(X, Y, sample_weight=np.ones(len(Y)))


def test_guarantee_chooses_the_last_safe_rate():
    """The chosen rate is the last one before the first p-value above the level."""
    X, y = large_classes(900)
    promise = PruningGuarantee(max_loss=0.03, confidence=0.9)
    search = PruningEstimatorCV(MODEL, rates=12, tolerance=promise).fit(X, y)
    counts = search.cv_results_["n_worse"], search.cv_results_["n_better"]
    p_values = [promise.p_value(int(a), int(b), 900) for a, b in zip(*counts)]
    assert 0 < search.best_index_ < 11
    assert max(p_values[: search.best_index_ + 1]) <= 0.1
    assert p_values[search.best_index_ + 1] > 0.1
    assert search.n_held_out_ == 900


def large_classes(n_samples):
    """Samples of two noisy classes that few of ten features tell apart."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n_samples, 10))
    signal = X @ (0.5 ** np.arange(10)) + 0.5 * rng.normal(size=n_samples)
    return X, (signal > 0).astype(int)


def test_guarantee_counts_changed_predictions():
    """n_worse - n_better over the held-out samples is the accuracy lost."""
    X, y = large_classes(900)
    promise = PruningGuarantee(max_loss=0.05)
    results = (
        PruningEstimatorCV(MODEL, rates=6, tolerance=promise).fit(X, y).cv_results_
    )
    lost = (results["n_worse"] - results["n_better"]) / 900
    scores = results["mean_test_score"]
    np.testing.assert_allclose(lost, scores[0] - scores, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs at least 408 held-out samples, but cv holds out 90"),
        ({"cv": ShuffleSplit(1, test_size=0.5)}, "holds out 45"),
        ({"cv": RepeatedKFold()}, "several times"),
        ({"estimator": Ridge()}, "Ridge is no classifier"),
    ],
)
def test_guarantee_that_cannot_be_given_is_refused_at_once(options, message):
    """Too few samples, repeated ones and regressors are found before fitting."""
    search = PruningEstimatorCV(Counting(), tolerance=PruningGuarantee())
    search.set_params(**options)
    Counting.n_fits = 0
    with pytest.raises(ValueError, match=message):
        search.fit(X, Y if "estimator" not in options else X[:, 0])
    assert Counting.n_fits == 0


def test_no_safe_rate_is_an_error_and_the_table_stays():
    """If the smallest rate loses too much, fit raises, and the scores remain."""
    X, y = large_classes(900)
    search = PruningEstimatorCV(
        MODEL, rates=[0.95], cv=3, tolerance=PruningGuarantee(max_loss=0.02)
    )
    with pytest.raises(ValueError, match=r"smallest is 0\.95"):
        search.fit(X, y)
    assert search.rate_at("1se") == 0.95


def test_guarantee_after_the_fact_needs_the_counts():
    """A guarantee cannot be asked of a search that counted no changes."""
    search = PruningEstimatorCV(MODEL, rates=RATES).fit(X, Y)
    with pytest.raises(ValueError, match="fit with a PruningGuarantee"):
        search.rate_at(PruningGuarantee())


def test_one_split_has_no_standard_error():
    """The default tolerance needs two splits; a number needs one."""
    split = PredefinedSplit(np.where(np.arange(len(Y)) < 60, -1, 0))
    search = PruningEstimatorCV(MODEL, rates=RATES, cv=split)
    with pytest.raises(ValueError, match="at least two splits"):
        search.fit(X, Y)
    assert search.set_params(tolerance=0.5).fit(X, Y).rate_ == 0.8


@pytest.mark.parametrize("tolerance", [-0.1, "2se", None, True, np.inf])
def test_bad_tolerances_are_refused(tolerance):
    """`fit`, `rate_at` and `within_tolerance` raise for an invalid tolerance."""
    with pytest.raises(ValueError, match="tolerance"):
        PruningEstimatorCV(MODEL, rates=RATES, tolerance=tolerance).fit(X, Y)
    with pytest.raises(ValueError, match="tolerance"):
        PruningEstimatorCV(MODEL, rates=RATES).fit(X, Y).rate_at(tolerance)
    with pytest.raises(ValueError, match="tolerance"):
        within_tolerance(tolerance)


def test_rate_at_needs_a_fit():
    """`rate_at` raises before fit."""
    with pytest.raises(NotFittedError):
        PruningEstimatorCV(MODEL).rate_at(0.1)


def test_verbose_prints_a_line_a_rate_and_split(capsys):
    """Each printed line has the rate, the split and the score."""
    PruningEstimatorCV(MODEL, rates=[0, 0.5], cv=2, verbose=1).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert sum("of split" in line for line in lines) == 4


CHECKED = [
    PruningEstimatorCV(LogisticRegression(), rates=3, cv=2),
    PruningEstimatorCV(Ridge(), rates=3, cv=2),
]


@pytest.mark.filterwarnings("ignore::skprune.engine.warnings.FlooredRateWarning")
@parametrize_with_checks(CHECKED)
def test_scikit_learn_check(estimator, check):
    """scikit-learn's own checks pass, with no exception."""
    check(estimator)


@pytest.mark.parametrize(
    "check",
    [
        "check_param_validation",
        "check_dataframe_column_names_consistency",
        "check_inplace_ensure_writeable",
    ],
)
def test_check_that_scikit_learn_does_not_list(check):
    """Checks that scikit-learn runs on its own estimators pass too."""
    getattr(estimator_checks, check)("PruningEstimatorCV", clone(CHECKED[0]))
