"""Time to rank the units of large models, in CPU seconds of one core.

The cases are L1 on 10,000 rows of 1,000 features, at a rate of 0.9 and with
compensation, and both orders of Taylor on the 1.5 million splits of a forest and 10,000
rows, without compensation. The script also prints the time of the fit. Data are
synthetic; times are the minimum of three runs.
"""

from time import process_time

import numpy as np
from sklearn.datasets import make_regression
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from skprune import Taylor, prune

RUNS, RATE = 3, 0.9


def least_seconds(function, *args, **kwargs):
    """Compute the minimum CPU time of several calls."""
    times = []
    for _ in range(RUNS):
        start = process_time()
        function(*args, **kwargs)
        times.append(process_time() - start)
    return min(times)


def show(name, model, X, y, **options):
    """Fit a model, prune it, and print the time of both."""
    start = process_time()
    model.fit(X, y)
    fit = process_time() - start
    pruning = least_seconds(prune, model, X, y, rate=RATE, random_state=0, **options)
    print(f"{name:45s} {pruning:6.2f} s   fit {fit:6.2f} s", flush=True)


def main():
    """Print one line per case."""
    X, y = make_regression(10_000, 1000, n_informative=50, noise=50.0, random_state=0)
    show("L1, squared loss, 1,000 features", Ridge(), X, y, method="l1")
    show("L1, log-loss, 1,000 features", LogisticRegression(), X, y > 0, method="l1")
    X, y = make_regression(10_000, 10, noise=50.0, random_state=0)
    forest = ExtraTreesRegressor(150, random_state=0).fit(X, y)
    n_splits = sum(np.sum(tree.tree_.children_left >= 0) for tree in forest)
    for order in (1, 2):
        options = {"method": Taylor(order=order), "compensate": False}
        show(f"Taylor {order}, {n_splits:,} splits", forest, X, y, **options)


if __name__ == "__main__":
    main()
