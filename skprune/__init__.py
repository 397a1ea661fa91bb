"""Pruning estimators for scikit-learn.

Wrap a model in `PruningEstimator`, set one number, ``rate``, and get a plain, smaller
scikit-learn estimator back.
"""

from skprune.estimator import PruningEstimator
from skprune.methods import L1, ImportanceSampling, Magnitude, Random, Taylor
from skprune.path import PruningPath, pruning_path
from skprune.pruning import prune
from skprune.selector import PruningSelector
from skprune.size import ModelSize, PruningReport, model_size

__version__ = "0.1.0.dev0"

__all__ = [
    "L1",
    "ImportanceSampling",
    "Magnitude",
    "ModelSize",
    "PruningEstimator",
    "PruningPath",
    "PruningReport",
    "PruningSelector",
    "Random",
    "Taylor",
    "model_size",
    "prune",
    "pruning_path",
]
