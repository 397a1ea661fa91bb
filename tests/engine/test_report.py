"""Sizes are what one counts by hand, and reports say what changed."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from skprune import Budget, ModelSize, PruningEstimator, model_size, prune
from skprune.engine.report import (
    MAX_ROWS,
    GroupReport,
    PruningReport,
    part_sizes,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def iris():
    """X and three classes."""
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def net():
    """A network on digits with layers of 6 and 5 neurons."""
    X, y = load_digits(return_X_y=True)
    return MLPClassifier(hidden_layer_sizes=(6, 5), max_iter=5, random_state=0).fit(
        X, y
    )


def test_linear_model(iris):
    """Coefficients and intercepts; a multiply-add a coefficient."""
    model = LogisticRegression(max_iter=500).fit(*iris)
    model.coef_[0, 1] = 0
    size = model_size(model)
    assert (size.n_parameters, size.n_nonzero, size.n_macs) == (15, 14, 12)
    assert size.n_bytes >= 15 * 8


def test_sparse_coefficients(iris):
    """Only what is stored counts."""
    model = Ridge().fit(iris[0], np.eye(3)[iris[1]])
    model.coef_ = sparse.csr_array(np.where(np.eye(3, 4), model.coef_, 0))
    size = part_sizes(model)["coef_"]
    assert (size.n_parameters, size.n_nonzero, size.n_macs) == (6, 6, 3)
    indices = model.coef_.indices.nbytes + model.coef_.indptr.nbytes
    assert size.n_bytes == 3 * 8 + indices + 3 * 8


def test_parts_hold_no_more_bytes_than_the_whole():
    """An intercept that is a number, not an array, is in neither."""
    model = Ridge().fit(*load_diabetes(return_X_y=True))

    (part,) = part_sizes(model).values()

    assert part.n_bytes == model_size(model).n_bytes == model.coef_.nbytes


def test_network(net):
    """Layer by layer, and left-overs of training in the bytes of the whole."""
    parts = part_sizes(net)
    assert list(parts) == ["coefs_[0]", "coefs_[1]", "coefs_[2]"]
    assert [part.n_parameters for part in parts.values()] == [64 * 6 + 6, 35, 60]
    assert [part.n_macs for part in parts.values()] == [64 * 6, 30, 50]
    total = model_size(net)
    assert total.n_parameters == 485 and total.n_macs == 464
    assert total.n_bytes > sum(part.n_bytes for part in parts.values()) == 485 * 8


def test_bytes_are_close_to_those_of_a_pickle(net, iris):
    """Arrays make up nearly all of a fitted model."""
    forest = RandomForestClassifier(n_estimators=20, random_state=0).fit(*iris)
    for model in (net, forest):
        assert_allclose(model_size(model).n_bytes, len(pickle.dumps(model)), rtol=0.35)


def test_tree():
    """A threshold a split, a value a leaf; macs are the comparisons on the way."""
    X, y = load_diabetes(return_X_y=True)
    model = DecisionTreeRegressor(max_depth=3, random_state=0).fit(X, y)
    size, tree = model_size(model), model.tree_
    n_splits = (tree.children_left >= 0).sum()
    assert size.n_parameters == n_splits + tree.n_leaves
    lengths = np.asarray(model.decision_path(X).sum(axis=1)).ravel() - 1
    assert_allclose(size.n_macs, lengths.mean() + 1)


@pytest.mark.parametrize("wrap", ["pipeline", "search", "frozen", "pruned", "nested"])
def test_size_of_what_is_inside(wrap, iris):
    """A container is as large as its model."""
    if wrap == "pruned":
        container = PruningEstimator(Ridge(), rate=0).fit(*iris)
    elif wrap == "nested":
        container = make_pipeline(StandardScaler(), PruningEstimator(Ridge(), rate=0))
        container.fit(*iris)
    elif wrap == "pipeline":
        container = make_pipeline(StandardScaler(), Ridge()).fit(*iris)
    elif wrap == "search":
        container = GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=2).fit(*iris)
    else:
        container = FrozenEstimator(Ridge().fit(*iris))
    assert model_size(container).n_parameters == 5


class Booster:
    """A model of another library that is opaque but for its pickle."""

    def __init__(self, n_bytes):
        self.raw = bytearray(n_bytes)

    def __reduce__(self):
        """A constructor and what it needs."""
        return Booster, (0,), {"raw": bytes(self.raw)}


def test_arrays_in_foreign_objects_are_bytes_of_the_model(iris):
    """A model with an object of another library inside is as large as both."""
    model = LogisticRegression().fit(*iris)
    before = model_size(model)
    model.booster_ = {"trees": [Booster(1000)], "leaves": np.zeros(10)}
    assert model_size(model).n_bytes == before.n_bytes + 1000 + 80
    with pytest.raises(ValueError, match="n_bytes"):
        prune(model, *iris, rate=Budget(n_bytes=1000))


def test_report_of_a_pruning():
    """Groups name their units, sizes are those of the models, parts those of layers."""
    X, y = load_digits(return_X_y=True)
    net = MLPClassifier(hidden_layer_sizes=(12, 8), max_iter=5, random_state=0)
    model = PruningEstimator(net, granularity="neuron", rate=0.5).fit(X, y)
    report = model.report_
    assert [(g.start, g.stop) for g in report.groups] == [(0, 12), (12, 20)]
    kept = [model.support_[g.start : g.stop].sum() for g in report.groups]
    assert [g.n_kept for g in report.groups] == kept
    assert sum(kept) == 10
    assert report.after == model_size(model.estimator_)
    sizes = report.parts_after["coefs_[0]"], report.parts_before["coefs_[0]"]
    assert sizes[0].n_macs == 64 * kept[0] < sizes[1].n_macs == 64 * 12


def report_of(n_groups):
    """A report with some groups and one part."""
    groups = [GroupReport(f"tree {k}", 2 * k, 2 * k + 2, 1) for k in range(n_groups)]
    before, after = ModelSize(2000, 1500, 12.5, 16_000), ModelSize(1000, 800, 6.0, 8000)
    return PruningReport(groups, before, after, {"all": before}, {"all": after})


def test_printed_report():
    """A line a group, a part and the total, columns aligned."""
    lines = repr(report_of(2)).splitlines()
    assert len(lines) == 1 + 2 + 1 + 1
    assert "2 -> 1" in lines[1] and "2,000 -> 1,000" in lines[-1]
    ends = {line.rfind("->") for line in lines[-2:]}
    assert len(ends) == 1


def test_long_report_is_summed_up():
    """Many groups are shortened to a few and the sum of the rest."""
    lines = repr(report_of(MAX_ROWS + 30)).splitlines()
    assert len(lines) < MAX_ROWS + 5
    assert any("(30 more)" in line and "60 -> 30" in line for line in lines)


def test_html_report_is_escaped():
    """Names of parts are text, not markup."""
    report = report_of(1)
    report.parts_before["<b>"] = report.before
    html = report._repr_html_()
    assert "&lt;b&gt;" in html and "<b>" not in html
    assert html.count("<tr>") == 1 + 1 + 2 + 1
