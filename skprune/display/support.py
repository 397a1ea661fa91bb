"""PruningSupportDisplay: which input features, or pixels, survive."""

import numpy as np

from skprune.display.style import KEPT, PRUNERS, REMOVED, axes_for, bare, pruned_model
from skprune.estimators.feature_groups import feature_use
from skprune.estimators.selector import PruningSelector
from skprune.structures import final_model, input_columns

IMPORTANCE, USE = "importance", "weights or splits that read it"


class PruningSupportDisplay:
    """Which input features a pruned model still reads, as bars or as an image.

    Use `from_estimator` to make one.

    Parameters
    ----------
    support : ndarray of bool of shape (n_features,)
        Which features are left.
    values : ndarray of shape (n_features,)
        How much each feature counts; not negative.
    value_name : str
        What that is.
    names : sequence of str of shape (n_features,)
        Of the features.

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
        """Draw the features that a fitted estimator has kept.

        Parameters
        ----------
        estimator : PruningSelector, PruningEstimator or PruningEstimatorCV
            Fitted, or a container that ends in one. Of a selector importances are
            drawn; of the others the number of weights or splits that read each feature
            after pruning.
        shape, max_bars, ax
            As in `plot`.

        Returns
        -------
        display : PruningSupportDisplay
            Drawn.

        Raises
        ------
        TypeError
            If the estimator is something else.
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
        """Draw the features.

        Parameters
        ----------
        shape : (int, int), default=None
            Rows and columns of the image that the features are the pixels of. Removed
            pixels are grey. None draws bars.
        max_bars : int, default=30
            So many features that count most have a bar.
        ax : matplotlib.axes.Axes, default=None
            Where; None makes a figure.

        Returns
        -------
        display : PruningSupportDisplay
            With ``ax_`` and ``figure_``.

        Raises
        ------
        ValueError
            If the image has another number of pixels than there are features.
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
    """Weights or splits that read each column of X."""
    model = final_model(fitted)
    use = np.zeros(n_features, dtype=int)
    use[input_columns(fitted, n_features)] = feature_use(model)
    return use
