"""Estimators that prune the model inside them."""
