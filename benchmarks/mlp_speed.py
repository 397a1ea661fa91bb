"""Time to prune an MLP on MNIST, its accuracy and its speed-up.

The network is 784-300-100-10, trained on 20,000 rows. The script removes 90 % of the
weights or 50 % of the hidden neurons, with compensation and without fine-tuning. It
prints CPU seconds and the ratio of prediction times in one run. The test set is only
reported.
"""

import warnings
from time import process_time

import numpy as np
from _data import mnist
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skprune import Taylor, model_size, prune

N_TRAIN, EPOCHS, RUNS = 20_000, 12, 7
CASES = [
    ("magnitude, 90 % of weights", {"rate": 0.9}),
    ("magnitude, 90 %, 5 steps", {"rate": 0.9, "n_steps": 5}),
    ("taylor 1, 90 %, 5 steps", {"rate": 0.9, "n_steps": 5, "method": Taylor(order=1)}),
    ("taylor 2, 90 % of weights", {"rate": 0.9, "method": Taylor(order=2)}),
    ("magnitude, 50 % of neurons", {"rate": 0.5, "granularity": "neuron"}),
    (
        "taylor 1, 50 % of neurons, 5 steps",
        {"rate": 0.5, "granularity": "neuron", "n_steps": 5, "method": Taylor(order=1)},
    ),
    (
        "taylor 2, 50 % of neurons",
        {"rate": 0.5, "granularity": "neuron", "method": Taylor(order=2)},
    ),
]


def seconds_to_predict(models, X):
    """Compute the minimum CPU time to predict by each model, measured alternately."""
    times = np.full((RUNS, len(models)), np.inf)
    for run in range(RUNS):
        for number, model in enumerate(models):
            start = process_time()
            model.predict(X)
            times[run, number] = process_time() - start
    return times.min(axis=0)


def main():
    """Train the network, prune it for each case, and print the table."""
    X, y, X_test, y_test = mnist(N_TRAIN, dtype=np.float32)
    net = MLPClassifier((300, 100), max_iter=EPOCHS, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = process_time()
        net.fit(X, y)
    dense = net.score(X_test, y_test)
    print(f"dense: {process_time() - start:.1f} s to train, accuracy {dense:.4f}\n")
    print(f"{'':36}{'seconds':>9}{'lost':>8}{'speed-up':>10}{'bytes':>8}")
    for name, options in CASES:
        start = process_time()
        small = prune(net, X, y, random_state=0, **options)
        seconds = process_time() - start
        lost = 100 * (dense - small.score(X_test, y_test))
        before, after = seconds_to_predict([net, small], X_test)
        shrink = model_size(net).n_bytes / model_size(small).n_bytes
        print(
            f"{name:36}{seconds:7.2f} s{lost:8.2f}{before / after:9.1f}x{shrink:7.1f}x"
        )


if __name__ == "__main__":
    main()
