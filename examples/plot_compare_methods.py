"""
All methods on one network
==========================

Five methods rank the same weights, and the same hidden neurons, of a network that reads
digits. How accurate is the network at each rate, without any fine-tuning?
"""

# %%
# The network has two hidden layers. Half of the digits are for training, the others are
# held out.
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
    """Accuracy on held-out digits at each rate."""
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
# After each ranking, the remaining weights are re-estimated. "No compensation" is
# magnitude without this step, which is what pruning often means. Even weights kept at
# random are better if they are re-estimated. The differences between the rankings grow
# with the rate and with the size of a unit.
figure, axes = plt.subplots(
    1, 2, figsize=(9, 3.6), sharex=True, sharey=True, layout="constrained"
)
for granularity, ax in zip(["connection", "neuron"], axes):
    curves = {method: scores(granularity, method) for method in METHODS}
    curves["no compensation"] = scores(granularity, "magnitude", compensate=False)
    print(f"{granularity:20}", *(f"{rate:5}" for rate in RATES))
    for name, values in curves.items():
        print(f"{name:20}", *(f"{value:5.2f}" for value in values))
        control = name in ("random", "no compensation")
        ax.plot(RATES, values, "--" if control else "o-", ms=4, label=name)
    ax.set(title=granularity, xlabel="rate")
axes[0].set(ylabel="accuracy", ylim=(0, 1))
axes[0].legend(frameon=False, loc="lower left")
plt.show()
