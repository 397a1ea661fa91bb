"""Forests and boosting: compression ratio at half a point of accuracy lost.

For seven data sets, a forest and a boosted model, the script prints the largest
compression ratio (in nodes) at which the balanced accuracy falls by at most 0.5 points
(R2: by at most 1 %) on validation rows. It also prints the loss on test rows, and the
CPU seconds of the search and of the fit. The search is that of a user: it removes some
of the trees first, then splits along a path of rates, coarse and then fine. One setting
(fraction of trees, method, rate) serves all seeds of a data set. It is chosen by the
mean over the validation rows of all seeds; test rows are used once. The best of many
candidates looks better than it is, so a second search requires a loss one standard
error within the limit. The controls are random splits with compensation, and magnitude
without.

To keep the script short, rows are sampled (at most 5,000 to train and prune, 4,000 to
validate, 10,000 to test). Models have 100 trees; boosting of letter has 30 stages of 26
trees. The script takes half an hour on one core, letter a third of it.

    python benchmarks/tree_shrink.py [data set ...]
"""

import sys
import time
import warnings

import numpy as np
from _data import REGRESSION, table
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.model_selection import train_test_split

from skprune import prune, pruning_path

DATA = ("letter", "magic", "spambase", "satimage", "adult", "casp", "diamonds")
SEEDS = range(3)
ROWS = (5000, 4000, 10_000)  # largest numbers for training, validation and test
SHARES = (0.5, 0.25, 0.25)  # fractions of smaller data sets
COARSE = 2.0 * 4.0 ** np.arange(5)
FINE = 2.0 ** (np.arange(1, 12) / 6)
POINTS, SHARE = 0.5, 1.0  # largest loss: balanced accuracy in points, R2 in percent

MODELS = {
    ("forest", False): RandomForestClassifier,
    ("forest", True): RandomForestRegressor,
    ("boosting", False): HistGradientBoostingClassifier,
    ("boosting", True): HistGradientBoostingRegressor,
}
KEPT = (1.0, 0.5, 0.25, 0.15, 0.1, 0.04)
# fractions of trees kept, methods for the splits, compensation, and the margin of the
# validation loss within the limit, in standard errors over the seeds
SEARCHES = {
    "random": ((1.0,), ("random",), True, 0.0),
    "magnitude alone": ((1.0,), ("magnitude",), False, 0.0),
    "trees, then splits": (KEPT, ("magnitude", "taylor"), True, 0.0),
    "the same, cautious": (KEPT, ("magnitude", "taylor"), True, 1.0),
}


def n_nodes(model):
    """Count the nodes of all trees."""
    if hasattr(model, "_predictors"):
        return sum(len(tree.nodes) for stage in model._predictors for tree in stage)
    return sum(tree.tree_.node_count for tree in model.estimators_)


def quality(model, X, y):
    """Compute the balanced accuracy, or R2."""
    measure = r2_score if y.dtype.kind == "f" else balanced_accuracy_score
    return measure(y, model.predict(X))


def candidates(model, train, factors, search, seed):
    """Prune a model for each fraction of trees kept, method and target ratio."""
    shares, methods, compensate, _ = search
    options = {"compensate": compensate, "random_state": seed}
    forest, found = not hasattr(model, "_predictors"), {}
    for share in shares:
        rates = {f: 1 - 1 / (f * share) for f in factors if f * share >= 1}
        if not rates:
            continue
        fewer = model
        if share < 1:
            # trees of a forest are independent: nothing to compensate yet
            first = {"rate": 1 - share, "method": "taylor", "compensate": not forest}
            fewer = prune(model, *train, granularity="tree", random_state=seed, **first)
        for method in methods:
            grid = list(rates.values())
            path = pruning_path(fewer, *train, rates=grid, method=method, **options)
            keys = [(share, method, factor) for factor in rates]
            found |= zip(keys, path.estimators, strict=True)
    return found


def loss(model, pruned, X, y):
    """Compute the loss by pruning, in points of balanced accuracy or percent of R2."""
    full = quality(model, X, y)
    lost = full - quality(pruned, X, y)
    return 100 * (lost / full if y.dtype.kind == "f" else lost)


