"""PruningPathDisplay: plot of a score against the rate, with the chosen rate."""

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.pipeline import Pipeline

from skprune.display.style import CURVES, MARK, MARKERS, axes_for, bare
from skprune.estimators.pruner import PruningEstimator
from skprune.search.estimator_cv import SHARED, PruningEstimatorCV
from skprune.search.guarantee import PruningGuarantee
from skprune.search.tolerance import (
    accepted_loss,
    candidate_rates,
    largest_within,
    rate_parameter,
    scores_by_split,
)

SIZES = {
    "n_units": "remaining units",
    "n_parameters": "parameters",
    "n_nonzero": "non-zero parameters",
    "n_macs": "multiply-adds per prediction",
    "n_bytes": "bytes",
}
TICKS = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
STEEP = 0.9  # rates beyond it need a logarithmic scale of the fraction kept


class PruningPathDisplay:
    """Plot of a score against the rate or a size of the pruned models.

    Create it with `from_estimator`, `from_cv_results` or `from_path`.

    Parameters
    ----------
    rates : ndarray of shape (n_candidates,)
        Rate of each candidate.
    scores : ndarray of shape (n_candidates, n_splits)
        Scores; greater is better.
    sizes : dict of str to ndarray of shape (n_candidates,), default=None
        Sizes of the pruned models. The keys are those known of ``"n_units"``,
        ``"n_parameters"``, ``"n_nonzero"``, ``"n_macs"`` and ``"n_bytes"``.
    curves : sequence of str of shape (n_candidates,), default=None
        Name of the curve that each candidate is on. None draws one curve.
    chosen : int, default=None
        Index of the candidate to mark.
    threshold : float, default=None
        Lowest mean score that is good enough. The band from there up to the best mean
        score is shaded.
    score_name : str, default="score"
        Label of the vertical axis.

    Attributes
    ----------
    ax_, figure_ : matplotlib.axes.Axes, matplotlib.figure.Figure
        Axes and figure of the last plot.
    lines_ : list of matplotlib.lines.Line2D
        One line per curve.

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
        """Prune at several rates in cross-validation and plot the scores.

        `PruningEstimatorCV` does the search, with one fit of the model per fold.

        Parameters
        ----------
        estimator : PruningEstimator, PruningEstimatorCV, Pipeline or model
            Estimator to search over; not changed. Its own parameters are used, also
            those of a PruningEstimator at the end of a Pipeline, unless they are given
            here. A model of another kind is pruned with the default parameters.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        rates, cv, scoring, tolerance, n_jobs
            As in `PruningEstimatorCV`, but with one score. None uses the value of
            `estimator`, or the default.
        x, ax
            As in `plot`.

        Returns
        -------
        PruningPathDisplay
            The display, plotted.
        """
        names = "rates", "cv", "scoring", "tolerance", "n_jobs"
        given = dict(zip(names, (rates, cv, scoring, tolerance, n_jobs)))
        given = {name: value for name, value in given.items() if value is not None}
        search = _search(estimator).set_params(**given, refit=False).fit(X, y)
        guaranteed = isinstance(search.tolerance, PruningGuarantee)
        return cls.from_cv_results(
            search.cv_results_,
            tolerance=None if guaranteed else search.tolerance,
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
        """Plot the scores of a search.

        Candidates that differ in other parameters than the rate are on separate curves.

        Parameters
        ----------
        cv_results : dict of str to ndarray
            Results of a `PruningEstimatorCV`, or of a GridSearchCV over a rate.
        metric : str, default="score"
            Which score to plot, if there are several.
        param : str, default=None
            Name of the rate. None finds the parameter that is ``rate`` or ends in
            ``__rate``.
        tolerance : "1se" or float, default=None
            If given, scores that are good enough are shaded, and the candidate with
            the largest rate among them is marked.
        best_index : int, default=None
            Index of the candidate to mark instead, such as ``best_index_`` of the
            search.
        score_name : str, default=None
            Label of the vertical axis. None uses `metric`.
        x, ax
            As in `plot`.

        Returns
        -------
        PruningPathDisplay
            The display, plotted.
        """
        param = rate_parameter(cv_results, param)
        rates = candidate_rates(cv_results, param)
        scores, threshold = scores_by_split(cv_results, metric), None
        if tolerance is not None:
            counted = scores.mean(axis=1), scores.std(axis=1), scores.shape[1]
            threshold = np.nanmax(counted[0]) - accepted_loss(*counted, tolerance)
            if best_index is None:
                best_index = largest_within(*counted, rates, tolerance)
        sizes = {name: cv_results.get(f"mean_{name}") for name in SIZES}
        display = cls(
            rates=rates,
            scores=scores,
            sizes={name: size for name, size in sizes.items() if size is not None},
            curves=_curve_names(cv_results["params"], param),
            chosen=best_index,
            threshold=threshold,
            score_name=score_name or metric,
        )
        return display.plot(ax=ax, x=x)

    @classmethod
    def from_path(cls, path, X, y, *, scoring=None, x="rate", ax=None):
        """Score the models of a path and plot their scores.

        Parameters
        ----------
        path : PruningPath
            Result of `pruning_path`.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples that the model was not trained on.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets of the samples.
        scoring : str, callable or None, default=None
            One score. None uses ``score`` of the model.
        x, ax
            As in `plot`.

        Returns
        -------
        PruningPathDisplay
            The display, plotted.
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
        """Plot the scores.

        The band around a curve is one standard error of the mean over the splits to
        each side.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. None makes a figure.
        x : str, default="rate"
            Horizontal axis: "rate", or a known size such as "n_parameters".

        Returns
        -------
        PruningPathDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `x` is not known.
        """
        positions = self._positions(x)
        ax = axes_for(ax)
        self.ax_, self.figure_ = ax, ax.figure
        means = self.scores.mean(axis=1)
        spread = self.scores.std(axis=1) / np.sqrt(self.scores.shape[1])
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
        """Return the position of each candidate on the horizontal axis."""
        known = {"rate": self.rates, **(self.sizes or {})}
        if x not in known:
            raise ValueError(f"x={x!r} is not known; choose one of {list(known)}.")
        return np.asarray(known[x], dtype=float)

    def _members(self):
        """Return the indices of the candidates on each curve, by its name."""
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
        ax.set(xlabel=SIZES.get(x, "rate: fraction of units removed"))
        ax.set_ylabel(self.score_name)
        if x != "rate":
            _lay_out_sizes(ax)
        elif np.max(self.rates) > STEEP:
            ax.set_xscale("function", functions=(_decades_removed, _rate_of_decades))
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


