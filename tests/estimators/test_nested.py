"""Estimators of skprune inside each other, and inside other containers."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune import PruningEstimator, PruningEstimatorCV, model_size, prune
from skprune.structures import Samples, final_model, locate

X, Y = load_iris(return_X_y=True)


def test_what_is_pruned_can_be_pruned_again():
    """Neurons first, then weights: the result is plain, and smaller by both rates."""
    net = MLPClassifier((10,), solver="lbfgs", max_iter=200, random_state=0)
    neurons = PruningEstimator(net, granularity="neuron", rate=0.5)
    both = PruningEstimator(neurons, rate=0.4, random_state=0).fit(X, Y)
    assert type(both.estimator_) is MLPClassifier
    assert both.estimator_.hidden_layer_sizes == (5,)
    assert both.n_units_ == 5 * 4 + 5 * 3
    weights = np.concatenate([np.ravel(coef) for coef in both.estimator_.coefs_])
    assert np.count_nonzero(weights) == 35 - round(0.4 * 35)


def test_a_fitted_pruner_is_a_container():
    """In a search in a pipeline, the pruned model is what is found and measured."""
    pruner = PruningEstimator(LogisticRegression(max_iter=500))
    search = GridSearchCV(pruner, {"rate": [0.25, 0.5]}, cv=2)
    pipe = make_pipeline(StandardScaler(), search)
    assert type(final_model(pipe)) is LogisticRegression
    pipe.fit(X, Y)
    pruned = pipe[-1].best_estimator_.estimator_
    assert final_model(pipe) is pruned
    assert model_size(pipe) == model_size(pruned)

    location = locate(pipe, Samples(X, Y, trained_on=True))
    assert location.model is pruned
    assert not location.samples.trained_on
    again = prune(pipe, X, Y, rate=0.5)
    assert type(again[-1].best_estimator_) is LogisticRegression


def test_a_search_that_was_not_refitted_holds_no_model():
    """The error says so."""
    search = PruningEstimatorCV(LogisticRegression(), rates=[0.2], cv=2, refit=False)
    search.fit(X, Y)
    with pytest.raises(NotFittedError, match="refit=False"):
        locate(search, Samples(X, Y))


@pytest.mark.parametrize("kind", [PruningEstimator, PruningEstimatorCV])
def test_metadata_reaches_the_model_inside(kind):
    """Aliases of the model are followed through the estimators of skprune."""
    weights = np.ones(len(Y))
    with config_context(enable_metadata_routing=True):
        model = LogisticRegression().set_fit_request(sample_weight="importance")
        pipe = make_pipeline(clone(kind(model))).fit(X, Y, importance=weights)
        samples = Samples(X, Y, fit_params={"importance": weights})
        assert locate(pipe, samples).samples.sample_weight is weights
        samples = Samples(X, Y, fit_params={})
        assert locate(pipe, samples).samples.sample_weight is None
