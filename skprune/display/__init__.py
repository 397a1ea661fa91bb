"""Plots of pruning, made with matplotlib if it is installed.

As in scikit-learn, a display holds the data, `plot` draws it into axes, and class
methods compute it from estimators.
"""

from skprune.display.importance import PruningImportanceDisplay
from skprune.display.layers import PruningLayersDisplay
from skprune.display.path import PruningPathDisplay
from skprune.display.support import PruningSupportDisplay

__all__ = [
    "PruningImportanceDisplay",
    "PruningLayersDisplay",
    "PruningPathDisplay",
    "PruningSupportDisplay",
]
