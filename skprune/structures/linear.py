"""Linear models: one read-out from the features to the decision function.

A coefficient is a unit ("connection"), or a feature with its coefficients for all
outputs ("feature", "neuron"). Recovery solves least squares from the surviving
features to the decision function of the model as trained, each sample weighted by the
curvature of the loss and with the model's own penalty as the ridge: for squared loss
this is the refit on the support. For log-losses with a quadratic penalty it is one
Newton step towards it, and more of them follow where the Hessian is affordable.
"""

import copy
from abc import abstractmethod
from functools import cached_property

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import (
    BayesianRidge,
    GammaRegressor,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
    SGDClassifier,
    TweedieRegressor,
)
from sklearn.preprocessing import label_binarize
from sklearn.utils.validation import validate_data

from skprune._compat import LINEAR_BASES, SparseCoefMixin
from skprune.readouts import least_squares, losses, newton
from skprune.readouts.dense import EntryReadout, RowReadout
from skprune.readouts.selection import Units
from skprune.structures.base import (
    Family,
    ModelSize,
    Structure,
    register,
    total_weights,
)

FLOOR = 1e-10  # ridge that only keeps the equations solvable, relative to the variance
DIRECT = 5000  # inputs up to which the second moments of all of them are formed
SPARSE_OUTPUTS, SPARSE_DENSITY = 20, 0.1  # a CSR coef_ predicts faster from here on


class LinearStructure(Structure):
    """A linear model and its one read-out.

    Parameters
    ----------
    model : estimator
        Fitted, with ``coef_`` and ``intercept_``.
    samples : Samples
        X as the model takes it.
    """

    group_names = ["coef_"]

    def __init__(self, model, samples):
        X = validate_data(
            model,
            samples.X,
            reset=False,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
        )
        self.X = sparse.csr_array(X) if sparse.issparse(X) else X
        self.y = samples.y
        weights = total_weights(model, samples, X.shape[0])
        self.total_weight = weights.sum()
        self.weights = weights / self.total_weight
        self.estimator = _dense_copy(model)
        self.W, self.b = _weights(self.estimator)
        self.teacher = self.W, self.b
        self.centred = bool(getattr(model, "fit_intercept", True))
        self._set_mask(self.W != 0)

    def _set_mask(self, mask):
        self.mask = mask
        n_units = self._count_units()
        self.units = Units(np.zeros(n_units, dtype=int), np.ones(1, dtype=int))

    @abstractmethod
    def _count_units(self): ...

    @abstractmethod
    def _expand(self, gates):
        """The gate of each weight, an array that broadcasts to the shape of W."""

    @cached_property
    def loss_function(self):
        """The loss by the decision function."""
        return linear_loss(self.estimator)

    @cached_property
    def targets(self):
        """Targets in the form that the loss takes, (n_samples, n_outputs)."""
        return linear_targets(self.estimator, self.y)

    def _gradient(self, rng=None):
        Z = self.output()
        Y = self.targets if rng is None else self.loss_function.draw(Z, rng)
        return self.loss_function.gradient(Z, Y)

    def _objective(self):
        strength = penalty(self.estimator, self.total_weight)
        return losses.Objective(self.loss_function, self.targets, self.b, strength)

    def output(self, gates=None, X=None):
        W = self.W if gates is None else self.W * self._expand(gates)
        return np.asarray((self.X if X is None else X) @ W) + self.b

    def loss(self, gates=None):
        per_sample = self.loss_function.value(self.output(gates), self.targets)
        return float(self.weights @ per_sample)

    def prune(self, gates, *, compensate, rng):
        pruned = copy.copy(self)
        expanded = self._expand(gates)
        pruned.W = self.W * expanded
        pruned._set_mask(self.mask & (expanded != 0))
        if compensate and not pruned.mask.all():
            pruned.W, pruned.b = pruned._recovered()
        pruned.estimator = _with_weights(self.estimator, pruned.W, pruned.b)
        return pruned

    def _recovered(self):
        """Weights and intercept by least squares to the teacher's output."""
        prior, b = self.teacher
        Z = np.asarray(self.X @ prior) + b
        weights = self.weights * self.loss_function.curvature(Z).mean(axis=1)
        total = weights.sum()
        if not total > 0:
            return self.W, self.b
        X, used = self.X, np.arange(len(prior))
        if len(prior) > DIRECT:
            used = np.flatnonzero(self.mask.any(axis=1))
            X = X[:, used]
        equations = least_squares.normal_equations(
            X, Z, weights / total, centred=self.centred
        )
        ridge = least_squares.ridge_strength(equations.gram, FLOOR)
        ridge += penalty(self.estimator, self.total_weight) / total
        W = np.zeros_like(prior)
        W[used] = self._solve(equations, self.mask[used], prior[used], ridge)
        intercept = equations.intercept(W[used]) if self.centred else self.b
        W, intercept = self._refitted(W, intercept)
        return W.astype(prior.dtype), intercept.astype(b.dtype)

    def _refitted(self, W, b):
        """Weights at the optimum of the penalised loss, where it is smooth."""
        objective = self._objective()
        smooth = objective.penalty > 0 and objective.loss is not losses.SQUARED
        if not smooth or not newton.is_affordable(self.X, int(self.mask.sum())):
            return W, b
        problem = newton.PenalisedLoss.of(
            self.X, self.weights, objective, centred=self.centred
        )
        start, active = W.astype(float), self.mask
        if self.centred:
            start = np.vstack([start, b])
            active = np.vstack([active, np.ones(len(b), dtype=bool)])
        solved = newton.minimise(problem, start, active)
        return solved[: len(W)], solved[-1] if self.centred else b

    def _solve(self, *arguments):
        if getattr(self.estimator, "positive", False):
            return least_squares.solve_nonnegative(*arguments)
        return least_squares.solve_masked(*arguments)

    def finished(self):
        model = copy.copy(self.estimator)
        n_outputs, density = self.W.shape[1], np.mean(self.W != 0)
        many_outputs = n_outputs >= SPARSE_OUTPUTS and density <= SPARSE_DENSITY
        if many_outputs and isinstance(model, SparseCoefMixin):
            model.coef_ = sparse.csr_array(model.coef_)
        return model


