"""Random pruning: the control that every method has to beat."""

from skprune.methods.base import Method


class Random(Method):
    """Importances drawn at random.

    The control of every comparison: a method is useful only if it beats this one at the
    same rate [1]_.

    References
    ----------
    .. [1] D. Blalock et al., "What is the State of Neural Network Pruning?",
       MLSys 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skprune import PruningEstimator, Random
    >>> X, y = load_iris(return_X_y=True)
    >>> model = PruningEstimator(
    ...     LogisticRegression(max_iter=500), method=Random(), random_state=0
    ... )
    >>> int(model.fit(X, y).support_.sum())
    6
    """

    def importances(self, readout, rng):
        return rng.random(readout.n_units)
