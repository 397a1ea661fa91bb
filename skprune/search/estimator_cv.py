"""PruningEstimatorCV: choose the rate by cross-validation, with one fit per fold."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn import get_config
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import indexable
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.validation import check_is_fitted

from skprune._compat import (
    CallbackSupportMixin,
    Interval,
    StrOptions,
    fit_context,
    scorer_takes_weights,
)
from skprune.engine.functions import rate_grid
from skprune.engine.progress import fit_task
from skprune.estimators.delegation import PrunedModel, calls_alike
from skprune.estimators.pruner import PLAN, PruningEstimator
from skprune.search.folds import FoldPlan, run_folds
from skprune.search.guarantee import PruningGuarantee
from skprune.search.results import tabulate
from skprune.search.tolerance import check_tolerance, largest_within

SHARED = ("estimator", *PLAN, "memory", "random_state")


class PruningEstimatorCV(CallbackSupportMixin, PrunedModel):
    """Prune a model at the largest rate that cross-validation allows.

    The model is fitted once on each training fold and pruned there at every rate from
    one ranking, so that a search costs little more than cross-validating the model
    itself. The scores exactly equal those of
    ``GridSearchCV(PruningEstimator(model), {"rate": rates})``.

    Parameters
    ----------
    estimator : estimator
        As in `PruningEstimator`.
    rates : int or array-like of shape (n_rates,), default=10
        Candidate rates, each in [0, 1); they are sorted and repeated ones dropped. An
        integer is the number of rates from 0 to 0.99, spaced so that the fraction of
        kept units falls by a constant factor.
    method, granularity, scope, n_steps, compensate, finetune
        As in `PruningEstimator`.
    cv : int, cross-validation generator or iterable, default=None
        Splits. None means five folds, stratified for classifiers.
    scoring : str, callable, list, tuple or dict, default=None
        One score or several, as in `GridSearchCV`. None uses ``score`` of the model.
    tolerance : "1se", float or PruningGuarantee, default="1se"
        Which rate is chosen. "1se": the largest whose mean score is within one
        standard error of the best, ``std / sqrt(n_splits)``. A number: the largest
        whose mean score is at most that much below the best (0: the best score, at
        the largest rate that has it). A `PruningGuarantee`: the largest whose loss of
        accuracy is bounded at a given confidence.
    refit : bool or str, default=True
        Whether the model is fitted on all samples and pruned at the chosen rate. A
        string names the metric that decides if there are several scores. Otherwise
        the first one decides.
    n_jobs : int, default=None
        Number of splits that run in parallel, with joblib's current backend.
    memory : str or object with the joblib.Memory interface, default=None
        Cache of fitted models, as in `PruningEstimator`.
    random_state : int, RandomState instance or None, default=None
        Seed of each fit, as in `PruningEstimator`.
    verbose : int, default=0
        If positive, a line is printed for each rate and split, and for each step of
        the final pruning.

    Attributes
    ----------
    rate_ : float
        The chosen rate, one of `rates_`. If the model cannot be pruned that far, a
        warning is raised and ``support_`` shows what was reached.
    rates_ : ndarray of shape (n_rates,)
        All candidates, in ascending order.
    best_index_ : int
        Index of the chosen rate in `rates_`.
    best_score_ : float
        Mean score at the chosen rate.
    cv_results_ : dict of str to ndarray or list
        As in `GridSearchCV`, with the sizes of the pruned models as ``mean_n_units``,
        ``mean_n_parameters``, ``mean_n_nonzero``, ``mean_n_macs`` and
        ``mean_n_bytes``. ``mean_fit_time`` of each rate includes the fit of the model,
        which all rates of a split share. With a `PruningGuarantee`, ``n_worse`` counts
        the held-out samples that only the unpruned model predicts correctly, and
        ``n_better`` those that only the pruned model does.
    n_splits_ : int
        Number of splits.
    n_held_out_ : int
        Number of held-out samples in all splits together.
    scorer_ : callable
        Scorer of the pruned models.
    estimator_ : estimator
        The model fitted on all samples and pruned, plain. Like all attributes below,
        it exists only if `refit` is set.
    importances_, support_, n_units_, method_, report_, classes_, n_features_in_, \
            feature_names_in_
        As in `PruningEstimator`.

    See Also
    --------
    pruning_path : Several rates of a fitted model.
    within_tolerance : The same choice in a GridSearchCV over other parameters too.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skprune import PruningEstimatorCV
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LogisticRegression())
    >>> search = PruningEstimatorCV(model, tolerance=0.02).fit(X, y)
    >>> bool(search.rate_ >= 0.5)
    True
    """

    __metadata_request__fit = {"sample_weight": UNUSED}
    _parameter_constraints = {
        **{name: PruningEstimator._parameter_constraints[name] for name in SHARED},
        "rates": [Interval(Integral, 2, None, closed="left"), "array-like"],
        "cv": ["cv_object"],
        "scoring": [str, callable, list, tuple, dict, None],
        "tolerance": [
            StrOptions({"1se"}),
            Interval(Real, 0, None, closed="left"),
            PruningGuarantee,
        ],
        "refit": ["boolean", str],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator,
        *,
        rates=10,
        method="magnitude",
        granularity="connection",
        scope="global",
        n_steps=1,
        compensate=True,
        finetune=0,
        cv=None,
        scoring=None,
        tolerance="1se",
        refit=True,
        n_jobs=None,
        memory=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.rates = rates
        self.method = method
        self.granularity = granularity
        self.scope = scope
        self.n_steps = n_steps
        self.compensate = compensate
        self.finetune = finetune
        self.cv = cv
        self.scoring = scoring
        self.tolerance = tolerance
        self.refit = refit
        self.n_jobs = n_jobs
        self.memory = memory
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, sample_weight=None, **fit_params):
        """Search for the rate, then fit the model and prune it at that rate.

        Parameters
        ----------
        X, y, sample_weight
            As in `PruningEstimator.fit`. The weights are also used for scoring if the
            scorer accepts them.
        **fit_params : dict
            ``groups`` for `cv`. If metadata routing is enabled, also metadata for
            ``fit`` of the model and for the scorer.

        Returns
        -------
        self : PruningEstimatorCV
            Fitted search.

        Raises
        ------
        TypeError
            As in `PruningEstimator.fit`.
        ValueError
            If a parameter is invalid or does not apply to the model or the splits,
            which is checked before anything is fitted. If a score is NaN, or no rate
            meets the guarantee.
        """
        rates = rate_grid(self.rates)
        pruner = self._pruner()
        pruner._plan()  # checks the parameters before anything is fitted
        X, y = indexable(X, y)
        scorer, metric = self._scorer(pruner)
        if sample_weight is not None:
            fit_params["sample_weight"] = sample_weight
        routed = self._routed(fit_params, scorer)
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(cv.split(X, y, **routed["split"]))
        self._check_splits(splits, weighted=sample_weight is not None)
        plan = FoldPlan(
            pruner=pruner.set_params(verbose=max(self.verbose - 1, 0)),
            rates=rates,
            scorer=scorer,
            metric=metric,
            fit_params=routed["fit"],
            score_params=routed["score"],
            counts_losses=isinstance(self.tolerance, PruningGuarantee),
            verbose=self.verbose,
        )
        n_tasks = 1 + bool(self.refit)
        with fit_task(self, n_tasks, X, y, sample_weight) as task:
            folds = run_folds(plan, X, y, splits, self.n_jobs, task)
            self._store(plan, folds, splits)
            if self.refit:
                self._refit(X, y, routed["fit"], task)
                task.reached(lambda: self.estimator_)
        return self

    def _pruner(self):
        """Return the estimator that `GridSearchCV` would search over."""
        return clone(PruningEstimator(**{name: getattr(self, name) for name in SHARED}))

    def _scorer(self, pruner):
        """Return the scorer, and the name of the score that decides."""
        scorer = check_scoring(pruner, self.scoring)
        several = isinstance(self.scoring, list | tuple | dict)
        names = list(self.scoring) if several else ["score"]
        if not isinstance(self.refit, str):
            return scorer, names[0]
        if self.refit not in names and not callable(self.scoring):
            raise ValueError(
                f"refit={self.refit!r} is not one of the scores {names}; name one."
            )
        return scorer, self.refit

    def _routed(self, params, scorer):
        """Route metadata to ``fit``, to the splits and to the scorer."""
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", **params)
            return {
                "fit": routed.pruner.fit,
                "split": routed.splitter.split,
                "score": routed.scorer.score,
            }
        fit = {name: params[name] for name in params if name != "groups"}
        weights = {k: v for k, v in fit.items() if k == "sample_weight"}
        if weights and not scorer_takes_weights(scorer):
            warnings.warn(
                f"scoring={self.scoring!r} accepts no sample_weight: the model is "
                "fitted and pruned with weights, but scored without.",
                UserWarning,
                stacklevel=3,
            )
            weights = {}
        split = {"groups": params.get("groups")}
        return {"fit": fit, "split": split, "score": weights}

    def _check_splits(self, splits, weighted):
        if not isinstance(self.tolerance, PruningGuarantee):
            check_tolerance(self.tolerance, len(splits))
            return
        if not is_classifier(self.estimator):
            raise ValueError(
                f"tolerance={self.tolerance!r} bounds the loss of accuracy, but "
                f"{type(self.estimator).__name__} is no classifier; give '1se' or a "
                "number."
            )
        self.tolerance.check_splits(splits, weighted)

    def _store(self, plan, folds, splits):
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)  # attributes of an earlier fit
        self.rates_ = np.array(plan.rates)
        self.cv_results_ = tabulate(plan.rates, folds)
        self.n_splits_ = len(splits)
        self.n_held_out_ = sum(len(test) for _, test in splits)
        self.scorer_ = plan.scorer
        self._metric = plan.metric
        self.best_index_ = self._index_at(self.tolerance)
        self.rate_ = float(self.rates_[self.best_index_])
        means = self.cv_results_[f"mean_test_{self._metric}"]
        self.best_score_ = float(means[self.best_index_])

    def _refit(self, X, y, fit_params, task):
        best = self._pruner().set_params(rate=self.rate_)
        with task.fitting(best, "refit"):
            best.fit(X, y, **fit_params)
        for name, value in vars(best).items():
            if name.endswith("_") and name != "rate_":
                setattr(self, name, value)

    def rate_at(self, tolerance):
        """Return the rate that another tolerance would choose; nothing is fitted.

        Parameters
        ----------
        tolerance : "1se", float or PruningGuarantee
            As in the constructor. A guarantee requires a search that was fitted with
            one.

        Returns
        -------
        float
            One of `rates_`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the search is not fitted.
        ValueError
            If the tolerance is invalid, or no rate meets the guarantee.
        """
        check_is_fitted(self, "cv_results_")
        return float(self.rates_[self._index_at(tolerance)])

    def _index_at(self, tolerance):
        if isinstance(tolerance, PruningGuarantee):
            return self._index_guaranteed(tolerance)
        check_tolerance(tolerance, self.n_splits_)
        means, stds = (
            self.cv_results_[f"{name}_test_{self._metric}"] for name in ("mean", "std")
        )
        return largest_within(means, stds, self.n_splits_, self.rates_, tolerance)

    def _index_guaranteed(self, guarantee):
        results = self.cv_results_
        if "n_worse" not in results:
            raise ValueError(
                f"tolerance={guarantee!r} needs counts of changed predictions, which "
                "this search lacks; fit with a PruningGuarantee as tolerance."
            )
        counts = results["n_worse"], results["n_better"]
        n_safe = guarantee.n_safe(*counts, self.n_held_out_)
        if not n_safe:
            raise ValueError(
                f"{guarantee!r} cannot be met at any rate, of which the smallest is "
                f"{self.rates_[0]:.4g}; add smaller rates."
            )
        return n_safe - 1

    def get_metadata_routing(self):
        """Return the metadata requests of the model, the splits and the scorer.

        Returns
        -------
        MetadataRouter
            See the scikit-learn user guide.
        """
        pruner = self._pruner()
        fit, split, scoring = MethodMapping(), MethodMapping(), MethodMapping()
        for caller in ("fit", "fit_transform"):
            fit.add(caller=caller, callee="fit")
            split.add(caller=caller, callee="split")
            scoring.add(caller=caller, callee="score")
        router = MetadataRouter(owner=self)
        router.add(pruner=pruner, method_mapping=fit)
        router.add(splitter=self.cv, method_mapping=split)
        router.add(scorer=self._scorer(pruner)[0], method_mapping=scoring)
        answers = calls_alike(MethodMapping())
        return router.add(estimator=self.estimator, method_mapping=answers)
