"""Views of fitted linear models: loss, targets, penalty and weights.

Weights are W (n_features, n_outputs), that is ``coef_.T``, and one intercept per
output, whatever shape the model stores them in. `linear_view` chooses the view by the
class of the model. To teach skprune the loss of another linear model, either

- give the model an attribute ``skprune_loss_``, one of the names in `LOSSES`, or
- register a view for its class: ``register_linear_view(MyModel, MyView)``.

The loss of a model that does neither is unknown. Such a model is pruned by least
squares toward its own outputs.
"""

import copy
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import linear_model
from sklearn.base import ClassifierMixin, is_classifier
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import label_binarize
from sklearn.svm import LinearSVC, LinearSVR

from skprune._compat import LINEAR_BASES
from skprune.numerics import losses

TRAINING_STATE = {
    "_average_coef",
    "_average_intercept",
    "_expanded_class_weight",
    "_standard_coef",
    "_standard_intercept",
}


@dataclass(frozen=True)
class LinearView:
    """View of a fitted linear model; this one is of a model whose loss is unknown.

    Attributes
    ----------
    model : estimator
        Fitted, with ``coef_`` and ``intercept_``.
    """

    model: Any

    def loss(self):
        """Loss as a function of the decision function, or None if it is unknown."""
        return None

    def targets(self, y):
        """Targets in the form that the loss takes, or None if the loss is unknown.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            As the model takes it.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs) or None
        """
        return None

    def penalty(self, total_weight):
        """Curvature of the model's own quadratic penalty, per unit of sample weight.

        Parameters
        ----------
        total_weight : float
            Sum of the sample weights that the model was fitted with.

        Returns
        -------
        float or ndarray of shape (n_outputs,)
            Zero if the penalty is not quadratic or not known.
        """
        return 0.0

    @property
    def has_intercept(self):
        """Whether the model has an intercept that can take up a mean."""
        return bool(getattr(self.model, "fit_intercept", True))

    @property
    def is_nonnegative(self):
        """Whether coefficients must not be negative."""
        return bool(getattr(self.model, "positive", False))

    @property
    def weights(self):
        """Weights and intercepts of a model with a dense ``coef_``.

        W (n_features, n_outputs) is a view of ``coef_``. The intercepts (n_outputs,)
        have its precision.
        """
        W = np.atleast_2d(self.model.coef_).T
        b = np.asarray(self.model.intercept_, dtype=W.dtype).ravel()
        return W, np.broadcast_to(b, W.shape[1]).copy()

    def with_weights(self, W, b):
        """View of a shallow copy of the model with other weights and intercepts.

        Their shapes are those of `weights`; the copy stores them in its own. Intercepts
        are ignored if the model has none.
        """
        changed, before = copy.copy(self.model), self.model
        changed.coef_ = np.ascontiguousarray(W.T).reshape(np.shape(before.coef_))
        if np.ndim(before.intercept_):
            changed.intercept_ = b.reshape(np.shape(before.intercept_))
        elif self.has_intercept:
            changed.intercept_ = b.dtype.type(b[0])
        return replace(self, model=changed)

    def dense_copy(self):
        """View of a deep copy with a dense ``coef_`` and no state of training."""
        model = copy.deepcopy(self.model)
        for name in TRAINING_STATE & set(vars(model)):
            delattr(model, name)
        if sparse.issparse(model.coef_):
            model.coef_ = np.asarray(model.coef_.toarray())
        if model.coef_.dtype == object:  # scikit-learn 1.8, object targets
            model.coef_ = model.coef_.astype(float)
        return replace(self, model=model)

    def _indicator(self, y):
        """Whether each sample belongs to each class, one column per output."""
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            return y * 1.0
        classes = self.model.classes_
        indicator = label_binarize(y.ravel(), classes=classes)
        if len(classes) == 2 and np.atleast_2d(self.model.coef_).shape[0] == 2:
            indicator = np.hstack([1 - indicator, indicator])
        return indicator * 1.0


class SquaredError(LinearView):
    """View of a model of squared error, to labels of -1 and 1 if it classifies.

    Robust and epsilon-insensitive regressions are seen this way too.
    """

    def loss(self):
        return losses.SQUARED

    def targets(self, y):
        if is_classifier(self.model):
            return 2.0 * self._indicator(y) - 1.0
        y = np.asarray(y, dtype=float)
        return y.reshape(len(y), -1)


class SquaredHinge(SquaredError):
    """View of a margin classifier, with labels of -1 and 1."""

    def loss(self):
        return losses.SQUARED_HINGE


class LogLoss(LinearView):
    """View of a classifier of log-loss: logistic for one output, else softmax."""

    def loss(self):
        n_outputs = np.atleast_2d(self.model.coef_).shape[0]
        return losses.LOGISTIC if n_outputs == 1 else losses.SOFTMAX

    def targets(self, y):
        return self._indicator(y)


