"""Searches run on dask and ray as they do on one machine."""

import os
from importlib.util import find_spec

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from skprune import PruningEstimator, PruningEstimatorCV

X, y = load_digits(return_X_y=True)
NET = MLPClassifier((10,), solver="lbfgs", max_iter=15, random_state=0)
RATES = [0.0, 0.5, 0.9]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def accuracy_and_place(model, X, y):
    """Two scores: the accuracy, and the process that counts it."""
    return {"accuracy": model.score(X, y), "process": os.getpid()}


def copies_in_reach(model, X_test, y):
    """A score: how often a worker of dask holds the samples of the search."""
    from distributed import get_worker

    held = [getattr(value, "shape", None) for value in get_worker().data.values()]
    return held.count(X.shape)


SEARCHES = {
    "grid": GridSearchCV(
        PruningEstimator(NET, random_state=0),
        {"rate": RATES, "method": ["magnitude", "importance"]},
        scoring=accuracy_and_place,
        refit="accuracy",
        cv=3,
    ),
    "rates": PruningEstimatorCV(
        NET,
        rates=RATES,
        method="importance",
        scoring=accuracy_and_place,
        refit="accuracy",
        cv=3,
        random_state=0,
    ),
}


@pytest.fixture(scope="module")
def cluster():
    """Two workers of dask, each a process of its own."""
    if find_spec("distributed") is None:
        pytest.skip("dask is not installed: pip install dask distributed")
    from distributed import Client, LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def ray_pool():
    """Two processes of ray."""
    if find_spec("ray") is None:
        pytest.skip("ray is not installed: pip install ray")
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    yield
    ray.shutdown()


def places(search):
    """The processes in which each score was counted."""
    results = search.cv_results_
    return {int(p) for i in range(3) for p in results[f"split{i}_test_process"]}


def assert_same_search(distant, local):
    """All scores agree to the last digit, and so does what follows from them."""
    for i in range(3):
        name = f"split{i}_test_accuracy"
        assert_array_equal(distant.cv_results_[name], local.cv_results_[name])
    assert distant.best_index_ == local.best_index_
    assert_array_equal(distant.predict_proba(X), local.predict_proba(X))


@pytest.mark.slow
@pytest.mark.parametrize("name", SEARCHES)
def test_dask_gives_the_scores_of_one_machine(name, cluster):
    """A search on workers of dask finds the same, and the workers do the work."""
    search = SEARCHES[name]
    local = clone(search).fit(X, y)

    with parallel_config(backend="dask", scatter=[X, y]):
        distant = clone(search).fit(X, y)

    assert_same_search(distant, local)
    workers = set(cluster.run(os.getpid).values())
    assert places(distant) <= workers
    assert places(local) == {os.getpid()}


@pytest.mark.slow
@pytest.mark.parametrize("name", SEARCHES)
def test_samples_are_sent_once(name, cluster):
    """A worker holds the samples once, however many candidates it scores."""
    search = clone(SEARCHES[name]).set_params(scoring=copies_in_reach, refit=False)

    with parallel_config(backend="dask", scatter=[X, y]):
        search.fit(X, y)

    counted = [search.cv_results_[f"split{i}_test_score"] for i in range(3)]
    assert_array_equal(np.unique(counted), [1])


@pytest.mark.slow
def test_workers_share_the_cache(cluster, tmp_path):
    """With memory on a disk that all workers see, the model is fitted once a fold."""
    pruning = PruningEstimator(NET, memory=str(tmp_path), random_state=0)
    splits = GridSearchCV(pruning, {"rate": RATES}, cv=3, refit=False)

    with parallel_config(backend="dask", scatter=[X, y]):
        splits.fit(X, y)
        first = sorted(str(p) for p in tmp_path.rglob("*.pkl"))
        splits.set_params(param_grid={"rate": [0.3, 0.7]}).fit(X, y)

    assert len(first) == 3
    assert sorted(str(p) for p in tmp_path.rglob("*.pkl")) == first


@pytest.mark.parametrize("name", SEARCHES)
def test_ray_gives_the_scores_of_one_machine(name, ray_pool):
    """A search on processes of ray finds the same, and they do the work."""
    search = SEARCHES[name]
    local = clone(search).fit(X, y)

    with parallel_config(backend="ray", n_jobs=2):
        distant = clone(search).fit(X, y)

    assert_same_search(distant, local)
    assert os.getpid() not in places(distant)
