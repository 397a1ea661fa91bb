"""All private names of scikit-learn that skprune uses.

If a release of scikit-learn moves one of them, only this file breaks.
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
    Options,
    StrOptions,
)
from sklearn.utils.validation import _check_method_params

try:
    from sklearn.callback import CallbackSupportMixin
except ModuleNotFoundError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Empty mixin for versions of scikit-learn without callbacks."""


class SilentContext:
    """``CallbackContext`` without callbacks: nothing happens."""

    def subcontext(self, **options):
        return self

    def call_on_fit_task_begin(self, **options):
        pass

    def call_on_fit_task_end(self, **options):
        pass

    def propagate_callback_context(self, estimator):
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
    """Return the callback context of an estimator whose ``fit`` is about to run."""
    if not hasattr(estimator, "set_callbacks"):
        return SILENT_CONTEXT
    return estimator._init_callback_context(max_subtasks=n_subtasks)


def without_callbacks(estimator):
    """Remove the callbacks of an estimator in place, and return it."""
    vars(estimator).pop("_skl_callbacks", None)
    return estimator


def scorer_takes_weights(scorer):
    """Return whether a scorer, or one of several, accepts sample weights."""
    asked = getattr(scorer, "_accept_sample_weight", None)
    return asked() if asked else "sample_weight" in signature(scorer).parameters


def weighted_scorer(function):
    """Mark a scoring function as accepting sample weights, also as one of several."""
    function._accept_sample_weight = lambda: True
    return function


def first_raw_prediction(model, X):
    """Compute the initial output of gradient boosting, (n_samples, n_outputs)."""
    return model._raw_predict_init(X)


class HistTrees:
    """Private attributes of a fitted histogram-based gradient boosting model.

    Attributes
    ----------
    grid : list of list of TreePredictor
        The tree of each output, for each stage.
    baseline : ndarray of shape (1, n_outputs)
        Output to which the trees are added.
    columns : ndarray of int of shape (n_features,)
        Column of X of each feature of the trees.
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
        """Validate samples, encode categories and put them first."""
        return self.model._preprocess_X(X, reset=False)

    @cached_property
    def _categories(self):
        sets, position = self.model._bin_mapper.make_known_categories_bitsets()
        return {"known_cat_bitsets": sets, "f_idx_map": position, "n_threads": 1}

    def leaves(self, tree, X):
        """Find the leaf of each sample, with a tree that predicts node numbers."""
        numbered = copy(tree)
        numbered.nodes = tree.nodes.copy()
        numbered.nodes["value"] = np.arange(len(tree.nodes))
        return numbered.predict(X, **self._categories).astype(np.intp)

    def with_grid(self, grid):
        """Copy the model with other trees."""
        return deepcopy(self.model, memo={id(self.grid): grid})


def is_constant(model):
    """Whether a multiclass ensemble has put a constant in the place of a model."""
    return isinstance(model, _ConstantPredictor)


def keep_seeds(bagging, members, n_before):
    """Keep only the seeds of some members of a bagging model, in place.

    After a warm start the model has the seeds of its last fit only; they stay.
    """
    if len(bagging._seeds) == n_before:
        bagging._seeds = bagging._seeds[members]


def validate_params(estimator):
    """Check the parameters of an estimator by its ``_parameter_constraints``."""
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
