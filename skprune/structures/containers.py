"""Containers of one estimator, such as pipelines and searches.

The models inside are pruned. Each kind of container is a small class that lists the
estimators inside and computes the samples that they see. Containers of several
estimators are in `composites`.
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
    """Base of the kinds of containers, that is, of estimators that hold others.

    A subclass is registered by ``container_of.register(KindOfEstimator)``.

    Parameters
    ----------
    estimator : estimator
        The container, fitted or not.

    Attributes
    ----------
    vanishes : bool
        Whether the pruned estimator inside replaces the container.
    takes_weights : bool
        Whether ``fit`` takes ``sample_weight`` that is not in its signature.
    transformers : list of estimator
        Fitted transformers that samples pass on their way to the estimator inside.
    """

    vanishes = False
    takes_weights = False
    transformers: list = []

    def __init__(self, estimator):
        self.estimator = estimator

    def inner(self):
        """Find the estimators inside, fitted ones if there are any.

        Returns
        -------
        dict of str to estimator
            By name. The name is empty if such a container always holds one estimator.
        """
        raise NotImplementedError

    def transform(self, samples):
        """Compute the samples that the fitted estimators inside see.

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
        """Find the name of an estimator inside in the container's metadata router.

        Parameters
        ----------
        name : str
            From `inner`.

        Returns
        -------
        str or None
            None if the router does not list it; then it gets all metadata.
        """
        return "estimator"

    def metadata(self, name, fit_params):
        """Select the metadata that an estimator inside is fitted with.

        Parameters
        ----------
        name : str
            From `inner`.
        fit_params : dict
            Metadata of the container's ``fit``.

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
    """Make the `Container` of an estimator, None if it holds no other."""
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
        # without refit the model was fitted on some of the rows, or on others
        sees_all = samples.trained_on and getattr(self.estimator, "refit", True)
        return [replace(samples, trained_on=sees_all)]
