"""Estimators that hold other estimators: the models inside are what is pruned.

Each kind of container is a small class that says which estimators it holds and how they
see its samples. Here are those that hold one; `composites` has those that hold several.
"""

from dataclasses import replace
from functools import singledispatch

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import process_routing

from skprune._compat import BaseSearchCV


class Container:
    """Base class for what `skprune` knows of one kind of container.

    A subclass is registered by ``container_of.register(KindOfEstimator)``.

    Parameters
    ----------
    estimator : estimator
        The container, fitted or not.

    Attributes
    ----------
    vanishes : bool
        Whether the container is replaced by what it holds, once that is pruned.
    takes_weights : bool
        Whether ``fit`` takes ``sample_weight`` though its signature does not say so.
    transformers : list of estimator
        Fitted transformers that samples pass on their way to the estimator inside.
    """

    vanishes = False
    takes_weights = False
    transformers: list = []

    def __init__(self, estimator):
        self.estimator = estimator

    def inner(self):
        """Return the estimators inside: fitted ones if there are any.

        Returns
        -------
        dict of str to estimator
            By name. The name is empty if the container holds one estimator by
            construction.
        """
        raise NotImplementedError

    def transform(self, samples):
        """Return the samples as the fitted estimators inside see them.

        Parameters
        ----------
        samples : Samples
            As the container takes them.

        Returns
        -------
        list of Samples
            In the order of `inner`.
        """
        return [samples] * len(self.inner())

    def route(self, name):
        """Name under which the metadata router of the container knows an estimator.

        Parameters
        ----------
        name : str
            From `inner`.

        Returns
        -------
        str or None
            None if the router does not know it and hands on all metadata.
        """
        return "estimator"

    def metadata(self, name, fit_params):
        """Return what an estimator inside is fitted with.

        Parameters
        ----------
        name : str
            From `inner`.
        fit_params : dict
            What the container is fitted with.

        Returns
        -------
        dict
            Under the names that the estimator inside requests.
        """
        route = self.route(name)
        if not fit_params or route is None:
            return fit_params
        return process_routing(self.estimator, "fit", **fit_params)[route].fit


@singledispatch
def container_of(estimator):
    """Return the `Container` of an estimator, None if it holds no other."""
    return None


@container_of.register(Pipeline)
class _Pipeline(Container):
    def inner(self):
        return {"": self.estimator.steps[-1][1]}

    @property
    def transformers(self):
        steps = [step for _, step in self.estimator.steps[:-1]]
        return [step for step in steps if step not in (None, "passthrough")]

    def transform(self, samples):
        X = samples.X
        for step in self.transformers:
            X = step.transform(X)
        return [replace(samples, X=X)]

    def route(self, name):
        return self.estimator.steps[-1][0]


@container_of.register(BaseSearchCV)
class _Search(Container):
    def inner(self):
        search = self.estimator
        return {"": getattr(search, "best_estimator_", search.estimator)}

    def transform(self, samples):
        if not hasattr(self.estimator, "best_estimator_"):
            raise ValueError(
                f"{type(self.estimator).__name__}(refit=False) holds no fitted model "
                "to prune; set refit=True."
            )
        return [samples]


@container_of.register(TransformedTargetRegressor)
class _TargetTransform(Container):
    def inner(self):
        regressor = getattr(self.estimator, "regressor_", self.estimator.regressor)
        return {"": LinearRegression() if regressor is None else regressor}

    def transform(self, samples):
        y = np.asarray(samples.y)
        transformed = self.estimator.transformer_.transform(y.reshape(len(y), -1))
        if y.ndim == 1 and transformed.ndim == 2 and transformed.shape[1] == 1:
            transformed = transformed.ravel()
        return [replace(samples, y=transformed)]

    def route(self, name):
        return "regressor"


@container_of.register(FrozenEstimator)
class _Frozen(Container):
    vanishes = True

    def inner(self):
        return {"": self.estimator.estimator}

    def transform(self, samples):
        return [replace(samples, trained_on=False)]

    def metadata(self, name, fit_params):
        return {}


@container_of.register(FixedThresholdClassifier)
@container_of.register(TunedThresholdClassifierCV)
class _Threshold(Container):
    def inner(self):
        return {"": getattr(self.estimator, "estimator_", self.estimator.estimator)}

    def transform(self, samples):
        # without refit the model has seen one part of the rows, or none
        sees_all = samples.trained_on and getattr(self.estimator, "refit", True)
        return [replace(samples, trained_on=sees_all)]
