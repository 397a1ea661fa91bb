"""
Select features with a network
==============================

Which pixels does it take to read a digit? A network is fitted on all 64 pixels and its
inputs are pruned. A nearest-neighbour classifier then sees only the remaining pixels.
The example compares :class:`skprune.PruningSelector` with a univariate test of each
pixel and with a random choice.
"""

# %%
# Each selector is a step of a pipeline, after a step that drops the pixels that are
# always blank and before the classifier. The search is over the number of pixels. With
# ``memory``, the network is fitted once per fold, not once for each number.
import tempfile

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from skprune import PruningSelector, PruningSupportDisplay, Taylor

NUMBERS = [5, 10, 15, 20, 30, 45]
X, y = load_digits(return_X_y=True)
X = X / 16
net = MLPClassifier((64,), learning_rate_init=0.005, tol=1e-3, random_state=0)


def search(selector, parameter):
    """Search over the number of pixels that the selector keeps."""
    steps = [VarianceThreshold(), selector, KNeighborsClassifier(3)]
    pipe = Pipeline(list(zip(["vary", "select", "read"], steps)))
    grid = GridSearchCV(pipe, {f"select__{parameter}": NUMBERS}, cv=4)
    return grid.fit(X, y)


# %%
# The network ranks its inputs by the increase of the loss if each of them were removed.
# It ranks them again in each of five steps and re-estimates its weights after each.
with tempfile.TemporaryDirectory() as memory:
    options = {"n_steps": 5, "memory": memory, "random_state": 0}
    by_network = PruningSelector(net, method=Taylor(order=1), **options)
    by_chance = PruningSelector(net, method="random", **options)
    searches = {
        "network": search(by_network, "n_features_to_select"),
        "F-test": search(SelectKBest(), "k"),
        "chance": search(by_chance, "n_features_to_select"),
    }
    selector = by_network.set_params(n_features_to_select=20).fit(X, y)

print("pixels ", *(f"{number:6}" for number in NUMBERS))
for name, found in searches.items():
    scores = found.cv_results_["mean_test_score"]
    print(f"{name:7}", *(f"{score:6.3f}" for score in scores))

# %%
# Grey pixels are removed. Twenty pixels chosen by the network are enough to read 0.94
# of the digits. Twenty pixels chosen by the F-test, which sees one pixel at a time,
# read 0.93, and a random choice reads 0.83.
figure, (left, right) = plt.subplots(
    1, 2, figsize=(9, 3.6), layout="constrained", width_ratios=[1, 1.4]
)
PruningSupportDisplay.from_estimator(selector, shape=(8, 8), ax=left)
for (name, found), marker in zip(searches.items(), "osD"):
    scores = found.cv_results_["mean_test_score"]
    right.plot(NUMBERS, scores, marker=marker, label=name)
right.set(xlabel="pixels", ylabel="accuracy of 3 nearest neighbours")
right.legend(frameon=False)
plt.show()
