"""Fitted models to be pruned: trained, loaded from a cache, or frozen.

All prunings of one fitted model share a `Fit`. With ``memory=``, joblib caches fitted
models on disk, and the process keeps the `Fit` objects used last. A search can then
prune each fold's model many times, and reads and analyses it once.
"""

import copy
import os
import pickle
from collections import OrderedDict
from dataclasses import replace
from functools import cached_property
from secrets import token_hex
from tempfile import TemporaryFile
from threading import Lock

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, check_memory

from skprune._compat import without_callbacks
from skprune.engine.progress import SILENT
from skprune.engine.recall import class_rows, decided, recall, take_rows
from skprune.engine.report import part_sizes, total_size
from skprune.numerics.held import held_bytes
from skprune.structures import check_targets, family_of, locate

MOST_BYTES = 2**28  # held by the store of one process, models included
MOST_SAMPLE_BYTES = 2**23  # larger samples are not copied into the store


class Fit:
    """Fitted model or container, with the samples and the structures of its prunings.

    Everything is made when it is first needed and never changes afterwards. `reused`
    means that later calls will prune the same object again.
    """

    def __init__(self, fitted, samples, reused=False):
        self.fitted = fitted
        self.samples = samples
        self.reused = reused
        self._structures, self._recall = {}, None

    @cached_property
    def location(self):
        """`Location` of the models inside containers, with the samples they see."""
        return locate(self.fitted, self.samples)

    @property
    def model(self):
        """The model, or the ensemble that holds several of them."""
        return self.location.model

    def structures(self, granularity=None, shared=False):
        """Make the structure of each model to be pruned, as trained, once.

        A granularity of None is the default of the family. With `shared`, several
        prunings start from these structures, which are `prepared` for that. Raises a
        ValueError if the targets do not fit a model.
        """
        members = enumerate(self.location.members)
        return [self._structure(k, one, granularity, shared) for k, one in members]

    def _structure(self, number, member, granularity, shared):
        family = family_of(member.model)
        name = family.granularity(granularity)
        key = number, name
        if key not in self._structures:
            check_targets(member.model, member.samples)
            kind = family.structures[name]
            self._structures[key] = kind(member.model, member.samples)
        if shared:
            self._structures[key] = self._structures[key].prepared()
        return self._structures[key]

    def rebuilt(self, structures):
        """Make a copy of the fitted estimator with the models of other structures."""
        return self.location.rebuild(*[one.finished() for one in structures])

    def with_structure(self, granularity, structure):
        """Make a fit of one model with another structure at one granularity."""
        twin = copy.copy(self)
        twin._structures = {(0, granularity): structure}
        return twin

    @cached_property
    def parts(self):
        """Size of each layer or tree, a dict of str to ModelSize."""
        return part_sizes(self.model)

    @cached_property
    def size(self):
        """Size of the whole model."""
        return total_size(self.model, self.parts)

    @cached_property
    def class_rows(self):
        """Rows on which the recall of each class is measured, a dict by label."""
        return class_rows(self.model, self.location.samples.y)

    def recall_of(self, structures, model):
        """Compute the recall of each class by this model or a pruned one, a dict.

        Several members decide together: then ``model()`` is the estimator to ask.
        """
        if not self.class_rows:
            return {}
        X = take_rows(self.location.samples.X, self.class_rows)
        if [member.model for member in self.location.members] != [self.model]:
            return recall(model().predict(X), self.class_rows)
        # deciding from the output takes a fifth of the time of a forest's own predict
        # (RF(200), 432 rows), which a search would spend on each candidate
        predicted = decided(structures[0].output(X=X), self.model.classes_)
        return recall(predicted, self.class_rows)

    def recall_before(self, structures):
        """Compute `recall_of` for the model as trained, once."""
        if self._recall is None:
            self._recall = self.recall_of(structures, lambda: self.model)
        return self._recall


class FitStore:
    """Least recently used cache of `Fit` objects, with a limit on their bytes."""

    def __init__(self, most_bytes):
        self.most_bytes = most_bytes
        self._kept = OrderedDict()  # by name: a fit and its bytes
        self._lock = Lock()

    def __len__(self):
        return len(self._kept)

    def get(self, name):
        """Look up the fit of that name, or None."""
        with self._lock:
            return self._kept.get(name, (None,))[0]

    def keep(self, name, fit):
        """Make a fit the most recent one; evict the oldest ones beyond the limit."""
        n_bytes = held_bytes(vars(fit))  # grows with each structure that is made
        with self._lock:
            self._kept[name] = fit, n_bytes
            self._kept.move_to_end(name)
            while sum(own for _, own in self._kept.values()) > self.most_bytes:
                self._kept.popitem(last=False)


STORE = FitStore(MOST_BYTES)


def trained(estimator, samples, fit_params, *, random_state, memory, task=SILENT):
    """Fit a clone of the estimator to be pruned, or load it from a cache, as a `Fit`.

    `samples` have the weights that pruning uses, `fit_params` those of the training.
    Callbacks of `task` reach the estimator only without a cache.
    """
    if isinstance(estimator, FrozenEstimator):
        check_is_fitted(estimator)
        return Fit(estimator, samples)
    unfitted = seeded(clone(estimator), random_state)
    if memory is None:
        with task.fitting(unfitted):
            return Fit(unfitted.fit(samples.X, samples.y, **fit_params), samples)
    with task.subtask("fit-model"):
        # callbacks would be part of the key of the cache
        return _cached(without_callbacks(unfitted), samples, fit_params, memory)


def seeded(estimator, random_state):
    """Set every nested ``random_state`` of an estimator from one seed, in place.

    None leaves the estimator as it is.
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


def _cached(unfitted, samples, fit_params, memory):
    """Get the fit of an estimator from the store of this process or from a cache."""
    given = unfitted, samples.X, samples.y, fit_params
    # SHA-1 of the samples takes half the time of the MD5 that joblib would compute
    digest = joblib.hash(given, hash_name="sha1", coerce_mmap=True)
    ignored = ["estimator", "X", "y", "fit_params"]
    name, pickled = writable(memory).cache(pickled_fit, ignore=ignored)(digest, *given)
    if held_bytes(vars(samples)) > MOST_SAMPLE_BYTES:
        return Fit(pickle.loads(pickled), samples)
    fit = STORE.get(name)
    if fit is None:
        fit = Fit(pickle.loads(pickled), _copied(samples), reused=True)
    STORE.keep(name, fit)
    return fit


def pickled_fit(digest, estimator, X, y, fit_params):
    """Fit a clone, and return a unique name of this fit and its pickle.

    A cache reads one string of bytes much faster than many arrays. `digest` is the key
    under which joblib stores the result.
    """
    fitted = clone(estimator).fit(X, y, **fit_params)
    return token_hex(), pickle.dumps(fitted, protocol=5)


def _copied(samples):
    """Copy samples, so that their owner cannot change those of the store."""
    return replace(samples, **copy.deepcopy(vars(samples)))


def writable(memory):
    """Return the joblib Memory of a folder; ValueError if it cannot be written."""
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
