"""Linear models: one read-out from the features to the decision function.

A coefficient is a unit ("connection"), or a feature with its coefficients for all
outputs ("feature", "neuron"). Recovery is a least-squares fit of the surviving features
to the decision function of the teacher. Half of the weight of a sample is the curvature
of the loss, and the ridge is the model's own penalty: for squared loss this is the
refit on the support. For log-losses Newton steps follow if the Hessian is affordable:
to the optimum of the model's own loss if its penalty is quadratic, else toward the
probabilities of the teacher.
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
from skprune.readouts.dense import DenseReadout, EntryReadout, RowReadout
from skprune.structures.base import Family, ModelSize, Structure, register
from skprune.structures.linear_views import linear_view
from skprune.structures.samples import total_weights

FLOOR = 1e-7  # ridge relative to the variance of an input; keeps equations solvable
DIRECT = 5000  # more inputs are solved iteratively: their Gram matrix exceeds 200 MB
EQUATIONS = 20  # samples times outputs per weight; with fewer, classes may separate
SPARSE_OUTPUTS, SPARSE_DENSITY = 20, 0.1  # from here on a CSR coef_ predicts faster


class LinearStructure(Structure):
    """Linear model with one read-out."""

    answers = DenseReadout.answers
    group_names = ["coef_"]

    def __init__(self, model, samples):
        self.X = X = _features(model, samples.X)
        self.y = samples.y
        weights = total_weights(model, samples, X.shape[0])
        self.total_weight = weights.sum()
        self.weights = weights / self.total_weight
        self.view = linear_view(model).dense_copy()
        self.W, self.b = self.view.weights
        self.teacher = self.W, self.b
        self.centred = self.view.has_intercept
        self._set_mask(self.W != 0)

    @property
    def estimator(self):
        return self.view.model

    def _set_mask(self, mask):
        self.mask = mask
        n_units = self._count_units()
        self.units = Units(np.zeros(n_units, dtype=int), np.ones(1, dtype=int))

    @abstractmethod
    def _count_units(self): ...

    @abstractmethod
    def _expand(self, gates):
        """Find the gate of each weight, in a shape that broadcasts to that of W."""

    @cached_property
    def loss_function(self):
        """Loss of the decision function; squared error if that is not known."""
        return self.view.loss() or losses.SQUARED

    @cached_property
    def targets(self):
        """Targets of the loss; the outputs of the teacher if the loss is not known."""
        targets = self.view.targets(self.y)
        return self._teacher_output if targets is None else targets

    @cached_property
    def _teacher_output(self):
        W, b = self.teacher
        return np.asarray(self.X @ W) + b

    def _objective(self):
        strength = float(np.mean(self.view.penalty(self.total_weight)))
        return losses.Objective(self.loss_function, self.targets, self.b, strength)

    def _readout(self, kind, **units):
        options = {"centred": self.centred, "objective": self._objective(), **units}
        parts = self.X, self.W, self.output_gradient, self.weights
        return kind("coef_", *parts, **options)

    def output(self, gates=None, X=None):
        W = self.W if gates is None else self.W * self._expand(gates)
        X = self.X if X is None else _features(self.estimator, X)
        return np.asarray(X @ W) + self.b

    def prune(self, gates, *, compensate, rng):
        pruned = copy.copy(self)
        expanded = self._expand(gates)
        pruned.W = self.W * expanded
        pruned._set_mask(self.mask & (expanded != 0))
        if compensate and not pruned.mask.all():
            pruned.W, pruned.b = pruned._recovered()
        pruned.view = self.view.with_weights(pruned.W, pruned.b)
        return pruned

    def _recovered(self):
        """Estimate weights and intercept by least squares to the teacher's output."""
        (prior, b), Z = self.teacher, self._teacher_output
        curvature = self.loss_function.curvature(Z).mean(axis=1)
        total = float(self.weights @ curvature)
        if not total > 0:
            return self.W, self.b
        # a confident model has curvature on few samples, which alone would decide all
        weights = self.weights * (curvature / total + 1) / 2
        used = np.flatnonzero(self.mask.any(axis=1))
        X = self.X if len(used) == len(prior) else self.X[:, used]
        W = np.zeros_like(prior)
        W[used], intercept = self._solve(X, Z, weights, used, total)
        W, intercept = self._refitted(W, intercept if self.centred else self.b)
        return W.astype(prior.dtype), intercept.astype(b.dtype)

    def _solve(self, X, Z, weights, used, total):
        """Solve for the weights of the inputs in use, and the intercept."""
        mask, prior = self.mask[used], self.teacher[0][used]
        strength = self.view.penalty(self.total_weight) / total
        ridge = np.broadcast_to(strength, prior.shape[1])
        if len(used) > DIRECT and not self.view.is_nonnegative:
            return least_squares.solve_iteratively(
                X, Z, weights, mask, prior, ridge, centred=self.centred
            )
        equations = least_squares.normal_equations(X, Z, weights, centred=self.centred)
        variance = equations.gram.diagonal()
        floor = FLOOR * np.where(variance > 0, variance, 1.0)
        solve = least_squares.solve_masked
        if self.view.is_nonnegative:
            solve = least_squares.solve_nonnegative
        W = np.empty(prior.shape)
        for value in np.unique(ridge):
            columns = np.flatnonzero(ridge == value)
            part = equations.take(columns), mask[:, columns], prior[:, columns]
            W[:, columns] = solve(*part, floor + value)
        return W, equations.intercept(W)

    def _refitted(self, W, b):
        """Move weights to the optimum of the model's loss, if it is smooth."""
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
        """Find an objective with a finite optimum on the remaining weights, or None."""
        objective = self._objective()
        mean = objective.loss.mean
        if mean is None or objective.penalty > 0:
            return None if mean is None else objective
        n_equations = np.count_nonzero(self.weights) * len(self.b)
        if n_equations < EQUATIONS * np.count_nonzero(self.mask):
            return None
        return replace(objective, targets=mean(self._teacher_output))

    def finished(self):
        model = copy.copy(self.estimator)
        n_outputs, density = self.W.shape[1], np.mean(self.W != 0)
        many_outputs = n_outputs >= SPARSE_OUTPUTS and density <= SPARSE_DENSITY
        if many_outputs and isinstance(model, SparseCoefMixin):
            model.coef_ = sparse.csr_array(model.coef_)
        return model


