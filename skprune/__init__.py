"""Pruning estimators for scikit-learn.

Wrap a model in `PruningEstimator`, set one number, ``rate``, and get a plain, smaller
scikit-learn estimator back.
"""

from skprune.budget import Budget
from skprune.display import (
    PruningImportanceDisplay,
    PruningLayersDisplay,
    PruningPathDisplay,
    PruningSupportDisplay,
)
from skprune.estimator import PruningEstimator
from skprune.guarantee import PruningGuarantee
from skprune.methods import L1, ImportanceSampling, Magnitude, Random, Taylor
from skprune.path import PruningPath, pruning_path
from skprune.pruning import prune
from skprune.search import PruningEstimatorCV
from skprune.selector import PruningSelector
from skprune.size import ModelSize, PruningReport, model_size
from skprune.tolerance import within_tolerance

__version__ = "0.1.0.dev0"

__all__ = [
    "L1",
    "Budget",
    "ImportanceSampling",
    "Magnitude",
    "ModelSize",
    "PruningEstimator",
    "PruningEstimatorCV",
    "PruningGuarantee",
    "PruningImportanceDisplay",
    "PruningLayersDisplay",
    "PruningPath",
    "PruningPathDisplay",
    "PruningReport",
    "PruningSelector",
    "PruningSupportDisplay",
    "Random",
    "Taylor",
    "model_size",
    "prune",
    "pruning_path",
    "within_tolerance",
]
