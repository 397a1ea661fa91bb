"""Every family, granularity and method satisfies the laws of `skprune.testing`."""

import pickle
import subprocess
import sys
import warnings
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_array_equal
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
from skprune.structures import find_family
from skprune.testing import METHOD_LAWS, STRUCTURE_LAWS
from skprune.testing.structure_laws import RATES, method_removes_exact_number
from tests.cases import CASES, NOTHING_TO_PRUNE, dataset
from tests.pairwise import pairs_of, pairwise

BY_NAME = {case.name: case for case in CASES}
# one or two of each family, of which every run of the tests has all laws
REPRESENTATIVE = {
    "AdaBoostClassifier",
    "BaggingClassifier",
    "BaggingClassifier-logistic",
    "DecisionTreeClassifier-best-first",
    "DecisionTreeRegressor",
    "GradientBoostingClassifier",
    "HistGradientBoostingClassifier-categories",
    "HistGradientBoostingRegressor",
    "LogisticRegression",
    "MLPClassifier-sparse",
    "MLPRegressor-logistic",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "Ridge-outputs",
}


def at_times(name):
    """Mark of the tests of a case: the others than representatives are slow."""
    return () if name in REPRESENTATIVE else pytest.mark.slow


SPECIMENS = [
    pytest.param(
        case, granularity, id=f"{case.name}-{granularity}", marks=at_times(case.name)
    )
    for case in CASES
    for granularity in case.granularities
]
# how to prune: scope, steps, whether survivors are re-estimated; and the rates
SCHEDULES = {
    **{f"{scope}-1-step": (scope, 1, False, RATES) for scope in SCOPES},
    "global-10-steps": ("global", 10, False, (0.9,)),
    "lamp-10-steps": ("lamp", 10, False, (0.99,)),
    "local-10-steps": ("local", 10, False, (0.5,)),
    "local-2-steps-compensated": ("local", 2, True, (0.5,)),
}
GRID = [
    (case.name, granularity, method, schedule)
    for case in CASES
    for granularity in case.granularities
    for method in METHODS
    for schedule in SCHEDULES
]


