"""Pictures hold the numbers that they show."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune import (
    PruningEstimator,
    PruningEstimatorCV,
    PruningGuarantee,
    PruningImportanceDisplay,
    PruningLayersDisplay,
    PruningPathDisplay,
    PruningSelector,
    PruningSupportDisplay,
    pruning_path,
)

X, y = load_digits(return_X_y=True)
X, y = X[:500] / 16, y[:500]
NET = MLPClassifier((12, 8), solver="lbfgs", max_iter=30, random_state=0)
LINEAR = LogisticRegression(max_iter=20)
RATES = [0.0, 0.5, 0.8, 0.95]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def plt():
    """No window, and no figure left open."""
    mpl.use("Agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    yield pyplot
    pyplot.close("all")


@pytest.fixture(scope="module")
def search():
    """A search over rates."""
    return PruningEstimatorCV(NET, rates=RATES, cv=3, tolerance=0.02).fit(X, y)


def pruned(model=NET, **options):
    """A fitted pruning estimator."""
    return PruningEstimator(model, random_state=0, **options).fit(X, y)


def texts(ax):
    """All words that axes show beside their labels."""
    return [text.get_text() for text in ax.texts]


def test_path_shows_mean_scores_by_rate(search):
    """The curve is the mean score of each rate, and the ring marks the chosen one."""
    display = PruningPathDisplay.from_cv_results(
        search.cv_results_, best_index=search.best_index_
    )

    [line] = display.lines_
    assert_array_equal(line.get_xdata(), RATES)
    assert_array_equal(line.get_ydata(), search.cv_results_["mean_test_score"])
    ring = display.ax_.lines[-1]
    assert ring.get_xdata() == [search.rate_]
    assert ring.get_ydata() == [search.best_score_]


def test_band_is_the_tolerance(search):
    """The band reaches from the best mean score down by the tolerance."""
    display = PruningPathDisplay.from_cv_results(search.cv_results_, tolerance=0.02)

    best = search.cv_results_["mean_test_score"].max()
    assert display.threshold == best - 0.02
    assert display.chosen == search.best_index_
    band = (
        display.ax_.patches[0]
        .get_extents()
        .transformed(display.ax_.transData.inverted())
    )
    assert_allclose([band.y0, band.y1], [best - 0.02, best])


def test_one_standard_error_is_that_of_the_best(search):
    """tolerance="1se" shades one standard error of the best mean."""
    results = search.cv_results_

    display = PruningPathDisplay.from_cv_results(results, tolerance="1se")

    best = np.argmax(results["mean_test_score"])
    error = results["std_test_score"][best] / np.sqrt(3)
    assert_allclose(display.threshold, results["mean_test_score"][best] - error)


@pytest.mark.parametrize("size", ["n_units", "n_nonzero", "n_bytes"])
def test_path_against_size(search, size):
    """The horizontal axis can be a size of the pruned models."""
    results = search.cv_results_

    display = PruningPathDisplay.from_cv_results(results, x=size)

    [line] = display.lines_
    assert_array_equal(line.get_xdata(), np.sort(results[f"mean_{size}"]))
    assert display.ax_.get_xscale() == "log"


def test_unknown_axis_is_named(search):
    """An x that is not known raises an error with those that are."""
    with pytest.raises(ValueError, match=r"x='speed' .* \['rate', 'n_units'"):
        PruningPathDisplay.from_cv_results(search.cv_results_, x="speed")


def test_unknown_metric_is_named(search):
    """A metric that was not scored raises an error with those that were."""
    with pytest.raises(ValueError, match=r"'f1' was not scored; .* \['score'\]"):
        PruningPathDisplay.from_cv_results(search.cv_results_, metric="f1")


def test_other_parameters_have_curves_of_their_own():
    """A grid over rate and granularity gives one curve per granularity."""
    grid = {"rate": [0.5, 0.0], "granularity": ["connection", "neuron"]}
    found = GridSearchCV(PruningEstimator(NET), grid, cv=2).fit(X, y)

    display = PruningPathDisplay.from_cv_results(found.cv_results_)

    assert [line.get_label() for line in display.lines_] == ["connection", "neuron"]
    for line in display.lines_:
        same = found.cv_results_["param_granularity"] == line.get_label()
        rates = found.cv_results_["param_rate"][same].astype(float)
        order = np.argsort(rates)
        assert_array_equal(line.get_xdata(), rates[order])
        means = found.cv_results_["mean_test_score"][same]
        assert_array_equal(line.get_ydata(), means[order])


def test_path_of_estimator_is_that_of_the_search(search):
    """from_estimator gives the scores and the choice of PruningEstimatorCV."""
    display = PruningPathDisplay.from_estimator(
        PruningEstimator(NET), X, y, rates=RATES, cv=3, tolerance=0.02
    )

    assert_array_equal(display.scores.mean(axis=1), display.lines_[0].get_ydata())
    assert_array_equal(
        display.lines_[0].get_ydata(), search.cv_results_["mean_test_score"]
    )
    assert display.chosen == search.best_index_
    assert display.ax_.get_ylabel() == "accuracy"


@pytest.mark.slow
def test_path_of_pipeline_that_ends_in_pruning():
    """Scaling before the pruning is done in each fold, as in a search."""
    pipe = make_pipeline(StandardScaler(), PruningEstimator(LINEAR, method="taylor"))
    grid = {"pruningestimator__rate": RATES}
    wanted = GridSearchCV(clone(pipe), grid, cv=3).fit(X, y).cv_results_

    display = PruningPathDisplay.from_estimator(pipe, X, y, rates=RATES, cv=3)

    assert_array_equal(display.lines_[0].get_ydata(), wanted["mean_test_score"])
    assert isinstance(pipe[-1], PruningEstimator)


def test_parameters_of_the_search_count(search):
    """The parameters of a PruningEstimatorCV are used unless they are given."""
    display = PruningPathDisplay.from_estimator(search, X, y, scoring="f1_macro")

    assert_array_equal(display.rates, RATES)
    assert display.chosen is not None
    assert display.ax_.get_ylabel() == "f1 macro"


def test_promised_rate_has_no_band():
    """A guarantee bounds no mean score: its rate is marked, without a band."""
    promise = PruningGuarantee(max_loss=0.1, confidence=0.9)

    display = PruningPathDisplay.from_estimator(
        LINEAR, X, y, rates=[0.1, 0.5], cv=3, tolerance=promise
    )

    assert display.threshold is None
    assert display.chosen is not None


def test_models_of_a_path_are_scored():
    """from_path draws the score of each model against its rate and its size."""
    path = pruning_path(clone(NET).fit(X, y), X, y, rates=RATES)

    display = PruningPathDisplay.from_path(path, X[:100], y[:100], x="n_nonzero")

    wanted = [model.score(X[:100], y[:100]) for model in path.estimators]
    assert_array_equal(display.scores[:, 0], wanted)
    n_nonzero = [report.after.n_nonzero for report in path.reports]
    assert_array_equal(display.lines_[0].get_xdata(), n_nonzero[::-1])
    assert len(display.ax_.collections) == 0


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: PruningPathDisplay(
            rates=np.array([0.0, 0.5]), scores=np.array([[0.9], [0.8]])
        ).plot(ax=ax),
        lambda ax: PruningImportanceDisplay.from_estimator(pruned(), ax=ax),
        lambda ax: PruningLayersDisplay.from_estimator(pruned(), ax=ax),
        lambda ax: PruningSupportDisplay.from_estimator(pruned(), ax=ax),
    ],
)
def test_axes_in_axes_out(draw, plt):
    """Plots use the given axes and make no figure of their own."""
    figure, axes = plt.subplots(1, 2)

    display = draw(axes[1])

    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    assert not axes[0].has_data()


def test_importances_are_counted_by_layer():
    """Each row shows how many of its units are kept, and the cut separates them."""
    model = pruned(rate=0.7)

    ax = PruningImportanceDisplay.from_estimator(model).ax_

    labels = [label.get_text() for label in ax.get_yticklabels()]
    wanted = [
        f"{g.name}\n{g.n_kept:,} of {g.stop - g.start:,} kept"
        for g in model.report_.groups
    ]
    assert labels == wanted
    kept, gone = model.support_, ~model.support_
    cuts = [c for c in ax.collections if c.get_label() == "cut"]
    assert len(cuts) == 3
    for cut in cuts:
        x = cut.get_segments()[0][0, 0]
        assert model.importances_[gone].max() <= x <= model.importances_[kept].min()


def test_local_scope_has_a_cut_in_each_row():
    """With scope="local" each row has its own cut."""
    model = pruned(rate=0.5, scope="local")

    ax = PruningImportanceDisplay.from_estimator(model).ax_

    cuts = [c.get_segments()[0][0, 0] for c in ax.collections if c.get_label() == "cut"]
    for group, cut in zip(model.report_.groups, cuts, strict=True):
        units = slice(group.start, group.stop)
        above = model.importances_[units] > cut
        assert_array_equal(above, model.support_[units])


def test_bars_count_all_units():
    """The heights of the bars add up to the units, in each row to its own scale."""
    model = pruned(rate=0.5, granularity="neuron")

    ax = PruningImportanceDisplay.from_estimator(model).ax_

    removed, kept = [c for c in ax.collections if c.get_label() in ("removed", "kept")][
        :2
    ]
    areas = [_area(part) for part in (removed, kept)]
    of_first = model.report_.groups[0]
    share = of_first.n_kept / (of_first.stop - of_first.start)
    assert_allclose(areas[1] / sum(areas), share, rtol=1e-6)


def _area(collection):
    """Area of bars whose widths are equal on a logarithmic axis."""
    [path] = collection.get_paths()
    x, y = np.log10(path.vertices[:, 0]), path.vertices[:, 1]
    return abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2


def test_many_trees_are_one_row():
    """More groups than max_rows are plotted as one."""
    forest = RandomForestClassifier(15, max_depth=3, random_state=0)
    model = pruned(forest, rate=0.5, compensate=False)

    display = PruningImportanceDisplay.from_estimator(model, max_rows=14)
    apart = PruningImportanceDisplay.from_estimator(model, max_rows=15)

    [label] = display.ax_.get_yticklabels()
    assert label.get_text().startswith("estimators_, all 15\n")
    assert len(apart.ax_.get_yticklabels()) == 15


def test_nothing_ranked_is_an_error():
    """Without importances, plotting raises an error."""
    with pytest.raises(ValueError, match="nothing was ranked"):
        PruningImportanceDisplay.from_estimator(pruned(rate=0))


def test_layers_have_their_widths():
    """The silhouette has the widths and the weights of the two networks."""
    model = pruned(granularity="neuron", rate=0.5)
    after = [64, *model.estimator_.hidden_layer_sizes, 10]

    display = PruningLayersDisplay.from_estimator(model)

    assert display.before.widths == [64, 12, 8, 10]
    assert display.after.widths == display.after.in_use == after
    shown = texts(display.ax_)
    assert {"64", "12", "8", "10"} <= set(shown)
    n_weights = sum(display.after.n_weights)
    assert n_weights == model.report_.after.n_nonzero


def test_neurons_without_a_way_are_not_in_use():
    """A neuron is in use on a path of non-zero weights from input to output."""
    model = pruned(rate=0.97)
    used = PruningLayersDisplay.from_estimator(model).after.in_use[0]

    reads = []
    for j in range(64):
        noisy = X.copy()
        noisy[:, j] += np.linspace(-50, 50, len(X))
        reads.append(np.any(model.predict_proba(noisy) != model.predict_proba(X)))

    assert used == sum(reads)
    assert used < 64


def test_removed_layer_leaves_a_gap():
    """Remaining layers keep their positions."""
    model = pruned(granularity="layer", rate=0.5)

    display = PruningLayersDisplay.from_estimator(model)

    [kept] = np.flatnonzero(model.support_)
    assert_array_equal(display.positions, [0, kept + 1, 3])


def test_other_models_have_no_layers():
    """A forest raises an error that names the models with layers."""
    with pytest.raises(TypeError, match="this plot is for MLPClassifier"):
        PruningLayersDisplay.from_estimator(pruned(LINEAR))


def test_pixels_that_survive():
    """Kept pixels have their importance, the others are left out."""
    selector = PruningSelector(LINEAR, n_features_to_select=9).fit(X, y)

    display = PruningSupportDisplay.from_estimator(selector, shape=(8, 8))

    [image] = display.ax_.images
    shown = image.get_array()
    assert_array_equal(~shown.mask.ravel(), selector.support_)
    assert_array_equal(shown.compressed(), selector.importances_[selector.support_])
    assert display.ax_.get_xlabel() == "9 of 64 features kept"


def test_features_of_a_pruned_network_are_counted_behind_a_scaler():
    """For an estimator, the number of weights that read each column of X is shown."""
    model = pruned(make_pipeline(StandardScaler(), NET), rate=0.95)

    display = PruningSupportDisplay.from_estimator(model, max_bars=64)

    counts = (model.estimator_[-1].coefs_[0] != 0).sum(axis=1)
    assert_array_equal(display.values, counts)
    assert_array_equal(display.support, counts > 0)


def test_bars_have_names_in_order_of_importance():
    """The features with the largest values come first, by their names."""
    import pandas as pd

    table = pd.DataFrame(X, columns=[f"pixel {j}" for j in range(64)])
    selector = PruningSelector(LINEAR, n_features_to_select=5).fit(table, y)

    ax = PruningSupportDisplay.from_estimator(selector, max_bars=7).ax_

    order = np.argsort(-selector.importances_, kind="stable")[:7]
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == [f"pixel {j}" for j in order]
    assert [len(bars) for bars in ax.containers] == [5, 2]


def test_wrong_shape_is_an_error():
    """An image needs as many pixels as there are features."""
    selector = PruningSelector(LINEAR).fit(X, y)

    with pytest.raises(ValueError, match="63 pixels, but there are 64 features"):
        PruningSupportDisplay.from_estimator(selector, shape=(9, 7))


@pytest.mark.parametrize(
    ("kind", "estimator"),
    [
        (PruningImportanceDisplay, PruningEstimator(Ridge())),
        (PruningLayersDisplay, PruningEstimator(NET)),
        (PruningSupportDisplay, PruningSelector(Ridge())),
    ],
)
def test_unfitted_estimator_is_named(kind, estimator):
    """Displays of one fitted estimator refuse an unfitted one."""
    with pytest.raises(NotFittedError, match=type(estimator).__name__):
        kind.from_estimator(estimator)


@pytest.mark.parametrize(
    ("kind", "estimator"),
    [
        (PruningImportanceDisplay, PruningSelector(Ridge())),
        (PruningLayersDisplay, Ridge()),
        (PruningSupportDisplay, make_pipeline(Ridge())),
    ],
)
def test_what_was_not_pruned_is_not_called_unfitted(kind, estimator):
    """A fitted model that cannot be plotted raises an error with those that can."""
    with pytest.raises(TypeError, match=r"cannot be plotted.*fitted PruningEstimator"):
        kind.from_estimator(estimator.fit(X, y))


def test_containers_are_looked_through():
    """The last step of a pipeline is plotted."""
    pipe = make_pipeline(StandardScaler(), PruningEstimator(Ridge())).fit(X, y)

    display = PruningImportanceDisplay.from_estimator(pipe)

    assert_array_equal(display.support, pipe[-1].support_)


@pytest.mark.slow
def test_library_works_without_matplotlib():
    """Only plotting needs matplotlib, and the error tells how to install it."""
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import numpy as np, skprune\n"
        "data = {'rates': np.zeros(1), 'scores': np.ones((1, 1))}\n"
        "try:\n    skprune.PruningPathDisplay(**data).plot()\n"
        "except ImportError as error:\n    print(error)\n"
    )

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert "pip install 'skprune[plot]'" in run.stdout, run.stderr
