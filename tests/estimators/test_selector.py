"""PruningSelector keeps the features that a pruned model reads."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.ensemble import (
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_selection import RFE
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
)
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from skprune import L1, PruningSelector, Taylor
from skprune.estimators import feature_groups
from skprune.methods import METHODS
from skprune.structures import family_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NET = MLPClassifier((8,), solver="lbfgs", max_iter=30, random_state=0)
MODELS = [
    LogisticRegression(),
    Ridge(),
    NET,
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(8, random_state=0),
    GradientBoostingClassifier(n_estimators=5, random_state=0),
]
CHECKED = [
    PruningSelector(LogisticRegression()),
    PruningSelector(Ridge(), method="taylor", n_steps=2),
    PruningSelector(MLPClassifier((5,), max_iter=30), method="l1"),
    PruningSelector(DecisionTreeRegressor(), compensate=False),
]
EXTRA_CHECKS = [
    "check_dataframe_column_names_consistency",
    "check_get_feature_names_out_error",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_inplace_ensure_writeable",
    "check_param_validation",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]


@pytest.fixture(scope="module")
def cancer(cancer):
    """Thirty features, scaled, and two classes."""
    X, y = cancer
    return StandardScaler().fit_transform(X), y


@pytest.mark.slow
@parametrize_with_checks(CHECKED)
def test_scikit_learn_check(estimator, check):
    """The selector passes each check without an exception."""
    check(estimator)


@pytest.mark.parametrize("check", EXTRA_CHECKS)
@pytest.mark.parametrize("estimator", CHECKED[::2], ids=str)
def test_scikit_learn_check_of_transformers(estimator, check):
    """It passes the checks that scikit-learn runs on its own transformers."""
    getattr(estimator_checks, check)("PruningSelector", estimator)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_exact_number_is_dropped(model, method, cancer):
    """The fraction removed of the features that the model reads is the rate."""
    every = PruningSelector(model, rate=0, random_state=0).fit(*cancer)
    selector = PruningSelector(model, method=method, rate=0.6, random_state=0)

    selector.fit(*cancer)

    n_read = every.support_.sum()
    assert n_read - selector.support_.sum() == round(0.6 * n_read)
    assert selector.rate_ == round(0.6 * n_read) / n_read


@pytest.mark.parametrize("n_steps", [1, 3])
@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_pruned_model_reads_kept_features_only(model, n_steps, cancer):
    """Noise in the dropped columns changes no prediction of the pruned model."""
    X, y = cancer
    selector = PruningSelector(model, rate=0.5, n_steps=n_steps).fit(X, y)
    noisy = np.where(selector.support_, X, 9.0)

    assert_array_equal(
        selector.estimator_.predict(noisy), selector.estimator_.predict(X)
    )


@pytest.mark.parametrize("wanted", [1, 7, 30])
def test_number_of_features_can_be_given(wanted, cancer):
    """n_features_to_select is met exactly and replaces the rate."""
    selector = PruningSelector(Ridge(), n_features_to_select=wanted, rate=0.9)

    assert selector.fit_transform(*cancer).shape[1] == wanted


def test_unread_feature_is_not_kept(cancer):
    """A coefficient that is zero after training is neither kept nor counted."""
    X, y = cancer
    read = Lasso(0.05).fit(X, y).coef_ != 0

    every = PruningSelector(Lasso(0.05), rate=0).fit(X, y)
    some = PruningSelector(Lasso(0.05), rate=0.3).fit(X, y)

    assert 3 < read.sum() < 30
    assert_array_equal(every.support_, read)
    assert some.support_.sum() == read.sum() - round(0.3 * read.sum())
    assert_array_equal(some.importances_ > 0, read)
    assert np.all(some.ranking_[~read] > some.ranking_[read].max())


def test_more_features_than_the_model_reads_is_a_warning(cancer):
    """If more is asked for than the model reads, a warning is raised."""
    X, y = cancer
    selector = PruningSelector(Lasso(0.05), n_features_to_select=20)

    with pytest.warns(UserWarning, match="reads only .* features"):
        selector.fit(X, y)

    assert_array_equal(selector.support_, Lasso(0.05).fit(X, y).coef_ != 0)


class Spy(Ridge):
    """Fails the test that lets it train."""

    def fit(self, X, y, sample_weight=None):
        raise AssertionError("The model was fitted.")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": [0, 1]}, "2 labels, but X has 30 features"),
        ({"groups": [[0, 30]]}, "has a column that X does not have"),
        ({"n_features_to_select": 31}, "exceeds the 30 features"),
        ({"n_features_to_select": True}, "True must be an integer"),
        (
            {"groups": np.arange(30) % 4, "n_features_to_select": 5},
            "exceeds the 4 groups",
        ),
        ({"method": "best"}, "method='best' is not known"),
        ({"rate": 1.0}, "'rate'"),
        ({"finetune": 1}, "not trained by passes"),
    ],
)
def test_bad_input_is_an_error_before_the_fit(options, message, cancer):
    """Invalid parameters raise before the model is fitted."""
    with pytest.raises(ValueError, match=message):
        PruningSelector(Spy(), **options).fit(*cancer)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_groups_go_together(model, method, cancer):
    """The exact number of groups is removed, each as a whole."""
    options = {"groups": np.arange(30) % 10, "random_state": 0}
    every = PruningSelector(model, rate=0, **options).fit(*cancer)
    selector = PruningSelector(model, method=method, rate=0.6, n_steps=2, **options)

    by_group = selector.fit(*cancer).support_.reshape(3, 10)

    n_read = every.support_[:10].sum()
    assert by_group[0].sum() == n_read - round(0.6 * n_read)
    assert_array_equal(by_group, by_group[:1].repeat(3, axis=0))


def test_lists_of_columns_are_labels(cancer):
    """Lists of columns and labels are equivalent."""
    labels = np.arange(30) % 10
    columns = [np.flatnonzero(labels == g).tolist() for g in range(10)]
    options = {"method": "taylor", "n_features_to_select": 3, "random_state": 0}

    one = PruningSelector(NET, groups=labels, **options).fit(*cancer)
    other = PruningSelector(NET, groups=columns, **options).fit(*cancer)

    assert_array_equal(one.support_, other.support_)
    assert one.support_.sum() == 9


@pytest.mark.parametrize("method", ["magnitude", "taylor"])
@pytest.mark.parametrize("model", MODELS[:3], ids=lambda m: type(m).__name__)
def test_importance_of_group_is_the_sum(model, method, cancer):
    """The importance of a group is the sum over its features."""
    labels = np.arange(30) % 10

    single = PruningSelector(model, method=method, random_state=0).fit(*cancer)
    joined = PruningSelector(model, method=method, groups=labels, random_state=0)
    joined.fit(*cancer)

    wanted = single.importances_.reshape(3, 10).sum(axis=0)
    np.testing.assert_allclose(joined.importances_, np.tile(wanted, 3), rtol=1e-6)


def test_unread_member_stays_with_its_group(cancer):
    """A column without a coefficient is kept if another one of its group is."""
    X, y = cancer
    read = Lasso(0.05).fit(X, y).coef_ != 0
    pair = [int(np.flatnonzero(read)[0]), int(np.flatnonzero(~read)[0])]

    selector = PruningSelector(Lasso(0.05), rate=0, groups=[pair]).fit(X, y)

    assert selector.support_[pair].all()
    assert selector.support_.sum() == read.sum() + 1


def test_surgeon_is_backward_elimination(cancer):
    """Order-2 Taylor on least squares drops what costs least, one after another."""
    X, y = cancer
    left = np.arange(30)
    while len(left) > 8:
        costs = [
            np.sum((y - LinearRegression().fit(X[:, s], y).predict(X[:, s])) ** 2)
            for s in (np.delete(left, k) for k in range(len(left)))
        ]
        left = np.delete(left, np.argmin(costs))

    selector = PruningSelector(
        LinearRegression(), method="taylor", n_features_to_select=8
    ).fit(X, y)

    assert_array_equal(np.flatnonzero(selector.support_), left)


def test_ranking_by_weight_is_that_of_rfe(cancer):
    """The ranking equals that of recursive feature elimination, without its refits."""
    wanted = RFE(LinearRegression(), n_features_to_select=8).fit(*cancer)
    method = Taylor(order=2, score="weight")

    ours = PruningSelector(LinearRegression(), method=method, n_features_to_select=8)

    assert_array_equal(ours.fit(*cancer).ranking_, wanted.ranking_)


def test_network_finds_what_matters():
    """A network keeps the informative features among noise; random pruning does not."""
    X, y = make_classification(
        600, 30, n_informative=6, n_redundant=0, shuffle=False, random_state=0
    )
    net = MLPClassifier((20,), max_iter=100, tol=1e-3, random_state=0)

    def found(method):
        selector = PruningSelector(
            net, method=method, n_features_to_select=6, random_state=0
        )
        return selector.fit(X, y).support_[:6].sum()

    assert found("taylor") >= 5
    assert found("random") <= 3


def test_final_model_needs_only_the_kept_columns():
    """Behind a column transformer, a category is kept or removed as a whole."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "age": rng.normal(size=300),
            "noise": rng.normal(size=300),
            "colour": rng.choice(["red", "green", "blue"], 300),
            "shape": rng.choice(["round", "square"], 300),
        }
    )
    y = (X["age"] + 2 * (X["colour"] == "red") > 1).to_numpy()
    columns = ColumnTransformer(
        [
            ("number", StandardScaler(), ["age", "noise"]),
            ("word", OneHotEncoder(sparse_output=False), ["colour", "shape"]),
        ],
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    groups = [name.split("_")[0] for name in columns.fit(X).get_feature_names_out()]
    selector = PruningSelector(
        NET, method="taylor", n_features_to_select=2, groups=groups, random_state=0
    ).set_output(transform="pandas")

    pipe = make_pipeline(columns, selector, LogisticRegression()).fit(X, y)

    names = ["age", "colour_blue", "colour_green", "colour_red"]
    assert pipe[:-1].get_feature_names_out().tolist() == names
    assert pipe[-1].feature_names_in_.tolist() == names
    other = X.assign(noise=0.0, shape="round")
    assert_array_equal(pipe.predict(other), pipe.predict(X))
    assert accuracy_score(y, pipe.predict(X)) > 0.95


def test_table_in_table_out():
    """Columns of a data frame keep their names and types."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    selector = PruningSelector(Ridge(), n_features_to_select=4)

    table = selector.set_output(transform="pandas").fit(X, y).transform(X)

    pd.testing.assert_frame_equal(table, X.loc[:, selector.support_])
    back = selector.inverse_transform(table)
    assert_array_equal(back, X.where(selector.support_[None, :].repeat(len(X), 0), 0))


def test_sparse_samples_give_the_same_features(cancer):
    """A sparse X selects what the dense one does, and stays sparse."""
    X, y = np.where(cancer[0] > 0.3, cancer[0], 0.0), cancer[1]
    selector = PruningSelector(
        NET, method="taylor", n_features_to_select=6, random_state=0
    )
    dense = clone(selector).fit(X, y)

    thin = selector.fit(sparse.csr_array(X), y).transform(sparse.csr_array(X))

    assert sparse.issparse(thin)
    assert_array_equal(selector.support_, dense.support_)
    assert_array_equal(thin.toarray(), dense.transform(X))


def test_frozen_model_is_pruned_as_it_is(cancer):
    """A fitted model is neither fitted again nor changed."""
    X, y = cancer
    model = clone(NET).fit(X, y)
    before = [W.copy() for W in model.coefs_]

    selector = PruningSelector(FrozenEstimator(model)).fit(X[:200], y[:200])

    assert selector.transform(X).shape[1] == 15
    for W, old in zip(model.coefs_, before):
        assert_array_equal(W, old)


def test_scaler_inside_is_looked_through(cancer):
    """With the scaler inside, raw columns are selected as scaled ones are outside."""
    X, y = load_breast_cancer(return_X_y=True)

    inside = PruningSelector(make_pipeline(StandardScaler(), NET), rate=0.7)
    outside = PruningSelector(NET, rate=0.7).fit(*cancer)

    assert_array_equal(inside.fit(X, y).support_, outside.support_)


def test_weight_of_zero_is_a_sample_removed(cancer):
    """Sample weights reach the model and the ranking."""
    X, y = cancer
    present = np.arange(len(X)) % 3 > 0
    selector = PruningSelector(LogisticRegression(), method="taylor", rate=0.7)

    weighted = clone(selector).fit(X, y, sample_weight=present.astype(float))
    removed = clone(selector).fit(X[present], y[present])

    assert_array_equal(weighted.support_, removed.support_)
    assert np.any(removed.support_ != selector.fit(X, y).support_)


def test_weights_are_routed_through_a_pipeline(cancer):
    """With metadata routing a pipeline sends the weights to the model inside."""
    X, y = cancer
    present = (np.arange(len(X)) % 3 > 0).astype(float)
    wanted = PruningSelector(LogisticRegression(), method="taylor", rate=0.7)
    wanted.fit(X, y, sample_weight=present)
    with config_context(enable_metadata_routing=True):
        model = LogisticRegression().set_fit_request(sample_weight=True)
        selector = PruningSelector(model, method="taylor", rate=0.7)
        final = LogisticRegression().set_fit_request(sample_weight=False)

        pipe = make_pipeline(selector, final).fit(X, y, sample_weight=present)

    assert_array_equal(pipe[0].support_, wanted.support_)


def test_weights_that_the_model_does_not_take_are_refused(cancer):
    """Weights that the model does not accept raise an error."""
    X, y = cancer
    pipe = make_pipeline(StandardScaler(), LogisticRegression())

    with pytest.raises(TypeError, match="takes no sample_weight"):
        PruningSelector(pipe).fit(X, y, sample_weight=np.ones(len(X)))


def test_rate_is_a_hyperparameter(cancer, tmp_path):
    """A grid over the rate runs in a pipeline, with the models cached."""
    options = {"memory": str(tmp_path), "random_state": 0}
    selector = PruningSelector(NET, method="taylor", **options)
    pipe = make_pipeline(selector, LogisticRegression())
    grid = GridSearchCV(pipe, {"pruningselector__rate": [0.0, 0.5, 0.9]}, cv=2)

    grid.fit(*cancer)

    kept = grid.best_estimator_[0].support_.sum()
    assert kept == 30 - round(30 * grid.best_params_["pruningselector__rate"])
    assert grid.cv_results_["mean_test_score"].min() > 0.9


def test_lines_tell_of_each_step(cancer, capsys):
    """verbose=1 prints a line per step, counted in features."""
    PruningSelector(Ridge(), n_steps=2, rate=0.6, verbose=1).fit(*cancer)

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "12 of 30 units left" in lines[1]


class Unfit(Ridge):
    """A model that must not be fitted."""

    def fit(self, X, y, sample_weight=None):
        raise AssertionError("the model was fitted")


def test_model_that_cannot_select_is_refused_before_it_is_fitted(monkeypatch):
    """A model whose family has no feature_use is refused."""
    X, y = make_classification(random_state=0)
    dumb = replace(family_of(Ridge()), feature_use=None)
    monkeypatch.setattr(feature_groups, "family_of", lambda model: dumb)
    message = r"Unfit cannot select features.* Family of linear models"
    with pytest.raises(TypeError, match=message):
        PruningSelector(Unfit()).fit(X, y)


def test_groups_do_not_shrink_in_training():
    """A method that shrinks features during training accepts no groups."""
    X, y = make_classification(n_features=4, random_state=0)
    selector = PruningSelector(
        NET, method=L1(during="finetune"), finetune=2, groups=["a", "a", "b", "c"]
    )
    with pytest.raises(ValueError, match=r"shrinks single features.*groups=None"):
        selector.fit(X, y)
