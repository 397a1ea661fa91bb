"""Taylor pruning: the change of the loss that a unit's removal is expected to cause."""

from numbers import Integral

from skprune._compat import Interval, Options, StrOptions
from skprune.methods.base import Method, Need
from skprune.numerics.obs import squared_weight


class Taylor(Method):
    """Importance by the expansion of the loss at the gates of the units.

    Order 1 squares the derivative by a unit's gate sample by sample and takes the
    mean [1]_: at the optimum of training the mean derivative vanishes and would rank
    noise, its square does not. Contributions count about their mean, which the
    intercept takes up, and the labels are drawn from the model itself, so that the
    result is the curvature of the expected loss [2]_.

    Order 2 is optimal brain surgeon [3]_: units are removed one after the other, each
    time the one whose removal costs least when all others adapt,
    ``w_q^2 / (2 [H^-1]_qq)``, by rank-one downdates of the inverse Hessian: exact
    for squared loss, with a renewed Hessian for log-losses, layer by layer for
    networks. A split of a tree costs what collapsing its subtree adds to the loss.

    Parameters
    ----------
    order : {"auto", 1, 2}, default="auto"
        "auto" takes order 2 unless a read-out has more than `max_inputs` inputs, whose
        Hessian would be slow to invert; then order 1.
    labels : {"model", "data"}, default="model"
        Where the labels of the derivatives come from.
    score : {"loss", "weight"}, default="loss"
        What the next unit to go has least of in order 2: the loss that its removal
        costs, or its squared weight. With "weight" the ranking is that of recursive
        feature elimination with one feature a step [4]_, without its refits.
    max_inputs : int, default=5000
        Largest Hessian that order "auto" inverts: 5,000 rows take 200 MB and about
        half a minute on one core, and both grow steeply.

    Attributes
    ----------
    order_ : int
        The order that ran, after the method has ranked a model.

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
