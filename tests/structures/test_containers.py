"""The model inside a container is found, with the samples as it sees them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune.numerics.held import arrays_of
from skprune.structures import Samples, final_fit_params, final_model, locate

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


def test_default_regressor():
    """A target transform without a regressor stands for a linear regression."""
    assert type(final_model(TransformedTargetRegressor())) is LinearRegression


def test_fit_params_under_the_names_of_the_model():
    """Aliases are followed inwards; a frozen model is fitted with nothing."""
    weights = np.ones(len(Y))
    with config_context(enable_metadata_routing=True):
        model = Ridge().set_fit_request(sample_weight="importance")
        for container in (
            make_pipeline(StandardScaler(), model),
            GridSearchCV(make_pipeline(model), {}),
            TransformedTargetRegressor(model),
        ):
            found = final_fit_params(container, {"importance": weights})
            assert list(found) == ["sample_weight"]
            assert found["sample_weight"] is weights
    assert final_fit_params(FrozenEstimator(Ridge()), {"sample_weight": weights}) == {}
    assert final_fit_params(Ridge(), {"sample_weight": 1}) == {"sample_weight": 1}
