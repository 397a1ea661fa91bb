"""The model before it is pruned: fitted here, taken from a cache, or frozen."""

import os
import pickle
from dataclasses import replace
from secrets import token_hex
from tempfile import TemporaryFile

import joblib
import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import check_is_fitted, check_memory, has_fit_parameter

from skprune._compat import without_callbacks
from skprune.engine.account import account_of
from skprune.engine.progress import SILENT
from skprune.engine.recent import unpickled
from skprune.structures import (
    Samples,
    family_of,
    final_fit_params,
    final_model,
    locate,
)


def seeded(estimator, random_state):
    """Set every nested ``random_state`` from one seed.

    Parameters
    ----------
    estimator : estimator
        Changed in place.
    random_state : int, RandomState instance or None
        None leaves the estimator as it is.

    Returns
    -------
    estimator
        The same object.
    """
    if random_state is None:
        return estimator
    rng = check_random_state(random_state)
    seeds = {
        name: rng.randint(np.iinfo(np.int32).max)
        for name in sorted(estimator.get_params())
        if name.split("__")[-1] == "random_state"
    }
    return estimator.set_params(**seeds)


def pickled_fit(digest, estimator, X, y, fit_params):
    """A name for this very fit, and as bytes the fitted clone and its account.

    A cache reads bytes much faster than many arrays. The digest of what else is given
    is its key.
    """
    fitted = clone(estimator).fit(X, y, **fit_params)
    account = account_of(locate(fitted, Samples(X, y)))
    return token_hex(), pickle.dumps((fitted, account), protocol=5)


def pickled_notes(name, fitted, X, y):
    """What the family of the model notes of a fit of that name, as bytes.

    They are apart from the fit, as not every pruning needs them. Two fits of the same
    parameters may differ, which is why the parameters are not their key.
    """
    location = locate(fitted, Samples(X, y, trained_on=True))
    notes = family_of(location.model).noted(location.model, location.samples)
    return pickle.dumps(notes, protocol=5)


def trained(
    estimator, X, y, fit_params, *, random_state, memory, task=SILENT, noted=False
):
    """The fitted estimator that is to be pruned.

    Parameters
    ----------
    estimator : estimator
        What the user gave; not changed.
    X, y : array-like
        Training samples.
    fit_params : dict
        What goes to its ``fit``.
    random_state : int, RandomState instance or None
        Seed of nested ``random_state`` parameters.
    memory : None, str or object with the joblib.Memory interface
        Where fitted models are cached.
    task : Task, default=SILENT
        What the fit is a part of. Callbacks are handed to the estimator where nothing
        is cached.
    noted : bool, default=False
        Whether the account has the notes that recovery can make use of.

    Returns
    -------
    fitted : estimator
        To be read only: the user may hold it.
    account : Account or None
        Where the cache knows it.
    """
    if isinstance(estimator, FrozenEstimator):
        check_is_fitted(estimator)
        return estimator, None
    unfitted = seeded(clone(estimator), random_state)
    if memory is None:
        with task.fitting(unfitted):
            return unfitted.fit(X, y, **fit_params), None
    silent = without_callbacks(unfitted)  # they would enter the key of the cache
    with task.subtask("fit-model"):
        cache = writable(memory).cache
        given = silent, X, y, fit_params
        # twice as fast as the MD5 sum that a cache would take of the samples
        digest = joblib.hash(given, hash_name="sha1", coerce_mmap=True)
        fit = cache(pickled_fit, ignore=["estimator", "X", "y", "fit_params"])
        name, entry = fit(digest, *given)
        fitted, account = unpickled(name, lambda: entry)
        account = replace(account, fit=name)
        if noted and family_of(final_model(fitted)).noted is not None:
            cached = cache(pickled_notes, ignore=["fitted", "X", "y"])
            notes = unpickled((name, "notes"), lambda: cached(name, fitted, X, y))
            account = replace(account, notes=notes)
        return fitted, account


def writable(memory):
    """A cache that holds what it is given.

    Parameters
    ----------
    memory : str or object with the joblib.Memory interface
        Of a folder, or of another store.

    Returns
    -------
    object with the joblib.Memory interface
        The same, or that of the folder.

    Raises
    ------
    ValueError
        If its folder cannot be written.
    """
    try:
        memory = check_memory(memory)
        if getattr(memory, "backend", None) == "local" and memory.location is not None:
            folder = memory.store_backend.location
            os.makedirs(folder, exist_ok=True)
            TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(
            f"memory={memory!r} is not a folder that can be written ({error}); give "
            "another one, or memory=None."
        ) from error
    return memory


def routed_fit_params(meta_estimator, sample_weight, fit_params, caller="fit"):
    """What goes to ``fit`` of the estimator inside, and the weights its model sees.

    Parameters
    ----------
    meta_estimator : PruningEstimator
        Holds the estimator and the metadata requests.
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
    weights : array-like of shape (n_samples,) or None
        For ranking and recovery: those that the model itself was fitted with, or, of
        a frozen model, those given.

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
        return {}, sample_weight
    if get_config()["enable_metadata_routing"]:
        routing = process_routing(meta_estimator, caller, **given, **fit_params)
        routed = dict(routing.estimator.fit)
        return routed, final_fit_params(estimator, routed).get("sample_weight")
    if fit_params:
        raise ValueError(
            f"{sorted(fit_params)} can be passed to fit only with metadata routing: "
            "call sklearn.set_config(enable_metadata_routing=True) first."
        )
    if given and not has_fit_parameter(estimator, "sample_weight"):
        raise TypeError(
            f"{type(estimator).__name__}.fit takes no sample_weight; leave it out, or "
            "enable metadata routing to send it to a step inside."
        )
    return given, sample_weight


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
