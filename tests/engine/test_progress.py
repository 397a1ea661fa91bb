"""Lines and callbacks tell how far a fit is, and change nothing."""

import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from skprune import PruningEstimator, PruningEstimatorCV, PruningSelector
from skprune._compat import SILENT_CONTEXT, open_callback_context
from skprune.engine import progress
from skprune.engine.steps import removal_counts

X, y = load_digits(return_X_y=True)
X, y = X[:300] / 16, y[:300]
NET = MLPClassifier((10,), solver="lbfgs", max_iter=15, random_state=0)
LINE = re.compile(
    r"\[skprune\] step (\d)/3: ([\d,]+) of ([\d,]+) units left, loss (\S+), (.*)"
)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


FITS: list[int] = []


def pruning(**options):
    """A network pruned in three steps, two training passes after each."""
    return PruningEstimator(
        NET, rate=0.9, n_steps=3, finetune=2, random_state=0, **options
    )


class Recorder:
    """A callback that notes each task, and the model as it is at its end."""

    def __init__(self):
        self.begun, self.models, self.calls = [], {}, []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        depth, parent = 0, context.parent
        while parent is not None:
            depth, parent = depth + 1, parent.parent
        self.begun.append((depth, context.task_name))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.models.setdefault(context.task_name, []).append(fitted_estimator)


class Propagated(Recorder):
    """The same, handed on to the estimators inside."""

    max_propagation_depth = None


class Counting(LogisticRegression):
    """Notes each fit in this process."""

    def fit(self, X, y, sample_weight=None):
        FITS.append(1)
        return super().fit(X, y, sample_weight)


@pytest.fixture
def callbacks():
    """The module of scikit-learn's callbacks, there from 1.9 on."""
    return pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")


def test_each_step_prints_a_line(capsys):
    """A line has the units that are left and the loss; the last one the whole time."""
    model = pruning(verbose=1).fit(X, y)

    lines = [LINE.fullmatch(line) for line in capsys.readouterr().out.splitlines()]
    n_units = model.n_units_
    left = [int(line[2].replace(",", "")) for line in lines]
    assert left == [n_units - gone for gone in removal_counts(n_units, 0.9, 3)]
    proba = model.predict_proba(X)[np.arange(len(X)), y]
    assert float(lines[-1][4]) == pytest.approx(-np.log(proba).mean(), rel=1e-3)
    assert [line[5].split()[0] for line in lines] == ["about", "about", "done"]


def test_silent_by_default(capsys):
    """Without verbose nothing is printed."""
    pruning().fit(X, y)

    assert capsys.readouterr().out == ""


def test_time_left_is_that_of_the_steps_so_far(monkeypatch, capsys):
    """Four steps are expected to take four times as long as the first."""
    clock = iter([100.0, 130.0, 160.0])
    monkeypatch.setattr(progress, "perf_counter", lambda: next(clock))
    lines = progress.StepLines(5, 1000)

    lines.show(1, 800, 0.25)
    lines.show(5, 10, 0.5)

    first, last = capsys.readouterr().out.splitlines()
    assert first.endswith("800 of 1,000 units left, loss 0.25, about 2.0 min left")
    assert last.endswith("10 of 1,000 units left, loss 0.5, done in 1.0 min")


def test_silent_context_stands_in():
    """An estimator without callbacks has tasks that tell nobody."""
    context = open_callback_context(Ridge(), 3)

    assert context is SILENT_CONTEXT
    with progress.fit_task(Ridge(), 2, X, y, None) as task:
        with task.subtask("prune", 1) as steps:
            assert list(steps.passes(3)) == [0, 1, 2]


def test_tasks_form_a_tree(callbacks):
    """The fit holds that of the model and the pruning, steps and passes below it."""
    recorder = Recorder()

    pruning().set_callbacks(recorder).fit(X, y)

    step = [(2, "step"), (3, "epoch"), (3, "epoch")]
    assert recorder.begun == [(0, "fit"), (1, "fit-model"), (1, "prune"), *3 * step]
    assert recorder.calls == ["setup", "teardown"]


def test_callbacks_change_nothing(callbacks):
    """A fit that is watched gives the model of one that is not."""
    watched = pruning().set_callbacks(Recorder()).fit(X, y)

    wanted = pruning().fit(X, y)

    assert_array_equal(watched.predict_proba(X), wanted.predict_proba(X))
    assert not [name for name in vars(watched) if "callback_" in name]


def test_model_after_each_step_is_shown(callbacks):
    """What a callback sees after a step predicts, with just that step's units."""
    recorder = Recorder()

    model = pruning().set_callbacks(recorder).fit(X, y)

    n_units = model.n_units_
    gone = removal_counts(n_units, 0.9, 3)
    for seen, n_gone in zip(recorder.models["step"], gone, strict=True):
        coefs = seen.estimator_.coefs_
        assert sum(np.count_nonzero(W) for W in coefs) == n_units - n_gone
    [end] = recorder.models["fit"]
    assert_array_equal(end.predict_proba(X), model.predict_proba(X))


def test_scoring_monitor_sees_every_step(callbacks):
    """Its log has a score for each step, the last that of the pruned model."""
    monitor = callbacks.ScoringMonitor(scoring="accuracy")

    model = pruning().set_callbacks(monitor).fit(X, y)

    rows = monitor.get_logs().data
    steps = [row["accuracy"] for row in rows if row["task_name"] == "step"]
    assert len(steps) == 3
    assert steps[-1] == model.score(X, y)


