"""Linear models: one read-out from the features to the decision function.

A coefficient is a unit ("connection"), or a feature with its coefficients for all
outputs ("feature", "neuron"). Recovery solves least squares from the surviving
features to the decision function of the model as trained, each sample weighted by the
curvature of the loss, one half alike, and with the model's own penalty as the ridge:
for squared loss this is the refit on the support. For log-losses Newton steps follow
where the Hessian is affordable: to the optimum of the model's own loss where its
penalty is quadratic, else toward the probabilities of the model as trained.
"""

import copy
from abc import abstractmethod
from dataclasses import replace
from functools import cached_property

import numpy as np
from scipy import sparse
from sklearn.utils.validation import validate_data

from skprune._compat import LINEAR_BASES, SparseCoefMixin
from skprune.numerics import least_squares, losses, newton
from skprune.numerics.units import Units
from skprune.readouts.dense import EntryReadout, RowReadout
from skprune.structures.base import Family, ModelSize, Structure, register
from skprune.structures.linear_objective import (
    dense_copy,
    linear_loss,
    linear_targets,
    penalty,
    weights_of,
    with_weights,
)
from skprune.structures.samples import total_weights

FLOOR = 1e-7  # ridge that only keeps the equations solvable, relative to the variance
DIRECT = 5000  # surviving inputs up to which their second moments are formed
EQUATIONS = 20  # samples times outputs for each weight that nothing else holds
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
        self.estimator = dense_copy(model)
        self.W, self.b = weights_of(self.estimator)
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
        strength = float(np.mean(penalty(self.estimator, self.total_weight)))
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
        pruned.estimator = with_weights(self.estimator, pruned.W, pruned.b)
        return pruned

    def _recovered(self):
        """Weights and intercept by least squares to the teacher's output."""
        prior, b = self.teacher
        Z = np.asarray(self.X @ prior) + b
        curvature = self.loss_function.curvature(Z).mean(axis=1)
        total = float(self.weights @ curvature)
        if not total > 0:
            return self.W, self.b
        # by curvature alone the few samples that a sure model doubts would decide all
        weights = self.weights * (curvature / total + 1) / 2
        used = np.flatnonzero(self.mask.any(axis=1))
        X = self.X if len(used) == len(prior) else self.X[:, used]
        W = np.zeros_like(prior)
        W[used], intercept = self._solve(X, Z, weights, used, total)
        W, intercept = self._refitted(W, intercept if self.centred else self.b)
        return W.astype(prior.dtype), intercept.astype(b.dtype)

    def _solve(self, X, Z, weights, used, total):
        """Weights of the inputs in use, and the intercept that goes with them."""
        mask, prior = self.mask[used], self.teacher[0][used]
        strength = penalty(self.estimator, self.total_weight) / total
        ridge = np.broadcast_to(strength, prior.shape[1])
        nonnegative = getattr(self.estimator, "positive", False)
        if len(used) > DIRECT and not nonnegative:
            return least_squares.solve_iteratively(
                X, Z, weights, mask, prior, ridge, centred=self.centred
            )
        equations = least_squares.normal_equations(X, Z, weights, centred=self.centred)
        variance = equations.gram.diagonal()
        floor = FLOOR * np.where(variance > 0, variance, 1.0)
        solve = least_squares.solve_masked
        if nonnegative:
            solve = least_squares.solve_nonnegative
        W = np.empty(prior.shape)
        for value in np.unique(ridge):
            columns = np.flatnonzero(ridge == value)
            part = equations.take(columns), mask[:, columns], prior[:, columns]
            W[:, columns] = solve(*part, floor + value)
        return W, equations.intercept(W)

    def _refitted(self, W, b):
        """Weights at the optimum of the model's kind of loss, where it is smooth."""
        objective = self._attainable()
        if objective is None or not newton.is_affordable(self.X, int(self.mask.sum())):
            return W, b
        problem = newton.PenalisedLoss.of(
            self.X, self.weights, objective, centred=self.centred
        )
        active, (prior, intercept) = self.mask, self.teacher
        starts = [W, prior * active, np.zeros_like(prior)]
        if self.centred:
            starts = list(map(np.vstack, zip(starts, (b, intercept, 0 * b))))
            active = np.vstack([active, np.ones(len(b), dtype=bool)])
        start = min(starts, key=problem.value).astype(float)
        solved = newton.minimise(problem, start, active)
        return solved[: len(W)], solved[-1] if self.centred else b

    def _attainable(self):
        """An objective whose optimum on the survivors is finite, if there is one."""
        objective = self._objective()
        mean, prior, b = objective.loss.mean, *self.teacher
        if mean is None or objective.penalty > 0:
            return None if mean is None else objective
        n_equations = np.count_nonzero(self.weights) * len(b)
        if n_equations < EQUATIONS * np.count_nonzero(self.mask):
            return None
        return replace(objective, targets=mean(np.asarray(self.X @ prior) + b))

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

    @property
    def rows(self):
        """Features with a coefficient left, in ascending order."""
        return np.flatnonzero(self.mask.any(axis=1))

    def _count_units(self):
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
        n_bytes=int(n_bytes + (intercept.nbytes if intercept.ndim else 0)),
    )
    return {"coef_": size}


def linear_feature_use(model):
    """How many coefficients read each feature, (n_features,)."""
    coef = model.coef_
    coef = coef if sparse.issparse(coef) else np.atleast_2d(coef)
    return np.asarray((coef != 0).sum(axis=0)).ravel()


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
        feature_use=linear_feature_use,
    )
)
