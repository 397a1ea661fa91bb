"""Views of models that hold trees: read from them, and built without some nodes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor

from skprune.structures import Samples, family_of
from skprune.structures.tree_models import tree_model
from tests.cases import dataset

X, Y = dataset("regression")
MODELS = [
    DecisionTreeRegressor(random_state=0),
    RandomForestRegressor(4, random_state=0),
    BaggingRegressor(n_estimators=4, max_features=0.5, random_state=0),
    AdaBoostRegressor(n_estimators=4, random_state=0),
    GradientBoostingRegressor(n_estimators=4, random_state=0),
    HistGradientBoostingRegressor(max_iter=4, min_samples_leaf=3, random_state=0),
]


@pytest.fixture(params=MODELS, ids=lambda model: type(model).__name__)
def model(request):
    """One of the models, fitted."""
    return request.param.fit(X, Y)


def without_half(structure):
    """The structure without every other of its units that nothing hangs below."""
    gates, units = np.ones(structure.n_units), structure.units
    parents = set(units.parent.tolist()) if units.parent is not None else set()
    ends = [unit for unit in range(len(gates)) if unit not in parents]
    gates[ends[::2]] = 0
    return structure.prune(gates, compensate=False, rng=np.random.default_rng(0))


def test_view_reads_what_the_model_computes(model):
    """First guess and values of the leaves that samples reach make the prediction."""
    view = tree_model(model)
    forest, features = view.flattened(), view.features(X)
    total = np.zeros(len(X)) + np.ravel(view.base(features))
    for t in range(forest.n_trees):
        reached = forest.value[forest.nodes(t), 0][view.leaves(t, features)]
        total += forest.scale[t] * reached
    if not isinstance(model, AdaBoostRegressor):  # a median
        assert_allclose(total, model.predict(X), rtol=1e-6)
    assert_allclose(view.scale, forest.scale)
    assert len(view.names) == forest.n_trees


def test_trees_are_built_from_the_model_as_trained(model):
    """After two cuts the model is that of both, and built but once."""
    kind = family_of(model).structures["connection"]
    structure = without_half(without_half(kind(model, Samples(X, Y))))
    assert structure._view is None

    built = structure.estimator

    assert structure.estimator is built
    again = kind(built, Samples(X, Y))
    assert again.n_units == structure.n_units
    assert_array_equal(again.forest.left, structure.forest.left)
    assert_allclose(again.output(), structure.output())


def test_what_training_left_behind_is_dropped():
    """The finished model does not hold what only training needed."""
    model = RandomForestRegressor(4, oob_score=True, random_state=0).fit(X, Y)
    kind = family_of(model).structures["connection"]
    finished = without_half(kind(model, Samples(X, Y))).finished()
    assert hasattr(model, "oob_prediction_") and not hasattr(
        finished, "oob_prediction_"
    )


def test_models_without_trees_are_refused():
    """The error names the class."""
    with pytest.raises(TypeError, match="Ridge has no trees"):
        tree_model(Ridge())