@pytest.mark.slow
def test_scoring_monitor_works_in_other_processes(callbacks):
    """Under a search with two processes each step of each fit is in the log."""
    monitor = callbacks.ScoringMonitor(scoring="accuracy")
    grid = GridSearchCV(
        pruning().set_callbacks(monitor), {"rate": [0.5, 0.9]}, cv=2, n_jobs=2
    )

    grid.fit(X, y)

    steps = [row for row in monitor.get_logs().data if row["task_name"] == "step"]
    assert len(steps) == 3 * (2 * 2 + 1)


def test_progress_bar_works_under_a_search(callbacks, capsys):
    """Bars over fits, steps and passes end, and leave the scores as they are."""
    pytest.importorskip("rich")
    grid = GridSearchCV(pruning(), {"rate": [0.5, 0.9]}, cv=2, n_jobs=2)
    wanted = grid.fit(X, y).cv_results_["mean_test_score"]
    bar = callbacks.ProgressBar(max_propagation_depth=None)

    grid.set_callbacks(bar).fit(X, y)

    printed = capsys.readouterr().out
    assert printed.count("PruningEstimator - prune") == 2 * 2 + 1
    assert printed.count("PruningEstimator - step") == 3 * (2 * 2 + 1)
    assert_array_equal(grid.cv_results_["mean_test_score"], wanted)


def test_model_inside_is_followed(callbacks):
    """Where the model knows callbacks, its tasks are part of the tree."""
    recorder = Propagated()
    model = PruningEstimator(LogisticRegression(max_iter=5))

    model.set_callbacks(recorder).fit(X, y)

    assert recorder.begun[1] == (1, "fit")
    assert (2, "lbfgs-iter") in recorder.begun
    assert not hasattr(model.estimator_, "_skl_callbacks")


def test_cached_model_is_not_followed(callbacks, tmp_path):
    """With memory, callbacks stay out of the cache: a second fit trains nothing."""
    FITS.clear()

    for callback in (Propagated(), Propagated()):
        model = PruningEstimator(Counting(), memory=str(tmp_path))
        model.set_callbacks(callback).fit(X, y)

    assert len(FITS) == 1
    assert callback.begun[1] == (1, "fit-model")


def test_selector_is_followed(callbacks):
    """A selector has the same tasks."""
    recorder = Recorder()

    PruningSelector(NET, n_steps=2).set_callbacks(recorder).fit(X, y)

    assert recorder.begun[1:] == [(1, "fit-model"), (1, "prune")] + 2 * [(2, "step")]


def search(**options):
    """A search over two rates in two steps, on two splits."""
    return PruningEstimatorCV(
        NET, rates=[0.5, 0.9], cv=2, n_steps=2, random_state=0, **options
    )


def test_search_is_followed(callbacks):
    """Each split holds a fit and the steps of all rates; the last task is the refit."""
    recorder = Recorder()

    search().set_callbacks(recorder).fit(X, y)

    split = [(2, "split"), (3, "fit-model"), (3, "prune"), *4 * [(4, "step")]]
    assert recorder.begun == [(0, "fit"), (1, "search"), *2 * split, (1, "refit")]
    assert recorder.calls == ["setup", "teardown"]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_progress_bar_works_over_splits(callbacks, n_jobs, capsys):
    """Bars over splits and the steps of the refit end, and scores stay as they are."""
    pytest.importorskip("rich")
    wanted = search().fit(X, y)
    bar = callbacks.ProgressBar(max_propagation_depth=None)

    watched = search(n_jobs=n_jobs).set_callbacks(bar).fit(X, y)

    printed = capsys.readouterr().out
    assert printed.count("PruningEstimatorCV - split") == 2
    assert printed.count("PruningEstimatorCV - prune") == 2
    assert printed.count("PruningEstimator - prune") == 1
    for name in ("split0_test_score", "split1_test_score"):
        assert_array_equal(watched.cv_results_[name], wanted.cv_results_[name])
    assert_array_equal(watched.predict_proba(X), wanted.predict_proba(X))


def test_scoring_monitor_sees_every_candidate(callbacks):
    """In two processes, the log has the steps of each rate and split, and the end."""
    monitor = callbacks.ScoringMonitor(scoring="accuracy")

    model = search(n_jobs=2).set_callbacks(monitor).fit(X, y)

    rows = monitor.get_logs().data
    assert [row["task_name"] for row in rows].count("step") == 2 * 2 * 2
    [end] = [row["accuracy"] for row in rows if row["task_name"] == "fit"]
    assert end == model.score(X, y)


def test_cached_search_is_followed(callbacks, tmp_path):
    """With memory too, and a second search trains nothing."""
    FITS.clear()

    for callback in (Propagated(), Propagated()):
        model = PruningEstimatorCV(Counting(), cv=2, memory=str(tmp_path))
        model.set_callbacks(callback).fit(X, y)

    assert len(FITS) == 3
    assert callback.begun[2:4] == [(2, "split"), (3, "fit-model")]


def test_callbacks_end_where_the_fit_fails(callbacks):
    """An error in the model reaches the user, and the callbacks are torn down."""
    recorder = Recorder()

    with pytest.raises(ValueError, match="NaN"):
        pruning().set_callbacks(recorder).fit(X * np.nan, y)

    assert recorder.calls == ["setup", "teardown"]
