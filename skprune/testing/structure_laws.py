"""Laws that every model family must satisfy, each a function of a `Specimen`.

A law raises an AssertionError if it is broken.
"""

import copy
import pickle
import warnings
from dataclasses import dataclass, replace

import numpy as np
from joblib import hash as content_hash
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax
from sklearn.base import clone, is_regressor

from skprune.engine.fits import Fit
from skprune.engine.plan import Plan
from skprune.engine.pruning import prunings
from skprune.engine.recall import decided
from skprune.engine.report import model_size
from skprune.engine.warnings import FlooredRateWarning
from skprune.methods import Magnitude, Random
from skprune.numerics.held import arrays_of
from skprune.numerics.obs import squared_weight
from skprune.numerics.units import keep_units
from skprune.structures import Samples, family_of, locate

RATES = (0, 0.1, 0.5, 0.9, 0.99)
STATISTICS = ("size", "contribution", "fisher", "removal_loss")
OPERATIONS = {"elimination": [squared_weight], "sensitivity": []}  # optional ones
LINKS = {
    "identity": lambda Z: Z,
    "exp": np.exp,
    "expit": expit,
    "softmax": lambda Z: softmax(Z, axis=1),
}


@dataclass(frozen=True)
class Specimen:
    """Fitted model with samples, on which the laws are checked.

    Attributes
    ----------
    estimator : estimator
        Fitted model, or a container with one inside.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples as the estimator takes them.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets of the samples.
    granularity : str
        Kind of unit.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.
    """

    estimator: object
    X: object
    y: object
    granularity: str
    sample_weight: object = None

    @property
    def samples(self):
        """Samples with their weights."""
        return Samples(self.X, self.y, self.sample_weight)

    def structure(self, model=None):
        """Make the structure of the model, or of another model in its place."""
        location = locate(self.estimator, self.samples)
        family = family_of(location.model)
        kind = family.structures[family.granularity(self.granularity)]
        return kind(location.model if model is None else model, location.samples)

    def pruned(self, rate, method=None, **options):
        """Prune the estimator to a rate."""
        plan = Plan(method or Random(), self.granularity, **options)
        fit, rng = Fit(self.estimator, self.samples), np.random.default_rng(0)
        [pruned] = prunings(fit, plan, [rate], rng)
        return pruned


def gates_of_one_change_nothing(specimen):
    """Gates of one change nothing."""
    structure = specimen.structure()
    gated = structure.output(np.ones(structure.n_units))
    _assert_same(gated, structure.output(), single=1e-5, double=1e-12)


def gate_gradient_is_derivative_of_loss(specimen, n_gates=8, step=1e-6):
    """The derivative with respect to a gate is the central difference of the loss."""
    structure = specimen.structure()
    single = structure.output().dtype != np.float64
    if not structure.gates_are_linear or single or not structure.n_units:
        return
    gradient, rng = structure.gate_gradient(), np.random.default_rng(0)
    for unit in rng.permutation(structure.n_units)[:n_gates]:
        up, down = np.ones((2, structure.n_units))
        up[unit] += step
        down[unit] -= step
        slope = (structure.loss(up) - structure.loss(down)) / (2 * step)
        assert_allclose(
            slope, gradient[unit], rtol=1e-4, atol=1e-8 * (1 + structure.loss())
        )


def rebuilt_model_computes_what_gates_say(specimen):
    """Without compensation, the smaller model has the output of the gated model."""
    structure, rng = specimen.structure(), np.random.default_rng(0)
    gates = _some_gates(structure)
    if structure.units.rescalable:
        gates *= rng.uniform(0.5, 1.5, structure.n_units)
    smaller = structure.prune(gates, compensate=False, rng=rng)
    _assert_same(smaller.output(), structure.output(gates), single=1e-4, double=1e-9)


def finished_model_predicts_what_structure_says(specimen):
    """Predictions that are functions of the output are so before and after pruning."""
    structure = specimen.structure()
    links = _links(structure, specimen)
    assert links, "No prediction of the model is a function of the structure's output."
    gates, rng = _some_gates(structure), np.random.default_rng(0)
    for compensate in (False, True):
        smaller = structure.prune(gates, compensate=compensate, rng=rng)
        missing = links - _links(smaller, specimen)
        assert not missing, f"compensate={compensate}: {missing} do not hold."


def removed_units_are_gone(specimen):
    """The pruned structure has the kept units, and the finished model no others.

    The finished model has fewer units if a kept one lost its effect, such as a feature
    of a tree whose splits were all below those of a removed feature.
    """
    structure, rng = specimen.structure(), np.random.default_rng(0)
    gates = _some_gates(structure)
    smaller = structure.prune(gates, compensate=False, rng=rng)
    assert smaller.n_units == np.count_nonzero(gates)
    again = specimen.structure(smaller.finished())
    assert again.n_units <= smaller.n_units
    _assert_same(again.output(), smaller.output(), single=1e-4, double=1e-9)
    recovered = structure.prune(gates, compensate=True, rng=rng)
    assert recovered.n_units == np.count_nonzero(gates)
    assert specimen.structure(recovered.finished()).n_units <= recovered.n_units


