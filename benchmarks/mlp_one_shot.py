"""A small MLP on MNIST, pruned without any training: accuracy kept, and CPU seconds.

784-40-20-10, trained by the script on 50,000 rows. The last 10,000 training rows are
the validation set on which variants were chosen while this library was built; the test
set is only reported. Prints the mean and the spread over seeds.
"""

import warnings
from time import process_time

import numpy as np
from _data import mnist
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skprune import Magnitude, Taylor, prune

SEEDS = range(3)
RATES = (0.9, 0.95, 0.98)
N_TRAIN = 50_000
VARIANTS = {
    "random": {"method": "random"},
    "abs(w), as it stands": {"method": Magnitude(scale=None), "compensate": False},
    "magnitude, as it stands": {"method": "magnitude", "compensate": False},
    "magnitude": {"method": "magnitude"},
    "magnitude, 5 steps": {"method": "magnitude", "n_steps": 5},
    "l1": {"method": "l1"},
    "importance": {"method": "importance"},
    "taylor 1, 10 steps": {"method": Taylor(order=1), "n_steps": 10},
    "taylor 2": {"method": Taylor(order=2)},
}


def losses(net, X, y, X_test, y_test, dense, options, seed):
    """Points of accuracy lost at each rate, and the seconds of each pruning."""
    lost, seconds = [], []
    for rate in RATES:
        start = process_time()
        small = prune(net, X, y, rate=rate, random_state=seed, **options)
        seconds.append(process_time() - start)
        lost.append(100 * (dense - small.score(X_test, y_test)))
    return lost, seconds


def main():
    """Train a net a seed, prune it with each variant, print the table."""
    X, y, X_test, y_test = mnist(dtype=np.float32)
    results = {name: [] for name in VARIANTS}
    for seed in SEEDS:
        net = MLPClassifier((40, 20), max_iter=12, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            start = process_time()
            net.fit(X[:N_TRAIN], y[:N_TRAIN])
        dense = net.score(X_test, y_test)
        print(
            f"seed {seed}: dense {dense:.4f}, {process_time() - start:.1f} s to train"
        )
        fit = X[:N_TRAIN], y[:N_TRAIN]
        for name, options in VARIANTS.items():
            run = losses(net, *fit, X_test, y_test, dense, options, seed)
            results[name].append(run)
    print("\npoints of test accuracy lost (spread over seeds) and CPU seconds, at rate")
    print(" " * 26 + "".join(f"{rate:>24}" for rate in RATES))
    for name, runs in results.items():
        lost, seconds = np.array(runs).transpose(1, 0, 2)
        cells = zip(lost.mean(axis=0), lost.std(axis=0), seconds.max(axis=0))
        print(
            f"{name:26}"
            + "".join(f"{a:9.2f} ({b:5.2f}) {t:5.1f} s" for a, b, t in cells)
        )


if __name__ == "__main__":
    main()
