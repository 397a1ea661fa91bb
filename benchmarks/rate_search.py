"""What a search over rates costs, in fits of the model and in memory.

On digits, eight rates and five folds and a refit: GridSearchCV fits the model 41 times,
with a cache or by PruningEstimatorCV six times. All scores must agree to the last
digit. Forty rates are then compared with eight, and the memory of a path with the model
and the models that it keeps, and with what the model itself needs to predict.

    python benchmarks/rate_search.py [words in the name of a case]

Seconds are those of the processor, on one core. With the defaults the survivors of each
candidate are estimated anew, which no search can share; without recovery it is seen
what the searches themselves cost.
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
N_RUNS = 3  # of each search, in turns
NET = MLPClassifier((100,), random_state=0)
FOREST = RandomForestClassifier(200, random_state=0)
CASES = {  # with the least ratio wanted, and the largest of forty rates to eight
    "MLPClassifier(100), no recovery": (NET, {"compensate": False}, 6.0, 1.5),
    "MLPClassifier(100)": (NET, {}, 6.0, 1.5),
    "RandomForest(200), no recovery": (FOREST, {"compensate": False}, 4.5, 1.5),
    "RandomForest(200)": (FOREST, {}, 4.5, 1.5),
}


def timed(searches, X, y):
    """Fit searches in turns; the median of the seconds that each took."""
    seconds = []
    for search in N_RUNS * searches:
        start = time.process_time()
        search.fit(X, y)
        seconds.append(time.process_time() - start)
    return np.median(np.reshape(seconds, (N_RUNS, -1)), axis=0).tolist()


class ColdCache(GridSearchCV):
    """A search whose models are cached in a folder that is empty before each fit."""

    def fit(self, X, y):
        with tempfile.TemporaryDirectory() as folder:
            self.estimator.set_params(memory=folder)
            return super().fit(X, y)


def split_scores(search):
    """Scores by split and rate."""
    return np.array([search.cv_results_[f"split{i}_test_score"] for i in range(5)])


def compare(name, model, options, wanted, most, X, y):
    """Time the searches over one model; whether all that is promised was seen."""
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
        good &= same and (label == "GridSearchCV" or ratio >= wanted)
        scores = "same scores" if same else "OTHER SCORES"
        print(f"  {label:22s} {taken:7.2f} s  {ratio:5.2f}x  {scores}")
    print(
        f"  the last, {len(MANY)} rates    {many:7.2f} s  {many / few:5.2f} of its time"
    )
    print(f"  wanted: at least {wanted}x, and at most {most} of the time")
    scoring = last.cv_results_["mean_score_time"].mean()
    each = (many - few) / (5 * (len(MANY) - len(RATES)))
    print(f"  a candidate: {1e3 * each:.1f} ms, of which scored in {1e3 * scoring:.1f}")
    return good and many / few <= most


def n_bytes(estimator):
    """Bytes of all arrays that a model holds."""
    return sum(array.nbytes for array in arrays_of(estimator))


def memory_of_path(model, options):
    """Bytes at the peak of a path and after it, of the model, and of those kept."""
    X, y = samples()
    fitted = clone(model).fit(X, y)
    pruning_path(fitted, X, y, rates=[0, 0.9], **options)  # what is imported later
    path, peak = peak_memory(pruning_path, fitted, X, y, rates=RATES, **options)
    kept = sum(map(n_bytes, path.estimators))
    del path
    _, held = held_memory(pruning_path, fitted, X, y, rates=RATES, **options)
    _, answer = peak_memory(fitted.predict, X)
    return peak, held, n_bytes(fitted), kept, answer


def compare_memory(name, model, options):
    """Measure a path in a process of its own; whether it needs no more than wanted."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        numbers = pool.submit(quiet, memory_of_path, model, options).result()
    peak, held, own, kept, answer = (number / 1e6 for number in numbers)
    print(
        f"  {name}: {peak:.1f} MB, {held:.1f} MB after it; model {own:.1f} MB and kept "
        f"models {kept:.1f} MB, together {own + kept:.1f} MB; predict {answer:.1f} MB"
    )
    return peak <= own + kept


def quiet(function, *args):
    """Call a function without warnings of models that stop early or lose a class."""
    for kind in (ConvergenceWarning, PruningWarning):
        warnings.simplefilter("ignore", kind)
    return function(*args)


def samples():
    """Digits."""
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def main():
    chosen = {
        name: CASES[name] for name in CASES if all(w in name for w in sys.argv[1:])
    }
    print("Memory of a path above the fitted model and the samples, at its peak")
    good = [compare_memory(name, *case[:2]) for name, case in chosen.items()]
    good += [quiet(compare, name, *case, *samples()) for name, case in chosen.items()]
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
