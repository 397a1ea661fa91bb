"""
All methods on one network
==========================

Five rankings of the same weights, and of the same hidden neurons, of one network that
reads digits. How far does each of them get, without any training after the pruning?
"""

# %%
# A network of two hidden layers. Half of the digits train it, the others judge.
import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skprune import pruning_path
from skprune.engine.warnings import LostClassWarning

RATES = [0.0, 0.5, 0.7, 0.8, 0.85, 0.9, 0.95]
METHODS = ["magnitude", "l1", "taylor", "importance", "random"]
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.5, stratify=y, random_state=0
)
net = MLPClassifier((60, 30), learning_rate_init=0.003, tol=1e-3, random_state=0)
net.fit(X_train, y_train)
warnings.simplefilter("ignore", LostClassWarning)  # "random" loses classes early


def scores(granularity, method, compensate=True):
    """Accuracy on new digits at each rate."""
    path = pruning_path(
        net,
        X_train,
        y_train,
        rates=RATES,
        granularity=granularity,
        method=method,
        compensate=compensate,
        random_state=0,
    )
    return [small.score(X_test, y_test) for small in path.estimators]


# %%
# The survivors are estimated anew after each ranking. "Weights as they are" is
# magnitude without that, which is what the word pruning often means: even weights kept
# at random do better once they are estimated anew. Among the rankings the differences
# grow with the rate, and with the size of a unit.
figure, axes = plt.subplots(
    1, 2, figsize=(9, 3.6), sharex=True, sharey=True, layout="constrained"
)
for granularity, ax in zip(["connection", "neuron"], axes):
    curves = {method: scores(granularity, method) for method in METHODS}
    curves["weights as they are"] = scores(granularity, "magnitude", compensate=False)
    print(f"{granularity:20}", *(f"{rate:5}" for rate in RATES))
    for name, values in curves.items():
        print(f"{name:20}", *(f"{value:5.2f}" for value in values))
        control = name in ("random", "weights as they are")
        ax.plot(RATES, values, "--" if control else "o-", ms=4, label=name)
    ax.set(title=granularity, xlabel="rate")
axes[0].set(ylabel="accuracy", ylim=(0, 1))
axes[0].legend(frameon=False, loc="lower left")
plt.show()
