"""PruningImportanceDisplay: histograms of the importances, with the cut."""

import numpy as np

from skprune.display.style import KEPT, MARK, REMOVED, axes_for, bare, pruned_model

N_BINS = 48
HEIGHT = 0.8  # height of the tallest bar; the distance of rows is one
RANGE = 1e-8  # importances below this fraction of the largest share one bar


class PruningImportanceDisplay:
    """Histograms of the importances of kept and removed units, by layer or tree.

    Each row is one histogram with a logarithmic axis, scaled to its tallest bar. The
    leftmost bar holds importances that are zero or tiny. A line marks the cut if all
    kept units are above all removed ones, either in all rows together or in one row.
    Units that are sampled, or removed with those above them, have no cut. Create the
    display with `from_estimator`.

    Parameters
    ----------
    importances : ndarray of shape (n_units,)
        Importance of each unit.
    support : ndarray of bool of shape (n_units,)
        Which units remain.
    groups : list of (str, int, int)
        Name of each layer or tree, its first unit and the one after its last.

    Attributes
    ----------
    ax_, figure_ : matplotlib.axes.Axes, matplotlib.figure.Figure
        Axes and figure of the last plot.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skprune import PruningEstimator, PruningImportanceDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> net = MLPClassifier((30, 20), max_iter=30, tol=0.01, random_state=0)
    >>> model = PruningEstimator(net, rate=0.8).fit(X, y)
    >>> PruningImportanceDisplay.from_estimator(model)
    <...>
    >>> plt.show()
    """

    def __init__(self, *, importances, support, groups):
        self.importances = importances
        self.support = support
        self.groups = groups

    @classmethod
    def from_estimator(cls, estimator, *, max_rows=12, ax=None):
        """Plot the importances by which a fitted estimator was pruned.

        Parameters
        ----------
        estimator : PruningEstimator or PruningEstimatorCV
            Fitted estimator, or a container that ends in one.
        max_rows, ax
            As in `plot`.

        Returns
        -------
        PruningImportanceDisplay
            The display, plotted.

        Raises
        ------
        TypeError
            If the estimator is of another kind.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        estimator = pruned_model(estimator)
        groups = [(g.name, g.start, g.stop) for g in estimator.report_.groups]
        found = {"importances": estimator.importances_, "support": estimator.support_}
        return cls(**found, groups=groups).plot(max_rows=max_rows, ax=ax)

    def plot(self, *, max_rows=12, ax=None):
        """Plot a row for each layer or tree.

        Parameters
        ----------
        max_rows : int, default=12
            If there are more layers or trees, one row shows all of them.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. None makes a figure.

        Returns
        -------
        PruningImportanceDisplay
            The display itself.

        Raises
        ------
        ValueError
            If no unit was ranked, as with a rate of zero.
        """
        if not np.any(self.importances > 0):
            raise ValueError(
                "There are no importances to plot: nothing was ranked. Prune a model "
                "that has units at a rate above 0."
            )
        ax = axes_for(ax)
        self.ax_, self.figure_ = ax, ax.figure
        rows, edges, labels = self._rows(max_rows), _edges(self.importances), []
        for number, (name, start, stop) in enumerate(rows):
            units = slice(start, stop)
            self._draw_row(ax, number, units, edges)
            n_kept = int(self.support[units].sum())
            labels.append(f"{name}\n{n_kept:,} of {stop - start:,} kept")
        bare(ax)
        ax.set(xscale="log", xlabel="importance", ylim=(len(rows) - 0.9, -0.9))
        ax.set_yticks(np.arange(len(rows)) - HEIGHT / 2, labels)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 3}
        ax.legend(*_unique(ax), frameon=False, **place)
        return self

    def _rows(self, max_rows):
        groups = [group for group in self.groups if group[2] > group[1]]
        if len(groups) <= max_rows:
            return groups
        kind = groups[0][0].split("[")[0]
        return [(f"{kind}, all {len(groups)}", groups[0][1], groups[-1][2])]

    def _draw_row(self, ax, number, units, edges):
        importances, kept = self.importances[units], self.support[units]
        clipped = np.maximum(importances, edges[0])
        counts = [np.histogram(clipped[part], edges)[0] for part in (~kept, kept)]
        scale = HEIGHT / max(np.sum(counts, axis=0).max(), 1)
        base = np.full(len(edges) - 1, float(number))
        for count, color, label in zip(counts, (REMOVED, KEPT), ("removed", "kept")):
            top = base - scale * count
            style = {"step": "post", "color": color, "lw": 0, "label": label}
            ax.fill_between(
                edges, np.append(top, top[-1]), np.append(base, base[-1]), **style
            )
            base = top
        cut = _cut(self.importances, self.support) or _cut(importances, kept)
        if cut is not None and cut > edges[0]:
            ax.vlines(cut, number - 0.9, number, color=MARK, lw=1.5, label="cut")


def _cut(importances, kept):
    """Return the cut between removed and kept units, or None if they overlap."""
    if kept.all() or not kept.any():
        return None
    last, first = importances[~kept].max(), importances[kept].min()
    return np.sqrt(last * first) if last <= first else None


def _edges(importances):
    """Return logarithmically spaced edges of bins, of which the lowest holds zeros."""
    positive = importances[importances > 0]
    high = positive.max()
    low = min(max(positive.min(), high * RANGE), high / 2)
    return np.geomspace(low, high * (1 + 1e-6), N_BINS + 1)


def _unique(ax):
    """Return handles and labels of a legend, each label once."""
    handles, labels = ax.get_legend_handles_labels()
    by_label = dict(zip(labels, handles))
    return by_label.values(), by_label.keys()
