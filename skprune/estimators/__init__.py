"""Estimators that prune the model that they hold."""

from skprune.estimators import nested as nested  # registers them as containers
