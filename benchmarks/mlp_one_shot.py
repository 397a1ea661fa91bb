"""Accuracy and CPU seconds of a small MLP on MNIST, pruned without fine-tuning.

The network is 784-40-20-10; the script trains it on 50,000 rows. The variants were
chosen on the last 10,000 training rows (validation); the test set is only reported.
Prints the mean and the standard deviation over seeds.
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
    "abs(w), not compensated": {"method": Magnitude(scale=None), "compensate": False},
    "magnitude, not compensated": {"method": "magnitude", "compensate": False},
    "magnitude": {"method": "magnitude"},
    "magnitude, 5 steps": {"method": "magnitude", "n_steps": 5},
    "l1": {"method": "l1"},
    "importance": {"method": "importance"},
    "taylor 1, 10 steps": {"method": Taylor(order=1), "n_steps": 10},
    "taylor 2": {"method": Taylor(order=2)},
}


def losses(net, X, y, X_test, y_test, dense, options, seed):
    """Compute the points of accuracy lost and the seconds of pruning at each rate."""
    lost, seconds = [], []
    for rate in RATES:
        start = process_time()
        small = prune(net, X, y, rate=rate, random_state=seed, **options)
        seconds.append(process_time() - start)
        lost.append(100 * (dense - small.score(X_test, y_test)))
    return lost, seconds


def main():
    """Train one network per seed, prune it with each variant, and print the table."""
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
    print("\npoints of accuracy lost (standard deviation) and CPU seconds, by rate")
    print(" " * 27 + "".join(f"{rate:>24}" for rate in RATES))
    for name, runs in results.items():
        lost, seconds = np.array(runs).transpose(1, 0, 2)
        cells = zip(lost.mean(axis=0), lost.std(axis=0), seconds.max(axis=0))
        print(
            f"{name:27}"
            + "".join(f"{a:9.2f} ({b:5.2f}) {t:5.1f} s" for a, b, t in cells)
        )


if __name__ == "__main__":
    main()