def given_estimator_is_untouched(specimen):
    """Neither the estimator nor the samples change, and the result shares no array."""
    given = specimen.estimator, specimen.X, specimen.y, specimen.sample_weight
    before = content_hash(given)
    for rate in (0, 0.5):
        pruned = specimen.pruned(rate, Magnitude()).estimator
        ours = list(arrays_of(pruned))
        for array in arrays_of(specimen.estimator):
            shared = any(np.may_share_memory(array, own) for own in ours)
            assert not shared, f"The result shares an array of shape {array.shape}."
    assert content_hash(given) == before


def result_is_a_plain_estimator(specimen):
    """The result pickles, deep-copies and clones, and keeps the class of the model."""
    pruned = specimen.pruned(0.5).estimator
    predicted = pruned.predict(specimen.X)
    for twin in (pickle.loads(pickle.dumps(pruned)), copy.deepcopy(pruned)):
        assert_array_equal(twin.predict(specimen.X), predicted)
    assert type(clone(pruned)) is type(pruned)
    kept = locate(specimen.estimator, specimen.samples).model
    assert type(locate(pruned, specimen.samples).model) is type(kept)


def report_says_what_the_result_is(specimen):
    """The report has the units and the sizes of the estimator that is returned."""
    given = model_size(specimen.estimator)
    for rate in (0, 0.5):
        pruned = specimen.pruned(rate)
        report = pruned.report
        assert (report.before, report.after) == (given, model_size(pruned.estimator))
        assert report.after.n_bytes <= report.before.n_bytes
        assert sum(group.n_kept for group in report.groups) == pruned.support.sum()


def output_decides_the_class(specimen):
    """The class found from the output, as for `recall`, is the one predicted."""
    location = locate(specimen.estimator, specimen.samples)
    classes = getattr(location.model, "classes_", None)
    if classes is None or isinstance(classes, list) or np.ndim(specimen.y) > 1:
        return
    found = decided(specimen.structure().output(X=location.samples.X), classes)
    predicted = location.model.predict(location.samples.X)
    assert np.mean(found == predicted) > 0.99  # ties are broken by rounding


def rate_zero_returns_equal_model(specimen):
    """Pruning at a rate of zero predicts exactly what the given model predicts."""
    pruned = specimen.pruned(0).estimator
    _assert_same(
        pruned.predict(specimen.X),
        specimen.estimator.predict(specimen.X),
        single=1e-6,
        double=1e-12,
    )


def statistics_are_finite_and_not_negative(specimen):
    """Read-outs return a finite, non-negative number for each unit of the structure."""
    structure, rng = specimen.structure(), np.random.default_rng(0)
    readouts = structure.readouts()
    assert sum(readout.n_units for readout in readouts) == structure.n_units
    assert structure.gate_gradient().shape == (structure.n_units,)
    assert np.isfinite(structure.gate_gradient()).all()
    for readout in readouts:
        values = [getattr(readout, name)() for name in STATISTICS]
        values += [readout.fisher(rng), readout.removal_loss(rng)]
        for value in values:
            assert value.shape == (readout.n_units,)
            assert np.isfinite(value).all()
            assert (value >= 0).all()


def declared_operations_are_answered(specimen):
    """A family declares exactly the optional operations that its read-outs have."""
    model = locate(specimen.estimator, specimen.samples).model
    family = family_of(model)
    declared = family.answers(family.granularity(specimen.granularity))
    for readout in specimen.structure().readouts():
        for operation, arguments in OPERATIONS.items():
            try:
                values = getattr(readout, operation)(*arguments)
            except ValueError:
                assert operation not in declared, f"{readout.name} has no {operation}."
            else:
                assert operation in declared, f"Declare {operation} in answers."
                assert values.shape == (readout.n_units,)


def weight_of_zero_is_a_row_removed(specimen):
    """A sample of weight zero has the same effect on the ranking as no sample."""
    n_samples = len(specimen.structure().output())
    rows = np.flatnonzero(np.arange(n_samples) % 3)
    present = np.isin(np.arange(n_samples), rows).astype(float)
    X, y = _rows(specimen.X, rows), _rows(specimen.y, rows)
    weighted = replace(specimen, sample_weight=present).structure()
    removed = replace(specimen, X=X, y=y, sample_weight=None).structure()
    assert_allclose(weighted.loss(), removed.loss(), rtol=1e-5)
    nothing = 1e-12 * np.mean(removed.output() ** 2)
    for one, other in zip(weighted.readouts(), removed.readouts()):
        for name in STATISTICS:
            wanted = getattr(other, name)()
            atol = nothing + 1e-6 * np.abs(wanted).max(initial=0)
            assert_allclose(getattr(one, name)(), wanted, rtol=1e-3, atol=atol)


def exact_number_is_removed(specimen):
    """Pruning removes exactly the units that the rate asks for, or all it can."""
    method_removes_exact_number(Magnitude(), specimen)


