"""A classifier of one's own: a network with one hidden layer, trained in numpy.

>>> from sklearn.datasets import load_digits
>>> from sklearn.model_selection import train_test_split
>>> X, y = load_digits(return_X_y=True)
>>> X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
>>> net = SmallNet(n_hidden=64, random_state=0).fit(X_train, y_train)
>>> print(f"{net.score(X_test, y_test):.2f}")
0.96
"""

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin


class SmallNet(ClassifierMixin, BaseEstimator):
    """Softmax regression on one hidden layer of tanh neurons.

    Parameters
    ----------
    n_hidden : int, default=64
        Number of hidden neurons.
    epochs : int, default=30
        Number of passes over the samples.
    learning_rate : float, default=0.2
        Step size of the mini-batch gradient descent.
    random_state : int, default=None
        Seed of the initial weights and of the order of the samples.
    """

    def __init__(self, n_hidden=64, epochs=30, learning_rate=0.2, random_state=None):
        self.n_hidden = n_hidden
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.random_state = random_state

    def fit(self, X, y):
        """Train from random weights."""
        rng = np.random.default_rng(self.random_state)
        self.classes_, codes = np.unique(y, return_inverse=True)
        V = rng.normal(size=(X.shape[1], self.n_hidden)) / np.sqrt(X.shape[1])
        W = np.zeros((self.n_hidden, len(self.classes_)))
        start = V, np.zeros(len(V.T)), W, np.zeros(len(W.T))
        Y, weights = np.eye(len(self.classes_))[codes], np.ones(len(X))
        passes = range(self.epochs)
        self.parameters_ = train(start, X, Y, weights, self.learning_rate, rng, passes)
        return self

    def decision_function(self, X):
        """Return the logits, (n_samples, n_classes)."""
        _, _, W, b = self.parameters_
        return hidden(self.parameters_, X) @ W + b

    def predict_proba(self, X):
        """Return the class probabilities, (n_samples, n_classes)."""
        return softmax(self.decision_function(X), axis=1)

    def predict(self, X):
        """Return the most probable class of each sample."""
        return self.classes_[self.decision_function(X).argmax(axis=1)]


def hidden(parameters, X):
    """Compute the hidden activations, (n_samples, n_hidden)."""
    V, a, _, _ = parameters
    return np.tanh(X @ V + a)


def train(parameters, X, Y, weights, learning_rate, rng, passes, batch_size=32):
    """Minimise the log-loss by gradient descent, one item of `passes` an epoch."""
    V, a, W, b = (array.copy() for array in parameters)
    weights = weights / weights.mean()
    for _ in passes:
        order = rng.permutation(len(X))
        for start in range(0, len(X), batch_size):
            rows = order[start : start + batch_size]
            H = hidden((V, a, W, b), X[rows])
            D = softmax(H @ W + b, axis=1) - Y[rows]
            D *= learning_rate * weights[rows, None] / len(rows)
            back = (D @ W.T) * (1 - H**2)
            W -= H.T @ D
            b -= D.sum(axis=0)
            V -= X[rows].T @ back
            a -= back.sum(axis=0)
    return V, a, W, b
