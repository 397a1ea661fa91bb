"""
A boosted ensemble: stop earlier, remove trees, or remove splits?
=================================================================

Suppose that two hundred boosted trees are too large for an application. The usual
solution is to stop after fewer stages. Pruning starts from the trained ensemble
instead, removes the trees or splits that matter least, and fits the remaining leaves
again. Which gives the best model for its size?
"""

# %%
# The data are Friedman's first function of ten features, with noise. Half of the
# samples are held out.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import train_test_split

from skprune import pruning_path

RATES = [0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97]
X, y = make_friedman1(n_samples=4000, noise=1.0, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)
boosted = GradientBoostingRegressor(
    n_estimators=200, max_depth=4, learning_rate=0.1, random_state=0
).fit(X_train, y_train)

# %%
# The size of a model is the number of nodes in all trees.


def n_nodes(trees):
    """Number of nodes in some trees."""
    return sum(tree.tree_.node_count for tree in np.ravel(trees))


def curve(granularity, method):
    """Number of remaining nodes, and R2 on held-out samples, at each rate."""
    path = pruning_path(
        boosted,
        X_train,
        y_train,
        rates=RATES,
        granularity=granularity,
        method=method,
        random_state=0,
    )
    sizes = [n_nodes(small.estimators_) for small in path.estimators]
    return sizes, [small.score(X_test, y_test) for small in path.estimators]


stages = [round(200 * (1 - rate)) for rate in RATES]
staged = list(boosted.staged_predict(X_test))
variance = np.var(y_test)
curves = {
    "first stages": (
        [n_nodes(boosted.estimators_[:k]) for k in stages],
        [1 - np.mean((staged[k - 1] - y_test) ** 2) / variance for k in stages],
    ),
    "trees, taylor": curve("tree", "taylor"),
    "trees, random": curve("tree", "random"),
    "splits, magnitude": curve("split", "magnitude"),
    "splits, random": curve("split", "random"),
}
print(f"{'rate':18}", *(f"{rate:12}" for rate in RATES))
for name, (sizes, scores) in curves.items():
    pairs = (f"{size:6} {score:5.3f}" for size, score in zip(sizes, scores))
    print(f"{name:18}", *pairs)

# %%
# A tenth of the nodes is as good as all of them, if the right ones are kept and their
# leaves are fitted again. Of the first stages, it takes half to come close. "taylor"
# removes one tree after the other, each time the one that the others can best replace.
# Removing splits improves the ensemble slightly at first, because it overfits the
# noise.
figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
for name, (sizes, scores) in curves.items():
    ax.plot(sizes, scores, marker="o", ms=4, label=name)
ax.set(xscale="log", xlabel="nodes of all trees", ylabel="R2 on held-out samples")
ax.set_ylim(0.6, 0.97)
ax.minorticks_off()
ax.set_xticks(
    [200, 500, 1000, 2000, 5000], labels=["200", "500", "1000", "2000", "5000"]
)
ax.legend(frameon=False, loc="lower right")
plt.show()
