"""Candidates of a search: pruned models that are only asked what they predict."""

from sklearn.pipeline import Pipeline

from skprune.estimators.pruner import PruningEstimator
from skprune.structures import Samples, ends_of, locate


class Candidate(PruningEstimator):
    """A pruned model that is built only if more is asked than what it predicts.

    What it predicts of the samples that it is to be scored on follows from where they
    end in the model before it is pruned.
    """

    def _remember(self, pruned, X, ends):
        self._pruned, self._X, self._ends = pruned, X, ends
        return self._describe(pruned)

    @property
    def estimator_(self):
        """The pruned model."""
        return self._pruned.estimator

    def _known_model(self):
        return self._pruned.location.container

    @property
    def classes_(self):
        """Class labels, for classifiers."""
        return self._known_model().classes_

    def _answers(self, X):
        if X is self._X and self._pruned.structure is not None:
            return self._pruned.structure.answers(self._ends)
        return super()._answers(X)


def candidate(pruner, rate, pruned, X=None, ends=None):
    """A pruned model as a search scores it.

    Parameters
    ----------
    pruner : PruningEstimator
        Its parameters are those of the candidate, but for the rate.
    rate : float
        Of the candidate.
    pruned : Pruned
        The model.
    X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
        The samples that it will be scored on.
    ends : object or None, default=None
        From `held_out_ends`, for these samples.

    Returns
    -------
    PruningEstimator
        Fitted.
    """
    params = {**pruner.get_params(deep=False), "rate": rate}
    if ends is None:
        return PruningEstimator(**params)._record(pruned)
    return Candidate(**params)._remember(pruned, X, ends)


def held_out_ends(location, X):
    """Where samples end in a model, if that tells what its container predicts.

    Parameters
    ----------
    location : Location
        Of the model.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        As the container takes them.

    Returns
    -------
    object or None
        From `ends_of`; None where the pruned model itself must predict.
    """
    last = location.container
    while isinstance(last, Pipeline):
        last = last.steps[-1][1]
    if last is not location.model:
        return None
    samples = locate(location.container, Samples(X, None)).samples
    return ends_of(location.model, samples.X)
