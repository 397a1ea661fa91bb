"""
Choose the rate with a guarantee
================================

You want to lose at most two points of accuracy. A pruned model that meets this bound on
held-out samples may exceed it on new ones, especially if you chose the rate on those
held-out samples. :class:`skprune.PruningGuarantee` chooses a rate whose loss on new
samples is bounded, at a confidence level that you set.
"""

# %%
# Half of the digits train a network, which is pruned to eleven rates. The other half is
# held out. The guarantee is exact for one split of independent samples, as here.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import ShuffleSplit
from sklearn.neural_network import MLPClassifier

from skprune import PruningEstimatorCV, PruningGuarantee, pruning_path

MAX_LOSS, CONFIDENCE = 0.02, 0.95
RATES = [0.7, 0.8, 0.85, *np.arange(0.88, 0.96, 0.01).round(2)]
X, y = load_digits(return_X_y=True)
X = X / 16
net = MLPClassifier((100,), tol=5e-4, random_state=1)
guarantee = PruningGuarantee(max_loss=MAX_LOSS, confidence=CONFIDENCE)
one_split = ShuffleSplit(1, test_size=0.5, random_state=0)

search = PruningEstimatorCV(
    net, rates=RATES, cv=one_split, tolerance=guarantee, random_state=0
).fit(X, y)

# %%
# Rates are tested in ascending order, and the first that fails ends the search. The
# test counts the images that only the unpruned network reads correctly, and those that
# only the pruned network does. A rate passes if counts as good as these have a
# probability below 0.05 for any loss above the bound.
results, n_held_out = search.cv_results_, search.n_held_out_
print("rate   worse  better  observed loss  p-value")
for rate, worse, better in zip(RATES, results["n_worse"], results["n_better"]):
    lost = (worse - better) / n_held_out
    p_value = guarantee.p_value(worse, better, n_held_out)
    print(f"{rate:.2f} {worse:7} {better:7} {lost:14.4f} {p_value:8.3f}")
print(f"guaranteed: rate {search.rate_}")
print(f"observed loss within {MAX_LOSS}: rate {search.rate_at(MAX_LOSS)}")

# %%
# Does the guarantee hold? Suppose that the held-out images are the whole population, so
# that the loss of each rate is known. Draw 500 samples of 450 images from them, and
# choose a rate on each sample in both ways.
train, test = next(one_split.split(X))
net.fit(X[train], y[train])
path = pruning_path(net, X[train], y[train], rates=RATES, random_state=0)
right = np.array([small.predict(X[test]) == y[test] for small in path.estimators])
change = right.astype(int) - (net.predict(X[test]) == y[test])
loss = -change.mean(axis=1)

rng = np.random.default_rng(0)
n_draws, n_images = 500, 450
chosen: dict[str, list[int]] = {"observed": [], "guaranteed": []}
for _ in range(n_draws):
    drawn = change[:, rng.integers(len(test), size=n_images)]
    worse, better = (drawn < 0).sum(axis=1), (drawn > 0).sum(axis=1)
    good = np.flatnonzero((worse - better) / n_images <= MAX_LOSS)
    chosen["observed"].append(good.max(initial=-1))
    chosen["guaranteed"].append(guarantee.n_safe(worse, better, n_images) - 1)

for name, picks in chosen.items():
    found = np.array(picks)
    broken = np.mean((found >= 0) & (loss[found] > MAX_LOSS))
    print(f"{name:12} loss above {MAX_LOSS} in {broken:5.1%} of the draws,", end=" ")
    print(f"no rate in {np.mean(found < 0):.1%}, typical rate", end=" ")
    print(RATES[int(np.median(found[found >= 0]))])

# %%
# The rate chosen by the observed loss is too high in a large part of the draws. The
# guaranteed rate is too high at most one time in twenty. The price is a lower rate, and
# more held-out images make it smaller.
figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.plot(RATES, loss, "k.-", label="loss of accuracy")
ax.axhline(MAX_LOSS, color="0.6", lw=1)
ax.set(xlabel="rate", ylabel="loss of accuracy on all images")
counts = ax.twinx()
for (name, picks), shift in zip(chosen.items(), [-0.004, 0.004]):
    share = np.bincount(np.array(picks) + 1, minlength=len(RATES) + 1)[1:] / n_draws
    counts.bar(np.array(RATES) + shift, share, width=0.007, alpha=0.6, label=name)
counts.set(ylabel="fraction of draws that choose it")
figure.legend(frameon=False, loc="outside upper center", ncols=3)
plt.show()
