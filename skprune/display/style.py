"""Style of the plots: colours, markers and axes, and the estimators they show.

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
    """Return the given axes, or those of a new figure if they are None."""
    try:
        import matplotlib.pyplot as plt
    except ModuleNotFoundError as error:
        raise ImportError(
            "Plots need matplotlib; install it with: pip install 'skprune[plot]'"
        ) from error
    return plt.subplots(layout="constrained")[1] if ax is None else ax


def pruned_model(estimator, kinds=PRUNERS):
    """Find the fitted estimator of skprune to show, inside containers if need be.

    Raises TypeError if none is of the given kinds, and NotFittedError if it is not
    fitted or holds no model.
    """
    found = [one for one in way_in(estimator) if isinstance(one, kinds)]
    if not found:
        names = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(
            f"{type(final_model(estimator)).__name__} cannot be plotted here; give a "
            f"fitted {names}."
        )
    check_has_model(found[0])
    return found[0]


def bare(ax):
    """Remove the top and right side of the frame of axes."""
    ax.spines[["top", "right"]].set_visible(False)
