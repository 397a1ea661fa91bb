"""View of the multilayer perceptrons of scikit-learn."""

import copy

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.utils.validation import validate_data

from skprune._compat import BaseMultilayerPerceptron
from skprune.numerics import losses, network
from skprune.recovery.training import Recipe
from skprune.structures.net_view import NetView
from skprune.structures.nets import register_nets

TRAINING_STATE = (
    "_best_coefs",
    "_best_intercepts",
    "_coef_indptr",
    "_intercept_indptr",
    "_optimizer",
    "_random_state",
)
# Products with 100 rows and more are faster from here on with a CSR array: 1.2 to 1.8
# times in float64 and 1.1 to 1.3 in float32 at a density of 0.07 in 784 x 300 (2.3 and
# 1.3 to 1.7 at 0.05), one core, AMD EPYC with AVX-512; a single row may be slower. A
# matrix of 300 x 100 gains in float64 only.
SPARSE_SIZE, SPARSE_DENSITY = 100_000, 0.07
AUTO_BATCH = 200  # batch_size="auto" in scikit-learn
ACTIVATIONS = {
    "identity": network.IDENTITY,
    "relu": network.RELU,
    "tanh": network.TANH,
    "logistic": network.SIGMOID,
}
LOSSES = {
    "identity": losses.SQUARED,
    "exp": losses.tweedie(1),
    "logistic": losses.LOGISTIC,
    "softmax": losses.SOFTMAX,
}


class MLPView(NetView):
    """View of an MLPClassifier or MLPRegressor, whose ``coefs_`` may be sparse."""

    weights = "coefs_"
    widths = "hidden_layer_sizes"

    @property
    def layers(self):
        return list(zip(self.model.coefs_, self.model.intercepts_))

    @property
    def activations(self):
        n_hidden = self.model.n_layers_ - 2
        return [ACTIVATIONS[self.model.activation]] * n_hidden

    @property
    def loss(self):
        return LOSSES[self.model.out_activation_]

    @property
    def recipe(self):
        model, automatic = self.model, self.model.batch_size == "auto"
        return Recipe(
            optimiser="sgd" if model.solver == "sgd" else "adam",  # "lbfgs" has none
            rate=model.learning_rate_init,
            rate_name="learning_rate_init",
            batch_size=AUTO_BATCH if automatic else model.batch_size,
            penalty=model.alpha,
            whole=model.solver == "lbfgs",
            shuffle=model.shuffle,
            momentum=model.momentum,
            nesterov=model.nesterovs_momentum,
            decays=(model.beta_1, model.beta_2),
            epsilon=model.epsilon,
        )

    def features(self, X, dtype):
        X = validate_data(
            self.model,
            X,
            reset=False,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
        )
        X = sparse.csr_array(X) if sparse.issparse(X) else X
        return X.astype(dtype, copy=False)

    def targets(self, y):
        """Make a boolean column for each class, a single one for two classes."""
        y = np.asarray(y)
        if not is_classifier(self.model):
            return y.reshape(len(y), -1)
        if y.ndim == 2 and y.shape[1] > 1:
            return y
        y, classes = y.reshape(-1, 1), self.model.classes_
        return y == classes if len(classes) > 2 else y != classes[0]

    def with_network(self, network):
        """Make a shallow copy with ``hidden_layer_sizes`` that fit the weights."""
        sizes = tuple(W.shape[1] for W in network.coefs[:-1])
        changed = copy.copy(self.model)
        if sizes != tuple(np.ravel(self.model.hidden_layer_sizes)):
            changed.hidden_layer_sizes = sizes
        changed.n_layers_ = network.n_layers + 1
        changed.coefs_ = list(network.coefs)
        changed.intercepts_ = list(network.intercepts)
        return changed

    def finished(self, network):
        model = self.with_network(network)
        model.coefs_ = [smallest_form(W) for W in model.coefs_]
        return model

    def detached(self):
        """Copy neither the weights nor the state of the training."""
        bare = copy.copy(self.model)
        for name in {*TRAINING_STATE, "coefs_", "intercepts_"} & set(vars(bare)):
            delattr(bare, name)
        return MLPView(copy.deepcopy(bare))


def smallest_form(W):
    """Convert weights to a CSR array if that predicts faster.

    Not a ``csr_matrix``, which scikit-learn cannot multiply with every X.
    """
    density = np.count_nonzero(W) / W.size
    if W.size >= SPARSE_SIZE and density <= SPARSE_DENSITY:
        return sparse.csr_array(W)
    return W


register_nets(BaseMultilayerPerceptron, MLPView, name="MLPs")
