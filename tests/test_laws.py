"""Every family, granularity and method keeps the laws of `skprune.testing`."""

import pickle
import subprocess
import sys
import warnings
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune import PruningEstimator, model_size, prune
from skprune.methods import METHODS
from skprune.numerics.units import SCOPES
from skprune.testing import METHOD_LAWS, STRUCTURE_LAWS
from skprune.testing.structure_laws import RATES, method_removes_exact_number
from tests.cases import CASES, NOTHING_TO_PRUNE, dataset

SPECIMENS = [
    pytest.param(case, granularity, id=f"{case.name}-{granularity}")
    for case in CASES
    for granularity in case.granularities
]
SCHEDULES = [
    *((scope, 1, RATES) for scope in SCOPES),
    *(zip(SCOPES, [10, 10, 10], [(0.9,), (0.99,), (0.5,)])),
]


@pytest.mark.parametrize("law", STRUCTURE_LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize(("case", "granularity"), SPECIMENS)
def test_structure_keeps_law(case, granularity, law):
    """The structure of a fitted model keeps each law."""
    law(case.specimen(granularity))


@pytest.mark.parametrize("law", METHOD_LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("method", METHODS)
def test_method_keeps_law(method, law):
    """Each method keeps each law on read-outs."""
    law(METHODS[method]())


@pytest.mark.filterwarnings("ignore::skprune.engine.warnings.LostClassWarning")
@pytest.mark.parametrize(
    ("scope", "n_steps", "rates"), SCHEDULES, ids=lambda value: str(value)
)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("case", "granularity"), SPECIMENS)
def test_method_prunes_structure(case, granularity, method, scope, n_steps, rates):
    """Each method takes exactly as many units as asked from each structure."""
    specimen = case.specimen(granularity)
    options = {"scope": scope, "n_steps": n_steps, "compensate": False}
    method_removes_exact_number(METHODS[method](), specimen, rates, **options)


@pytest.mark.filterwarnings("ignore::skprune.engine.warnings.LostClassWarning")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("case", "granularity"), SPECIMENS)
def test_method_prunes_structure_that_recovers(case, granularity, method):
    """It does so too where survivors are re-estimated between two steps."""
    specimen = case.specimen(granularity)
    options = {"scope": "local", "n_steps": 2, "compensate": True}
    method_removes_exact_number(METHODS[method](), specimen, (0.5,), **options)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("model", NOTHING_TO_PRUNE, ids=lambda m: type(m).__name__)
def test_nothing_to_prune(model):
    """A model without a unit works at any rate and says that it has none."""
    X, y = dataset("regression")
    granularity = "layer" if isinstance(model, MLPRegressor) else "connection"

    pruned = PruningEstimator(model, rate=0.9, granularity=granularity).fit(X, y)

    assert pruned.n_units_ == len(pruned.support_) == len(pruned.importances_) == 0
    assert pruned.rate_ == 0
    assert_array_equal(pruned.predict(X), clone(model).fit(X, y).predict(X))


LOADER = """
import pickle, sys
import numpy as np
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "skprune":
            raise ImportError("skprune is not installed here")
sys.meta_path.insert(0, Blocker())
for model, X, predicted in pickle.load(open(sys.argv[1], "rb")):
    np.testing.assert_allclose(model.predict(X), predicted, rtol=1e-12) \
        if predicted.dtype.kind == "f" else \
        np.testing.assert_array_equal(model.predict(X), predicted)
assert "skprune" not in sys.modules
print("all equal")
"""


def test_results_predict_where_skprune_is_not_installed(tmp_path):
    """The pruned models unpickle and predict in a process without skprune."""
    models = []
    for case in CASES:
        X, y = case.samples()
        for granularity in case.granularities:
            pruned = prune(case.fitted(), X, y, rate=0.5, granularity=granularity)
            models.append((pruned, X, pruned.predict(X)))
    path = tmp_path / "models.pickle"
    path.write_bytes(pickle.dumps(models))

    done = subprocess.run(
        [sys.executable, "-c", LOADER, str(path)], capture_output=True, text=True
    )

    assert done.stdout == "all equal\n", done.stderr


def scaled_net(kind, **options):
    """A small network on standardised features."""
    options = {"hidden_layer_sizes": (40, 20), "max_iter": 80, **options}
    return make_pipeline(StandardScaler(), kind(random_state=0, **options))