class OneVersusRest(LogLoss):
    """View of a classifier with one logistic loss per class."""

    def loss(self):
        return losses.LOGISTIC


class PoissonDeviance(SquaredError):
    """View of a model of Poisson deviance with a log link."""

    def loss(self):
        return losses.tweedie(1)


class GammaDeviance(SquaredError):
    """View of a model of Gamma deviance with a log link."""

    def loss(self):
        return losses.tweedie(2)


LOSSES = {
    "squared_error": SquaredError,
    "squared_hinge": SquaredHinge,
    "log_loss": LogLoss,
    "one_versus_rest": OneVersusRest,
    "poisson": PoissonDeviance,
    "gamma": GammaDeviance,
}


class RidgeView(SquaredError):
    """View of scikit-learn's ridge models."""

    def penalty(self, total_weight):
        model = self.model
        chosen = model.alpha_ if hasattr(model, "alpha_") else model.alpha
        return np.asarray(chosen) / total_weight


class BayesianRidgeView(SquaredError):
    """View of scikit-learn's Bayesian ridge regression."""

    def penalty(self, total_weight):
        return self.model.lambda_ / self.model.alpha_ / total_weight


class LogisticRegressionView(LogLoss):
    """View of scikit-learn's logistic regressions."""

    def loss(self):
        one_versus_rest = self.model.solver == "liblinear"
        return losses.LOGISTIC if one_versus_rest else super().loss()

    def penalty(self, total_weight):
        inverse, l1_ratio = self._chosen_penalty()
        return 0.0 if np.any(l1_ratio) else 1 / inverse / total_weight

    def _chosen_penalty(self):
        """C and the share of the L1 penalty; means over classes that have their own."""
        model = self.model
        if isinstance(model, linear_model.LogisticRegressionCV):
            C, l1_ratio = np.mean(model.C_), model.l1_ratio_
        else:
            C, l1_ratio = model.C, model.l1_ratio
        old_name = getattr(model, "penalty", "deprecated")  # until scikit-learn 1.9
        if old_name is None:
            return np.inf, 0.0
        return C, {"l1": 1.0, "l2": 0.0}.get(old_name, l1_ratio)


class GeneralizedLinearView(SquaredError):
    """View of scikit-learn's Poisson, Gamma and Tweedie regressions."""

    def loss(self):
        model = self.model
        link = getattr(model, "link", "log")  # only Tweedie regression has a choice
        fixed = 1 if isinstance(model, linear_model.PoissonRegressor) else 2
        power = getattr(model, "power", fixed)
        log_link = link == "log" or (link == "auto" and power > 0)
        return losses.tweedie(power) if log_link else losses.SQUARED

    def penalty(self, total_weight):
        return self.model.alpha


def _sgd_view(model):
    return (OneVersusRest if model.loss == "log_loss" else SquaredHinge)(model)


@singledispatch
def _view_of_class(model):
    return LinearView(model)


def register_linear_view(kind, view):
    """Choose the view of the linear models of a class.

    Parameters
    ----------
    kind : type
        A class of linear models; its subclasses without a view of their own get the
        same one.
    view : callable
        ``view(fitted_model)`` returns a `LinearView`; a subclass of it, for instance.
    """
    _view_of_class.register(kind, view)


def linear_view(model):
    """View of a fitted linear model, by its ``skprune_loss_`` or by its class."""
    name = getattr(model, "skprune_loss_", None)
    if name is None:
        return _view_of_class(model)
    if name not in LOSSES:
        raise ValueError(
            f"{type(model).__name__}.skprune_loss_={name!r} is not known; choose one "
            f"of {sorted(LOSSES)}, or register a view by register_linear_view."
        )
    return LOSSES[name](model)


def _register_linear_models_of_scikit_learn():
    """Give losses without curvature the nearest one that has it, a squared loss."""
    public = [getattr(linear_model, name) for name in linear_model.__all__]
    for kind in [*public, LinearSVC, LinearSVR]:
        if isinstance(kind, type) and issubclass(kind, LINEAR_BASES):
            margin = issubclass(kind, ClassifierMixin)
            register_linear_view(kind, SquaredHinge if margin else SquaredError)


_register_linear_models_of_scikit_learn()
for kind, view in {
    linear_model.BayesianRidge: BayesianRidgeView,
    linear_model.GammaRegressor: GeneralizedLinearView,
    linear_model.LogisticRegression: LogisticRegressionView,
    linear_model.LogisticRegressionCV: LogisticRegressionView,
    linear_model.PoissonRegressor: GeneralizedLinearView,
    linear_model.Ridge: RidgeView,
    linear_model.RidgeCV: RidgeView,
    linear_model.RidgeClassifier: RidgeView,
    linear_model.RidgeClassifierCV: RidgeView,
    linear_model.SGDClassifier: _sgd_view,
    linear_model.TweedieRegressor: GeneralizedLinearView,
    LinearDiscriminantAnalysis: LogLoss,
}.items():
    register_linear_view(kind, view)
