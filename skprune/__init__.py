"""Pruning estimators for scikit-learn.

Wrap a model in `PruningEstimator`, set one number, ``rate``, and get a plain, smaller
scikit-learn estimator back.
"""

from skprune.display import (
    PruningImportanceDisplay,
    PruningLayersDisplay,
    PruningPathDisplay,
    PruningSupportDisplay,
)
from skprune.engine.budget import Budget
from skprune.engine.functions import PruningPath, prune, pruning_path
from skprune.engine.report import ModelSize, PruningReport, model_size
from skprune.estimators.pruner import PruningEstimator
from skprune.estimators.selector import PruningSelector
from skprune.methods import L1, ImportanceSampling, Magnitude, Random, Taylor
from skprune.search.estimator_cv import PruningEstimatorCV
from skprune.search.guarantee import PruningGuarantee
from skprune.search.tolerance import within_tolerance

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
