"""A family of one's own: kernel ridge regression, whose units are training points.

>>> from sklearn.datasets import load_diabetes
>>> from sklearn.kernel_ridge import KernelRidge
>>> from sklearn.model_selection import train_test_split
>>> from skprune import PruningEstimator
>>> X, y = load_diabetes(return_X_y=True)
>>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
>>> model = KernelRidge(kernel="rbf", gamma=1.0, alpha=1.0)
>>> full = model.fit(X_train, y_train)
>>> pruned = PruningEstimator(model, granularity="point", rate=0.9)
>>> small = pruned.fit(X_train, y_train).estimator_
>>> full.X_fit_.shape, small.X_fit_.shape
((331, 10), (33, 10))
>>> print(f"{full.score(X_test, y_test):.2f} {small.score(X_test, y_test):.2f}")
0.38 0.37
"""

import copy

import numpy as np
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import pairwise_kernels

from skprune.readouts import (
    SQUARED,
    RowReadout,
    normal_equations,
    ridge_strength,
    solve_rows,
)
from skprune.structures import (
    Family,
    ModelSize,
    Structure,
    Units,
    register,
    total_weights,
)

RIDGE = 1e-6  # relative to the variance of the inputs; only keeps equations solvable


class KernelPoints(Structure):
    """Kernel ridge regression as one read-out, with a unit per training point.

    The prediction is ``Z = K W``: column u of K is the kernel between the samples and
    point u, row u of W its dual coefficients.
    """

    loss_function = SQUARED
    group_names = ["dual_coef_"]
    answers = RowReadout.answers

    def __init__(self, model, samples):
        self.estimator = copy.deepcopy(model)
        self.X = np.asarray(samples.X)
        self.targets = np.asarray(samples.y, dtype=float).reshape(len(self.X), -1)
        weights = total_weights(model, samples, len(self.X))
        self.weights = weights / weights.sum()
        self._look_at(self.estimator)
        self.teacher = self.K @ self.W

    def _look_at(self, model):
        self.W = np.asarray(model.dual_coef_).reshape(len(model.X_fit_), -1)
        self.K = kernel(model, self.X)
        group = np.zeros(len(self.W), dtype=int)
        self.units = Units(group, floor=np.ones(1, dtype=int))

    def readouts(self):
        return [
            RowReadout(
                "dual_coef_",
                self.K,
                self.W,
                self.output_gradient,
                self.weights,
                rows=np.arange(self.n_units),
                centred=False,
            )
        ]

    def output(self, gates=None, X=None):
        K = self.K if X is None else kernel(self.estimator, X)
        return K @ (self.W if gates is None else self.W * gates[:, None])

    def prune(self, gates, *, compensate, rng):
        kept = np.flatnonzero(gates)
        W = self.W * gates[:, None]
        if compensate and len(kept) < self.n_units:
            W = self._recovered(kept)
        model, shape = copy.copy(self.estimator), np.shape(self.estimator.dual_coef_)
        model.X_fit_ = self.estimator.X_fit_[kept]
        model.dual_coef_ = W[kept].reshape((len(kept), *shape[1:]))
        pruned = copy.copy(self)
        pruned.estimator = model
        pruned._look_at(model)
        return pruned

    def _recovered(self, kept):
        equations = normal_equations(self.K, self.teacher, self.weights, centred=False)
        ridge = ridge_strength(equations.gram, RIDGE)
        return solve_rows(equations, kept, self.W, ridge)

    def finished(self):
        return self.estimator


def kernel(model, X):
    """Kernel between samples and the points of a model, (n_samples, n_points)."""
    return pairwise_kernels(
        X,
        model.X_fit_,
        metric=model.kernel,
        filter_params=True,
        gamma=model.gamma,
        degree=model.degree,
        coef0=model.coef0,
    )


def part_sizes(model):
    """Size of the dual coefficients and the training points."""
    arrays = {"dual_coef_": model.dual_coef_, "X_fit_": model.X_fit_}
    return {
        name: ModelSize(
            n_parameters=array.size,
            n_nonzero=int(np.count_nonzero(array)),
            n_macs=array.size,
            n_bytes=array.nbytes,
        )
        for name, array in arrays.items()
    }


register(
    Family(
        name="kernel ridge regressions",
        accepts=lambda model: isinstance(model, KernelRidge),
        structures={"neuron": KernelPoints},
        synonyms={"point": "neuron"},
        part_sizes=part_sizes,
    )
)
