"""
Four pictures of a pruned network
=================================

What does pruning do to a network that reads digits? The displays of skprune show the
score by rate, the importances and their threshold, the layers before and after pruning,
and the pixels that the pruned network reads.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from skprune import (
    PruningEstimatorCV,
    PruningImportanceDisplay,
    PruningLayersDisplay,
    PruningPathDisplay,
    PruningSupportDisplay,
)

X, y = load_digits(return_X_y=True)
X = X / 16
net = MLPClassifier((60, 30), learning_rate_init=0.005, tol=1e-3, random_state=0)

# %%
# The score by rate. The grey band is the tolerance: at most one point of accuracy below
# the best score. The search chooses the largest rate within it.
search = PruningEstimatorCV(net, rates=8, cv=3, tolerance=0.01, random_state=0)
search.fit(X, y)
print(f"rate {search.rate_:.2f}, accuracy {search.best_score_:.3f}")
PruningPathDisplay.from_cv_results(
    search.cv_results_,
    tolerance=0.01,
    best_index=search.best_index_,
    score_name="accuracy",
)
plt.show()

# %%
# The importances. All weights are ranked together: the threshold is the same in each
# layer, and the layers lose different fractions.
PruningImportanceDisplay.from_estimator(search)
plt.show()

# %%
# The layers. A neuron is in use if a path of nonzero weights leads through it from the
# input to the output.
PruningLayersDisplay.from_estimator(search)
plt.show()

# %%
# The pixels. Those that the pruned network does not read are grey.
PruningSupportDisplay.from_estimator(search, shape=(8, 8))
plt.show()
