"""Containers that are looked through: the model inside is what is pruned.

A Pipeline, a search, a TransformedTargetRegressor and a FrozenEstimator each hold a
model that sees other samples than the container does. `locate` finds the model, the
samples as it sees them, and the way to put another model in its place.
"""

import copy
from dataclasses import dataclass, replace

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import check_is_fitted

from skprune._compat import BaseSearchCV
from skprune.structures.base import Samples


@dataclass(frozen=True)
class Location:
    """Where in a fitted estimator the model is.

    Attributes
    ----------
    container : estimator
        What the model was looked for in; the model itself where it is in none.
    model : estimator
        The fitted model.
    samples : Samples
        The samples as the model sees them.
    replaced : estimator
        What a new model takes the place of: the model, or the FrozenEstimator that
        holds it.
    """

    container: object
    model: object
    samples: Samples
    replaced: object

    def rebuild(self, model):
        """A copy of the container with another model inside.

        Parameters
        ----------
        model : estimator
            The new model; it becomes part of the copy.

        Returns
        -------
        estimator
            Shares nothing with the container.
        """
        # deepcopy takes what its memo holds for a copy that is already made
        return copy.deepcopy(self.container, memo={id(self.replaced): model})


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


def transformers(estimator):
    """What samples pass on their way to the model at the end of nested containers.

    Parameters
    ----------
    estimator : estimator
        A fitted model or container.

    Returns
    -------
    list of estimator
        The fitted transformers of pipelines, in the order of the way.
    """
    if isinstance(estimator, Pipeline):
        *steps, last = [step for _, step in estimator.steps]
        active = [step for step in steps if step not in (None, "passthrough")]
        return [*active, *transformers(last)]
    if isinstance(estimator, FrozenEstimator):
        return transformers(estimator.estimator)
    if isinstance(estimator, BaseSearchCV):
        return transformers(estimator.best_estimator_)
    if isinstance(estimator, TransformedTargetRegressor):
        return transformers(estimator.regressor_)
    return []


def final_fit_params(estimator, fit_params):
    """What reaches ``fit`` of the model at the end of nested containers.

    Parameters
    ----------
    estimator : estimator
        A model or a container, with the metadata requests of its parts.
    fit_params : dict
        What its ``fit`` is called with.

    Returns
    -------
    dict
        Under the names that the model knows.
    """
    if isinstance(estimator, FrozenEstimator) or not fit_params:
        return {}
    if isinstance(estimator, Pipeline):
        name, inner = estimator.steps[-1]
    elif isinstance(estimator, BaseSearchCV):
        name, inner = "estimator", estimator.estimator
    elif isinstance(estimator, TransformedTargetRegressor):
        name, inner = "regressor", estimator.regressor
    else:
        return fit_params
    routed = process_routing(estimator, "fit", **fit_params)
    return final_fit_params(inner, routed[name].fit)


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
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    ValueError
        For a search that was not refitted.
    """
    check_is_fitted(estimator)
    if isinstance(estimator, Pipeline):
        inner = _in_pipeline(estimator, samples)
    elif isinstance(estimator, BaseSearchCV):
        inner = _in_search(estimator, samples)
    elif isinstance(estimator, TransformedTargetRegressor):
        inner = _in_target_transform(estimator, samples)
    elif isinstance(estimator, FrozenEstimator):
        inner = locate(estimator.estimator, replace(samples, trained_on=False))
        if inner.replaced is inner.container:
            return replace(inner, container=estimator, replaced=estimator)
        return inner
    else:
        return Location(estimator, estimator, samples, replaced=estimator)
    return replace(inner, container=estimator)


def _in_pipeline(pipeline, samples):
    X = samples.X
    for _, step in pipeline.steps[:-1]:
        if step is not None and step != "passthrough":
            X = step.transform(X)
    return locate(pipeline.steps[-1][1], replace(samples, X=X))


def _in_search(search, samples):
    if not hasattr(search, "best_estimator_"):
        raise ValueError(
            f"{type(search).__name__}(refit=False) holds no fitted model to prune; "
            "set refit=True."
        )
    return locate(search.best_estimator_, samples)


def _in_target_transform(regressor, samples):
    y = np.asarray(samples.y)
    transformed = regressor.transformer_.transform(y.reshape(len(y), -1))
    if y.ndim == 1 and transformed.ndim == 2 and transformed.shape[1] == 1:
        transformed = transformed.ravel()
    return locate(regressor.regressor_, replace(samples, y=transformed))
