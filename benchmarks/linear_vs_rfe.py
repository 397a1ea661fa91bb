"""Linear models: 90 % of the features removed, against recursive elimination.

Prints the mean and the standard deviation of the test score over seeds for `random` and
plain magnitude (the controls), for each method, and for scikit-learn's RFE with one
feature per step. Then prints the seconds of both for 1,000 features, and their ratio in
this run.
"""

from time import perf_counter

import numpy as np
from _data import challenge, common_regression, keel
from sklearn.datasets import load_breast_cancer, load_diabetes, make_regression
from sklearn.feature_selection import RFE
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skprune import Magnitude, PruningEstimator, Taylor, prune

SEEDS = range(5)
RATE = 0.9
METHODS = {
    "random": "random",
    "abs(w)": Magnitude(scale=None),
    "magnitude": "magnitude",
    "l1": "l1",
    "taylor 2": Taylor(order=2),
}


def duplicated(seed=0):
    """Make 50 groups of 8 noisy copies of a feature, half of the groups informative."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(1500, 50))
    X = np.repeat(latent, 8, axis=1) + 0.5 * rng.normal(size=(1500, 400))
    return X, latent[:, :25] @ rng.normal(size=25) + 2 * rng.normal(size=1500)


def data_sets():
    """Yield name, X, y and model of each data set."""
    polynomial = make_pipeline(StandardScaler(), PolynomialFeatures(2))
    X, y = load_diabetes(return_X_y=True)
    yield "diabetes, degree 2", polynomial.fit_transform(X)[:, 1:], y, Ridge(10.0)
    for name in ("puma32h", "compactiv"):
        X, y = common_regression(name)
        yield name, X, y, Ridge(1.0)
    yield "noisy copies", *duplicated(), Ridge(10.0)
    logistic = LogisticRegression(max_iter=2000)
    yield "breast cancer", *load_breast_cancer(return_X_y=True), logistic
    X, y = keel("spambase")
    yield "spambase", X, y, logistic
    X, y = challenge("ada")
    yield "ada", X, y, logistic


def scores(X, y, model, seed):
    """Compute the test score of the unpruned model, of each method and of RFE."""
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=seed)
    scaler = StandardScaler().fit(X_train)
    X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
    found = {"unpruned": model.fit(X_train, y_train).score(X_test, y_test)}
    for name, method in METHODS.items():
        pruned = PruningEstimator(
            model, method=method, rate=RATE, granularity="feature", random_state=seed
        )
        found[name] = pruned.fit(X_train, y_train).score(X_test, y_test)
    n_kept = int(pruned.support_.sum())
    rfe = RFE(model, n_features_to_select=n_kept).fit(X_train, y_train)
    found["RFE"] = rfe.score(X_test, y_test)
    return found


def main():
    """Print both tables."""
    print(f"{'test score at rate 0.9':24}", end="")
    for column, (name, X, y, model) in enumerate(data_sets()):
        rows = [scores(X, y, model, seed) for seed in SEEDS]
        if column == 0:
            print("".join(f"{key:>16}" for key in rows[0]))
        print(f"{name:24}", end="")
        for key in rows[0]:
            values = [row[key] for row in rows]
            print(f"   {np.mean(values):6.3f} ({np.std(values):.3f})", end="")
        print(flush=True)
    X, y = make_regression(2000, 1000, n_informative=100, noise=10, random_state=0)
    model = Ridge(1.0, solver="cholesky").fit(X, y)
    start = perf_counter()
    pruned = prune(model, X, y, rate=RATE, method=Taylor(order=2, score="weight"))
    ours = perf_counter() - start
    start = perf_counter()
    rfe = RFE(model, n_features_to_select=100).fit(X, y)
    theirs = perf_counter() - start
    same = bool(((pruned.coef_ != 0) == rfe.support_).all())
    print(f"\n1,000 features, 2,000 rows: skprune {ours:.2f} s, RFE {theirs:.1f} s, ")
    print(f"ratio {theirs / ours:.0f}; by weight both keep the same features: {same}")


if __name__ == "__main__":
    main()
