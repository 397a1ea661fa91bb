"""
Path against GridSearchCV
=========================

What does it cost to try eight rates? A grid search fits the model for each rate and
fold. The rate does not affect the training, so one fit per fold is enough:
:class:`skprune.PruningEstimatorCV` prunes that fit to all rates.
"""

# %%
# There are three ways to search: a plain grid search, a grid search that caches the
# fitted models, and the path.
import tempfile
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from skprune import (
    PruningEstimator,
    PruningEstimatorCV,
    PruningPathDisplay,
    within_tolerance,
)

RATES = [0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98]
X, y = load_digits(return_X_y=True)
X, y = X[:800] / 16, y[:800]
net = MLPClassifier((100,), max_iter=400, tol=2e-4, random_state=0)


def timed(search):
    """Fit a search; return it and the seconds it took."""
    start = perf_counter()
    return search.fit(X, y), perf_counter() - start


def grid(**options):
    """Grid search over the rates that chooses by the same rule as the path."""
    pruning = PruningEstimator(net, random_state=0, **options)
    return GridSearchCV(pruning, {"rate": RATES}, refit=within_tolerance(), cv=2)


with tempfile.TemporaryDirectory() as folder:
    runs = {
        "GridSearchCV": timed(grid()),
        "GridSearchCV with memory": timed(grid(memory=folder)),
        "PruningEstimatorCV": timed(
            PruningEstimatorCV(net, rates=RATES, cv=2, random_state=0)
        ),
    }

# %%
# The scores of all three are exactly equal, so they choose the same rate.
path, path_seconds = runs["PruningEstimatorCV"]
scores = path.cv_results_["mean_test_score"]
for name, (search, seconds) in runs.items():
    same = np.array_equal(search.cv_results_["mean_test_score"], scores)
    rate = search.cv_results_["param_rate"][search.best_index_]
    share = seconds / path_seconds
    print(f"{name:24}  rate {rate}  same scores: {same}  {share:4.1f} x the time")

# %%
# The band is one standard error of the best score. The search chooses the largest rate
# within it. The plain grid search takes four times as long, and longer still with more
# rates or folds or with a slower model.
figure, (left, right) = plt.subplots(
    1, 2, figsize=(9, 3.4), layout="constrained", width_ratios=[1.4, 1]
)
PruningPathDisplay.from_cv_results(
    path.cv_results_, tolerance="1se", best_index=path.best_index_, ax=left
)
left.set(ylabel="accuracy")
right.barh(list(runs), [seconds for _, seconds in runs.values()], color="#0072B2")
right.invert_yaxis()
right.set(xlabel="seconds")
right.spines[["top", "right"]].set_visible(False)
plt.show()
