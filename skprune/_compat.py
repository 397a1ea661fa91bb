"""Every private name of scikit-learn that skprune needs, in one place.

A release of scikit-learn that moves one of them breaks this file and no other.
"""

from sklearn.base import _fit_context
from sklearn.linear_model._base import (
    LinearClassifierMixin,
    LinearModel,
    SparseCoefMixin,
)
from sklearn.linear_model._glm.glm import _GeneralizedLinearRegressor
from sklearn.linear_model._stochastic_gradient import BaseSGDRegressor
from sklearn.model_selection._search import BaseSearchCV
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
)

LINEAR_BASES = (
    LinearModel,
    LinearClassifierMixin,
    BaseSGDRegressor,
    _GeneralizedLinearRegressor,
)

fit_context = _fit_context


def validate_params(estimator):
    """Raise where a parameter breaks the ``_parameter_constraints`` of its class."""
    estimator._validate_params()


__all__ = [
    "LINEAR_BASES",
    "BaseMultilayerPerceptron",
    "BaseSearchCV",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "Options",
    "SparseCoefMixin",
    "StrOptions",
    "fit_context",
    "validate_params",
]
