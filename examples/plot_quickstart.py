"""
How small can a model get?
==========================

A logistic regression, an MLP and a random forest read handwritten digits. Each is
wrapped in :class:`skprune.PruningEstimator` at the end of a pipeline. A grid search
over ``rate`` and ``granularity`` finds the smallest model whose accuracy is within one
point of the best.
"""

# %%
# Each of the three models has two granularities here. A "connection" is a coefficient,
# a weight, or a split of a tree. A "neuron" is a feature of the linear model, a hidden
# neuron of the MLP, or a tree of the forest.
import tempfile
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skprune import PruningEstimator, model_size
from skprune.engine.warnings import LostClassWarning

MODELS = {
    "logistic regression": LogisticRegression(),
    "MLP": MLPClassifier((100,), max_iter=100, tol=1e-3, random_state=0),
    "random forest": RandomForestClassifier(100, random_state=0),
}
GRANULARITIES = ["connection", "neuron"]
GRID = {
    "pruningestimator__rate": [0.0, 0.5, 0.7, 0.8, 0.9, 0.95],
    "pruningestimator__granularity": GRANULARITIES,
}
TOLERANCE = 0.01  # accuracy that a smaller model may lose

# the highest rates lose whole classes, which their scores show as well
warnings.simplefilter("ignore", LostClassWarning)
threadpool_limits(1)  # of BLAS: for matrices as small as these, more threads are slower
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)


# %%
# The candidate with the best score is rarely a small model. Each candidate therefore
# has two scores, accuracy and bytes. ``refit`` chooses the smallest candidate that is
# good enough, and the higher rate among candidates of equal size.
def n_bytes(pipeline, X, y):
    return model_size(pipeline[-1]).n_bytes


def smallest(results):
    """Index of the smallest candidate whose accuracy is close to the best."""
    accuracy, size = results["mean_test_accuracy"], results["mean_test_n_bytes"]
    rate = results["param_pruningestimator__rate"]
    good = np.flatnonzero(accuracy >= accuracy.max() - TOLERANCE)
    return min(good, key=lambda k: (size[k], -rate[k]))


# %%
# With ``memory``, the unpruned model is fitted once per fold, not once per candidate.
def search(model, folder):
    pruning = PruningEstimator(model, memory=folder, random_state=0)
    pipeline = make_pipeline(StandardScaler(), pruning)
    scoring = {"accuracy": "accuracy", "n_bytes": n_bytes}
    grid = GridSearchCV(pipeline, GRID, scoring=scoring, refit=smallest, cv=3)
    return grid.fit(X_train, y_train)


with tempfile.TemporaryDirectory() as folder:
    searches = {name: search(model, folder) for name, model in MODELS.items()}


# %%
# ``estimator_`` is a plain scikit-learn model, and ``report_`` compares sizes. The
# accuracy and the time before pruning are those of the unpruned model. "parameters" are
# the nonzero ones. Some of the saved bytes belong to the optimiser, which a trained MLP
# stores but does not need for prediction.
def milliseconds(model, n_runs=10):
    """Shortest time to predict the test samples, twenty times over."""
    X_many, times = np.tile(X_test, (20, 1)), []
    for _ in range(n_runs):
        start = perf_counter()
        model.predict(X_many)
        times.append(perf_counter() - start)
    return 1e3 * min(times)


def row(name, found):
    after = found.best_estimator_
    before = make_pipeline(StandardScaler(), MODELS[name]).fit(X_train, y_train)
    pruning, sizes = after[-1], after[-1].report_
    pairs = [
        (
            f"{model.score(X_test, y_test):.3f}",
            f"{size.n_nonzero:,}",
            f"{size.n_bytes:,}",
            f"{milliseconds(model):.2f}",
        )
        for model, size in [(before, sizes.before), (after, sizes.after)]
    ]
    changes = [f"{old} -> {new}" for old, new in zip(*pairs)]
    return [name, f"{pruning.rate}", pruning.granularity, *changes]


header = ["model", "rate", "granularity", "accuracy", "parameters", "bytes", "ms"]
table = [header, *(row(name, found) for name, found in searches.items())]
widths = [max(map(len, column)) for column in zip(*table)]
for cells in table:
    print("  ".join(map(str.ljust, cells, widths)).rstrip())

# %%
# The plots show the cross-validated accuracy by rate. The rate at which it drops
# depends on the granularity.
try:
    import matplotlib.pyplot as plt
except ModuleNotFoundError:
    print("No picture: matplotlib is not installed.")
else:
    figure, axes = plt.subplots(
        1, len(searches), sharey=True, figsize=(10, 3.2), layout="constrained"
    )
    for ax, (name, found) in zip(axes, searches.items()):
        results = found.cv_results_
        for granularity in GRANULARITIES:
            chosen = results["param_pruningestimator__granularity"] == granularity
            rates = results["param_pruningestimator__rate"][chosen].astype(float)
            scores = results["mean_test_accuracy"][chosen]
            ax.plot(rates, scores, marker="o", label=granularity)
        ax.set(title=name, xlabel="rate")
    axes[0].set(ylabel="accuracy", ylim=(0.8, 1.0))
    axes[0].legend(loc="lower left")
    here = globals().get("__file__", "plot_quickstart.py")  # a notebook has none
    path = Path(here).with_suffix(".png")
    figure.savefig(path, dpi=150)
    print(f"Picture: {path}")
