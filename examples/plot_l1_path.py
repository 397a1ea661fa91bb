"""
The L1 path of a logistic regression
====================================

An L1 penalty selects features, but it also shrinks their coefficients, and its strength
does not determine how many features it selects. As a pruning method, the same lasso
selects an exact number of features, and their coefficients are then re-estimated
without the penalty. How much better is that?
"""

# %%
# The data are thirty standardised measurements of tumours. One logistic regression is
# fitted and pruned to each number of coefficients.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skprune import pruning_path

KEPT = np.arange(30, 0, -1)
data = load_breast_cancer()
X_train, X_test, y_train, y_test = train_test_split(
    data.data, data.target, test_size=0.5, stratify=data.target, random_state=0
)
scaler = StandardScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)

model = LogisticRegression().fit(X_train, y_train)
paths = {
    method: pruning_path(
        model, X_train, y_train, rates=1 - KEPT / 30, method=method, random_state=0
    )
    for method in ["l1", "taylor", "random"]
}
losses = {
    method: [log_loss(y_test, small.predict_proba(X_test)) for small in path.estimators]
    for method, path in paths.items()
}

# %%
# The usual path fits a model for every strength of the penalty and counts the selected
# features. If several strengths select the same number, the plot shows the one that is
# best on the test samples.
best: dict[int, float] = {}
for strength in np.logspace(-2.5, 1, 60):
    lasso = LogisticRegression(
        C=strength, l1_ratio=1, solver="saga", max_iter=2000, tol=1e-3
    ).fit(X_train, y_train)
    n_kept = int(np.count_nonzero(lasso.coef_))
    loss = log_loss(y_test, lasso.predict_proba(X_test))
    best[n_kept] = min(loss, best.get(n_kept, np.inf))
missed = sorted(set(KEPT.tolist()) - set(best))
print("numbers of features that no strength of the penalty gave:", missed)

print("features kept      ", *(f"{n:6}" for n in [20, 10, 5, 3, 2, 1]))
for method, values in losses.items():
    at = dict(zip(KEPT.tolist(), values))
    print(f"pruned by {method:9}", *(f"{at[n]:6.3f}" for n in [20, 10, 5, 3, 2, 1]))
row = (f"{best.get(n, np.nan):6.3f}" for n in [20, 10, 5, 3, 2, 1])
print(f"{'penalised, refit':19}", *row)

# %%
# Selecting fewer features takes a stronger penalty, which shrinks the coefficients
# more: the dashed curve rises above the others. The choice of the features matters less
# than estimating their coefficients without the penalty. Taylor lets the other
# coefficients adapt when one is removed, so it chooses slightly better between
# redundant features. "random" is a control with a single draw.
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(KEPT, [small.coef_[0] for small in paths["l1"].estimators], lw=1)
left.set(xlabel="coefficients kept", ylabel="coefficient", title="path of l1")
for (method, values), marker in zip(losses.items(), "os^"):
    right.plot(KEPT, values, marker=marker, ms=4, label=f"pruned by {method}")
right.plot(*zip(*sorted(best.items())), "k--", label="penalised, one fit each")
right.set(xlabel="coefficients kept", ylabel="test log-loss", ylim=(0, 0.6))
right.legend(frameon=False)
for ax in (left, right):
    ax.invert_xaxis()
plt.show()
