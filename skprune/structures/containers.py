"""Containers that are looked through: the model inside is what is pruned.

A Pipeline, a search, a TransformedTargetRegressor and a FrozenEstimator each hold a
model that sees other samples than the container does. `locate` finds the model, the
samples as it sees them, and the way to put another model in its place.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from skprune._compat import BaseSearchCV
from skprune.structures.base import Samples


@dataclass(frozen=True)
class Location:
    """Where in a fitted estimator the model is.

    Attributes
    ----------
    model : estimator
        The fitted model.
    samples : Samples
        The samples as the model sees them.
    rebuild : callable
        ``rebuild(model) -> estimator``: the container with another model inside; what
        it is called on stays as it is.
    """

    model: object
    samples: Samples
    rebuild: Callable


def final_model(estimator):
    """The model at the end of nested containers.

    Parameters
    ----------
    estimator : estimator
        A model or a container.

    Returns
    -------
    estimator
        Not a container; the fitted model where there is one.
    """
    if isinstance(estimator, Pipeline):
        return final_model(estimator.steps[-1][1])
    if isinstance(estimator, FrozenEstimator):
        return final_model(estimator.estimator)
    if isinstance(estimator, BaseSearchCV):
        return final_model(getattr(estimator, "best_estimator_", estimator.estimator))
    if isinstance(estimator, TransformedTargetRegressor):
        inner = getattr(estimator, "regressor_", estimator.regressor)
        return LinearRegression() if inner is None else final_model(inner)
    return estimator


def locate(estimator, samples):
    """Find the model in a fitted estimator.

    Parameters
    ----------
    estimator : estimator
        A fitted model or container.
    samples : Samples
        As the estimator takes them.

    Returns
    -------
    Location
        Of the model and its samples.

    Raises
    ------
    ValueError
        For a search that was not refitted.
    """
    if isinstance(estimator, Pipeline):
        return _in_pipeline(estimator, samples)
    if isinstance(estimator, BaseSearchCV):
        return _in_search(estimator, samples)
    if isinstance(estimator, TransformedTargetRegressor):
        return _in_target_transform(estimator, samples)
    if isinstance(estimator, FrozenEstimator):
        return locate(estimator.estimator, samples)
    return Location(estimator, samples, rebuild=lambda model: model)


def _in_pipeline(pipeline, samples):
    X = samples.X
    for _, step in pipeline.steps[:-1]:
        if step is not None and step != "passthrough":
            X = step.transform(X)
    inner = locate(pipeline.steps[-1][1], replace(samples, X=X))

    def rebuild(model):
        rebuilt = copy.copy(pipeline)
        name = pipeline.steps[-1][0]
        rebuilt.steps = [*pipeline.steps[:-1], (name, inner.rebuild(model))]
        return rebuilt

    return replace(inner, rebuild=rebuild)


def _in_search(search, samples):
    if not hasattr(search, "best_estimator_"):
        raise ValueError(
            f"{type(search).__name__}(refit=False) holds no fitted model to prune; "
            "set refit=True."
        )
    inner = locate(search.best_estimator_, samples)

    def rebuild(model):
        rebuilt = copy.copy(search)
        rebuilt.best_estimator_ = inner.rebuild(model)
        return rebuilt

    return replace(inner, rebuild=rebuild)


def _in_target_transform(regressor, samples):
    y = np.asarray(samples.y)
    transformed = regressor.transformer_.transform(y.reshape(len(y), -1))
    if transformed.ndim == 2 and transformed.shape[1] == 1:
        transformed = transformed.ravel()
    inner = locate(regressor.regressor_, replace(samples, y=transformed))

    def rebuild(model):
        rebuilt = copy.copy(regressor)
        rebuilt.regressor_ = inner.rebuild(model)
        return rebuilt

    return replace(inner, rebuild=rebuild)
