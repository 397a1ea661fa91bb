"""Taylor pruning: the predicted change of the loss when a unit is removed."""

from numbers import Integral

from skprune._compat import Interval, Options, StrOptions
from skprune.methods.base import Method, Need
from skprune.numerics.obs import squared_weight


class Taylor(Method):
    """Importance by a Taylor expansion of the loss in the gates of the units.

    Order 1 is the mean over samples of the squared derivative of the loss with respect
    to the gate [1]_. The mean derivative itself vanishes at the optimum of training and
    would rank noise. Contributions are centred, as the intercept takes up their mean.
    Labels are drawn from the model itself, so the result is the curvature of the
    expected loss [2]_.

    Order 2 is optimal brain surgeon [3]_. Units are removed one after the other, each
    time the one whose removal costs least when all others adapt,
    ``w_q^2 / (2 [H^-1]_qq)``, by rank-one downdates of the inverse Hessian. This is
    exact for squared loss; log-losses renew the Hessian, and networks are processed
    layer by layer. A split of a tree costs what collapsing its subtree adds to the
    loss.

    Parameters
    ----------
    order : {"auto", 1, 2}, default="auto"
        "auto" is order 2, or order 1 if a read-out has more than `max_inputs` inputs,
        as its Hessian would be slow to invert.
    labels : {"model", "data"}, default="model"
        Source of the labels for the derivatives.
    score : {"loss", "weight"}, default="loss"
        Criterion by which order 2 removes the next unit: the least increase of the
        loss, or the least squared weight. "weight" gives the ranking of recursive
        feature elimination with one feature per step [4]_, without its refits. It needs
        weights that can be re-estimated, which trees do not have.
    max_inputs : int, default=5000
        Size of the largest Hessian that order "auto" inverts. One of 5,000 rows takes
        200 MB and about half a minute on one core; both grow steeply.

    Attributes
    ----------
    order_ : int
        Order that was used, set when the method has ranked a model.

    References
    ----------
    .. [1] P. Molchanov et al., "Importance Estimation for Neural Network Pruning",
       CVPR 2019.
    .. [2] F. Kunstner, L. Balles and P. Hennig, "Limitations of the empirical Fisher
       approximation for natural gradient descent", NeurIPS 2019.
    .. [3] B. Hassibi and D. Stork, "Second order derivatives for network pruning:
       Optimal Brain Surgeon", NeurIPS 1993.
    .. [4] I. Guyon et al., "Gene Selection for Cancer Classification using Support
       Vector Machines", Machine Learning 2002.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skprune import PruningEstimator, Taylor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = PruningEstimator(Ridge(alpha=0.1), method=Taylor(order=2), rate=0.6)
    >>> [int(j) for j in model.fit(X, y).support_.nonzero()[0]]
    [2, 3, 6, 8]
    """

    _parameter_constraints = {
        "order": [StrOptions({"auto"}), Options(Integral, {1, 2})],
        "labels": [StrOptions({"model", "data"})],
        "score": [StrOptions({"loss", "weight"})],
        "max_inputs": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, order="auto", labels="model", score="loss", max_inputs=5000):
        self.order = order
        self.labels = labels
        self.score = score
        self.max_inputs = max_inputs

    def needs(self):
        if self.score != "weight" or self.order == 1:
            return []
        asks = "weights that are re-estimated when others are removed"
        return [Need("elimination", "score='weight'", asks, "score='loss'")]

    def rank(self, readouts, n_keep, rng):
        self.check()
        self.order_ = self.order
        if self.order == "auto":
            largest = max((r.hessian_size for r in readouts), default=0)
            self.order_ = 2 if largest <= self.max_inputs else 1
        return super().rank(readouts, n_keep, rng)

    def importances(self, readout, rng):
        labels = rng if self.labels == "model" else None
        if self.order_ == 1:
            return readout.fisher(labels)
        if self.score == "weight":
            return readout.elimination(squared_weight, labels)
        return readout.removal_loss(labels)