def fine_tuning_holds_removed_units(specimen):
    """Fine-tuning returns a new structure in which no removed unit comes back."""
    model = locate(specimen.estimator, specimen.samples).model
    if not family_of(model).trains_by_passes:
        return
    structure, rng = specimen.structure(), np.random.default_rng(0)
    smaller = structure.prune(_some_gates(structure), compensate=True, rng=rng)
    before = np.array(smaller.output())
    trained = smaller.finetune(2, rng)
    assert_array_equal(smaller.output(), before)
    assert trained.n_units == smaller.n_units
    assert not np.array_equal(trained.output(), before)
    again = specimen.structure(trained.finished())
    assert again.n_units <= trained.n_units
    _assert_same(again.output(), trained.output(), single=1e-4, double=1e-9)


def same_seed_same_model(specimen):
    """The same seed gives the same units and the same predictions."""
    one, other = (specimen.pruned(0.5, Random()) for _ in range(2))
    assert_array_equal(one.support, other.support)
    assert_array_equal(one.importances, other.importances)
    X = specimen.X
    assert_array_equal(one.estimator.predict(X), other.estimator.predict(X))


def method_removes_exact_number(method, specimen, rates=RATES, **options):
    """Check that a method removes exactly the units that each rate asks for.

    Each number may be limited by ``units.removable``. The options, such as ``scope``,
    are those of `Plan`.
    """
    structure = specimen.structure()
    n_units, removable = structure.n_units, structure.units.removable
    for rate in rates:
        wanted = min(round(rate * n_units), removable)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FlooredRateWarning)
            pruned = specimen.pruned(rate, method, **options)
        n_removed = np.count_nonzero(~pruned.support)
        assert pruned.support.shape == pruned.importances.shape == (n_units,)
        problem = f"rate={rate}: {n_removed} units removed, not {wanted}."
        assert n_removed == wanted, problem
        assert pruned.rate == n_removed / max(n_units, 1)
        assert np.isfinite(pruned.importances).all()


def _assert_same(actual, wanted, *, single, double):
    """Compare up to a fraction of the largest entry that depends on the precision."""
    actual, wanted = np.asarray(actual), np.asarray(wanted)
    if not np.issubdtype(wanted.dtype, np.floating):
        assert_array_equal(actual, wanted)
        return
    tolerance = double if wanted.dtype == np.float64 else single
    scale = np.abs(wanted).max(initial=0)
    assert_allclose(actual, wanted, rtol=tolerance, atol=tolerance * scale)


def _some_gates(structure, rate=0.4):
    """Draw gates of zero and one that respect nesting and floors."""
    units = structure.units
    importances = np.random.default_rng(0).random(units.n_units)
    n_remove = min(round(rate * units.n_units), units.removable)
    return keep_units(importances, n_remove, units, "global").astype(float)


def _links(structure, specimen):
    """Find the predictions of the finished model that are a function of the output."""
    model, output = structure.finished(), np.asarray(structure.output(), dtype=float)
    X = locate(specimen.estimator, specimen.samples).samples.X
    single = structure.output().dtype != np.float64
    tolerance = 1e-4 if single else 1e-8
    found = set()
    with np.errstate(over="ignore"):
        functions = {name: link(output) for name, link in LINKS.items()}
    for name, predicted in _predictions(model, X):
        for link, wanted in functions.items():
            if wanted.shape[1] == 1 and predicted.shape[1] == 2:
                wanted = np.hstack([1 - wanted, wanted])
            if predicted.shape == wanted.shape and np.allclose(
                predicted, wanted, rtol=tolerance, atol=tolerance
            ):
                found.add((name, link))
    return found


def _predictions(model, X):
    """Yield the name and the (n_samples, n_columns) values of each prediction."""
    names = ["decision_function", "predict_proba"]
    for name in ["predict"] if is_regressor(model) else names:
        if hasattr(model, name):
            values = getattr(model, name)(X)
            columns = values if isinstance(values, list) else [values]
            yield name, np.hstack([v.reshape(len(v), -1) for v in columns])


def _rows(container, rows):
    """Take rows of an array, a sparse matrix, a list or a data frame."""
    if hasattr(container, "iloc"):
        return container.iloc[rows]
    return (container if hasattr(container, "shape") else np.asarray(container))[rows]


STRUCTURE_LAWS = (
    gates_of_one_change_nothing,
    gate_gradient_is_derivative_of_loss,
    rebuilt_model_computes_what_gates_say,
    finished_model_predicts_what_structure_says,
    removed_units_are_gone,
    given_estimator_is_untouched,
    result_is_a_plain_estimator,
    report_says_what_the_result_is,
    output_decides_the_class,
    rate_zero_returns_equal_model,
    statistics_are_finite_and_not_negative,
    declared_operations_are_answered,
    weight_of_zero_is_a_row_removed,
    exact_number_is_removed,
    fine_tuning_holds_removed_units,
    same_seed_same_model,
)
