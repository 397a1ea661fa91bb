"""PruningSelector: select input features by pruning a model."""

import warnings
from numbers import Integral, Real

from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter, MethodMapping
from sklearn.utils.validation import check_is_fitted, validate_data

from skprune._compat import CallbackSupportMixin, Interval, fit_context
from skprune.engine.plan import plan_for
from skprune.engine.progress import fit_task
from skprune.engine.pruning import make_generator, prunings
from skprune.engine.recall import report_with_recall
from skprune.estimators.feature_groups import (
    check_selects,
    feature_groups,
    group_labels,
    ranking,
)
from skprune.estimators.pruner import PruningEstimator
from skprune.estimators.routing import trainer
from skprune.structures import final_model

OPTIONS = ("method", "n_steps", "compensate", "finetune", "verbose")
SHARED = ("estimator", *OPTIONS, "memory", "random_state")


class PruningSelector(
    CallbackSupportMixin, SelectorMixin, MetaEstimatorMixin, BaseEstimator
):
    """Select the input features that remain after a model is pruned.

    The model is fitted on all features and its input features are pruned. The
    transformer keeps the columns that remain. The importance of a feature is measured
    inside the fitted model, so that a network or a forest can select features that a
    linear model would miss.

    Parameters
    ----------
    estimator : estimator
        As in `PruningEstimator`, but not an ensemble of several models. The steps of a
        Pipeline may scale or select columns before the model. Steps that make new
        features (PCA, one-hot encoding) belong in front of the selector.
    method : str, Method or callable, default="magnitude"
        How the features are ranked, as in `PruningEstimator`.
    rate : float, default=0.5
        Fraction of the features to remove, in [0, 1); at least one is kept. Only
        features that the model reads are counted; all others are removed beforehand.
    n_features_to_select : int, default=None
        Number of features to keep, or of groups if `groups` is given. Replaces `rate`.
    groups : array-like of shape (n_features,) or list of lists of int, default=None
        Features that are kept or removed together, such as the one-hot columns of one
        category. Either a label per feature, or the columns of each group; a column
        in none of the lists is a group of its own. `rate` is then the fraction of
        groups, and the importance of a group is the sum over its features ("l1" puts
        all their weights under one norm).
    n_steps, compensate, finetune, memory, random_state, verbose
        As in `PruningEstimator`.

    Attributes
    ----------
    support_ : ndarray of bool of shape (`n_features_in_`,)
        Which features are kept.
    importances_ : ndarray of shape (`n_features_in_`,)
        Importance of each feature, or of its group, in the last ranking that included
        it. Features of high importance are kept. Zero for features that the model does
        not read, and for all features if the rate is zero.
    ranking_ : ndarray of int of shape (`n_features_in_`,)
        One for features that are kept; two and more for the others, by falling
        importance.
    rate_ : float
        Fraction removed of the features or groups that the model reads.
    estimator_ : estimator
        The pruned model, plain and fitted. It takes all columns and reads those kept.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has string names.

    See Also
    --------
    PruningEstimator : With ``granularity="feature"``, the pruned model itself.
    sklearn.feature_selection.RFE : Refits the model after each feature.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.neural_network import MLPClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skprune import PruningSelector
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> net = MLPClassifier((20,), max_iter=100, tol=0.01, random_state=0)
    >>> selector = PruningSelector(net, method="taylor", n_features_to_select=5)
    >>> pipe = make_pipeline(StandardScaler(), selector, LogisticRegression())
    >>> pipe.fit(X, y)[-1].n_features_in_
    5
    """

    __metadata_request__fit = {"sample_weight": UNUSED}
    _parameter_constraints = {
        **{name: PruningEstimator._parameter_constraints[name] for name in SHARED},
        "rate": [Interval(Real, 0, 1, closed="left")],
        "n_features_to_select": [Interval(Integral, 1, None, closed="left"), None],
        "groups": ["array-like", None],
    }

    def __init__(
        self,
        estimator,
        *,
        method="magnitude",
        rate=0.5,
        n_features_to_select=None,
        groups=None,
        n_steps=1,
        compensate=True,
        finetune=0,
        memory=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.method = method
        self.rate = rate
        self.n_features_to_select = n_features_to_select
        self.groups = groups
        self.n_steps = n_steps
        self.compensate = compensate
        self.finetune = finetune
        self.memory = memory
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, sample_weight=None, **fit_params):
        """Fit the model, prune its features, and store which are kept.

        Parameters
        ----------
        X, y, sample_weight, **fit_params
            As in `PruningEstimator.fit`.

        Returns
        -------
        self : PruningSelector
            Fitted selector.

        Raises
        ------
        TypeError
            If the model cannot select features, or if `sample_weight` is given and the
            model does not accept it.
        ValueError
            If a parameter is invalid or does not apply to the model or to X. This is
            checked before the model is fitted.
        """
        plan = self._plan()
        check_selects(final_model(self.estimator))
        train = trainer(self, X, y, sample_weight, fit_params)
        validate_data(self, X=X, skip_check_array=True)
        labels = self._labels()
        self._check_grouped(plan, labels)
        with fit_task(self, 2, X, y, sample_weight) as task:
            groups = feature_groups(train(task=task), labels)
            rates, rng = [self._rate(groups)], make_generator(self.random_state)
            with task.subtask("prune", self.n_steps) as steps:
                [pruned] = prunings(groups.fit, plan, rates, rng, steps)
        report_with_recall(pruned)
        self._record(groups, pruned)
        return self

    def _plan(self):
        options = {name: getattr(self, name) for name in OPTIONS}
        return plan_for(self.estimator, granularity="feature", **options)

    def _labels(self):
        """Return the group of each feature; raise if fewer exist than are wanted."""
        n_features = getattr(self, "n_features_in_", 0)  # X may not be a table at all
        labels = group_labels(self.groups, n_features)
        n_groups, wanted = labels.max(initial=-1) + 1, self.n_features_to_select
        if isinstance(wanted, bool):
            raise ValueError(
                f"n_features_to_select={wanted} must be an integer or None."
            )
        if wanted is not None and 0 < n_groups < wanted:
            kind = "features" if self.groups is None else "groups of features"
            raise ValueError(
                f"n_features_to_select={wanted} exceeds the {n_groups} {kind} of X."
            )
        return labels

    def _check_grouped(self, plan, labels):
        joined = labels.max(initial=-1) + 1 < len(labels)
        if joined and plan.method.in_training is not None:
            raise ValueError(
                f"method={self.method!r} shrinks single features during training, but "
                "groups are given; choose another method, or groups=None."
            )

    def _rate(self, groups):
        """Fraction of the units to remove."""
        wanted, n_units = self.n_features_to_select, groups.structure.n_units
        if wanted is None or not n_units:
            return self.rate
        if wanted > n_units:
            warnings.warn(
                f"n_features_to_select={wanted}, but the fitted "
                f"{type(groups.fit.model).__name__} reads only {n_units} features or "
                "groups; those are kept.",
                UserWarning,
                stacklevel=2,
            )
        return max(n_units - wanted, 0) / n_units

    def _record(self, groups, pruned):
        self.estimator_ = pruned.estimator
        self.rate_ = pruned.rate
        ranks = ranking(pruned.importances, pruned.support)
        self.importances_ = groups.of_features(pruned.importances, 0.0)
        self.support_ = groups.of_features(pruned.support, False)
        self.ranking_ = groups.of_features(ranks, ranks.max(initial=1) + 1)

    def _get_support_mask(self):
        check_is_fitted(self, "support_")
        return self.support_

    def __sklearn_tags__(self):
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.target_tags.required = True
        tags.input_tags.sparse = inner.input_tags.sparse
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        tags.non_deterministic = inner.non_deterministic
        return tags

    def get_metadata_routing(self):
        """Return the metadata requests of ``fit`` of the model.

        Returns
        -------
        MetadataRouter
            See the scikit-learn user guide.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        mapping.add(caller="fit_transform", callee="fit")
        return MetadataRouter(owner=self).add(
            estimator=self.estimator, method_mapping=mapping
        )
