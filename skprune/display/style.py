"""What the pictures have in common: colours, marks, axes, and whom they draw.

The colours are those of Okabe and Ito, which people with any kind of colour vision can
tell apart; kept and removed differ in lightness too.
"""

from skprune.estimators.delegation import check_has_model
from skprune.estimators.pruner import PruningEstimator
from skprune.search.estimator_cv import PruningEstimatorCV
from skprune.structures import final_model, way_in

PRUNERS = PruningEstimator, PruningEstimatorCV

KEPT, REMOVED, MARK = "#0072B2", "#E5B567", "#D55E00"
CURVES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
MARKERS = "osD^vPX"


def axes_for(ax):
    """The axes to draw into.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        Those given, or new ones.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ModuleNotFoundError as error:
        raise ImportError(
            "Pictures need matplotlib; install it by: pip install 'skprune[plot]'"
        ) from error
    return plt.subplots(layout="constrained")[1] if ax is None else ax


def pruned_model(estimator, kinds=PRUNERS):
    """The estimator of skprune that is to be drawn.

    Parameters
    ----------
    estimator : estimator
        Of one of the kinds, or a container that ends in one.
    kinds : tuple of type, default=PRUNERS
        What can be drawn.

    Returns
    -------
    estimator
        Fitted, not a container.

    Raises
    ------
    TypeError
        If it is something else.
    sklearn.exceptions.NotFittedError
        If it is not fitted, or holds no model.
    """
    found = [one for one in way_in(estimator) if isinstance(one, kinds)]
    if not found:
        names = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(
            f"{type(final_model(estimator)).__name__} has nothing to draw here; give "
            f"a fitted {names}."
        )
    check_has_model(found[0])
    return found[0]


def bare(ax):
    """Take the frame off axes, but for the sides that carry numbers."""
    ax.spines[["top", "right"]].set_visible(False)
