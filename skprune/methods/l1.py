"""L1 regularisation: would a lasso on the read-out keep the unit?"""

import numpy as np

from skprune._compat import StrOptions
from skprune.methods.base import Method
from skprune.methods.magnitude import Magnitude
from skprune.methods.shrinking import Shrinking
from skprune.numerics.lasso import shrink_to


class L1(Method):
    """Importance by a lasso on each read-out, whose penalty meets the rate exactly.

    Each read-out is fitted anew to its own output under an L1 penalty on its weights
    [1]_, a group penalty where a unit owns several [2]_. All read-outs share one
    penalty, on weights in the scale of their inputs and outputs, and it is lowered
    until just as many units are in as are to be kept. Each of these problems is convex
    and has no layers, so that no gradient vanishes on its way through a deep network.
    The survivors are freed of the bias of the penalty by ``compensate``.

    Where the read-out is the output of a linear model, the lasso has the loss of the
    model and the targets of the data: the support is that of scikit-learn's ``Lasso``
    or ``LogisticRegression(l1_ratio=1)`` on standardised features.

    With ``during="finetune"`` no lasso is solved. Instead the weights shrink while the
    model is trained: in the first two thirds of the passes of ``finetune``, proximal
    steps [3]_ shorten the weights of all units by the same length, in the scale of
    `Magnitude`, and the length follows the schedule of the rate until just as many
    units are left as are to be kept. Then the survivors are freed of the bias of the
    penalty: by ``compensate``, from the model as it was before, or by their full length
    as trained; and they train for the passes that remain.

    Parameters
    ----------
    during : {None, "finetune"}, default=None
        None ranks units by the lasso, before they are removed. "finetune" removes them
        while the model is trained, for models that are trained by passes, and needs
        ``finetune`` of at least one.

    Attributes
    ----------
    penalty_ : float
        The penalty at which the rate was met, after the method has ranked a model
        with ``during=None``.

    References
    ----------
    .. [1] R. Tibshirani, "Regression Shrinkage and Selection via the Lasso", JRSS B
       1996.
    .. [2] M. Yuan and Y. Lin, "Model selection and estimation in regression with
       grouped variables", JRSS B 2006.
    .. [3] N. Parikh and S. Boyd, "Proximal Algorithms", Foundations and Trends in
       Optimization 2014.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import LinearRegression
    >>> from skprune import L1, PruningEstimator
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = PruningEstimator(LinearRegression(), method=L1(), rate=0.6)
    >>> [int(j) for j in model.fit(X, y).support_.nonzero()[0]]
    [2, 3, 6, 8]
    """

    ranking_depends_on_rate = True
    _parameter_constraints = {"during": [StrOptions({"finetune"}), None]}

    def __init__(self, during=None):
        self.during = during

    @property
    def in_training(self):
        """What removes units while the model is trained, if that is asked for."""
        return Shrinking(self) if self.during == "finetune" else None

    def importances(self, readout, rng):
        return self.rank([readout], readout.n_units, rng)

    def rank(self, readouts, n_keep, rng):
        self.check()
        if self.during == "finetune":
            return Magnitude().rank(readouts, n_keep, rng)
        problems = [readout.lasso(rng) for readout in readouts]
        if not problems:
            return np.zeros(0)
        importances, self.penalty_ = shrink_to(problems, n_keep)
        return importances
