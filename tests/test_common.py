"""scikit-learn's own checks on PruningEstimator around each kind of model."""

import pytest
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import (
    HuberRegressor,
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import has_fit_parameter

from skprune import PruningEstimator
from skprune.estimators.delegation import PrunedModel
from tests.cases import CHECKED_ALWAYS, CHECKED_SLOWLY, SCIKIT_LEARN

CHECKED = [
    *((model, ()) for model in CHECKED_ALWAYS),
    *((model, pytest.mark.slow) for model in CHECKED_SLOWLY),
]
EQUIVALENCE = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)
DENSE_ONLY = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
INEXACT = (
    *DENSE_ONLY,
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HuberRegressor,
    LinearSVC,
    LinearSVR,
    LogisticRegressionCV,
    Perceptron,
    RandomForestClassifier,
    RandomForestRegressor,
    SGDClassifier,
    SGDRegressor,
)
WITH_WEIGHTS = (
    *EQUIVALENCE[:1],
    "check_all_zero_sample_weights_error",
    "check_classifiers_one_label_sample_weights",
    "check_sample_weights_list",
    "check_sample_weights_not_an_array",
    "check_sample_weights_not_overwritten",
    "check_sample_weights_pandas_series",
    "check_sample_weights_shape",
)
EXTRA = (
    "check_param_validation",
    "check_dataframe_column_names_consistency",
    "check_inplace_ensure_writeable",
)
OF_TRANSFORMERS = (
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
    "check_get_feature_names_out_error",
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*can:UserWarning:skprune"),
]


def inexact_checks(model):
    """List the checks that fail because a weight of two differs from two samples."""
    if not isinstance(model, INEXACT):
        return ()
    if isinstance(model, AdaBoostClassifier) and SCIKIT_LEARN < (1, 8):
        return ()  # fails alone; pruned, the rounding of the machine decides
    return EQUIVALENCE[:1] if isinstance(model, DENSE_ONLY) else EQUIVALENCE


def expected_failures(estimator):
    """List the checks that fail because of the model inside, with the reason."""
    model = estimator.estimator
    if not has_fit_parameter(model, "sample_weight"):
        return dict.fromkeys(WITH_WEIGHTS, "its fit takes no sample_weight")
    return dict.fromkeys(inexact_checks(model), "the model alone fails it")


def checks_of(models):
    """Parametrise a test by the checks of PruningEstimator around each model."""
    return parametrize_with_checks(
        [PruningEstimator(model) for model in models],
        expected_failed_checks=expected_failures,
    )


@checks_of(CHECKED_ALWAYS)
def test_scikit_learn_check(estimator, check):
    """A check of scikit-learn passes, or fails as it does for the model alone."""
    check(estimator)


@pytest.mark.slow
@checks_of(CHECKED_SLOWLY)
def test_scikit_learn_check_of_further_models(estimator, check):
    """The same holds for the other models of each family."""
    check(estimator)


class Bystander(PrunedModel):
    """Wrapper that fits the estimator inside and does nothing else."""

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y, sample_weight=None):
        self.estimator_ = clone(self.estimator).fit(X, y, sample_weight=sample_weight)
        return self


@pytest.mark.parametrize(
    ("model", "check"),
    [
        pytest.param(model, check, marks=marks)
        for model, marks in CHECKED
        for check in inexact_checks(model)
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_model_alone_fails_expected_check(model, check):
    """A check that is expected to fail also fails without any pruning.

    The wrapper keeps the check from replacing the folds of a model that searches.
    """
    wrapped = Bystander(model)
    with pytest.raises(AssertionError, match="not equivalent"):
        getattr(estimator_checks, check)(type(model).__name__, wrapped)


def test_model_alone_takes_no_weights():
    """LinearDiscriminantAnalysis fails checks with weights because it takes none."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'sample_weight'"):
        LinearDiscriminantAnalysis().fit([[0.0], [1.0]], [0, 1], sample_weight=[1, 1])


@pytest.mark.parametrize("check", EXTRA)
@pytest.mark.parametrize(
    "model",
    [pytest.param(model, marks=marks) for model, marks in CHECKED],
    ids=lambda model: type(model).__name__,
)
def test_extra_check(model, check):
    """Checks that scikit-learn runs only on its own estimators pass, too."""
    estimator = PruningEstimator(model)
    getattr(estimator_checks, check)(type(estimator).__name__, estimator)


@pytest.mark.parametrize("check", OF_TRANSFORMERS)
def test_extra_check_of_transformers(check):
    """A model that transforms also does so inside PruningEstimator."""
    estimator = PruningEstimator(LinearDiscriminantAnalysis())
    getattr(estimator_checks, check)(type(estimator).__name__, estimator)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0, 0.5])
@pytest.mark.parametrize("model", [LogisticRegression(), Ridge()])
def test_no_check_fails_with_a_cache(model, rate, tmp_path):
    """All checks pass with models from a cache and at a rate of zero."""
    estimator = PruningEstimator(model, rate=rate, memory=str(tmp_path))
    results = estimator_checks.check_estimator(estimator, on_fail=None)
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []
