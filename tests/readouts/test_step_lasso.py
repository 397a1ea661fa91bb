"""The operator behind the lasso on splits, against the trees themselves."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from skprune.readouts.step_lasso import PathOperator
from tests.cases import dataset
from tests.tree_oracles import structure_of

KINDS = [GradientBoostingClassifier, RandomForestClassifier]


def operator(kind):
    """Of a small ensemble of three classes, with its structure."""
    X, y = dataset("classes")
    structure = structure_of(kind(n_estimators=3, random_state=0).fit(X, y), X, y)
    return PathOperator(structure.forest, structure._leaves, len(X)), structure


@pytest.mark.parametrize("kind", KINDS)
def test_output_is_that_of_gated_trees(kind):
    """But for the first guess of boosting, which no gate changes."""
    paths, structure = operator(kind)
    gates = np.random.default_rng(0).uniform(0, 2, structure.n_units)
    base = structure.holder.base(structure.samples.X)
    assert_allclose(paths.output(gates) + base, structure.output(gates))


@pytest.mark.parametrize("kind", KINDS)
def test_pulls_are_the_transpose(kind):
    """The inner product with what a direction of gates changes is the same."""
    paths, structure = operator(kind)
    rng = np.random.default_rng(0)
    direction = rng.standard_normal(structure.n_units)
    R = rng.standard_normal(structure.output().shape)
    change = paths.output(direction) - paths.output(np.zeros_like(direction))
    assert_allclose(paths.pulls(R) @ direction, np.vdot(R, change))
