"""PruningSelector: keep the input features that survive the pruning of a model."""

import warnings
from numbers import Integral, Real

from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter, MethodMapping
from sklearn.utils.validation import check_is_fitted, validate_data

from skprune._compat import CallbackSupportMixin, HasMethods, Interval, fit_context
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
from skprune.estimators.routing import trainer
from skprune.structures import final_model


class PruningSelector(
    CallbackSupportMixin, SelectorMixin, MetaEstimatorMixin, BaseEstimator
):
    """Select the features that a model still reads after it has been pruned.

    The model is fitted on all features, its input features are pruned, and the columns
    that survive are kept. Every family and method of skprune can select: what a
    feature is worth follows from all that the model makes of it, so that a network or
    a forest selects features that a linear model would miss.

    Parameters
    ----------
    estimator : estimator
        A linear model, MLP, tree or forest, or a container that ends in one. In a
        Pipeline the steps before it may scale or select columns; those that make new
        features (PCA, one-hot encoding) belong in front of the selector. A fitted
        model in a `sklearn.frozen.FrozenEstimator` is pruned as it is.
    method : str, Method or callable, default="magnitude"
        What ranks the features, as in `PruningEstimator`.
    rate : float, default=0.5
        Share of the features with weights or splits that is dropped, in [0, 1); at
        least one stays. A feature that the model does not read is dropped before
        anything is counted.
    n_features_to_select : int, default=None
        How many features stay; takes the place of `rate`. With `groups`, the number of
        groups.
    groups : array-like of shape (n_features,) or list of lists of int, default=None
        Features that stay or go together, the one-hot columns of one category for
        instance: a label for each feature, or the columns of each group; a column in
        none of the lists is a group of its own. The rate is then the share of the
        groups, and the importance of a group is the sum of those of its features; for
        "l1" all their weights are under one norm.
    n_steps : int, default=1
        Number of steps, each of which drops the same share of what is left and ranks
        anew.
    compensate : bool, default=True
        Whether the survivors are re-estimated by least squares after each step.
    finetune : int, default=0
        Training passes after each step; for models that are trained by passes.
    memory : str or object with the joblib.Memory interface, default=None
        Where fitted, unpruned models are cached.
    random_state : int, RandomState instance or None, default=None
        Seeds the nested ``random_state`` parameters of `estimator` and everything
        drawn here.
    verbose : int, default=0
        Prints a line a step where positive.

    Attributes
    ----------
    support_ : ndarray of bool of shape (`n_features_in_`,)
        Which features stay.
    importances_ : ndarray of shape (`n_features_in_`,)
        Importance of each feature, or of its group, in the last ranking that saw it;
        zero where the model does not read it, and at a rate of zero, where nothing is
        ranked. High: keep.
    ranking_ : ndarray of int of shape (`n_features_in_`,)
        One for features that stay; the others count up from two by falling importance.
    rate_ : float
        Share of the features or groups with weights or splits that went.
    estimator_ : estimator
        The pruned model, plain and fitted; it takes all columns and reads those kept.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names.

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
        "estimator": [HasMethods(["fit"])],
        "method": [str, HasMethods(["importances", "gates"]), callable],
        "rate": [Interval(Real, 0, 1, closed="left")],
        "n_features_to_select": [Interval(Integral, 1, None, closed="left"), None],
        "groups": ["array-like", None],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "compensate": ["boolean"],
        "finetune": [Interval(Integral, 0, None, closed="left")],
        "memory": [str, HasMethods(["cache"]), None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
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
        """Fit the model, prune its features, and note which are left.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples, as the model takes them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, for fitting, ranking and recovery.
        **fit_params : dict
            Metadata for ``fit`` of the model, with metadata routing enabled.

        Returns
        -------
        self : PruningSelector
            Fitted.

        Raises
        ------
        TypeError
            If the model is of no family that can be pruned, or takes no
            `sample_weight` and one is given.
        ValueError
            If a parameter is out of its range or does not fit the model or X; raised
            before the model is fitted.
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
        self._note(groups, pruned)
        return self

    def _plan(self):
        names = ("method", "n_steps", "compensate", "finetune", "verbose")
        options = {name: getattr(self, name) for name in names}
        return plan_for(self.estimator, granularity="feature", **options)

    def _labels(self):
        """The group of each feature, with room for the number that is wanted."""
        n_features = getattr(self, "n_features_in_", 0)  # X may not be a table at all
        labels = group_labels(self.groups, n_features)
        n_groups, wanted = labels.max(initial=-1) + 1, self.n_features_to_select
        if isinstance(wanted, bool):
            raise ValueError(
                f"n_features_to_select={wanted} must be a number of features or None."
            )
        if wanted is not None and 0 < n_groups < wanted:
            kind = "features" if self.groups is None else "groups of features"
            raise ValueError(
                f"n_features_to_select={wanted} is more than the {n_groups} {kind} "
                "that X has."
            )
        return labels

    def _check_grouped(self, plan, labels):
        joined = labels.max(initial=-1) + 1 < len(labels)
        if joined and plan.method.in_training is not None:
            raise ValueError(
                f"method={self.method!r} shrinks features one by one while the model "
                "is trained, not groups of them; choose another, or groups=None."
            )

    def _rate(self, groups):
        """Fraction of the units to remove."""
        wanted, n_units = self.n_features_to_select, groups.structure.n_units
        if wanted is None or not n_units:
            return self.rate
        if wanted > n_units:
            warnings.warn(
                f"n_features_to_select={wanted}, but "
                f"{type(groups.fit.model).__name__} reads only {n_units} features "
                "or groups of them after its training; those are kept.",
                UserWarning,
                stacklevel=2,
            )
        return max(n_units - wanted, 0) / n_units

    def _note(self, groups, pruned):
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
        """Where metadata goes: what ``fit`` of the model asks for.

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
