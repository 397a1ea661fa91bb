"""Laws that every model family and every method must satisfy, for third parties too.

`check_structure` checks a family on a fitted model. `check_method` checks a method on
read-outs and on fitted models. `STRUCTURE_LAWS` and `METHOD_LAWS` list the laws for
parametrised tests: functions that raise an AssertionError.
"""

from skprune.methods import make_method
from skprune.testing.method_laws import METHOD_LAWS
from skprune.testing.structure_laws import (
    STRUCTURE_LAWS,
    Specimen,
    method_removes_exact_number,
)


def check_structure(estimator, X, y, granularity, *, sample_weight=None):
    """Check a model family against the laws of a structure.

    Parameters
    ----------
    estimator : estimator
        Fitted on the samples. Choose a small one: each law prunes it a few times.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets of the samples.
    granularity : str
        Kind of unit.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.

    Raises
    ------
    AssertionError
        If a law is broken.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skprune.testing import check_structure
    >>> X, y = load_iris(return_X_y=True)
    >>> check_structure(LogisticRegression(max_iter=500).fit(X, y), X, y, "feature")
    """
    specimen = Specimen(estimator, X, y, granularity, sample_weight)
    for law in STRUCTURE_LAWS:
        law(specimen)


def check_method(method, specimens=()):
    """Check a pruning method against its laws.

    Parameters
    ----------
    method : str, Method or callable
        As in `skprune.PruningEstimator`.
    specimens : sequence of Specimen, default=()
        Fitted models that the method must be able to prune, in addition to the
        read-outs that the laws make themselves.

    Raises
    ------
    AssertionError
        If a law is broken.

    Examples
    --------
    >>> from skprune.testing import check_method
    >>> check_method("magnitude")
    >>> check_method(lambda readout, rng: readout.contribution() ** 2)
    """
    method = make_method(method)
    for law in METHOD_LAWS:
        law(method)
    for specimen in specimens:
        method_removes_exact_number(method, specimen)


__all__ = [
    "METHOD_LAWS",
    "STRUCTURE_LAWS",
    "Specimen",
    "check_method",
    "check_structure",
]