def _decades_removed(rate):
    """Return the powers of ten by which the number of units has fallen."""
    return -np.log10(np.maximum(1 - np.asarray(rate), 1e-9))


def _rate_of_decades(decades):
    return 1 - 10.0 ** -np.asarray(decades)


def _curve_names(params, rate):
    """Name the curve of each candidate by what varies besides the rate, if anything."""
    names = dict.fromkeys(name for candidate in params for name in candidate)
    columns = [
        [str(candidate.get(name, "")) for candidate in params]
        for name in names
        if name != rate
    ]
    varied = [column for column in columns if len(set(column)) > 1]
    return [", ".join(row) for row in zip(*varied)] if varied else None


def _search(estimator):
    """Make the unfitted search over the rates of an estimator."""
    if isinstance(estimator, PruningEstimatorCV):
        return clone(estimator)
    model = clone(estimator)
    if isinstance(model, Pipeline) and isinstance(model[-1], PruningEstimator):
        name, pruner = model.steps[-1]
        model.steps[-1] = name, pruner.estimator
    elif isinstance(model, PruningEstimator):
        pruner, model = model, model.estimator
    else:
        return PruningEstimatorCV(model)
    options = {name: getattr(pruner, name) for name in SHARED}
    return PruningEstimatorCV(**{**options, "estimator": model})


def _score_name(scoring, estimator):
    if isinstance(scoring, str):
        return scoring.replace("_", " ")
    if scoring is not None:
        return "score"
    return "accuracy" if is_classifier(estimator) else "R2"
