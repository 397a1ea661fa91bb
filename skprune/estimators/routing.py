"""Metadata routing: pass what an estimator is given on to the model inside."""

from dataclasses import replace
from functools import partial

import numpy as np
from sklearn import get_config
from sklearn.frozen import FrozenEstimator
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import has_fit_parameter

from skprune.engine.fits import trained
from skprune.structures import Samples, container_of

# methods that request what ``fit`` of the model does, and those passed on by name
FITTING = ("fit", "fit_transform", "partial_fit")
ANSWERING = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "transform",
    "score",
)


def routed_samples(meta_estimator, X, y, sample_weight, fit_params, caller="fit"):
    """Route metadata to ``fit`` of the estimator inside, and make the samples.

    Returns the metadata, a dict, and the `Samples`. Their weights, for ranking and
    compensation, are those that each model is itself fitted with, or those given if
    the model is frozen.
    """
    estimator = meta_estimator.estimator
    given = {} if sample_weight is None else {"sample_weight": sample_weight}
    if isinstance(estimator, FrozenEstimator) and not fit_params:
        return {}, Samples(X, y, sample_weight)
    if get_config()["enable_metadata_routing"]:
        routing = process_routing(meta_estimator, caller, **given, **fit_params)
        routed = dict(routing.estimator.fit)
        weights = routed.get("sample_weight")
        return routed, Samples(X, y, weights, fit_params=routed)
    if fit_params:
        raise ValueError(
            f"{sorted(fit_params)} can be passed to fit only with metadata routing: "
            "call sklearn.set_config(enable_metadata_routing=True) first."
        )
    if given and not _takes_weights(estimator):
        raise TypeError(
            f"{type(estimator).__name__}.fit takes no sample_weight; leave it out, or "
            "enable metadata routing to send it to a step inside."
        )
    return given, Samples(X, y, sample_weight)


def _takes_weights(estimator):
    container = container_of(estimator)
    takes = container is not None and container.takes_weights
    return takes or has_fit_parameter(estimator, "sample_weight")


def trainer(meta_estimator, X, y, sample_weight, fit_params):
    """Check what ``fit`` of a meta-estimator was given, and prepare the model's fit.

    Returns ``train(task=...)``, which returns the `Fit`.
    """
    routed, samples = routed_samples(meta_estimator, X, y, sample_weight, fit_params)
    return partial(
        trained,
        meta_estimator.estimator,
        replace(samples, trained_on=True),
        routed,
        random_state=meta_estimator.random_state,
        memory=meta_estimator.memory,
    )


def routed_params(estimator, name, params):
    """Return the metadata that the method of that name of the model requests."""
    if get_config()["enable_metadata_routing"]:
        return process_routing(estimator, name, **params).estimator[name]
    if params:
        raise ValueError(
            f"{sorted(params)} can be passed to {name} only with metadata routing: "
            "call sklearn.set_config(enable_metadata_routing=True) first."
        )
    return {}


def calls_alike(mapping):
    """Add each method that is passed on to the one of the same name, and return it."""
    for name in ANSWERING:
        mapping.add(caller=name, callee=name)
    return mapping.add(caller="fit_transform", callee="transform")


def check_shows_all(classes, y):
    """Raise ValueError if one of the classes, unless they are None, has no sample."""
    missing = [] if classes is None else np.setdiff1d(classes, y).tolist()
    if missing:
        raise ValueError(
            f"The first samples have none of the classes {missing}, but the model is "
            "pruned once it has seen all classes; give samples of each, or call fit."
        )
