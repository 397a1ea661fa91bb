"""Stages of boosting: importance sampling of 5-10 % against the first and the largest.

Prints the mean and the standard deviation over seeds of the test loss (mean squared
error over the variance of the targets, or log-loss) if few stages of GradientBoosting
are kept. The choices are the first stages, truncated; the first stages with the means
of the others; those of the largest norm; random ones (the control); and importance
sampling, with one draw and with the best of ten. All but the truncated ones are
evaluated without and with compensation. Methods that draw are averaged over draws. Each
seed has its own train-test split.
"""

import numpy as np
from _data import common_regression, keel
from sklearn.base import is_classifier
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skprune import ImportanceSampling, prune

SEEDS = range(3)
DRAWS = 3
STAGES, ROWS = 200, 2000
KEPT = (0.1, 0.05)


def first_stages(readout, rng):
    """Importances that keep the first stages."""
    return np.arange(readout.n_units, 0, -1.0)


METHODS = {
    "random": ("random", DRAWS),
    "first": (first_stages, 1),
    "largest norm": ("magnitude", 1),
    "one draw": (ImportanceSampling(n_draws=1), DRAWS),
    "importance": ("importance", DRAWS),
}


def data_sets():
    """Yield name, X and y of each data set."""
    yield "friedman1", *make_friedman1(6000, 10, noise=1.0, random_state=0)
    for name in ("puma32h", "compactiv"):
        yield name, *common_regression(name)
    yield "diabetes", *load_diabetes(return_X_y=True)
    for name in ("magic", "spambase"):
        yield name, *keel(name)


def test_loss(model, X, y):
    """Compute the log-loss, or the mean squared error over the variance."""
    if is_classifier(model):
        return log_loss(y, model.predict_proba(X), labels=model.classes_)
    return np.mean((model.predict(X) - y) ** 2) / np.var(y)


def truncated_loss(model, n_stages, X, y):
    """Compute the test loss of the first stages alone."""
    if is_classifier(model):
        *_, (shares, _) = zip(model.staged_predict_proba(X), range(n_stages))
        return log_loss(y, shares, labels=model.classes_)
    *_, (predicted, _) = zip(model.staged_predict(X), range(n_stages))
    return np.mean((predicted - y) ** 2) / np.var(y)


def losses(X, y, seed):
    """Compute the test loss of the full model, and by fraction kept and choice."""
    X, X_test, y, y_test = train_test_split(
        X, y, train_size=min(ROWS, len(y) // 2), random_state=seed
    )
    classes = np.issubdtype(y.dtype, np.integer)
    kind = GradientBoostingClassifier if classes else GradientBoostingRegressor
    model = kind(n_estimators=STAGES, max_depth=4, random_state=seed).fit(X, y)
    found = {"full": test_loss(model, X_test, y_test)}
    for kept in KEPT:
        truncated = truncated_loss(model, round(kept * STAGES), X_test, y_test)
        found[kept, "first, truncated", False] = truncated
        for name, (method, n_draws) in METHODS.items():
            for compensate in (False, True):
                options = {"granularity": "stage", "compensate": compensate}
                drawn = [
                    prune(
                        model,
                        X,
                        y,
                        rate=1 - kept,
                        method=method,
                        random_state=draw,
                        **options,
                    )
                    for draw in range(n_draws)
                ]
                every = [test_loss(smaller, X_test, y_test) for smaller in drawn]
                found[kept, name, compensate] = np.mean(every)
    return found


def main():
    """Print a table for each data set."""
    for name, X, y in data_sets():
        runs = [losses(X, y, seed) for seed in SEEDS]
        full = np.mean([run["full"] for run in runs])
        print(f"\n{name}: {len(X)} rows, {STAGES} stages: {full:.4f}")
        print("  kept  choice           not compensated    compensated")
        for kept in KEPT:
            for choice in ("first, truncated", *METHODS):
                cells = []
                for compensate in (False, True):
                    values = [run.get((kept, choice, compensate)) for run in runs]
                    if None not in values:
                        cells.append(f"{np.mean(values):.4f} +- {np.std(values):.4f}")
                print(f"  {kept:4.0%}  {choice:16s} " + "   ".join(cells), flush=True)


if __name__ == "__main__":
    main()
