"""A pruning method of one's own: between magnitude and Taylor.

>>> from sklearn.datasets import load_breast_cancer
>>> from sklearn.linear_model import LogisticRegression
>>> from sklearn.model_selection import GridSearchCV
>>> from sklearn.preprocessing import scale
>>> from skprune import PruningEstimator
>>> X, y = load_breast_cancer(return_X_y=True)
>>> model = PruningEstimator(LogisticRegression(), method=Blend(), rate=0.8)
>>> search = GridSearchCV(model, {"method__taylor": [0.0, 0.5, 1.0]}).fit(scale(X), y)
>>> search.best_params_["method__taylor"] in [0.0, 0.5, 1.0]
True
>>> int(search.best_estimator_.support_.sum())
6
"""

import numpy as np

from skprune.methods import Method


class Blend(Method):
    """Geometric mean of two importances.

    Parameters
    ----------
    taylor : float, default=0.5
        Weight of the squared derivative of the loss; the rest is that of the squared
        contribution.
    """

    def __init__(self, taylor=0.5):
        self.taylor = taylor

    def importances(self, readout, rng):
        if not 0 <= self.taylor <= 1:
            raise ValueError(f"taylor={self.taylor!r} must be in [0, 1].")
        magnitude = np.square(readout.contribution() / readout.spread())
        fisher = readout.fisher(rng)
        share = fisher / max(fisher.sum(), np.finfo(float).tiny)
        return magnitude ** (1 - self.taylor) * share**self.taylor
