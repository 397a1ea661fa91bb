"""What the pictures have in common: colours, marks and axes.

The colours are those of Okabe and Ito, which people with any kind of colour vision can
tell apart; kept and removed differ in lightness too.
"""

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


def bare(ax):
    """Take the frame off axes, but for the sides that carry numbers."""
    ax.spines[["top", "right"]].set_visible(False)