def shrink(models, parts, search):
    """Find the smallest models, one per seed, that are good enough on validation rows.

    Returns the models, their common setting, and the mean seconds per seed.
    """
    start = time.process_time()
    limit = SHARE if parts[0][1][1].dtype.kind == "f" else POINTS
    best, setting = models, (1.0, "none", 1.0)
    for factors in (COARSE, FINE):
        if factors is FINE:
            factors = setting[2] * FINE
            if best is not models:
                search = (setting[:1], setting[1:2], *search[2:])
        found = [
            candidates(model, part[0], factors, search, seed)
            for seed, (model, part) in enumerate(zip(models, parts))
        ]
        for key in found[0]:
            pruned = [of_seed[key] for of_seed in found]
            losses = [loss(m, p, *part[1]) for m, p, part in zip(models, pruned, parts)]
            smaller = sum(map(n_nodes, pruned)) < sum(map(n_nodes, best))
            margin = search[-1] * np.std(losses) / np.sqrt(len(losses))
            if smaller and np.mean(losses) + margin <= limit:
                best, setting = pruned, key
    return best, setting, (time.process_time() - start) / len(models)


def split(name, seed):
    """Split a data set into training, validation and test rows."""
    X, y = table(name)
    regression = name in REGRESSION
    y = y.astype(float) if regression else y
    parts, rest = [], np.arange(len(y))
    for most, share in zip(ROWS[:2], SHARES[:2]):
        rows, rest = train_test_split(
            rest,
            train_size=min(most, int(share * len(y))),
            random_state=seed,
            stratify=None if regression else y[rest],
        )
        parts.append((X[rows], y[rows]))
    return *parts, (X[rest[: ROWS[2]]], y[rest[: ROWS[2]]])


def trained(name, kind, seed, train):
    """Fit a forest or a boosted model."""
    model = MODELS[kind, name in REGRESSION](random_state=seed)
    if kind == "boosting":
        model.set_params(early_stopping=False, max_iter=30 if name == "letter" else 100)
    return model.fit(*train)


def rows_of(name, kind):
    """Print the results for one model and data set; return them by search."""
    parts = [split(name, seed) for seed in SEEDS]
    start = time.process_time()
    models = [trained(name, kind, seed, part[0]) for seed, part in zip(SEEDS, parts)]
    fit = (time.process_time() - start) / len(models)
    full = np.mean([quality(m, *part[2]) for m, part in zip(models, parts)])
    nodes = np.mean([n_nodes(model) for model in models])
    print(f"\n{name}, {kind}: {full:.4f}, {nodes:.0f} nodes, fit {fit:.1f} s")
    table = []
    for label, search in SEARCHES.items():
        best, (share, method, _), seconds = shrink(models, parts, search)
        pairs = list(zip(models, best))
        factors = [n_nodes(model) / n_nodes(small) for model, small in pairs]
        lost = [loss(*pair, *part[2]) for pair, part in zip(pairs, parts)]
        table.append((np.mean(factors), np.mean(lost), seconds))
        print(
            f"  {label:20s} {np.mean(factors):7.1f}x +- {np.std(factors):5.1f}   lost "
            f"{np.mean(lost):5.2f} +- {np.std(lost):4.2f}   {seconds:5.1f} s   "
            f"{share:.0%} of the trees, {method}",
            flush=True,
        )
    return table


def main(names):
    """Print one line per data set, model and search, and a summary."""
    warnings.filterwarnings("ignore")  # classes lost at rates that are not chosen
    tables = [rows_of(name, kind) for name in names for kind in ("forest", "boosting")]
    print("\nall                   ratio: median    mean    lost    seconds")
    for label, rows in zip(SEARCHES, zip(*tables)):
        factor, lost, seconds = np.transpose(rows)
        print(
            f"  {label:20s} {np.median(factor):13.1f} {factor.mean():7.1f} "
            f"{lost.mean():7.2f} {seconds.mean():10.1f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:] or DATA)
