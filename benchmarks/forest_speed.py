"""Forests: time to prune relative to the fit, and the savings.

A forest of 500 trees with about 1.5 million nodes is pruned to a tenth of its splits.
The leaves of a forest of 200 trees on 20,000 rows are re-estimated. Times are CPU
seconds on one core, the minimum of a few runs if they are short. Fitted forests are
cached in ``.benchmark_cache``; the fit in a ratio is timed when the cache is filled.
"""

import copy
import pickle
from pathlib import Path
from time import process_time

import joblib
import numpy as np
from _memory import peak_memory
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

from skprune import model_size, prune

CACHE = Path(__file__).parent.parent / ".benchmark_cache"
RUNS = 5
RATE = 0.9


def noisy(n_samples, n_features, flip):
    """Make wide, noisy samples of three classes, in the precision of trees."""
    X, y = make_classification(
        n_samples,
        n_features,
        n_informative=10,
        n_classes=3,
        flip_y=flip,
        random_state=0,
    )
    return X.astype(np.float32), y


def fitted(name, n_trees, X, y, n_jobs):
    """Fit a forest or load it from the cache; return it and its CPU seconds."""
    CACHE.mkdir(exist_ok=True)
    path = CACHE / f"{name}.joblib"
    if not path.exists():
        start = process_time()
        forest = RandomForestClassifier(n_trees, random_state=0, n_jobs=n_jobs)
        forest.fit(X, y)
        joblib.dump((forest, process_time() - start), path)
    forest, seconds = joblib.load(path)
    return forest.set_params(n_jobs=1), seconds


def best(function, runs=RUNS):
    """Call a function several times; return the minimum time and the last result."""
    times = []
    for _ in range(runs):
        start = process_time()
        result = function()
        times.append(process_time() - start)
    return min(times), result


def n_nodes(forest):
    """Count the nodes of all trees."""
    return sum(estimator.tree_.node_count for estimator in forest.estimators_)


def report(name, value, unit="", note=""):
    """Print one line of the table."""
    print(f"{name:<52}{value:>10.3f} {unit:<3} {note}")


def surgery():
    """Prune 500 trees to a tenth of their splits, without compensation."""
    X, y = noisy(9000, 60, 0.25)
    forest, fit_seconds = fitted("forest_500", 500, X, y, n_jobs=2)
    print(f"500 trees, {n_nodes(forest):,} nodes, {len(X):,} rows\n")

    def run():
        return prune(forest, X, y, rate=RATE, compensate=False)

    start = process_time()
    run()
    first = process_time() - start
    seconds, smaller = best(run)
    report("fit", fit_seconds, "s")
    report("prune, first call of the process", first, "s")
    report("prune", seconds, "s", f"{fit_seconds / seconds:.0f}x faster than the fit")
    report("copy.deepcopy of the forest, for comparison", copied(forest), "s")
    held = model_size(forest).n_bytes
    report("additional memory, relative to the forest", peak_memory(run)[1] / held, "x")
    report("fraction of nodes kept", n_nodes(smaller) / n_nodes(forest))
    pickles = [len(pickle.dumps(model)) for model in (smaller, forest)]
    report("size of the pickle, relative", pickles[0] / pickles[1])
    predictions(forest, smaller, X)


def copied(forest):
    """Time a deep copy."""
    return best(lambda: copy.deepcopy(forest), runs=2)[0]


def predictions(forest, smaller, X):
    """Report the time to predict a batch before and after pruning."""
    rows = noisy(10_000, X.shape[1], 0.25)[0]
    before, _ = best(lambda: forest.predict_proba(rows), runs=3)
    after, _ = best(lambda: smaller.predict_proba(rows), runs=3)
    macs = [model_size(model).n_macs for model in (forest, smaller)]
    report("predict 10,000 rows before", before, "s")
    report("predict 10,000 rows after", after, "s", f"{before / after:.1f}x faster")
    report("comparisons per row, relative", macs[1] / macs[0])


def compensation():
    """Prune 200 trees and re-estimate the remaining leaves."""
    X, y = noisy(20_000, 20, 0.15)
    forest, fit_seconds = fitted("forest_200", 200, X, y, n_jobs=1)
    print(f"\n200 trees, {n_nodes(forest):,} nodes, {len(X):,} rows\n")
    report("fit", fit_seconds, "s")
    for rate in (0.5, RATE):
        seconds, _ = best(lambda rate=rate: prune(forest, X, y, rate=rate), runs=2)
        share = f"{seconds / fit_seconds:.2f} of the fit"
        report(f"prune and compensate, rate {rate}", seconds, "s", share)


if __name__ == "__main__":
    surgery()
    compensation()
