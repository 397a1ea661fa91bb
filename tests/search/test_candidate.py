"""Candidates of a search answer as their models would, which are not built for it."""

import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import (
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune import PruningEstimator, PruningEstimatorCV
from skprune.engine.progress import SILENT
from skprune.scorers import n_nonzero, prediction_time
from skprune.search.candidate import Candidate, candidate, held_out_ends
from skprune.structures.tree_models import rebuild_trees
from tests.cases import dataset

RATES = [0.0, 0.4, 0.9]
FOREST = RandomForestClassifier(6, random_state=0)
REGRESSOR = RandomForestRegressor(6, random_state=0)


def candidates(model, kind, **options):
    """A candidate for each rate, and the held-out samples."""
    X, y = dataset(kind)
    pruner = PruningEstimator(model, random_state=0, **options)
    location, path = pruner._fit_path(X[::2], y[::2], RATES, SILENT)
    held_out = X[1::2]
    ends = held_out_ends(location, held_out)
    made = zip(RATES, path(SILENT))
    each = [candidate(pruner, rate, pruned, held_out, ends) for rate, pruned in made]
    return each, held_out, y[1::2]


@pytest.fixture
def n_built(monkeypatch):
    """Numbers of the trees that were built, of one model after the other."""
    built = []

    def counted(*args):
        built.append(len(args[0]))
        return rebuild_trees(*args)

    monkeypatch.setattr("skprune.structures.tree_models.rebuild_trees", counted)
    return built


@pytest.mark.parametrize("options", [{}, {"compensate": False}, {"n_steps": 3}])
@pytest.mark.parametrize("granularity", ["connection", "neuron", "layer", "feature"])
@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (FOREST, "classes"),
        (make_pipeline(StandardScaler(), FOREST), "binary"),
        (RandomForestClassifier(6, criterion="entropy", random_state=0), "holes"),
        (REGRESSOR, "regression"),
        (ExtraTreesRegressor(6, random_state=0), "regression"),
    ],
    ids=["classes", "pipeline", "holes", "regression", "extra"],
)
def test_answers_are_those_of_the_model(model, kind, granularity, options):
    """Every answer about the held-out samples is the model's, to the last digit."""
    options = {"granularity": granularity, **options}
    each, X, y = candidates(model, kind, **options)
    for one in each:
        assert isinstance(one, Candidate)
        score, predicted = one.score(X, y), one.predict(X)
        shares = one.predict_proba(X) if hasattr(one, "predict_proba") else None

        assert score == one.estimator_.score(X, y)
        assert_array_equal(predicted, one.estimator_.predict(X))
        if shares is not None:
            assert_array_equal(shares, one.estimator_.predict_proba(X))
            assert_array_equal(one.classes_, one.estimator_.classes_)
        assert (shares is None) == (kind == "regression")


@pytest.mark.parametrize("granularity", ["connection", "neuron", "layer"])
def test_no_tree_is_built_for_a_prediction(n_built, granularity):
    """Ranked, recovered and scored at all rates without a tree; then built once."""
    options = {"granularity": granularity, "compensate": False}
    each, X, y = candidates(FOREST, "classes", **options)
    built_for_sizes = len(n_built)  # fewer trees: what each holds besides is not known
    assert built_for_sizes == (len(RATES) - 1 if granularity == "neuron" else 0)
    for one in each:
        one.score(X, y)
        one.predict_proba(X)
    assert len(n_built) == built_for_sizes
    for one in each:
        assert one.estimator_ is one.estimator_
    assert len(n_built) == len(RATES) - 1


def test_other_samples_are_answered_by_the_model(n_built):
    """Equal samples in another array are not known: the model is built for them."""
    each, X, _ = candidates(FOREST, "classes", compensate=False)
    one = each[-1]
    predicted = one.predict(X)
    assert not n_built
    assert_array_equal(one.predict(X.copy()), predicted)
    assert_array_equal(one.predict(X), predicted)
    assert len(n_built) == 1


def test_models_without_ends_are_plain():
    """Of another family, or in a container that is more than a way, all are built."""
    frozen = FrozenEstimator(clone(FOREST).fit(*dataset("classes")))
    for model, kind in (
        (LogisticRegression(), "classes"),
        (frozen, "classes"),
        (GridSearchCV(FOREST, {"max_depth": [3]}, cv=2), "classes"),
        (REGRESSOR, "outputs"),
    ):
        each, X, y = candidates(model, kind)
        assert {type(one) for one in each} == {PruningEstimator}
        assert each[-1].score(X, y) == each[-1].estimator_.score(X, y)


class OwnWay(RandomForestClassifier):
    """A forest that predicts as nobody else does."""

    def predict(self, X):
        return super().predict(X)[::-1]


def test_own_method_of_a_subclass_is_asked():
    """What a subclass predicts is not taken for what a forest would."""
    each, X, _ = candidates(OwnWay(6, random_state=0), "classes")
    for one in each:
        assert_array_equal(one.predict(X), one.estimator_.predict(X))


def test_scores_are_those_of_a_grid_search(n_built):
    """Scorers of predictions and of probabilities, at no tree built for them."""
    X, y = dataset("classes")
    scoring = ["accuracy", "neg_log_loss", "roc_auc_ovr"]
    options = {"scoring": scoring, "refit": "accuracy", "cv": 3}
    pruner = PruningEstimator(FOREST, compensate=False, random_state=0)
    grid = GridSearchCV(pruner, {"rate": RATES}, **options).fit(X, y)
    n_built.clear()

    search = PruningEstimatorCV(
        FOREST, rates=RATES, compensate=False, random_state=0, **options
    ).fit(X, y)

    assert len(n_built) <= 1  # the one chosen
    for name in scoring:
        for split in range(3):
            key = f"split{split}_test_{name}"
            assert_array_equal(search.cv_results_[key], grid.cv_results_[key])


def test_a_function_scores_the_pruned_model_itself():
    """What may look at the model, or at the clock, is given one that is built."""
    seen = []

    def own(estimator, X, y):
        seen.append((type(estimator), "estimator_" in vars(estimator)))
        return estimator.score(X, y)

    X, y = dataset("classes")
    for scoring in (own, {"own": own, "accuracy": "accuracy"}):
        PruningEstimatorCV(FOREST, rates=RATES, scoring=scoring, cv=2).fit(X, y)
    assert set(seen) == {(PruningEstimator, True)}
    assert len(seen) == 2 * 2 * len(RATES)


def test_size_and_time_are_of_the_built_model():
    """Of a candidate too, scorers of sizes and times measure what it would become."""
    each, X, y = candidates(FOREST, "classes")
    smallest = each[-1]
    assert n_nonzero(smallest, X, y) == -smallest.report_.after.n_nonzero
    assert prediction_time(smallest, X, y) < 0
    assert "estimator" in vars(smallest._pruned)
