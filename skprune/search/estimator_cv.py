"""PruningEstimatorCV: choose the rate by cross-validation, at one fit a fold."""

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
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
    scorer_takes_weights,
)
from skprune.engine.functions import rate_grid
from skprune.engine.progress import fit_task
from skprune.estimators.delegation import PrunedModel, calls_alike
from skprune.estimators.pruner import PruningEstimator
from skprune.search.folds import FoldPlan, run_folds
from skprune.search.guarantee import PruningGuarantee
from skprune.search.results import tabulate
from skprune.search.tolerance import check_tolerance, largest_within

PRUNING = (
    "method",
    "granularity",
    "scope",
    "n_steps",
    "compensate",
    "finetune",
    "memory",
    "random_state",
)


class PruningEstimatorCV(CallbackSupportMixin, PrunedModel):
    """Prune a model at the largest rate that cross-validation allows.

    The model is fitted once on each training fold and pruned there at every rate from
    one ranking, so that a search costs little more than cross-validating the model
    itself. Its scores are those of ``GridSearchCV(PruningEstimator(model), {"rate":
    rates})``, to the last digit.

    Parameters
    ----------
    estimator : estimator
        As in `PruningEstimator`.
    rates : int or array-like of shape (n_rates,), default=10
        Shares of units, each in [0, 1); sorted, and a repeated one counts once. A
        number asks for so many rates from 0 to 0.99, whose shares of kept units fall
        by one factor.
    method, granularity, scope, n_steps, compensate, finetune
        As in `PruningEstimator`.
    cv : int, cross-validation generator or iterable, default=None
        Splits; None takes five folds, stratified for classifiers.
    scoring : str, callable, list, tuple or dict, default=None
        One score or several, as in `GridSearchCV`; None takes ``score`` of the model.
    tolerance : "1se", float or PruningGuarantee, default="1se"
        Which rate is chosen: the largest whose mean score is within one standard error
        of the best, ``std / sqrt(n_splits)``; the largest whose mean score is at most
        so much below the best (0: the best score, at the largest rate that has it); or
        the largest whose loss of accuracy is bounded with a stated confidence.
    refit : bool or str, default=True
        Whether the model is fitted on all samples and pruned at the rate chosen. A
        name is the metric that decides among several scores; without one the first
        does.
    n_jobs : int, default=None
        Splits that run at the same time, by joblib and whatever backend is set.
    memory : str or object with the joblib.Memory interface, default=None
        Where fitted, unpruned models are cached.
    random_state : int, RandomState instance or None, default=None
        Seeds each fit as it does in `PruningEstimator`.
    verbose : int, default=0
        Prints a line a rate and split, and the steps of the last fit, where positive.

    Attributes
    ----------
    rate_ : float
        The rate chosen, one of `rates_`. Where the floors of layers and ensembles stop
        short of it, a warning says so, and ``support_`` what was reached.
    rates_ : ndarray of shape (n_rates,)
        All candidates, in ascending order.
    best_index_ : int
        Of the rate chosen, among the candidates.
    best_score_ : float
        Mean score at the rate chosen.
    cv_results_ : dict of str to ndarray or list
        As in `GridSearchCV`, with the sizes of the pruned models in ``mean_n_units``,
        ``mean_n_parameters``, ``mean_n_nonzero``, ``mean_n_macs`` and
        ``mean_n_bytes``. ``mean_fit_time`` counts the fit, which all rates of a split
        share, at each rate. With a `PruningGuarantee`, ``n_worse`` and ``n_better``
        count the held-out samples that only the unpruned, and only the pruned model
        gets right.
    n_splits_ : int
        Number of splits.
    n_held_out_ : int
        Held-out samples over all splits.
    scorer_ : callable
        What scored the pruned models.
    estimator_ : estimator
        The model fitted on all samples and pruned, plain. This and all that follow are
        there only if `refit`.
    importances_, support_, n_units_, method_, report_, classes_, n_features_in_, \
            feature_names_in_
        As in `PruningEstimator`.

    See Also
    --------
    pruning_path : Many rates of a model that is already fitted.
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
        **{name: PruningEstimator._parameter_constraints[name] for name in PRUNING},
        "estimator": [HasMethods(["fit"])],
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
        "verbose": ["verbose"],
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
        """Search for the rate, then fit and prune at it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples, as the model takes them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, for fitting, pruning, and scoring where the scorer
            takes them.
        **fit_params : dict
            ``groups`` for `cv`; with metadata routing enabled also metadata for
            ``fit`` of the model and for the scorer.

        Returns
        -------
        self : PruningEstimatorCV
            Fitted.

        Raises
        ------
        TypeError
            If the model is of no family that can be pruned, or takes no
            `sample_weight` and one is given.
        ValueError
            If a parameter is out of its range or does not fit the model or the
            splits, which is found before anything is fitted; if a score is NaN; or if
            no rate can be promised.
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
        """The estimator that `GridSearchCV` would search over."""
        shared = {name: getattr(self, name) for name in PRUNING}
        return clone(PruningEstimator(self.estimator, verbose=self.verbose, **shared))

    def _scorer(self, pruner):
        """What scores, and the name of the score that decides."""
        scorer = check_scoring(pruner, self.scoring)
        several = isinstance(self.scoring, list | tuple | dict)
        names = list(self.scoring) if several else ["score"]
        if not isinstance(self.refit, str):
            return scorer, names[0]
        if self.refit not in names and not callable(self.scoring):
            raise ValueError(
                f"refit={self.refit!r} is none of the scores {names}; name one of them."
            )
        return scorer, self.refit

    def _routed(self, params, scorer):
        """Metadata for ``fit``, for the splits and for the scorer."""
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
                f"scoring={self.scoring!r} takes no sample_weight: the model is fitted "
                "and pruned with weights, but scored without.",
                UserWarning,
                stacklevel=3,
            )
            weights = {}
        return {
            "fit": fit,
            "split": {"groups": params.get("groups")},
            "score": weights,
        }

    def _check_splits(self, splits, weighted):
        if not isinstance(self.tolerance, PruningGuarantee):
            check_tolerance(self.tolerance, len(splits))
            return
        if not is_classifier(self.estimator):
            raise ValueError(
                f"tolerance={self.tolerance!r} bounds the loss of accuracy, which "
                f"{type(self.estimator).__name__} has none of; give '1se' or a number."
            )
        self.tolerance.check_splits(splits, weighted)

    def _store(self, plan, folds, splits):
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)  # of an earlier fit
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
        """The rate that another tolerance would choose; nothing is fitted.

        Parameters
        ----------
        tolerance : "1se", float or PruningGuarantee
            As the parameter of the class. A guarantee needs the counts of a search
            that was fitted with one.

        Returns
        -------
        float
            One of `rates_`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before fit.
        ValueError
            For a tolerance out of its range, and a guarantee that cannot be given.
        """
        check_is_fitted(self, "cv_results_")
        return float(self.rates_[self._index_at(tolerance)])

    def _index_at(self, tolerance):
        if isinstance(tolerance, PruningGuarantee):
            return self._index_promised(tolerance)
        check_tolerance(tolerance, self.n_splits_)
        means, stds = (
            self.cv_results_[f"{name}_test_{self._metric}"] for name in ("mean", "std")
        )
        return largest_within(means, stds, self.n_splits_, self.rates_, tolerance)

    def _index_promised(self, guarantee):
        results = self.cv_results_
        if "n_worse" not in results:
            raise ValueError(
                f"tolerance={guarantee!r} needs predictions that were compared with "
                "those of the unpruned model; fit with a PruningGuarantee as tolerance."
            )
        counts = results["n_worse"], results["n_better"]
        n_safe = guarantee.n_safe(*counts, self.n_held_out_)
        if not n_safe:
            raise ValueError(
                f"{guarantee!r} cannot be given for any of the rates, of which the "
                f"smallest is {self.rates_[0]:.4g}; give smaller ones too."
            )
        return n_safe - 1

    def get_metadata_routing(self):
        """Where metadata goes: to the model, the splits and the scorer.

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
