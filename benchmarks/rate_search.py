"""What a search over rates costs, in fits of the model and in memory.

On digits, eight rates and five folds and a refit: GridSearchCV fits the model 41 times,
with a cache or by PruningEstimatorCV six times. All scores must agree to the last
digit. Forty rates are then compared with eight, and the peak memory of a path with the
model and the models that it keeps.

    python benchmarks/rate_search.py
"""

import sys
import tempfile
import time
import tracemalloc
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from skprune import PruningEstimator, PruningEstimatorCV, pruning_path
from skprune.size import arrays_of

RATES = [0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
MANY = np.linspace(0, 0.9, 40)
MODELS = {
    "MLPClassifier(100)": (MLPClassifier((100,), random_state=0), 6.0),
    "RandomForest(200)": (RandomForestClassifier(200, random_state=0), 4.5),
}
MOST = 1.5  # times the seconds of eight rates that forty may take


def timed(search, X, y):
    """A fitted search, and the seconds that its fit took."""
    start = time.perf_counter()
    search.fit(X, y)
    return search, time.perf_counter() - start


def split_scores(search):
    """Scores by split and rate."""
    return np.array([search.cv_results_[f"split{i}_test_score"] for i in range(5)])


def compare(name, model, wanted, X, y):
    """Time the searches over one model; whether all that is promised was seen."""
    pruner = PruningEstimator(model, random_state=0)
    grid = {"rate": RATES}
    search = PruningEstimatorCV(model, rates=RATES, random_state=0)
    with tempfile.TemporaryDirectory() as folder:
        cached = clone(pruner).set_params(memory=folder)
        runs = {
            "GridSearchCV": timed(GridSearchCV(pruner, grid), X, y),
            "GridSearchCV, memory": timed(GridSearchCV(cached, grid), X, y),
            "PruningEstimatorCV": timed(search, X, y),
        }
    _, many = timed(clone(search).set_params(rates=MANY), X, y)
    naive, reference = runs["GridSearchCV"][1], split_scores(runs["GridSearchCV"][0])
    print(f"\n{name}, {len(RATES)} rates x 5 folds + refit")
    good = True
    for label, (fitted, seconds) in runs.items():
        same = np.array_equal(split_scores(fitted), reference)
        ratio = naive / seconds
        good &= same and (label == "GridSearchCV" or ratio >= wanted)
        scores = "same scores" if same else "OTHER SCORES"
        print(f"  {label:22s} {seconds:7.2f} s  {ratio:5.2f}x  {scores}")
    ratio = many / runs["PruningEstimatorCV"][1]
    print(f"  the last, {len(MANY)} rates    {many:7.2f} s  {ratio:5.2f} of its time")
    print(f"  wanted: at least {wanted}x, and at most {MOST} of the time")
    return good and ratio <= MOST


def n_bytes(estimator):
    """Bytes of all arrays that a model holds."""
    return sum(array.nbytes for array in arrays_of(estimator))


def memory_of_path(name, model, X, y):
    """Print the peak of a path over the model and the models that are kept."""
    fitted = clone(model).fit(X, y)
    pruning_path(fitted, X, y, rates=RATES)  # imports and caches are not the path's
    tracemalloc.start()
    path = pruning_path(fitted, X, y, rates=RATES)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    allowed = n_bytes(fitted) + sum(map(n_bytes, path.estimators))
    print(
        f"  path of {name}: peak {peak / 1e6:.1f} MB, model and kept models "
        f"{allowed / 1e6:.1f} MB, ratio {peak / allowed:.2f}"
    )


def main():
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = load_digits(return_X_y=True)
    X = X / 16
    good = [compare(name, *case, X, y) for name, case in MODELS.items()]
    print("\nMemory (traced allocations above the fitted model and the samples)")
    for name, (model, _) in MODELS.items():
        memory_of_path(name, model, X, y)
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