@pytest.mark.parametrize("law", STRUCTURE_LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize(("case", "granularity"), SPECIMENS)
def test_structure_keeps_law(case, granularity, law):
    """The structure of a fitted model satisfies each law."""
    law(case.specimen(granularity))


@pytest.mark.parametrize("law", METHOD_LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("method", METHODS)
def test_method_keeps_law(method, law):
    """Each method satisfies each law on read-outs."""
    law(METHODS[method]())


def test_each_family_has_a_representative():
    """Every run tests the laws on a model of each family."""
    families = [
        {find_family(BY_NAME[name].model).name for name in names}
        for names in (REPRESENTATIVE, BY_NAME)
    ]
    bagged = {name for name in families[1] if name.startswith("bagging of")}
    assert families[1] - bagged <= families[0]
    assert families[0] & bagged


def test_pairs_of_the_grid_are_covered():
    """A tenth of the grid contains every pair of values of the whole grid."""
    chosen = pairwise(GRID)
    covered = set().union(*map(pairs_of, chosen))
    assert all(pairs_of(row) <= covered for row in GRID)
    assert set(chosen) <= set(GRID)
    assert len(chosen) < len(GRID) / 10


@pytest.mark.filterwarnings("ignore::skprune.engine.warnings.LostClassWarning")
@pytest.mark.parametrize(
    ("name", "granularity", "method", "schedule"),
    [pytest.param(*row, marks=at_times(row[0])) for row in pairwise(GRID)],
)
def test_method_prunes_structure(name, granularity, method, schedule):
    """Each method removes exactly as many units as asked from each structure."""
    specimen = BY_NAME[name].specimen(granularity)
    scope, n_steps, compensate, rates = SCHEDULES[schedule]
    options = {"scope": scope, "n_steps": n_steps, "compensate": compensate}
    method_removes_exact_number(METHODS[method](), specimen, rates, **options)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("model", NOTHING_TO_PRUNE, ids=lambda m: type(m).__name__)
def test_nothing_to_prune(model):
    """A model without units accepts any rate and reports that it has none."""
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


@pytest.mark.slow
def test_results_predict_where_skprune_is_not_installed(tmp_path):
    """Pruned models unpickle and predict in a process without skprune."""
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
    """Make a small network on standardised features."""
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
    """Predict numbers: class probabilities or values."""
    return model.predict_proba(X) if is_classifier(model) else model.predict(X)


@cache
def real_model(name):
    """Fit a model to real data; return it with its samples and held-out samples."""
    load, model, _ = REAL[name]
    X, X_test, y, _ = train_test_split(
        *load(return_X_y=True), train_size=300, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(model).fit(X, y), X, X_test, y


@cache
def change_of_predictions(name, granularity, method, seed):
    """Compute the mean squared change on held-out samples at a rate of one half."""
    model, X, X_test, y = real_model(name)
    options = {"granularity": granularity, "compensate": False, "random_state": seed}
    pruned = prune(model, X, y, rate=0.5, method=method, **options)
    change = [probabilities_or_values(m, X_test) for m in (pruned, model)]
    return np.mean((change[0] - change[1]) ** 2)


# the sampled features of trees are scaled by 1/probability, which adds as much variance
# as a good choice of features removes
UNDECIDED = {("digits-forest", "feature", "importance")}
CONTESTS = [
    (name, granularity, method)
    for name, (_, _, granularities) in REAL.items()
    for granularity in granularities
    for method in sorted(set(METHODS) - {"random"})
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "granularity", "method"), sorted(set(CONTESTS) - UNDECIDED)
)
def test_method_beats_random_on_real_data(name, granularity, method):
    """Without compensation, predictions change less than under random pruning."""

    def change(method):
        draws = range(4 if method in ("importance", "random") else 1)
        return np.mean(
            [change_of_predictions(name, granularity, method, seed) for seed in draws]
        )

    assert change(method) < change("random")


def rescaled(net, factor):
    """Multiply a layer of a ReLU network by a factor and divide the next one by it."""
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
    """Scaling one layer by c and the next one by 1/c does not change the kept units."""
    case = BY_NAME["MLPRegressor"]
    X, y = case.samples()
    supports = []
    for net in (case.fitted(), rescaled(case.fitted(), 32.0)):
        specimen = case.specimen(granularity)
        specimen = type(specimen)(net, X, y, granularity)
        supports.append(specimen.pruned(0.5, METHODS[method]()).support)
    assert_array_equal(*supports)


def test_zero_weights_are_not_units():
    """Coefficients that a lasso set to zero are not units."""
    X, y = dataset("regression")
    lasso = Lasso(alpha=1.0).fit(X, y)
    n_nonzero = np.count_nonzero(lasso.coef_)
    assert 0 < n_nonzero < 8

    pruned = PruningEstimator(Lasso(alpha=1.0), rate=0.5).fit(X, y)

    assert pruned.n_units_ == n_nonzero
    assert model_size(pruned).n_nonzero == n_nonzero - round(n_nonzero / 2) + 1


def test_compensation_brings_output_nearer_to_teacher(diabetes):
    """Compensation brings a pruned ridge nearer to the teacher, at equal support."""
    X, y = diabetes
    teacher = Ridge(alpha=0.01).fit(X, y)
    plain, compensated = (
        prune(teacher, X, y, rate=0.5, compensate=compensate)
        for compensate in (False, True)
    )
    assert_array_equal(compensated.coef_ == 0, plain.coef_ == 0)
    errors = [
        np.mean((model.predict(X) - teacher.predict(X)) ** 2)
        for model in (plain, compensated)
    ]
    assert errors[1] < errors[0] / 2
