"""Scorers that measure the size of a model, for searches over several metrics.

Greater scores are better, so each scorer returns the negative size. It accepts a fitted
model, a `PruningEstimator`, or a Pipeline or search that holds one. Sample weights are
ignored.

Examples
--------
>>> from sklearn.datasets import load_iris
>>> from sklearn.linear_model import LogisticRegression
>>> from sklearn.model_selection import cross_validate
>>> from skprune import PruningEstimator
>>> from skprune.scorers import n_nonzero
>>> X, y = load_iris(return_X_y=True)
>>> model = PruningEstimator(LogisticRegression(max_iter=500), rate=0.5)
>>> scores = cross_validate(model, X, y, scoring={"n_nonzero": n_nonzero}, cv=3)
>>> scores["test_n_nonzero"].tolist()
[-9, -9, -9]
"""

from skprune._compat import weighted_scorer
from skprune.engine.budget import prediction_seconds
from skprune.engine.report import model_size
from skprune.estimators.delegation import PrunedModel, check_has_model


@weighted_scorer
def n_parameters(estimator, X=None, y=None, sample_weight=None):
    """Return minus the number of parameters that the model stores."""
    return -model_size(estimator).n_parameters


@weighted_scorer
def n_nonzero(estimator, X=None, y=None, sample_weight=None):
    """Return minus the number of non-zero parameters."""
    return -model_size(estimator).n_nonzero


@weighted_scorer
def n_macs(estimator, X=None, y=None, sample_weight=None):
    """Return minus the number of multiply-adds, or comparisons, per prediction."""
    return -model_size(estimator).n_macs


@weighted_scorer
def n_bytes(estimator, X=None, y=None, sample_weight=None):
    """Return minus the number of bytes in the arrays of the model."""
    return -model_size(estimator).n_bytes


@weighted_scorer
def prediction_time(estimator, X, y=None, sample_weight=None):
    """Return minus the seconds needed to predict X, the median of several calls."""
    if isinstance(estimator, PrunedModel):
        check_has_model(estimator)
        estimator = estimator.estimator_
    return -prediction_seconds(estimator, X)