class LinearConnections(LinearStructure):
    """Linear model whose units are its nonzero coefficients."""

    def _count_units(self):
        return int(self.mask.sum())

    def _expand(self, gates):
        expanded = np.ones(self.W.shape, dtype=self.W.dtype)
        expanded[self.mask] = gates
        return expanded

    def readouts(self):
        return [self._readout(EntryReadout, mask=self.mask)]


class LinearFeatures(LinearStructure):
    """Linear model whose units are features, each with all its coefficients."""

    @property
    def rows(self):
        """Features with a nonzero coefficient, in ascending order."""
        return np.flatnonzero(self.mask.any(axis=1))

    def _count_units(self):
        return len(self.rows)

    def _expand(self, gates):
        expanded = np.ones((len(self.W), 1), dtype=self.W.dtype)
        expanded[self.rows, 0] = gates
        return expanded

    def readouts(self):
        return [self._readout(RowReadout, rows=self.rows)]


def _features(model, X):
    """Validate samples, which become dense or a CSR array."""
    X = validate_data(
        model, X, reset=False, accept_sparse="csr", dtype=[np.float64, np.float32]
    )
    return sparse.csr_array(X) if sparse.issparse(X) else X


def linear_part_sizes(model):
    """Measure the coefficients and intercepts of a linear model."""
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
    """Count the coefficients that read each feature, (n_features,)."""
    coef = model.coef_
    coef = coef if sparse.issparse(coef) else np.atleast_2d(coef)
    return np.asarray((coef != 0).sum(axis=0)).ravel()


def _sparse_bytes(array):
    return array.data.nbytes + array.indices.nbytes + array.indptr.nbytes


register(
    Family(
        name="linear models",
        accepts=lambda model: isinstance(model, LINEAR_BASES),
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