REAL = {
    "digits-logistic": (
        load_digits,
        make_pipeline(StandardScaler(), LogisticRegression()),
        ("connection", "feature"),
    ),
    "digits-mlp": (
        load_digits,
        scaled_net(MLPClassifier),
        ("connection", "neuron", "feature"),
    ),
    "digits-forest": (
        load_digits,
        RandomForestClassifier(n_estimators=10, random_state=0),
        ("connection", "layer", "feature"),
    ),
    "cancer-mlp": (load_breast_cancer, scaled_net(MLPClassifier), ("feature",)),
    "diabetes-ridge": (load_diabetes, Ridge(alpha=0.1), ("feature",)),
    "diabetes-forest": (
        load_diabetes,
        RandomForestRegressor(n_estimators=10, random_state=0),
        ("connection", "layer", "feature"),
    ),
}


def probabilities_or_values(model, X):
    """What a model predicts, as numbers."""
    return model.predict_proba(X) if is_classifier(model) else model.predict(X)


@cache
def real_model(name):
    """A fitted model on real data, its samples, and other samples."""
    load, model, _ = REAL[name]
    X, X_test, y, _ = train_test_split(
        *load(return_X_y=True), train_size=300, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(model).fit(X, y), X, X_test, y


@cache
def change_of_predictions(name, granularity, method, seed):
    """Mean squared change on new samples when half of the units go."""
    model, X, X_test, y = real_model(name)
    options = {"granularity": granularity, "compensate": False, "random_state": seed}
    pruned = prune(model, X, y, rate=0.5, method=method, **options)
    change = [probabilities_or_values(m, X_test) for m in (pruned, model)]
    return np.mean((change[0] - change[1]) ** 2)


# drawn features of trees are scaled up by 1/probability, which adds as much variance
# as choosing them well takes away
UNDECIDED = {("digits-forest", "feature", "importance")}
CONTESTS = [
    (name, granularity, method)
    for name, (_, _, granularities) in REAL.items()
    for granularity in granularities
    for method in sorted(set(METHODS) - {"random"})
]


@pytest.mark.parametrize(
    ("name", "granularity", "method"), sorted(set(CONTESTS) - UNDECIDED)
)
def test_method_beats_random_on_real_data(name, granularity, method):
    """Without recovery, predictions change less than when units go by chance."""

    def change(method):
        draws = range(4 if method in ("importance", "random") else 1)
        return np.mean(
            [change_of_predictions(name, granularity, method, seed) for seed in draws]
        )

    assert change(method) < change("random")


def rescaled(net, factor):
    """A ReLU network with one layer times a factor and the next one over it."""
    twin = clone(net)
    vars(twin).update(vars(net))
    W, V, *others = net.coefs_
    b, c, *intercepts = net.intercepts_
    twin.coefs_ = [factor * W, V / factor, *others]
    twin.intercepts_ = [factor * b, c, *intercepts]
    return twin


@pytest.mark.parametrize("granularity", ["connection", "neuron", "layer", "feature"])
@pytest.mark.parametrize("method", ["importance", "l1", "magnitude", "taylor"])
def test_rescaled_net_is_pruned_alike(method, granularity):
    """A layer times c and the next one over c: a ReLU net loses the same units."""
    case = next(case for case in CASES if case.name == "MLPRegressor")
    X, y = case.samples()
    supports = []
    for net in (case.fitted(), rescaled(case.fitted(), 32.0)):
        specimen = case.specimen(granularity)
        specimen = type(specimen)(net, X, y, granularity)
        supports.append(specimen.pruned(0.5, METHODS[method]()).support)
    assert_array_equal(*supports)


def test_zero_weights_are_not_units():
    """What a lasso has set to zero already is not pruned a second time."""
    X, y = dataset("regression")
    lasso = Lasso(alpha=1.0).fit(X, y)
    n_nonzero = np.count_nonzero(lasso.coef_)
    assert 0 < n_nonzero < 8

    pruned = PruningEstimator(Lasso(alpha=1.0), rate=0.5).fit(X, y)

    assert pruned.n_units_ == n_nonzero
    assert model_size(pruned).n_nonzero == n_nonzero - round(n_nonzero / 2) + 1


@pytest.mark.parametrize("compensate", [False, True])
def test_recovery_brings_output_nearer_to_teacher(compensate):
    """With recovery the training error of a pruned ridge is smaller than without."""
    X, y = load_diabetes(return_X_y=True)
    model = Ridge(alpha=0.01).fit(X, y)
    pruned = prune(model, X, y, rate=0.5, compensate=compensate)
    error = np.mean((pruned.predict(X) - model.predict(X)) ** 2)
    plain = prune(model, X, y, rate=0.5, compensate=False)
    bound = np.mean((plain.predict(X) - model.predict(X)) ** 2)
    assert error < bound if compensate else error == bound
    assert_allclose(pruned.coef_ == 0, plain.coef_ == 0)
