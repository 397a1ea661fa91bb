"""The lasso as a method."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from skprune import L1, PruningEstimator, prune
from tests.cases import l1_logistic


@pytest.mark.parametrize("rate", [0.3, 0.5, 0.8])
def test_support_is_that_of_lasso(rate, diabetes):
    """On standardised features it keeps what Lasso keeps at the penalty found."""
    X, y = diabetes
    X = scale(X)

    pruned = PruningEstimator(LinearRegression(), method="l1", rate=rate).fit(X, y)

    lasso = Lasso(alpha=pruned.method_.penalty_).fit(X, y)
    assert_array_equal(lasso.coef_ != 0, pruned.support_)


def test_survivors_are_freed_of_the_bias(diabetes):
    """After compensation the coefficients are those of least squares on the support."""
    X, y = diabetes

    pruned = PruningEstimator(LinearRegression(), method=L1(), rate=0.6).fit(X, y)

    refit = LinearRegression().fit(X[:, pruned.support_], y)
    np.testing.assert_allclose(pruned.coef_[pruned.support_], refit.coef_, rtol=1e-5)


def test_support_is_that_of_l1_logistic_regression(cancer):
    """For log-loss it keeps what L1 logistic regression keeps at the same penalty."""
    X, y = cancer
    X = scale(X)
    model = LogisticRegression(max_iter=500)

    pruned = PruningEstimator(model, method="l1", rate=0.8).fit(X, y)

    C = 1 / (pruned.method_.penalty_ * len(y))
    lasso = l1_logistic(C).fit(X, y)
    assert_array_equal(lasso.coef_[0] != 0, pruned.support_)


@pytest.mark.slow
@pytest.mark.parametrize("granularity", ["connection", "neuron", "feature", "layer"])
def test_no_layer_of_a_deep_network_is_starved(granularity, digits):
    """In a deep net each layer keeps units and the accuracy is far above chance."""
    X, y = digits
    net = MLPClassifier((24, 20, 16), max_iter=60, tol=0.01, random_state=0)
    rate = 0.34 if granularity == "layer" else 0.5

    pruned = PruningEstimator(net, method="l1", rate=rate, granularity=granularity)
    pruned.fit(X / 16, y)

    assert (~pruned.support_).sum() == round(rate * pruned.n_units_)
    assert all(group.n_kept > 0 for group in pruned.report_.groups[:1])
    assert pruned.score(X / 16, y) > 0.8


@pytest.fixture(scope="module")
def split(digits):
    X, y = digits
    return train_test_split(X / 16, y, random_state=0)


@pytest.fixture(scope="module")
def net(split):
    X, _, y, _ = split
    net = MLPClassifier((32, 16), max_iter=60, tol=0.01, random_state=0)
    return net.fit(X, y)


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["global", "local", "lamp"])
@pytest.mark.parametrize("granularity", ["connection", "neuron", "feature"])
@pytest.mark.parametrize("n_steps", [1, 3])
def test_shrinking_meets_the_rate(net, split, granularity, scope, n_steps):
    """Whatever the units and the steps, exactly as many are left as are asked for."""
    X, _, y, _ = split
    model = PruningEstimator(
        net,
        method=L1(during="finetune"),
        rate=0.7,
        granularity=granularity,
        scope=scope,
        n_steps=n_steps,
        finetune=1,
    )

    model.fit(X, y)

    assert (~model.support_).sum() == round(0.7 * model.n_units_)
    assert (model.importances_[~model.support_] >= 0).all()


@pytest.mark.parametrize("compensate", [True, False])
def test_shrinking_beats_random(net, split, compensate):
    """What training leaves is worth more than as many weights drawn at random."""
    X, X_test, y, y_test = split
    options = {"rate": 0.8, "finetune": 12, "random_state": 0, "compensate": compensate}

    shrunk, random = (
        prune(net, X, y, method=method, **options).score(X_test, y_test)
        for method in (L1(during="finetune"), "random")
    )

    assert shrunk > random + 0.02


def test_survivors_do_not_stay_shrunk(net, split):
    """In the end survivors are about as long as they were, not shorter by a penalty."""
    X, _, y, _ = split
    method = L1(during="finetune")

    pruned = prune(
        net, X, y, method=method, rate=0.5, finetune=3, compensate=False, random_state=0
    )

    for W, V in zip(pruned.coefs_, net.coefs_):
        left = W != 0
        assert np.abs(W[left]).mean() > 0.9 * np.abs(V[left]).mean()


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (
            LinearRegression(),
            {"finetune": 0},
            "linear models are not trained by passes",
        ),
        (
            LinearRegression(),
            {"finetune": 1},
            "linear models are not trained by passes",
        ),
        (MLPClassifier(), {"finetune": 0}, "finetune=0 trains it for no pass"),
        (
            MLPClassifier(),
            {"finetune": 1, "granularity": "layer"},
            "choose 'connection'",
        ),
    ],
)
def test_shrinking_needs_training_passes(model, options, message):
    """Where nothing trains, or units have no weights, fit says so before it begins."""
    pruned = PruningEstimator(model, method=L1(during="finetune"), **options)

    with pytest.raises(ValueError, match=message):
        pruned.fit(np.eye(3), [0, 1, 2])


def test_during_is_checked(net, split):
    """A word that is not known is refused by name."""
    X, _, y, _ = split

    with pytest.raises(ValueError, match="during"):
        prune(net, X, y, rate=0.5, method=L1(during="training"), finetune=1)


def test_during_can_be_searched_over(split):
    """A grid over ``method__during`` compares the two ways."""
    X, _, y, _ = split
    model = MLPClassifier((10,), max_iter=20, tol=1.0, random_state=0)
    pruning = PruningEstimator(model, method=L1(), rate=0.5, finetune=2)
    grid = {"method__during": [None, "finetune"]}

    search = GridSearchCV(pruning, grid, cv=2, error_score="raise").fit(X, y)

    assert list(search.cv_results_["param_method__during"]) == [None, "finetune"]
    first, second = search.cv_results_["mean_test_score"]
    assert first != second
