"""PruningEstimator: fit a model and prune it, as a scikit-learn estimator."""

from numbers import Integral, Real

from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if

from skprune._compat import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
)
from skprune.engine.budget import Budget
from skprune.engine.fits import Fit
from skprune.engine.plan import plan_for
from skprune.engine.progress import fit_task
from skprune.engine.pruning import make_generator, prunings, train_on
from skprune.engine.recall import report_with_recall
from skprune.estimators.delegation import PrunedModel, trains_by_passes
from skprune.estimators.routing import check_shows_all, routed_samples, trainer
from skprune.numerics.units import SCOPES

# parameters that make a Plan
PLAN = "method granularity scope n_steps compensate finetune verbose".split()


class PruningEstimator(CallbackSupportMixin, PrunedModel):
    """Fit a model and prune it to a smaller one of the same class.

    Exactly ``round(rate * n_units)`` units of the fitted model are removed, and the
    remaining parameters are re-estimated in closed form. The result is a plain
    scikit-learn estimator, which predicts without skprune.

    Parameters
    ----------
    estimator : estimator
        A linear model, MLP, tree or tree ensemble; a Pipeline, search or
        TransformedTargetRegressor that ends in one; or an ensemble of several models
        (stacking, voting, one-vs-rest, ...), each of which is pruned to the rate.
        Wrap a fitted model in `sklearn.frozen.FrozenEstimator`; it is not changed.
    method : str, Method or callable, default="magnitude"
        How the units are ranked: "importance", "l1", "magnitude", "random" or
        "taylor", a method object such as :class:`Magnitude`, or a function
        ``f(readout, rng) -> importances``.
    rate : float or Budget, default=0.5
        Fraction of the units to remove, in [0, 1). Each layer and each ensemble keeps
        at least one unit. If the rate cannot be reached, a warning is raised and
        ``rate_`` is the rate reached. A :class:`Budget` stands for the smallest rate
        at which the model meets it.
    granularity : str, default="connection"
        What a unit is: "connection" (a coefficient, a weight, or a split of a tree
        with the splits below it), "neuron" (a hidden neuron, or a tree of a forest),
        "layer" (a hidden layer, or a depth level of a tree) or "feature". The synonyms
        "coefficient", "weight", "split", "node", "tree" and "depth" are accepted too.
    scope : {"global", "local", "lamp"}, default="global"
        Whether all units compete in one ranking ("global"), each layer or tree is
        pruned to the rate ("local"), or all compete by layer-adaptive scores ("lamp").
    n_steps : int, default=1
        Number of steps. Each step removes the same fraction of the remaining units,
        ranks them again and compensates.
    compensate : bool, default=True
        Whether the remaining parameters are re-estimated by least squares after each
        step.
    finetune : int, default=0
        Training passes over the samples after each step, with removed units held at
        zero. For models that are trained by passes.
    memory : str or object with the joblib.Memory interface, default=None
        Cache of fitted models. With it, a search over `rate`, `method` or
        `granularity` fits the model once per fold. With ``random_state=None`` the
        cached model is one random draw.
    random_state : int, RandomState instance or None, default=None
        Seed of the nested ``random_state`` parameters of `estimator` and of the
        pruning.
    verbose : int, default=0
        If positive, a line is printed after each step: units, loss and remaining time.

    Attributes
    ----------
    estimator_ : estimator
        The pruned model, plain and fitted.
    importances_ : ndarray of shape (`n_units_`,)
        Importance of each unit in the last ranking that included it. Units of high
        importance are kept.
    support_ : ndarray of bool of shape (`n_units_`,)
        Which units remain, numbered from input to output.
    n_units_ : int
        Number of units before pruning. A weight that is zero after training is not a
        unit.
    rate_ : float
        Fraction of the units removed.
    method_ : Method
        The method used, with its fitted attributes (such as ``order_`` of Taylor).
    report_ : PruningReport
        Units, parameters, non-zeros, multiply-adds and bytes before and after.
    classes_ : ndarray
        Class labels, for classifiers.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has string names.

    See Also
    --------
    prune : The same for a fitted model, as a function.
    PruningEstimatorCV : Chooses the rate by cross-validation.
    model_size : Size of a model.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skprune import PruningEstimator
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> net = MLPClassifier(max_iter=50, tol=0.01, random_state=0)
    >>> small = PruningEstimator(net, rate=0.8).fit(X_train, y_train)
    >>> bool(small.score(X_test, y_test) > 0.92)
    True
    """

    __metadata_request__fit = {"sample_weight": UNUSED}
    _parameter_constraints = {
        "estimator": [HasMethods(["fit"])],
        "method": [str, HasMethods(["importances", "gates"]), callable],
        "rate": [Interval(Real, 0, 1, closed="left"), Budget],
        "granularity": [str],
        "scope": [StrOptions(set(SCOPES))],
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
        granularity="connection",
        scope="global",
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
        self.granularity = granularity
        self.scope = scope
        self.n_steps = n_steps
        self.compensate = compensate
        self.finetune = finetune
        self.memory = memory
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, sample_weight=None, **fit_params):
        """Fit the model and prune it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples, in any form that the model accepts.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, for fitting, ranking and compensation.
        **fit_params : dict
            Metadata for ``fit`` of the model, if metadata routing is enabled.

        Returns
        -------
        self : PruningEstimator
            Fitted estimator.

        Raises
        ------
        TypeError
            If no family of skprune can prune the model, or if `sample_weight` is
            given and the model does not accept it.
        ValueError
            If a parameter is invalid or does not apply to the model. This is checked
            before the model is fitted.
        """
        plan = self._plan()
        train = trainer(self, X, y, sample_weight, fit_params)
        with fit_task(self, 2, X, y, sample_weight) as task:
            fit = train(task=task)
            self._rng = make_generator(self.random_state)
            with task.subtask("prune", self.n_steps) as steps:
                [pruned] = prunings(fit, plan, [self.rate], self._rng, steps)
            task.reached(lambda: pruned.estimator)
        return self._record(pruned, report_with_recall(pruned))

    def _plan(self):
        return plan_for(self.estimator, **{name: getattr(self, name) for name in PLAN})

    @available_if(trains_by_passes)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train the pruned model for one pass, with removed units held at zero.

        Only for models that are trained by passes. If the estimator is not fitted, the
        first call is a `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples, new ones or those of `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, of the classes seen in the first call.
        classes : array-like of shape (n_classes,), default=None
            All classes. The first call needs samples of each of them.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples. If metadata routing is enabled, they are routed as
            those of `fit`.

        Returns
        -------
        self : PruningEstimator
            Estimator with a new ``estimator_``.
        """
        if not hasattr(self, "estimator_"):
            check_shows_all(classes, y)
            return self.fit(X, y, sample_weight=sample_weight)
        if not hasattr(self, "_rng"):
            self._rng = make_generator(self.random_state)
        _, samples = routed_samples(self, X, y, sample_weight, {}, "partial_fit")
        self.estimator_ = train_on(Fit(self.estimator_, samples), self._rng)
        return self
