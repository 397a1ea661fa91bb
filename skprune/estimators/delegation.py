"""Methods and attributes that a meta-estimator takes from its pruned model."""

from copy import deepcopy
from dataclasses import replace

from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skprune.estimators.routing import FITTING, calls_alike, routed_params
from skprune.structures import Container, container_of, final_model, find_family

COPIED_TAGS = (
    "estimator_type",
    "classifier_tags",
    "regressor_tags",
    "transformer_tags",
    "target_tags",
    "input_tags",
    "non_deterministic",
)


def check_has_model(estimator):
    """Raise NotFittedError before fit, and after a search with ``refit=False``."""
    check_is_fitted(estimator)
    if not hasattr(estimator, "estimator_"):
        raise NotFittedError(
            f"This {type(estimator).__name__} was fitted with refit=False and holds no "
            "pruned model; set refit=True."
        )


def inner_has(name):
    """Make a condition for ``available_if``: the model has an attribute.

    The model is ``estimator_`` after fit and ``estimator`` before.
    """

    def check(self):
        getattr(self._known_model(), name)
        return True

    return check


def delegated(name):
    """Make a method ``name(X, **params)`` that calls the one of the pruned model."""

    def method(self, X, **params):
        check_has_model(self)
        routed = routed_params(self, name, params)
        return getattr(self.estimator_, name)(X, **routed)

    method.__name__ = name
    method.__doc__ = f"""Call ``{name}`` of the pruned model.

        Parameters
        ----------
        X : {{array-like, sparse matrix}} of shape (n_samples, n_features)
            Samples.
        **params : dict
            Metadata for ``{name}`` of the model, if metadata routing is enabled.

        Returns
        -------
        ndarray
            Result of the pruned model.
        """
    return available_if(inner_has(name))(method)


def fitted_attribute(name):
    """Make a property that reads an attribute of the pruned model."""

    def get(self):
        if not hasattr(self, "estimator_"):
            raise AttributeError(f"{name} exists only after fit.")
        return getattr(self.estimator_, name)

    return property(get, doc=f"``{name}`` of the pruned model.")


class PrunedModel(MetaEstimatorMixin, BaseEstimator):
    """Meta-estimator whose ``estimator_`` is a pruned model.

    The model provides prediction, transformation, scores, fitted attributes, tags and
    metadata requests. A subclass provides ``fit``.
    """

    __metadata_request__score = {"sample_weight": UNUSED}

    def _known_model(self):
        """Return the pruned model, or the unfitted one before fit."""
        return getattr(self, "estimator_", self.estimator)

    def _record(self, pruned, report):
        """Set the fitted attributes from a `Pruned` and its report."""
        self.estimator_ = pruned.estimator
        self.importances_ = pruned.importances
        self.support_ = pruned.support
        self.n_units_ = len(pruned.support)
        self.rate_ = pruned.rate
        self.method_ = pruned.method
        self.report_ = report
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(pruned.fit.fitted, name):
                setattr(self, name, getattr(pruned.fit.fitted, name))
            elif hasattr(self, name):
                delattr(self, name)
        return self

    predict = delegated("predict")
    predict_proba = delegated("predict_proba")
    predict_log_proba = delegated("predict_log_proba")
    decision_function = delegated("decision_function")
    transform = delegated("transform")
    classes_ = fitted_attribute("classes_")
    coef_ = fitted_attribute("coef_")
    intercept_ = fitted_attribute("intercept_")
    feature_importances_ = fitted_attribute("feature_importances_")

    @available_if(inner_has("transform"))
    def fit_transform(self, X, y=None, sample_weight=None, **fit_params):
        """Fit, prune and transform the training samples.

        Parameters
        ----------
        X, y, sample_weight, **fit_params
            As in `fit`. If metadata routing is enabled, also metadata for
            ``transform`` of the model.

        Returns
        -------
        ndarray
            Result of the pruned model.
        """
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        fit, transform = {**given, **fit_params}, {}
        if get_config()["enable_metadata_routing"]:
            process_routing(self, "fit_transform", **fit)  # raises if nobody takes one
            fit, transform = (
                {k: fit[k] for k in self.get_metadata_routing().consumes(method, fit)}
                for method in ("fit", "transform")
            )
        return self.fit(X, y, **fit).transform(X, **transform)

    @available_if(inner_has("score"))
    def score(self, X, y=None, sample_weight=None, **params):
        """Compute the score of the pruned model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets of the samples.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.
        **params : dict
            Metadata for ``score`` of the model, if metadata routing is enabled.

        Returns
        -------
        float
            Accuracy or R2, unless the model defines ``score`` otherwise.
        """
        check_has_model(self)
        if sample_weight is not None:
            params["sample_weight"] = sample_weight
        if get_config()["enable_metadata_routing"]:
            params = routed_params(self, "score", params)
        return self.estimator_.score(X, y, **params)

    @available_if(inner_has("get_feature_names_out"))
    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns that ``transform`` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features.

        Returns
        -------
        ndarray of str
            Names given by the pruned model.
        """
        check_has_model(self)
        return self.estimator_.get_feature_names_out(input_features)

    @available_if(inner_has("set_output"))
    def set_output(self, *, transform=None):
        """Choose the container that ``transform`` returns.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            None leaves it unchanged.

        Returns
        -------
        self : estimator
            The same object.
        """
        for estimator in (self.estimator, getattr(self, "estimator_", None)):
            if estimator is not None:
                estimator.set_output(transform=transform)
        return self

    def __sklearn_tags__(self):
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        for name in COPIED_TAGS:
            setattr(tags, name, deepcopy(getattr(inner, name)))
        return tags

    def get_metadata_routing(self):
        """Return the metadata requests of the model.

        ``partial_fit`` requests what ``fit`` of the model requests.

        Returns
        -------
        MetadataRouter
            See the scikit-learn user guide.
        """
        mapping = MethodMapping()
        for caller in FITTING:
            mapping.add(caller=caller, callee="fit")
        return MetadataRouter(owner=self).add(
            estimator=self.estimator, method_mapping=calls_alike(mapping)
        )


def trains_by_passes(self):
    """Check for ``available_if`` that the model inside is trained by passes."""
    model = final_model(self._known_model())
    family = find_family(model)
    if family is None or not family.trains_by_passes:
        raise AttributeError(f"{type(model).__name__} is not trained by passes.")
    return True


@container_of.register(PrunedModel)
class _Pruned(Container):
    """A pruned model is pruned once more; the meta-estimator around it vanishes."""

    vanishes = True

    def inner(self):
        return {"": self.estimator._known_model()}

    def transform(self, samples):
        check_has_model(self.estimator)
        # compensation has used all rows, so that none counts as out-of-bag
        return [replace(samples, trained_on=False)]

    def metadata(self, name, fit_params):
        if not fit_params or not hasattr(self.estimator, "_pruner"):
            return super().metadata(name, fit_params)
        # the router of a search knows its pruner, which has a router of its own
        routed = process_routing(self.estimator, "fit", **fit_params).pruner.fit
        return _Pruned(self.estimator._pruner()).metadata(name, routed)
