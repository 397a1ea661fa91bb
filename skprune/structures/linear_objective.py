"""What a fitted linear model stands for: loss, targets, penalty and weights.

Weights are W (n_features, n_outputs), that is ``coef_.T``, and an intercept for each
output, whatever shape the model stores them in.
"""

import copy

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import (
    BayesianRidge,
    GammaRegressor,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
    SGDClassifier,
    TweedieRegressor,
)
from sklearn.preprocessing import label_binarize

from skprune.numerics import losses

TRAINING_STATE = {"_average_coef", "_average_intercept", "_standard_coef"}
TRAINING_STATE |= {"_standard_intercept", "_expanded_class_weight"}


def linear_loss(model):
    """The loss that a linear model stands for, by its decision function.

    Parameters
    ----------
    model : estimator
        A fitted linear model.

    Returns
    -------
    Loss
        Robust and epsilon-insensitive regressions are seen as squared error, the
        margin classifiers as squared hinge.
    """
    if isinstance(model, PoissonRegressor):
        return losses.tweedie(1)
    if isinstance(model, GammaRegressor):
        return losses.tweedie(2)
    if isinstance(model, TweedieRegressor):
        log_link = model.link == "log" or (model.link == "auto" and model.power > 0)
        return losses.tweedie(model.power) if log_link else losses.SQUARED
    if not is_classifier(model) or isinstance(
        model, RidgeClassifier | RidgeClassifierCV
    ):
        return losses.SQUARED
    if not _is_probabilistic(model):
        return losses.SQUARED_HINGE
    one_versus_rest = isinstance(model, SGDClassifier) or (
        getattr(model, "solver", None) == "liblinear"
    )
    n_outputs = np.atleast_2d(model.coef_).shape[0]
    return losses.LOGISTIC if n_outputs == 1 or one_versus_rest else losses.SOFTMAX


def _is_probabilistic(model):
    if isinstance(model, SGDClassifier):
        return model.loss == "log_loss"
    return isinstance(model, LogisticRegression | LinearDiscriminantAnalysis)


def linear_targets(model, y):
    """Targets in the form that `linear_loss` takes.

    Parameters
    ----------
    model : estimator
        A fitted linear model.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        As the model takes it.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        0 and 1 for probabilistic classifiers, -1 and 1 for the others.
    """
    y = np.asarray(y)
    if not is_classifier(model):
        return y.reshape(len(y), -1).astype(float)
    indicator = y if y.ndim == 2 and y.shape[1] > 1 else None
    if indicator is None:
        y = y.ravel()
        unknown = np.setdiff1d(y, model.classes_)
        if len(unknown):
            raise ValueError(f"y has classes {unknown!r} that the model never saw.")
        indicator = label_binarize(y, classes=model.classes_)
        if len(model.classes_) == 2 and np.atleast_2d(model.coef_).shape[0] == 2:
            indicator = np.hstack([1 - indicator, indicator])
    return indicator * 1.0 if _is_probabilistic(model) else 2.0 * indicator - 1.0


def penalty(model, total_weight):
    """Curvature of the model's own quadratic penalty, per unit of sample weight.

    Parameters
    ----------
    model : estimator
        A fitted linear model.
    total_weight : float
        Sum of the sample weights that it was fitted with.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        Zero for models whose penalty is not quadratic or not known; an array where a
        ridge has a strength for each output.
    """
    if isinstance(model, BayesianRidge):
        return model.lambda_ / model.alpha_ / total_weight
    if isinstance(model, Ridge | RidgeCV | RidgeClassifier | RidgeClassifierCV):
        chosen = model.alpha_ if hasattr(model, "alpha_") else model.alpha
        return np.asarray(chosen) / total_weight
    if isinstance(model, PoissonRegressor | GammaRegressor | TweedieRegressor):
        return model.alpha
    if isinstance(model, LogisticRegression):
        inverse, l1_ratio = _chosen_penalty(model)
        return 0.0 if np.any(l1_ratio) else 1 / inverse / total_weight
    return 0.0


def _chosen_penalty(model):
    """C and the share of the L1 penalty, means where classes have their own."""
    if isinstance(model, LogisticRegressionCV):
        C, l1_ratio = np.mean(model.C_), model.l1_ratio_
    else:
        C, l1_ratio = model.C, model.l1_ratio
    old_name = getattr(model, "penalty", "deprecated")  # until scikit-learn 1.9
    if old_name is None:
        return np.inf, 0.0
    return C, {"l1": 1.0, "l2": 0.0}.get(old_name, l1_ratio)


def dense_copy(model):
    """A copy of a linear model that has a dense ``coef_`` and no state of training.

    Parameters
    ----------
    model : estimator
        Fitted; not changed.

    Returns
    -------
    estimator
        Shares nothing with the given one.
    """
    model = copy.deepcopy(model)
    for name in TRAINING_STATE & set(vars(model)):
        delattr(model, name)
    if sparse.issparse(model.coef_):
        model.coef_ = np.asarray(model.coef_.toarray())
    if model.coef_.dtype == object:  # as scikit-learn 1.8 leaves it for such targets
        model.coef_ = model.coef_.astype(float)
    return model


def weights_of(model):
    """Weights and intercepts of a linear model.

    Parameters
    ----------
    model : estimator
        Fitted, with a dense ``coef_``.

    Returns
    -------
    W : ndarray of shape (n_features, n_outputs)
        A view of ``coef_``.
    b : ndarray of shape (n_outputs,)
        In the precision of W.
    """
    W = np.atleast_2d(model.coef_).T
    b = np.asarray(model.intercept_, dtype=W.dtype).ravel()
    return W, np.broadcast_to(b, W.shape[1]).copy()


def with_weights(model, W, b):
    """A linear model with other weights, stored in the shapes that the model has.

    Parameters
    ----------
    model : estimator
        Fitted, with a dense ``coef_``; not changed.
    W : ndarray of shape (n_features, n_outputs)
        Weights.
    b : ndarray of shape (n_outputs,)
        Intercepts; left out where the model has none.

    Returns
    -------
    estimator
        A shallow copy of the model with its own ``coef_`` and ``intercept_``.
    """
    changed = copy.copy(model)
    changed.coef_ = np.ascontiguousarray(W.T).reshape(np.shape(model.coef_))
    if np.ndim(model.intercept_):
        changed.intercept_ = b.reshape(np.shape(model.intercept_))
    elif getattr(model, "fit_intercept", True):
        changed.intercept_ = b.dtype.type(b[0])
    return changed
