"""PruningSupportDisplay: plot of the input features, or pixels, that are kept."""

import numpy as np

from skprune.display.style import KEPT, PRUNERS, REMOVED, axes_for, bare, pruned_model
from skprune.estimators.feature_groups import feature_use
from skprune.estimators.selector import PruningSelector
from skprune.structures import final_model, input_columns

IMPORTANCE, USE = "importance", "weights or splits that read it"


class PruningSupportDisplay:
    """Plot of the input features that a pruned model reads, as bars or as an image.

    Create it with `from_estimator`.

    Parameters
    ----------
    support : ndarray of bool of shape (n_features,)
        Which features are kept.
    values : ndarray of shape (n_features,)
        Non-negative value of each feature.
    value_name : str
        Name of the values.
    names : sequence of str of shape (n_features,)
        Names of the features.

    Attributes
    ----------
    ax_, figure_ : matplotlib.axes.Axes, matplotlib.figure.Figure
        Axes and figure of the last plot.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skprune import PruningSelector, PruningSupportDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> net = MLPClassifier((30,), max_iter=30, tol=0.01, random_state=0)
    >>> selector = PruningSelector(net, n_features_to_select=20).fit(X, y)
    >>> PruningSupportDisplay.from_estimator(selector, shape=(8, 8))
    <...>
    >>> plt.show()
    """

    def __init__(self, *, support, values, value_name, names):
        self.support = support
        self.values = values
        self.value_name = value_name
        self.names = names

    @classmethod
    def from_estimator(cls, estimator, *, shape=None, max_bars=30, ax=None):
        """Plot the features that a fitted estimator has kept.

        Parameters
        ----------
        estimator : PruningSelector, PruningEstimator or PruningEstimatorCV
            Fitted estimator, or a container that ends in one. The values of a selector
            are its importances. Those of the others are the number of weights or
            splits that read each feature after pruning.
        shape, max_bars, ax
            As in `plot`.

        Returns
        -------
        PruningSupportDisplay
            The display, plotted.

        Raises
        ------
        TypeError
            If the estimator is of another kind.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        estimator = pruned_model(estimator, (*PRUNERS, PruningSelector))
        n_features = estimator.n_features_in_
        if isinstance(estimator, PruningSelector):
            values, name = estimator.importances_, IMPORTANCE
            support = estimator.support_
        else:
            values, name = _use(estimator.estimator_, n_features), USE
            support = values > 0
        numbered = [f"x{j}" for j in range(n_features)]
        names = getattr(estimator, "feature_names_in_", numbered)
        display = cls(support=support, values=values, value_name=name, names=names)
        return display.plot(shape=shape, max_bars=max_bars, ax=ax)

    def plot(self, *, shape=None, max_bars=30, ax=None):
        """Plot the features.

        Parameters
        ----------
        shape : (int, int), default=None
            Rows and columns of an image whose pixels are the features; removed pixels
            are grey. None plots bars.
        max_bars : int, default=30
            Largest number of bars. Kept features and large values come first.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. None makes a figure.

        Returns
        -------
        PruningSupportDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the number of pixels is not the number of features.
        """
        if shape is not None and np.prod(shape) != len(self.support):
            raise ValueError(
                f"shape={shape} has {np.prod(shape)} pixels, but there are "
                f"{len(self.support)} features."
            )
        ax = axes_for(ax)
        self.ax_, self.figure_ = ax, ax.figure
        if shape is None:
            self._draw_bars(ax, max_bars)
        else:
            self._draw_image(ax, shape)
        return self

    def _draw_image(self, ax, shape):
        values = np.ma.masked_array(self.values, ~self.support).reshape(shape)
        ax.set_facecolor("0.9")
        image = ax.imshow(values, cmap="viridis", vmin=0)
        self.figure_.colorbar(image, ax=ax, label=self.value_name)
        kept = f"{self.support.sum():,} of {len(self.support):,} features kept"
        ax.set(xticks=[], yticks=[], xlabel=kept)

    def _draw_bars(self, ax, max_bars):
        order = np.lexsort((-self.values, ~self.support))[:max_bars]
        for part, color, label in ((True, KEPT, "kept"), (False, REMOVED, "removed")):
            rows = np.flatnonzero(self.support[order] == part)
            if len(rows):
                ax.barh(rows, self.values[order[rows]], color=color, label=label)
        bare(ax)
        ax.set_yticks(np.arange(len(order)), [str(self.names[j]) for j in order])
        ax.invert_yaxis()
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel(self.value_name)
        ax.legend(frameon=False, loc="lower right")


def _use(fitted, n_features):
    """Count the weights or splits that read each column of X."""
    model = final_model(fitted)
    use = np.zeros(n_features, dtype=int)
    use[input_columns(fitted, n_features)] = feature_use(model)
    return use
