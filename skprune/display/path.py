"""PruningPathDisplay: what a score does as the rate grows, and which rate is chosen."""

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.pipeline import Pipeline

from skprune.display.candidates import (
    accepted_loss,
    curve_names,
    scores_by_split,
    standard_error,
)
from skprune.display.style import CURVES, MARK, MARKERS, axes_for, bare
from skprune.estimators.pruner import PruningEstimator
from skprune.search.estimator_cv import PRUNING, PruningEstimatorCV
from skprune.search.guarantee import PruningGuarantee
from skprune.search.tolerance import candidate_rates, largest_within, rate_parameter

SIZES = {
    "n_units": "units left",
    "n_parameters": "parameters",
    "n_nonzero": "parameters that are not zero",
    "n_macs": "multiply-adds a prediction",
    "n_bytes": "bytes",
}
TICKS = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
STEEP = 0.9  # a largest rate above it is drawn on a logarithmic scale of what is left


class PruningPathDisplay:
    """Score against the rate, or against the size that is left.

    Use `from_estimator`, `from_cv_results` or `from_path` to make one.

    Parameters
    ----------
    rates : ndarray of shape (n_candidates,)
        Rate of each candidate.
    scores : ndarray of shape (n_candidates, n_splits)
        Greater is better.
    sizes : dict of str to ndarray of shape (n_candidates,), default=None
        Sizes of the pruned models, by ``"n_units"``, ``"n_parameters"``,
        ``"n_nonzero"``, ``"n_macs"`` and ``"n_bytes"``, those that are known.
    curves : sequence of str of shape (n_candidates,), default=None
        Which curve each candidate is on; None for one curve.
    chosen : int, default=None
        Index of the candidate that is marked.
    threshold : float, default=None
        The lowest mean score that is good enough: the band from there up to the best
        is shaded.
    score_name : str, default="score"
        Of the vertical axis.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Of the last picture.
    figure_ : matplotlib.figure.Figure
        That it is in.
    lines_ : list of matplotlib.lines.Line2D
        One a curve.

    See Also
    --------
    PruningEstimatorCV : Chooses the rate.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skprune import PruningEstimator, PruningPathDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> forest = RandomForestClassifier(n_estimators=20, random_state=0)
    >>> model = PruningEstimator(forest, granularity="tree")
    >>> PruningPathDisplay.from_estimator(model, X, y, rates=[0, 0.5, 0.8], cv=3)
    <...>
    >>> plt.show()
    """

    def __init__(
        self,
        *,
        rates,
        scores,
        sizes=None,
        curves=None,
        chosen=None,
        threshold=None,
        score_name="score",
    ):
        self.rates = rates
        self.scores = scores
        self.sizes = sizes
        self.curves = curves
        self.chosen = chosen
        self.threshold = threshold
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        rates=None,
        cv=None,
        scoring=None,
        tolerance=None,
        n_jobs=None,
        x="rate",
        ax=None,
    ):
        """Prune at many rates in cross-validation and draw the scores.

        The model is fitted once a fold, by `PruningEstimatorCV`.

        Parameters
        ----------
        estimator : PruningEstimator, PruningEstimatorCV, Pipeline or model
            Not changed. Of the first two, and of a PruningEstimator at the end of a
            Pipeline, all parameters count that are not given here; a bare model is
            pruned by the defaults.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        rates, cv, scoring, tolerance, n_jobs
            As in `PruningEstimatorCV`, with one score; None takes what `estimator`
            has, or the default.
        x, ax
            As in `plot`.

        Returns
        -------
        display : PruningPathDisplay
            Drawn.
        """
        given = {
            "rates": rates,
            "cv": cv,
            "scoring": scoring,
            "tolerance": tolerance,
            "n_jobs": n_jobs,
        }
        given = {name: value for name, value in given.items() if value is not None}
        search = _search(estimator).set_params(**given, refit=False).fit(X, y)
        promised = isinstance(search.tolerance, PruningGuarantee)
        return cls.from_cv_results(
            search.cv_results_,
            tolerance=None if promised else search.tolerance,
            best_index=search.best_index_,
            score_name=_score_name(search.scoring, estimator),
            x=x,
            ax=ax,
        )

    @classmethod
    def from_cv_results(
        cls,
        cv_results,
        *,
        metric="score",
        param=None,
        tolerance=None,
        best_index=None,
        score_name=None,
        x="rate",
        ax=None,
    ):
        """Draw what a search has found.

        Candidates that differ in other parameters than the rate are on curves of
        their own.

        Parameters
        ----------
        cv_results : dict of str to ndarray
            Of a `PruningEstimatorCV`, or of a GridSearchCV with a rate among its
            parameters.
        metric : str, default="score"
            Which score, in a search over several.
        param : str, default=None
            Name of the rate; None finds the one that is ``rate`` or ends in
            ``__rate``.
        tolerance : "1se" or float, default=None
            Shades the scores that are good enough, and marks the candidate of the
            largest rate among them.
        best_index : int, default=None
            Marks this candidate; ``best_index_`` of the search.
        score_name : str, default=None
            Of the vertical axis; None takes `metric`.
        x, ax
            As in `plot`.

        Returns
        -------
        display : PruningPathDisplay
            Drawn.
        """
        param = rate_parameter(cv_results, param)
        rates = candidate_rates(cv_results, param)
        scores, threshold = scores_by_split(cv_results, metric), None
        if tolerance is not None:
            means, stds = scores.mean(axis=1), scores.std(axis=1)
            threshold = np.nanmax(means) - accepted_loss(scores, tolerance)
            if best_index is None:
                counted = scores.shape[1], rates, tolerance
                best_index = largest_within(means, stds, *counted)
        sizes = {name: cv_results.get(f"mean_{name}") for name in SIZES}
        display = cls(
            rates=rates,
            scores=scores,
            sizes={name: size for name, size in sizes.items() if size is not None},
            curves=curve_names(cv_results["params"], param),
            chosen=best_index,
            threshold=threshold,
            score_name=score_name or metric,
        )
        return display.plot(ax=ax, x=x)

    @classmethod
    def from_path(cls, path, X, y, *, scoring=None, x="rate", ax=None):
        """Score the models of a path and draw their scores.

        Parameters
        ----------
        path : PruningPath
            As `pruning_path` returns it.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples that the model was not trained on.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        scoring : str, callable or None, default=None
            One score; None takes ``score`` of the model.
        x, ax
            As in `plot`.

        Returns
        -------
        display : PruningPathDisplay
            Drawn.
        """
        scores = [
            check_scoring(model, scoring)(model, X, y) for model in path.estimators
        ]
        sizes = {"n_units": [sum(g.n_kept for g in r.groups) for r in path.reports]}
        for name in list(SIZES)[1:]:
            sizes[name] = [getattr(report.after, name) for report in path.reports]
        display = cls(
            rates=path.rates,
            scores=np.array(scores)[:, None],
            sizes={name: np.array(values) for name, values in sizes.items()},
            score_name=_score_name(scoring, path.estimators[0]),
        )
        return display.plot(ax=ax, x=x)

    def plot(self, *, ax=None, x="rate"):
        """Draw the scores.

        The band around a curve is one standard error of the mean over the splits to
        each side.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where; None makes a figure.
        x : str, default="rate"
            What the horizontal axis is: "rate", or a size that is known, such as
            "n_parameters".

        Returns
        -------
        display : PruningPathDisplay
            With ``ax_``, ``figure_`` and ``lines_``.

        Raises
        ------
        ValueError
            For an `x` that is not known; names those that are.
        """
        positions = self._positions(x)
        ax = axes_for(ax)
        self.ax_, self.figure_ = ax, ax.figure
        means, spread = self.scores.mean(axis=1), standard_error(self.scores)
        if self.threshold is not None:
            top = np.nanmax(means)
            ax.axhspan(self.threshold, top, color="0.92", label="good enough")
        self.lines_ = []
        for number, (name, on) in enumerate(self._members().items()):
            on = on[np.argsort(positions[on], kind="stable")]
            color = CURVES[number % len(CURVES)]
            band = means[on] - spread[on], means[on] + spread[on]
            if self.scores.shape[1] > 1:
                ax.fill_between(positions[on], *band, color=color, alpha=0.2, lw=0)
            marker = MARKERS[number % len(MARKERS)]
            style = {"color": color, "marker": marker, "markersize": 4, "label": name}
            self.lines_ += ax.plot(positions[on], means[on], **style)
        if self.chosen is not None:
            self._mark(ax, positions[self.chosen], means[self.chosen])
        self._lay_out(ax, x)
        return self

    def _positions(self, x):
        """Where each candidate is on the horizontal axis."""
        known = {"rate": self.rates, **(self.sizes or {})}
        if x not in known:
            raise ValueError(
                f"x={x!r} is not known of these candidates; choose one of "
                f"{list(known)}."
            )
        return np.asarray(known[x], dtype=float)

    def _members(self):
        """Candidates of each curve, by its name."""
        if self.curves is None:
            return {None: np.arange(len(self.rates))}
        names = np.asarray(self.curves, dtype=object)
        return {name: np.flatnonzero(names == name) for name in dict.fromkeys(names)}

    def _mark(self, ax, x, y):
        rate = self.rates[self.chosen]
        ring = {"markersize": 11, "markeredgewidth": 2, "markerfacecolor": "none"}
        label = f"chosen: rate {rate:.3g}"
        ax.plot(x, y, "o", color=MARK, label=label, zorder=3, **ring)

    def _lay_out(self, ax, x):
        bare(ax)
        ax.set(xlabel=SIZES.get(x, "rate: share of the units removed"))
        ax.set_ylabel(self.score_name)
        if x != "rate":
            _lay_out_sizes(ax)
        elif np.max(self.rates) > STEEP:
            ax.set_xscale("function", functions=(_decades_gone, _rate_of_decades))
            ax.set_xticks([tick for tick in TICKS if tick <= np.max(self.rates)])
            ax.xaxis.set_major_formatter("{x:g}")
        if ax.get_legend_handles_labels()[0]:
            ax.legend(frameon=False)


def _lay_out_sizes(ax):
    from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))


def _decades_gone(rate):
    """Powers of ten by which the units have become fewer."""
    return -np.log10(np.maximum(1 - np.asarray(rate), 1e-9))


def _rate_of_decades(decades):
    return 1 - 10.0 ** -np.asarray(decades)


def _search(estimator):
    """The search over the rates of an estimator, unfitted."""
    if isinstance(estimator, PruningEstimatorCV):
        return clone(estimator)
    model = clone(estimator)
    if isinstance(model, Pipeline) and isinstance(model[-1], PruningEstimator):
        pruner = model[-1]
        model.steps[-1] = (model.steps[-1][0], pruner.estimator)
    elif isinstance(model, PruningEstimator):
        pruner, model = model, model.estimator
    else:
        return PruningEstimatorCV(model)
    return PruningEstimatorCV(
        model, **{name: getattr(pruner, name) for name in PRUNING}
    )


def _score_name(scoring, estimator):
    if isinstance(scoring, str):
        return scoring.replace("_", " ")
    if scoring is not None:
        return "score"
    return "accuracy" if is_classifier(estimator) else "R2"
