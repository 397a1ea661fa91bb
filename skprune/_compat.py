"""Every private name of scikit-learn that skprune needs, in one place.

A release of scikit-learn that moves one of them breaks this file and no other.
"""

from contextlib import nullcontext
from copy import copy, deepcopy
from functools import cached_property
from inspect import signature

import numpy as np
from sklearn.base import _fit_context
from sklearn.linear_model._base import (
    LinearClassifierMixin,
    LinearModel,
    SparseCoefMixin,
)
from sklearn.linear_model._glm.glm import _GeneralizedLinearRegressor
from sklearn.linear_model._stochastic_gradient import BaseSGDRegressor
from sklearn.model_selection._search import BaseSearchCV
from sklearn.multiclass import _ConstantPredictor
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
)
from sklearn.utils.validation import _check_method_params

try:
    from sklearn.callback import CallbackSupportMixin
except ModuleNotFoundError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in where scikit-learn has no callbacks: none can be set."""


class SilentContext:
    """Stands in for a ``CallbackContext`` that nobody listens to."""

    def subcontext(self, **options):
        """Of a part of the task: as silent."""
        return self

    def call_on_fit_task_begin(self, **options):
        """Tells nobody."""

    def call_on_fit_task_end(self, **options):
        """Tells nobody."""

    def propagate_callback_context(self, estimator):
        """Hands nothing on, as a context manager."""
        return nullcontext()


SILENT_CONTEXT = SilentContext()

LINEAR_BASES = (
    LinearModel,
    LinearClassifierMixin,
    BaseSGDRegressor,
    _GeneralizedLinearRegressor,
)

fit_context = _fit_context
method_params = _check_method_params


def open_callback_context(estimator, n_subtasks):
    """The root of the tasks of an estimator, whose ``fit`` is about to run."""
    if not hasattr(estimator, "set_callbacks"):
        return SILENT_CONTEXT
    return estimator._init_callback_context(max_subtasks=n_subtasks)


def without_callbacks(estimator):
    """Take the callbacks off an estimator, in place, and return it."""
    vars(estimator).pop("_skl_callbacks", None)
    return estimator


def scorer_takes_weights(scorer):
    """Whether a scorer, or one of several, can be given sample weights."""
    asked = getattr(scorer, "_accept_sample_weight", None)
    return asked() if asked else "sample_weight" in signature(scorer).parameters


def weighted_scorer(function):
    """Say that a scoring function takes sample weights, among several scorers too."""
    function._accept_sample_weight = lambda: True
    return function


def first_raw_prediction(model, X):
    """What gradient boosting starts from, (n_samples, n_outputs)."""
    return model._raw_predict_init(X)


class HistTrees:
    """What is private in a fitted histogram-based gradient boosting model.

    Attributes
    ----------
    grid : list of list of TreePredictor
        Stages, and in each the tree of each output.
    baseline : ndarray of shape (1, n_outputs)
        What the trees are added to.
    columns : ndarray of int of shape (n_features,)
        The column of X that each feature of the trees is.
    """

    def __init__(self, model):
        self.model = model
        self.grid = model._predictors
        self.baseline = model._baseline_prediction

    @property
    def columns(self):
        categorical = self.model.is_categorical_
        if categorical is None:
            return np.arange(self.model.n_features_in_)
        return np.argsort(~categorical, kind="stable")

    def features(self, X):
        """Validated samples, with encoded categories put first."""
        return self.model._preprocess_X(X, reset=False)

    @cached_property
    def _categories(self):
        sets, position = self.model._bin_mapper.make_known_categories_bitsets()
        return {"known_cat_bitsets": sets, "f_idx_map": position, "n_threads": 1}

    def leaves(self, tree, X):
        """The leaf that each sample falls into, by a tree that predicts its nodes."""
        numbered = copy(tree)
        numbered.nodes = tree.nodes.copy()
        numbered.nodes["value"] = np.arange(len(tree.nodes))
        return numbered.predict(X, **self._categories).astype(np.intp)

    def with_grid(self, grid):
        """A deep copy of the model with other trees."""
        return deepcopy(self.model, memo={id(self.grid): grid})


def is_constant(model):
    """Whether a multiclass ensemble has put a constant in the place of a model."""
    return isinstance(model, _ConstantPredictor)


def keep_seeds(bagging, members, n_before):
    """Let the seeds of a bagging model be those of some of its members, in place.

    A warm start leaves those of the last fit alone; there is then nothing to choose.
    """
    if len(bagging._seeds) == n_before:
        bagging._seeds = bagging._seeds[members]


def validate_params(estimator):
    """Raise where a parameter breaks the ``_parameter_constraints`` of its class."""
    estimator._validate_params()


__all__ = [
    "LINEAR_BASES",
    "SILENT_CONTEXT",
    "BaseMultilayerPerceptron",
    "BaseSearchCV",
    "CallbackSupportMixin",
    "HasMethods",
    "HistTrees",
    "Interval",
    "InvalidParameterError",
    "Options",
    "SparseCoefMixin",
    "StrOptions",
    "_safe_indexing",
    "first_raw_prediction",
    "fit_context",
    "is_constant",
    "keep_seeds",
    "method_params",
    "open_callback_context",
    "scorer_takes_weights",
    "validate_params",
    "weighted_scorer",
    "without_callbacks",
]
