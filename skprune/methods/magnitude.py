"""Magnitude pruning, with weights measured in the scale of their inputs."""

import numpy as np

from skprune._compat import StrOptions
from skprune.methods.base import Method


class Magnitude(Method):
    """Importance by the size of a unit's parameters.

    Plain weights are not comparable if inputs differ in unit or spread, or layers in
    scale. By default the importance of unit u is therefore its share of the variance of
    the read-out,

        c_u^2 / sum_v c_v^2,    c_u = abs(w_u) * std(a_u)

    with the group norm of w for a unit of several weights. For linear models this is
    the diagonal of optimal brain damage [1]_, for the splits of trees the weighted
    decrease of impurity [2]_. For neural networks it does not change if a layer is
    multiplied by a factor and the next one divided by it.

    Parameters
    ----------
    scale : {"inputs", None}, default="inputs"
        "inputs" is the formula above. None is the squared norm of the plain weights, as
        magnitude pruning is usually defined [3]_.

    References
    ----------
    .. [1] Y. LeCun, J. Denker and S. Solla, "Optimal Brain Damage", NeurIPS 1989.
    .. [2] L. Breiman, J. Friedman, R. Olshen and C. Stone, "Classification and
       Regression Trees", 1984.
    .. [3] S. Han et al., "Learning both Weights and Connections for Efficient Neural
       Networks", NeurIPS 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skprune import Magnitude, PruningEstimator
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = PruningEstimator(Ridge(alpha=0.1), method=Magnitude(), rate=0.6)
    >>> [int(j) for j in model.fit(X, y).support_.nonzero()[0]]
    [1, 2, 3, 8]
    """

    _parameter_constraints = {"scale": [StrOptions({"inputs"}), None]}

    def __init__(self, scale="inputs"):
        self.scale = scale

    def importances(self, readout, rng):
        self.check()
        if self.scale is None:
            return np.square(readout.size(), dtype=float)
        return np.square(readout.contribution() / readout.spread(), dtype=float)
