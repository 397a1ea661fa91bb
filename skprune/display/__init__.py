"""Pictures of pruning, drawn with matplotlib where it is installed.

As in scikit-learn, a display holds what is drawn, `plot` draws it into axes, and class
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
