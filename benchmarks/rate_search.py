"""Time and memory of a search over rates.

The search is over eight rates on digits, with five folds and a refit. A plain
GridSearchCV fits the model 41 times; with a cache, or by PruningEstimatorCV, there are
six fits. All scores must be exactly equal. The script also compares forty rates with
eight. It compares the memory of a path with that of the model and the models that it
returns, and with the memory that the model needs to predict.

    python benchmarks/rate_search.py [words in the name of a case]

Times are processor seconds on one core. By default, each candidate is compensated,
which no search can share. The cases without compensation show the cost of the search
itself.
"""

import sys
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from _memory import held_memory, peak_memory
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from skprune import PruningEstimator, PruningEstimatorCV, pruning_path
from skprune.engine.warnings import PruningWarning
from skprune.numerics.held import arrays_of

RATES = [0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95]
MANY = np.linspace(0, 0.95, 40)
N_RUNS = 3  # runs of each search, alternating
NET = MLPClassifier((100,), random_state=0)
FOREST = RandomForestClassifier(200, random_state=0)
NET_SPEEDS = {"GridSearchCV, memory": 5.5, "PruningEstimatorCV": 6.0}
FOREST_SPEEDS = {"GridSearchCV, memory": 3.8, "PruningEstimatorCV": 4.5}
MOST = 2.6  # largest acceptable time of forty rates, relative to eight
CASES = {  # model, options, and the smallest acceptable speed-ups of the searches
    "MLPClassifier(100), not compensated": (NET, {"compensate": False}, NET_SPEEDS),
    "MLPClassifier(100)": (NET, {}, NET_SPEEDS),
    "RandomForest(200), not compensated": (
        FOREST,
        {"compensate": False},
        FOREST_SPEEDS,
    ),
    "RandomForest(200)": (FOREST, {}, FOREST_SPEEDS),
}


def timed(searches, X, y):
    """Fit searches alternately; return the median seconds of each."""
    seconds = []
    for search in N_RUNS * searches:
        start = time.process_time()
        search.fit(X, y)
        seconds.append(time.process_time() - start)
    return np.median(np.reshape(seconds, (N_RUNS, -1)), axis=0).tolist()


class ColdCache(GridSearchCV):
    """Grid search whose cache is empty before each fit."""

    def fit(self, X, y):
        with tempfile.TemporaryDirectory() as folder:
            self.estimator.set_params(memory=folder)
            return super().fit(X, y)


def split_scores(search):
    """Get the scores by split and rate."""
    return np.array([search.cv_results_[f"split{i}_test_score"] for i in range(5)])


def compare(name, model, options, wanted, X, y):
    """Time the searches over one model; return whether all limits hold."""
    pruner = PruningEstimator(model, random_state=0, **options)
    grid = {"rate": RATES}
    search = PruningEstimatorCV(model, rates=RATES, random_state=0, **options)
    last = clone(search).set_params(rates=MANY)
    runs = {
        "GridSearchCV": GridSearchCV(pruner, grid),
        "GridSearchCV, memory": ColdCache(clone(pruner), grid),
        "PruningEstimatorCV": search,
    }
    *seconds, many = timed([*runs.values(), last], X, y)
    reference = split_scores(runs["GridSearchCV"])
    print(f"\n{name}, {len(RATES)} rates x 5 folds + refit")
    good, few = True, seconds[-1]
    for (label, fitted), taken in zip(runs.items(), seconds):
        same, ratio = (
            np.array_equal(split_scores(fitted), reference),
            seconds[0] / taken,
        )
        good &= same and ratio >= wanted.get(label, 0)
        scores = "same scores" if same else "OTHER SCORES"
        print(f"  {label:22s} {taken:7.2f} s  {ratio:5.2f}x  {scores}")
    print(
        f"  the last, {len(MANY)} rates    {many:7.2f} s  {many / few:5.2f} of its time"
    )
    speeds = ", ".join(f"{label} {least}x" for label, least in wanted.items())
    print(f"  limits: {speeds}; {len(MANY)} rates at most {MOST} of the time")
    scoring = last.cv_results_["mean_score_time"].mean()
    each = (many - few) / (5 * (len(MANY) - len(RATES)))
    print(f"  candidate: {1e3 * each:.1f} ms, {1e3 * scoring:.1f} of it to score")
    return good and many / few <= MOST


def n_bytes(estimator):
    """Count the bytes of all arrays of a model."""
    return sum(array.nbytes for array in arrays_of(estimator))


def memory_of_path(model, options):
    """Measure the bytes of a path: peak, afterwards, model, pruned models, predict."""
    X, y = samples()
    fitted = clone(model).fit(X, y)
    pruning_path(fitted, X, y, rates=[0, 0.9], **options)  # imports
    path, peak = peak_memory(pruning_path, fitted, X, y, rates=RATES, **options)
    kept = sum(map(n_bytes, path.estimators))
    del path
    _, held = held_memory(pruning_path, fitted, X, y, rates=RATES, **options)
    _, answer = peak_memory(fitted.predict, X)
    return peak, held, n_bytes(fitted), kept, answer


def compare_memory(name, model, options):
    """Measure a path in a separate process; return whether the limit holds."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        numbers = pool.submit(quiet, memory_of_path, model, options).result()
    peak, held, own, kept, answer = (number / 1e6 for number in numbers)
    print(
        f"  {name}: {peak:.1f} MB, {held:.1f} MB afterwards; model {own:.1f} MB, "
        f"pruned ones {kept:.1f} MB, sum {own + kept:.1f} MB; predict {answer:.1f} MB"
    )
    return peak <= own + kept


def quiet(function, *args):
    """Call a function without warnings about convergence or lost classes."""
    for kind in (ConvergenceWarning, PruningWarning):
        warnings.simplefilter("ignore", kind)
    return function(*args)


def samples():
    """Load digits."""
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def main():
    chosen = {
        name: CASES[name] for name in CASES if all(w in name for w in sys.argv[1:])
    }
    print("Peak memory of a path, in addition to the fitted model and the samples")
    good = [compare_memory(name, *case[:2]) for name, case in chosen.items()]
    good += [quiet(compare, name, *case, *samples()) for name, case in chosen.items()]
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
