"""Models inside containers are found, with the samples as they see them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skprune import PruningEstimator
from skprune.numerics.held import arrays_of
from skprune.structures import (
    Samples,
    final_model,
    final_models,
    input_columns,
    locate,
    prunable_models,
)
from skprune.structures.location import transformers, way_in

X, Y = load_diabetes(return_X_y=True)
SCALED = StandardScaler().fit_transform(X)


def containers(alpha=1.0):
    """Unfitted containers of a ridge, each with the X and y that the ridge sees."""
    model = Ridge(alpha=alpha)
    pipeline = make_pipeline(StandardScaler(), model)
    search = GridSearchCV(Ridge(), {"alpha": [alpha]}, cv=2)
    log = {"func": np.log, "inverse_func": np.exp}
    both = TransformedTargetRegressor(
        GridSearchCV(pipeline, {"ridge__alpha": [alpha]}, cv=2), **log
    )
    skipping = Pipeline([("a", None), ("b", "passthrough"), ("c", model)])
    return {
        "model": (model, X, Y),
        "pipeline": (pipeline, SCALED, Y),
        "skipping": (skipping, X, Y),
        "search": (search, X, Y),
        "target": (TransformedTargetRegressor(model, **log), X, np.log(Y)),
        "both": (both, SCALED, np.log(Y)),
    }


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", containers())
def test_model_and_samples_are_found(name, frozen):
    """The fitted model, and X and y as they come to it."""
    container, seen, targets = containers()[name]
    assert type(final_model(container)) is Ridge
    container = container.fit(X, Y)
    given = FrozenEstimator(container) if frozen else container

    location = locate(given, Samples(X, Y, trained_on=True))

    assert location.model is final_model(container) is final_model(given)
    assert_allclose(location.samples.X, seen)
    assert_allclose(location.samples.y, targets)
    assert location.samples.trained_on is not frozen


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", containers())
def test_rebuilt_container(name, frozen):
    """A copy predicts with the new model, and shares nothing with what was given."""
    container = containers()[name][0].fit(X, Y)
    before = container.predict(X)
    given = FrozenEstimator(container) if frozen else container
    location = locate(given, Samples(X, Y))
    other = Ridge(alpha=100.0).fit(location.samples.X, location.samples.y)

    rebuilt = location.rebuild(other)

    assert type(rebuilt) is type(container)
    assert final_model(rebuilt) is other
    wanted = containers(alpha=100.0)[name][0].fit(X, Y)
    assert_allclose(rebuilt.predict(X), wanted.predict(X))
    assert_array_equal(container.predict(X), before)
    ours = {id(array) for array in arrays_of(rebuilt)}
    assert not ours & {id(array) for array in arrays_of(container)}


def test_frozen_step_becomes_a_plain_one():
    """The wrapper around the model goes with the model."""
    given = make_pipeline(StandardScaler(), FrozenEstimator(Ridge().fit(SCALED, Y)))
    location = locate(given.fit(X, Y), Samples(X, Y, trained_on=True))
    assert not location.samples.trained_on
    rebuilt = location.rebuild(Ridge(alpha=3.0).fit(SCALED, Y))
    assert type(rebuilt[-1]) is Ridge and rebuilt[-1].alpha == 3.0


def test_what_cannot_be_located():
    """Not fitted, or a search that kept no model."""
    with pytest.raises(NotFittedError):
        locate(make_pipeline(StandardScaler(), Ridge()), Samples(X, Y))
    search = GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=2, refit=False).fit(X, Y)
    with pytest.raises(ValueError, match=r"GridSearchCV\(refit=False\).*refit=True"):
        locate(search, Samples(X, Y))


def nested():
    """An unfitted ensemble of several models, some of them deep inside."""
    inner = VotingRegressor([("a", Ridge()), ("b", KNeighborsRegressor())])
    pipe = make_pipeline(StandardScaler(), inner)
    frozen = FrozenEstimator(make_pipeline(StandardScaler(), Ridge()).fit(X, Y))
    pruner = PruningEstimator(Ridge(), rate=0.2)
    members = [("deep", pipe), ("gone", "drop"), ("f", frozen), ("p", pruner)]
    return TransformedTargetRegressor(VotingRegressor(members))


@pytest.mark.parametrize("fitted", [False, True])
def test_names_of_models_say_where_they_are(fitted):
    """Names of nested ensembles are joined; containers of one model add none."""
    estimator = nested().fit(X, Y) if fitted else nested()
    names = {name: type(model) for name, model in final_models(estimator)}
    kinds = {"deep.a": Ridge, "deep.b": KNeighborsRegressor, "f": Ridge, "p": Ridge}
    assert names == kinds
    accepted = [name for name, _ in prunable_models(estimator)]
    assert accepted == ["deep.a", "f", "p"]
    assert final_models(Ridge())[0][0] == ""


def test_several_models_are_replaced_and_wrappers_vanish():
    """Frozen estimators and pruners around a pruned model are not in the copy."""
    fitted = nested().fit(X, Y)
    location = locate(fitted, Samples(X, Y, trained_on=True))
    assert [member.name for member in location.members] == ["deep.a", "f", "p"]
    known = [member.samples.trained_on for member in location.members]
    assert known == [True, False, False]
    new = [Ridge(alpha=7.0).fit(SCALED, Y) for _ in location.members]

    voting = location.rebuild(*new).regressor_

    assert voting.estimators_[0][-1].estimators_[0] is new[0]
    assert voting.named_estimators_["deep"] is voting.estimators_[0]
    assert type(voting.estimators_[1]) is Pipeline
    assert voting.estimators_[1][-1] is new[1]
    assert voting.estimators_[2] is voting.named_estimators_["p"] is new[2]


def test_a_model_that_stands_twice_is_one_member():
    """One object at two places has one ranking, and is replaced at both."""
    model = FrozenEstimator(Ridge().fit(X, Y))
    voting = VotingRegressor([("a", model), ("b", model)]).fit(X, Y)
    location = locate(voting, Samples(X, Y))
    assert [member.name for member in location.members] == ["a"]
    new = Ridge(alpha=3.0).fit(X, Y)
    rebuilt = location.rebuild(new)
    assert rebuilt.estimators_[0] is rebuilt.estimators_[1] is new


@pytest.mark.parametrize("fitted", [False, True])
def test_what_has_no_model_to_prune_is_named(fitted):
    """The error says which models there are, or why the only one is refused."""
    voting = VotingClassifier([("s", SVC()), ("k", KNeighborsClassifier())])
    y = Y > 100
    for estimator, message in (
        (voting, r"VotingClassifier cannot be pruned: it holds KNeighb.*, SVC"),
        (make_pipeline(SVC()), "SVC cannot be pruned"),
    ):
        with pytest.raises(TypeError, match=message):
            if fitted:
                locate(estimator.fit(X, y), Samples(X, y))
            else:
                prunable_models(estimator)


def test_the_way_in_ends_at_several_models():
    """It is followed through containers of one model only."""
    voting = VotingClassifier([("l", LogisticRegression())])
    pipe = make_pipeline(StandardScaler(), voting)
    search = GridSearchCV(pipe, {"votingclassifier__n_jobs": [1]}, cv=2)
    assert list(way_in(search)) == [search, pipe, voting]
    assert final_model(search) is voting
    search.fit(X, Y > 100)
    assert transformers(search) == [search.best_estimator_[0]]
    assert_array_equal(input_columns(search, 10), np.arange(10))
