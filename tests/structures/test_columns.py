"""Columns of X are followed through transformers."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skprune.structures import family_of, final_model, input_columns
from tests.cases import CASES


@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
@pytest.mark.parametrize("as_frame", [False, True])
def test_columns_are_those_that_were_selected(as_frame):
    """Scaling keeps columns, a selector and an imputer drop some of them."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=as_frame)
    X = X.copy()
    X[X.columns[3] if as_frame else (slice(None), 3)] = np.nan
    pipe = make_pipeline(
        SimpleImputer(), StandardScaler(), "passthrough", SelectKBest(k=5), Ridge()
    ).fit(X, y)

    columns = input_columns(pipe, 30)

    imputed = np.delete(np.arange(30), 3)
    np.testing.assert_array_equal(columns, imputed[pipe[3].get_support()])


def test_nested_containers_are_looked_through():
    """A pipeline in a frozen search in a target transform is followed to its end."""
    X, y = load_diabetes(return_X_y=True)
    pipe = make_pipeline(SelectKBest(k=4), Ridge())
    search = GridSearchCV(pipe, {"ridge__alpha": [0.1, 1.0]}, cv=2)
    model = TransformedTargetRegressor(search).fit(X, y)

    columns = input_columns(FrozenEstimator(model), 10)

    selector = model.regressor_.best_estimator_[0]
    np.testing.assert_array_equal(columns, np.flatnonzero(selector.get_support()))


@pytest.mark.parametrize("step", [PCA(3), FunctionTransformer(np.abs)])
def test_new_features_are_refused(step):
    """A transformer whose outputs are not columns of its input is named."""
    X, y = load_breast_cancer(return_X_y=True)
    pipe = make_pipeline(step, LogisticRegression(max_iter=10_000)).fit(X, y)

    with pytest.raises(ValueError, match=f"{type(step).__name__} makes features"):
        input_columns(pipe, 30)


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if "feature" in case.granularities],
    ids=lambda case: case.name,
)
def test_family_says_which_features_it_reads(case):
    """The features that a family names are as many as the units of "feature"."""
    model = final_model(case.fitted())

    use = family_of(model).feature_use(model)

    assert use.shape == (model.n_features_in_,)
    assert np.count_nonzero(use) == case.specimen("feature").structure().n_units