class LinearConnections(LinearStructure):
    """A unit is a coefficient that is not zero."""

    def _count_units(self):
        return int(self.mask.sum())

    def _expand(self, gates):
        expanded = np.ones(self.W.shape, dtype=self.W.dtype)
        expanded[self.mask] = gates
        return expanded

    def readouts(self):
        return [
            EntryReadout(
                "coef_",
                self.X,
                self.W,
                self._gradient,
                self.weights,
                mask=self.mask,
                centred=self.centred,
                objective=self._objective(),
            )
        ]


class LinearFeatures(LinearStructure):
    """A unit is a feature, with its coefficients for all outputs."""

    def _count_units(self):
        self.rows = np.flatnonzero(self.mask.any(axis=1))
        return len(self.rows)

    def _expand(self, gates):
        expanded = np.ones((len(self.W), 1), dtype=self.W.dtype)
        expanded[self.rows, 0] = gates
        return expanded

    def readouts(self):
        return [
            RowReadout(
                "coef_",
                self.X,
                self.W,
                self._gradient,
                self.weights,
                rows=self.rows,
                centred=self.centred,
                objective=self._objective(),
            )
        ]


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
    float
        Zero for models whose penalty is not quadratic or not known.
    """
    if isinstance(model, BayesianRidge):
        return model.lambda_ / model.alpha_ / total_weight
    if isinstance(model, Ridge | RidgeCV | RidgeClassifier | RidgeClassifierCV):
        return (
            np.mean(model.alpha_ if hasattr(model, "alpha_") else model.alpha)
            / total_weight
        )
    if isinstance(model, PoissonRegressor | GammaRegressor | TweedieRegressor):
        return model.alpha
    if isinstance(model, LogisticRegression) and _is_ridge_logistic(model):
        return 1 / np.mean(getattr(model, "C_", model.C)) / total_weight
    return 0.0


def _is_ridge_logistic(model):
    chosen = getattr(model, "penalty", "deprecated")
    if chosen != "deprecated":
        return chosen == "l2"
    return not np.any(getattr(model, "l1_ratio_", model.l1_ratio))


def _dense_copy(model):
    model = copy.deepcopy(model)
    if sparse.issparse(model.coef_):
        model.coef_ = np.asarray(model.coef_.toarray())
    return model


def _weights(model):
    """W (n_features, n_outputs) and b (n_outputs,) of a linear model."""
    W = np.atleast_2d(model.coef_).T
    b = np.asarray(model.intercept_, dtype=W.dtype).ravel()
    return W, np.broadcast_to(b, W.shape[1]).copy()


def _with_weights(model, W, b):
    pruned = copy.copy(model)
    pruned.coef_ = np.ascontiguousarray(W.T).reshape(np.shape(model.coef_))
    if np.ndim(model.intercept_) or getattr(model, "fit_intercept", True):
        pruned.intercept_ = (
            b.reshape(np.shape(model.intercept_))
            if np.ndim(model.intercept_)
            else b.dtype.type(b[0])
        )
    return pruned


def linear_part_sizes(model):
    """Size of the coefficients and intercepts of a linear model."""
    coef, intercept = model.coef_, np.asarray(model.intercept_)
    if sparse.issparse(coef):
        nonzero, stored, n_bytes = coef.nnz, coef.nnz, _sparse_bytes(coef)
    else:
        coef = np.asarray(coef)
        nonzero, stored, n_bytes = np.count_nonzero(coef), coef.size, coef.nbytes
    size = ModelSize(
        n_parameters=int(stored + intercept.size),
        n_nonzero=int(nonzero + np.count_nonzero(intercept)),
        n_macs=int(stored),
        n_bytes=int(n_bytes + intercept.nbytes),
    )
    return {"coef_": size}


def _sparse_bytes(array):
    return array.data.nbytes + array.indices.nbytes + array.indptr.nbytes


def _is_linear(model):
    return isinstance(model, LINEAR_BASES)


register(
    Family(
        name="linear models",
        accepts=_is_linear,
        structures={
            "connection": LinearConnections,
            "feature": LinearFeatures,
            "neuron": LinearFeatures,
        },
        synonyms={"coefficient": "connection", "weight": "connection"},
        part_sizes=linear_part_sizes,
    )
)
