"""PruningLayersDisplay: plot of the layers of a network before and after pruning."""

from dataclasses import dataclass

import numpy as np

from skprune.display.style import KEPT, REMOVED, axes_for, pruned_model
from skprune.structures import final_model
from skprune.structures.net_view import net_view

BAR = 0.16  # width of a layer; the distance of layers is one


@dataclass(frozen=True)
class Layers:
    """Widths of the layers of a network, and numbers of weights between them.

    Attributes
    ----------
    widths : list of int of length n_layers
        Number of features, of neurons in each hidden layer, and of outputs.
    in_use : list of int of length n_layers
        Number of those on a path of non-zero weights from the input to the output.
    n_weights : list of int of length n_layers - 1
        Number of non-zero weights and intercepts.
    """

    widths: list
    in_use: list
    n_weights: list


class PruningLayersDisplay:
    """Plot of the layers of an MLP before and after pruning.

    The height of a layer is the square root of its number of neurons. The area between
    two layers is darker the more weights remain. Create the display with
    `from_estimator`.

    Parameters
    ----------
    before, after : Layers
        The network before and after pruning.
    positions : ndarray of int of shape (n_layers_after,)
        Index in `before` of each layer of `after`.

    Attributes
    ----------
    ax_, figure_ : matplotlib.axes.Axes, matplotlib.figure.Figure
        Axes and figure of the last plot.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skprune import PruningEstimator, PruningLayersDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> net = MLPClassifier((60, 30), max_iter=30, tol=0.01, random_state=0)
    >>> model = PruningEstimator(net, granularity="neuron", rate=0.8).fit(X, y)
    >>> PruningLayersDisplay.from_estimator(model)
    <...>
    >>> plt.show()
    """

    def __init__(self, *, before, after, positions):
        self.before = before
        self.after = after
        self.positions = positions

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Plot the layers of a pruned MLP.

        Parameters
        ----------
        estimator : PruningEstimator or PruningEstimatorCV
            Fitted estimator whose model is an MLP, or a container that ends in one.
        ax : matplotlib.axes.Axes, default=None
            As in `plot`.

        Returns
        -------
        PruningLayersDisplay
            The display, plotted.

        Raises
        ------
        TypeError
            If the estimator is of another kind, or its model is no MLP.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        estimator = pruned_model(estimator)
        model, report = final_model(estimator.estimator_), estimator.report_
        coefs = _weights(model)
        before = _trained(report.parts_before, coefs[0].shape[0])
        n_nonzero = [part.n_nonzero for part in report.parts_after.values()]
        after = _pruned(coefs, n_nonzero)
        hidden = np.arange(1, len(before.widths) - 1)
        if len(after.widths) < len(before.widths):
            hidden = hidden[estimator.support_]
        positions = np.array([0, *hidden, len(before.widths) - 1])
        return cls(before=before, after=after, positions=positions).plot(ax=ax)

    def plot(self, *, ax=None):
        """Plot the network as trained above the pruned one.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. None makes a figure.

        Returns
        -------
        PruningLayersDisplay
            The display itself.
        """
        ax = axes_for(ax)
        self.ax_, self.figure_ = ax, ax.figure
        n_layers, tallest = len(self.before.widths), max(self.before.widths)
        self._draw(ax, self.before, np.arange(n_layers), 0.0, tallest)
        self._draw(ax, self.after, self.positions, 1.3, tallest)
        names = ["input", *(f"hidden {k}" for k in range(1, n_layers - 1)), "output"]
        ax.set_xticks(np.arange(n_layers), names)
        ax.set_yticks([0.0, 1.3], ["before", "after"])
        ax.set(xlim=(-0.4, n_layers - 0.6), ylim=(2.0, -0.7))
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        if self.after.in_use != self.after.widths:
            ax.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
        return self

    def _draw(self, ax, layers, positions, y, tallest):
        heights = np.sqrt(np.array(layers.widths) / tallest)
        used = np.sqrt(np.array(layers.in_use) / tallest)
        places = np.asarray(positions, dtype=float)
        names = ("not in use", "in use") if y else (None, None)
        for tall, color, name in zip((heights, used), (REMOVED, KEPT), names):
            ax.bar(places, tall, BAR, y - tall / 2, color=color, label=name)
        for k, count in enumerate(layers.n_weights):
            self._draw_weights(ax, places[k : k + 2], heights[k : k + 2], y, count, k)
        for x, height, width, n_used in zip(
            places, heights, layers.widths, layers.in_use
        ):
            label = f"{width:,}" if width == n_used else f"{n_used:,} of {width:,}"
            ax.text(x, y - height / 2 - 0.03, label, ha="center", va="bottom")

    def _draw_weights(self, ax, places, heights, y, count, layer):
        left, right = places[0] + BAR / 2, places[1] - BAR / 2
        most = max(self.before.n_weights)
        corners = heights / 2
        ax.fill_between(
            [left, right],
            y - corners,
            y + corners,
            color=KEPT,
            alpha=0.06 + 0.34 * np.sqrt(count / most),
            lw=0,
        )
        middle = (left + right) / 2
        ax.text(middle, y, f"{count:,}", ha="center", va="center", fontsize="small")


def _weights(model):
    """Return the weights of each layer as the model stores them."""
    try:
        return [W for W, _ in net_view(model).layers]
    except TypeError as error:
        raise TypeError(
            f"{type(model).__name__} has no layers to plot; this plot is for "
            "MLPClassifier, MLPRegressor and other networks. Print report_ instead."
        ) from error


def _trained(parts, n_features):
    """Make the layers of the network before pruning from the sizes of its parts."""
    # a layer has one intercept per output: a parameter without a multiplication
    widths = [part.n_parameters - int(part.n_macs) for part in parts.values()]
    counts = [part.n_nonzero for part in parts.values()]
    return Layers([n_features, *widths], [n_features, *widths], counts)


def _pruned(coefs, n_nonzero):
    """Make the layers of a pruned network, and count the neurons in use."""
    fed, read = [np.ones(coefs[0].shape[0])], [np.ones(coefs[-1].shape[1])]
    for W in coefs:
        fed.append((abs(W).T @ fed[-1] > 0).astype(float))
    for W in reversed(coefs):
        read.append((abs(W) @ read[-1] > 0).astype(float))
    in_use = [int(np.sum(one * other)) for one, other in zip(fed, reversed(read))]
    return Layers([len(layer) for layer in fed], in_use, n_nonzero)
