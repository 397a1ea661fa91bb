"""Metadata routing of the estimators: what goes to the model inside, and where."""

from dataclasses import replace
from functools import partial

import numpy as np
from sklearn import get_config
from sklearn.frozen import FrozenEstimator
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import has_fit_parameter

from skprune.engine.fits import trained
from skprune.structures import Samples, container_of

FITTING = ("fit", "fit_transform", "partial_fit")  # ask for what ``fit`` does
ANSWERING = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "transform",
    "score",
)


def routed_samples(meta_estimator, X, y, sample_weight, fit_params, caller="fit"):
    """Route metadata to ``fit`` of the estimator inside and to the pruning.

    Parameters
    ----------
    meta_estimator : PruningEstimator or PruningSelector
        Holds the estimator and the metadata requests.
    X, y : array-like
        Training samples.
    sample_weight : array-like of shape (n_samples,) or None
        As ``fit`` was called.
    fit_params : dict
        Other metadata.
    caller : str, default="fit"
        The method that was called.

    Returns
    -------
    routed : dict
        For ``fit`` of the estimator inside.
    samples : Samples
        With what ranking and recovery weigh them by: the weights that each model
        itself was fitted with, or, of a frozen model, those given.

    Raises
    ------
    TypeError
        If `sample_weight` is given and the estimator takes none.
    ValueError
        For other metadata without metadata routing.
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
    """Prepare the fit of the estimator inside a meta-estimator.

    Parameters
    ----------
    meta_estimator : PruningEstimator or PruningSelector
        With the parameters ``estimator``, ``random_state`` and ``memory``.
    X, y, sample_weight, fit_params
        As its ``fit`` was called.

    Returns
    -------
    callable
        ``train(task=...)`` returns the `Fit`.

    Raises
    ------
    TypeError, ValueError
        As `routed_samples`.
    """
    given = X, y, sample_weight, fit_params
    routed, samples = routed_samples(meta_estimator, *given)
    return partial(
        trained,
        meta_estimator.estimator,
        replace(samples, trained_on=True),
        routed,
        random_state=meta_estimator.random_state,
        memory=meta_estimator.memory,
    )


def routed_params(estimator, name, params):
    """Metadata for a method of the model inside.

    Parameters
    ----------
    estimator : PrunedModel
        A router, whose model is called ``estimator`` there.
    name : str
        Of the method, which is called alike on both.
    params : dict
        What the method of the router was called with.

    Returns
    -------
    dict
        What its model asks for.

    Raises
    ------
    ValueError
        For any metadata without metadata routing.
    """
    if get_config()["enable_metadata_routing"]:
        return process_routing(estimator, name, **params).estimator[name]
    if params:
        raise ValueError(
            f"{sorted(params)} can be passed to {name} only with metadata routing: "
            "call sklearn.set_config(enable_metadata_routing=True) first."
        )
    return {}


def calls_alike(mapping):
    """Add to a mapping what is passed on to a method of the same name.

    Parameters
    ----------
    mapping : MethodMapping
        Changed in place.

    Returns
    -------
    MethodMapping
        The same object; ``fit_transform`` transforms too.
    """
    for name in ANSWERING:
        mapping.add(caller=name, callee=name)
    return mapping.add(caller="fit_transform", callee="transform")


def check_shows_all(classes, y):
    """Raise where some classes have no sample.

    Parameters
    ----------
    classes : array-like of shape (n_classes,) or None
        All classes; None for those of `y`.
    y : array-like of shape (n_samples,)
        Targets.

    Raises
    ------
    ValueError
        Names the classes that are missing.
    """
    missing = [] if classes is None else np.setdiff1d(classes, y).tolist()
    if missing:
        raise ValueError(
            f"The first samples have none of the classes {missing}, but a model is "
            "pruned after it has seen all; call fit, or begin with samples of each."
        )
