"""What is known of containers that hold one estimator."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune.structures import (
    Container,
    Samples,
    container_of,
    final_model,
    locate,
)


def test_default_regressor():
    """A target transform without a regressor stands for a linear regression."""
    assert type(final_model(TransformedTargetRegressor())) is LinearRegression


@pytest.mark.parametrize(
    ("kind", "options", "sees_all"),
    [
        (FixedThresholdClassifier, {}, True),
        (TunedThresholdClassifierCV, {"cv": 2}, True),
        (TunedThresholdClassifierCV, {"cv": 0.5, "refit": False}, False),
    ],
)
def test_thresholds_see_all_rows_if_they_are_refitted(kind, options, sees_all):
    """Without refit, the model behind a threshold has seen one part of the rows."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    container = kind(LogisticRegression(), **options)
    assert final_model(container) is container.estimator
    location = locate(container.fit(X, y), Samples(X, y, trained_on=True))
    assert location.model is container.estimator_
    assert location.samples.trained_on is sees_all


def test_another_container_can_be_registered():
    """A meta-estimator of someone else needs to say what is inside, and no more."""

    class Wrapper(MetaEstimatorMixin, BaseEstimator):
        def __init__(self, estimator):
            self.estimator = estimator

        def fit(self, X, y):
            self.fitted_ = self.estimator.fit(X, y)
            return self

    @container_of.register(Wrapper)
    class _Wrapper(Container):
        def inner(self):
            return {"": getattr(self.estimator, "fitted_", self.estimator.estimator)}

    X, y = np.eye(4), np.arange(4.0)
    wrapper = make_pipeline(Wrapper(Ridge())).fit(X, y)
    location = locate(wrapper, Samples(X, y))
    assert location.model is wrapper[-1].fitted_
    new = Ridge().fit(X, 2 * y)
    assert location.rebuild(new)[-1].fitted_ is new


def test_fit_params_under_the_names_of_the_model():
    """Aliases are followed inwards; a frozen model is fitted with nothing."""
    X, y, weights = np.eye(5), np.arange(5.0) + 1, np.arange(5) + 1.0
    with config_context(enable_metadata_routing=True):
        model = Ridge().set_fit_request(sample_weight="importance")
        for container in (
            make_pipeline(StandardScaler(), model),
            GridSearchCV(make_pipeline(model), {}),
            TransformedTargetRegressor(model),
        ):
            fitted = container.fit(X, y, importance=weights)
            params = {"importance": weights}
            location = locate(fitted, Samples(X, y, fit_params=params))
            assert location.samples.sample_weight is weights
            frozen = FrozenEstimator(fitted)
            unasked = locate(frozen, Samples(X, y, fit_params=params)).samples
            assert unasked.sample_weight is None
