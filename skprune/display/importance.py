"""PruningImportanceDisplay: how important the units are, and where the cut is."""

import numpy as np

from skprune.display.style import KEPT, MARK, REMOVED, axes_for, bare, pruned_model

N_BINS = 48
HEIGHT = 0.8  # of the tallest bar, where rows are one apart
RANGE = 1e-8  # of the largest importance: what is below is one bar


class PruningImportanceDisplay:
    """Importances of the units by layer or tree, kept and removed ones apart.

    Each row is a histogram over a logarithmic axis, scaled to its own tallest bar;
    importances that are zero or tiny are in the bar on the far left. A line marks the
    cut where all that was kept is above all that was removed, in all rows together or
    in its own; drawn units, and those that hang below others, have none. Use
    `from_estimator` to make one.

    Parameters
    ----------
    importances : ndarray of shape (n_units,)
        High: keep.
    support : ndarray of bool of shape (n_units,)
        Which units are left.
    groups : list of (str, int, int)
        Name of each layer or tree, with its first unit and the one after its last.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Of the last picture.
    figure_ : matplotlib.figure.Figure
        That it is in.

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
        """Draw the importances that a fitted estimator has pruned by.

        Parameters
        ----------
        estimator : PruningEstimator or PruningEstimatorCV
            Fitted; or a container that ends in one.
        max_rows, ax
            As in `plot`.

        Returns
        -------
        display : PruningImportanceDisplay
            Drawn.

        Raises
        ------
        TypeError
            If the estimator is something else.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        estimator = pruned_model(estimator)
        groups = [(g.name, g.start, g.stop) for g in estimator.report_.groups]
        display = cls(
            importances=estimator.importances_,
            support=estimator.support_,
            groups=groups,
        )
        return display.plot(max_rows=max_rows, ax=ax)

    def plot(self, *, max_rows=12, ax=None):
        """Draw a row for each layer or tree.

        Parameters
        ----------
        max_rows : int, default=12
            More layers or trees than that are drawn as one row.
        ax : matplotlib.axes.Axes, default=None
            Where; None makes a figure.

        Returns
        -------
        display : PruningImportanceDisplay
            With ``ax_`` and ``figure_``.

        Raises
        ------
        ValueError
            If no unit was ranked, as with a rate of zero.
        """
        if not np.any(self.importances > 0):
            raise ValueError(
                "There are no importances to draw: nothing was ranked. Prune at a "
                "rate above 0 a model that has units."
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
    """Between what was removed and what was kept; None where they overlap."""
    if kept.all() or not kept.any():
        return None
    last, first = importances[~kept].max(), importances[kept].min()
    return np.sqrt(last * first) if last <= first else None


def _edges(importances):
    """Edges of the bins, evenly spaced in the logarithm; the lowest holds zeros too."""
    positive = importances[importances > 0]
    high = positive.max()
    low = min(max(positive.min(), high * RANGE), high / 2)
    return np.geomspace(low, high * (1 + 1e-6), N_BINS + 1)


def _unique(ax):
    """Handles and labels of a legend, each label once."""
    handles, labels = ax.get_legend_handles_labels()
    by_label = dict(zip(labels, handles))
    return by_label.values(), by_label.keys()
