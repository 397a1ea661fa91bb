"""Test error of an MLP on MNIST, pruned iteratively and fine-tuned after each step.

The network is 784-300-100-10, trained on 50,000 rows, and ends with 12, 25 and 56 times
fewer weights. The method, steps and epochs were chosen on the last 10,000 training rows
(validation); the test set is only reported. The controls have the same steps and
epochs. Prints the mean and the standard deviation over seeds, and CPU seconds relative
to those of the training in the same run.
"""

import warnings
from time import process_time

import numpy as np
from _data import mnist
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skprune import Magnitude, Taylor, prune

SEEDS = range(3)
N_TRAIN, EPOCHS = 50_000, 20
STEPS = {12: 5, 25: 5, 56: 10}  # number of steps by compression ratio
EPOCHS_PER_STEP = 2  # epochs after each step
METHODS = {
    "random": "random",
    "abs(w)": Magnitude(scale=None),
    "taylor 1": Taylor(order=1),
}


def error(model, X, y):
    """Compute the percentage of rows that a model predicts wrongly."""
    return 100 * (1 - model.score(X, y))


def timed(function):
    """Call a function; return its result and its CPU seconds."""
    start = process_time()
    result = function()
    return result, process_time() - start


def trained(X, y, seed):
    """Fit a network; return it and the CPU seconds of the fit."""
    net = MLPClassifier((300, 100), max_iter=EPOCHS, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return timed(lambda: net.fit(X, y))


def pruned(net, X, y, fewer, method, seed):
    """Prune a network; return it and the CPU seconds of the pruning."""
    options = {
        "n_steps": STEPS[fewer],
        "finetune": EPOCHS_PER_STEP,
        "compensate": False,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "random" loses classes
        return timed(
            lambda: prune(
                net,
                X,
                y,
                rate=1 - 1 / fewer,
                method=method,
                random_state=seed,
                **options,
            )
        )


def main():
    """Train one network per seed, prune it with each method, and print the table."""
    X, y, X_test, y_test = mnist(dtype=np.float32)
    fit, valid = (X[:N_TRAIN], y[:N_TRAIN]), (X[N_TRAIN:], y[N_TRAIN:])
    rows, dense = {(fewer, name): [] for fewer in STEPS for name in METHODS}, []
    for seed in SEEDS:
        net, fit_seconds = trained(*fit, seed)
        dense.append((error(net, X_test, y_test), error(net, *valid), fit_seconds))
        print(
            f"seed {seed}: error {dense[-1][0]:.2f} %, {fit_seconds:.0f} s of training"
        )
        for fewer, name in rows:
            small, seconds = pruned(net, *fit, fewer, METHODS[name], seed)
            test, held_out = error(small, X_test, y_test), error(small, *valid)
            rows[fewer, name].append((test, held_out, seconds / fit_seconds))
    test, held_out, _ = np.mean(dense, axis=0)
    print(f"\nunpruned: test error {test:.2f} %, validation {held_out:.2f} %")
    print(f"{'fewer weights':>14} {'method':10}{'test error':>16}{'more':>8}", end="")
    print(f"{'validation':>12}{'relative time':>16}")
    for (fewer, name), runs in rows.items():
        (error_, valid_, ratio), spread = np.mean(runs, axis=0), np.std(runs, axis=0)
        print(
            f"{fewer:13}x {name:10}{error_:9.2f} ({spread[0]:.2f}){error_ - test:+8.2f}"
            f"{valid_:12.2f}{ratio:16.2f}"
        )


if __name__ == "__main__":
    main()
