"""The cache of fitted models is safe: for threads, processes, and killed searches."""

import logging
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from joblib import Memory, Parallel, delayed, parallel_config
from numpy.testing import assert_array_equal
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from skprune import PruningEstimator, PruningEstimatorCV

X, Y = make_classification(120, 8, n_informative=5, random_state=0)
RATES = {"rate": [0, 0.3, 0.6]}


def search(memory=None, model=None, n_jobs=None):
    """A fitted search over three rates and two folds."""
    model = LogisticRegression() if model is None else model
    pruner = PruningEstimator(model, memory=memory, random_state=0)
    return GridSearchCV(pruner, RATES, cv=2, n_jobs=n_jobs).fit(X, Y)


def scores(fitted):
    """Scores by rate and split."""
    return np.array([fitted.cv_results_[f"split{i}_test_score"] for i in range(2)])


def entries(folder, name="output.pkl"):
    """The files of this name that a cache holds."""
    return sorted(Path(folder).rglob(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["output.pkl", "metadata.json", "func_code.py"])
@pytest.mark.parametrize("share", [0, 0.3, 0.7, 0.99])
def test_half_written_file_is_made_again(tmp_path, caplog, name, share):
    """Whatever file is cut off, and wherever, the result is that without a cache."""
    caplog.set_level(logging.CRITICAL)  # joblib reports each file that it cannot read
    model = RandomForestClassifier(3, max_depth=3)
    expected = scores(search(model=model))
    search(str(tmp_path), model)
    for path in entries(tmp_path, name):
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])

    assert_array_equal(scores(search(str(tmp_path), model)), expected)
    assert_array_equal(scores(search(str(tmp_path), model)), expected)


def test_arrays_that_are_cut_off_are_never_used(tmp_path, caplog):
    """A file that ends inside the weights of a network is made again, not read."""
    caplog.set_level(logging.CRITICAL)
    net = MLPClassifier((50,), n_iter_no_change=1, tol=10)
    pruner = PruningEstimator(net, rate=0, memory=str(tmp_path), random_state=0)
    expected = pruner.fit(X, Y).estimator_.coefs_[0].copy()
    [path] = entries(tmp_path)
    content = path.read_bytes()
    place = content.index(expected[3].tobytes())
    path.write_bytes(content[:place])

    assert_array_equal(pruner.fit(X, Y).estimator_.coefs_[0], expected)
    assert len(path.read_bytes()) == len(content)


def test_content_that_is_no_model_is_made_again(tmp_path, caplog):
    """A file of something else altogether does no harm."""
    caplog.set_level(logging.CRITICAL)
    search(str(tmp_path))
    for path in entries(tmp_path):
        path.write_bytes(b"\x00" * 100)
    assert_array_equal(scores(search(str(tmp_path))), scores(search()))


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_searches_side_by_side_share_a_cache(tmp_path, backend):
    """Four searches at once on a cold cache agree with one without, and leave two fits.

    Two folds are cached and the model of all samples: three entries, each whole.
    """
    expected = scores(search())
    jobs = 4 if backend == "threading" else 2
    with parallel_config(backend=backend):
        found = Parallel(n_jobs=jobs)(
            delayed(search)(str(tmp_path)) for _ in range(2 * jobs)
        )
    for one in found:
        assert_array_equal(scores(one), expected)
    assert len(entries(tmp_path)) == 3
    assert_array_equal(scores(search(str(tmp_path))), expected)


def test_folds_of_one_search_share_a_cache(tmp_path):
    """n_jobs=2 in threads writes each entry once and scores the same."""
    with parallel_config(backend="threading"):
        parallel = search(str(tmp_path), n_jobs=2)
    assert_array_equal(scores(parallel), scores(search()))
    assert len(entries(tmp_path)) == 3


KILLED = """
import sys
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from skprune import PruningEstimator
from tests.test_memory import X, Y

forest = RandomForestClassifier(400, random_state=0)
pruner = PruningEstimator(forest, memory=sys.argv[1], random_state=0)
print("ready", flush=True)
while True:
    GridSearchCV(pruner, {"estimator__max_depth": range(1, 50)}, cv=2).fit(X, Y)
"""


@pytest.mark.slow
def test_search_after_one_that_was_killed(tmp_path):
    """What a killed search leaves behind is whole, or is made again."""
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    killed = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE)
    assert killed.stdout.readline() == b"ready\n"
    deadline = time.monotonic() + 60
    while not entries(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    killed.stdout.close()

    forest = RandomForestClassifier(400, max_depth=1)
    assert entries(tmp_path)
    assert_array_equal(
        scores(search(str(tmp_path), forest)), scores(search(model=forest))
    )


def unwritable(tmp_path):
    """A folder below a file, which not even root can make."""
    (tmp_path / "file").write_text("")
    return str(tmp_path / "file" / "cache")


@pytest.mark.parametrize("kind", [PruningEstimator, PruningEstimatorCV])
def test_folder_that_cannot_be_written_is_an_error(tmp_path, kind):
    """The error names the folder, and comes before anything is fitted."""
    folder = unwritable(tmp_path)
    with pytest.raises(ValueError, match=r"memory='.*file/cache' is not a folder"):
        kind(LogisticRegression(), memory=folder).fit(X, Y)


def test_folder_that_is_gone_is_made_again(tmp_path):
    """A cache that was cleared by hand between two fits serves again."""
    memory = Memory(tmp_path / "cache", verbose=0)
    shutil.rmtree(tmp_path / "cache")
    search(memory)
    assert len(entries(tmp_path)) == 3


def test_memory_without_a_folder_caches_nothing():
    """`Memory(None)` is as good as none."""
    assert_array_equal(scores(search(Memory(None))), scores(search()))
