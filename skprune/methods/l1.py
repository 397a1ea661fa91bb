"""L1 regularisation: would a lasso on the read-out keep the unit?"""

import numpy as np

from skprune._compat import StrOptions
from skprune.methods.base import Method
from skprune.methods.magnitude import Magnitude
from skprune.methods.shrinking import Shrinking
from skprune.numerics.lasso import shrink_to


class L1(Method):
    """Importance by a lasso on each read-out, whose penalty meets the rate exactly.

    Each read-out is fitted to its own output under an L1 penalty on its weights [1]_,
    or a group penalty if a unit has several weights [2]_. All read-outs share one
    penalty, on weights in the scale of their inputs and outputs. It is lowered until
    the lasso keeps exactly the number of units that the rate asks for. Each of these
    problems is convex and has no layers, so no gradient vanishes in a deep network.
    ``compensate`` removes the bias of the penalty from the remaining weights.

    If the read-out is the output of a linear model, the lasso has the loss of the model
    and the targets of the data: the support is that of scikit-learn's ``Lasso`` or
    ``LogisticRegression(l1_ratio=1)`` on standardised features.

    With ``during="finetune"`` no lasso is solved, and the weights shrink while the
    model is trained. In the first two thirds of the passes of ``finetune``, proximal
    steps [3]_ shorten the weights of all units by the same length, in the scale of
    `Magnitude`. This length grows until exactly the units to be kept remain. Then the
    bias of the penalty is removed: by ``compensate``, with the model before pruning as
    the teacher, or by restoring the length of the weights. The remaining passes train
    the pruned model.

    Parameters
    ----------
    during : {None, "finetune"}, default=None
        None ranks units by the lasso before they are removed. "finetune" removes them
        while the model is trained; it needs a model that is trained by passes and
        ``finetune`` of at least one.

    Attributes
    ----------
    penalty_ : float
        Penalty at which the rate is met, set when the method has ranked a model with
        ``during=None``.

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
        """Strategy that removes units while the model is trained, if asked for."""
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
