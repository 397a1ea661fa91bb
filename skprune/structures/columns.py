"""Columns of X that a model behind transformers takes as its features."""

import numpy as np

from skprune.structures.location import transformers


def input_columns(estimator, n_features):
    """Find the column of X that each feature of the model in containers is.

    Parameters
    ----------
    estimator : estimator
        A fitted model or container.
    n_features : int
        Number of columns of X.

    Returns
    -------
    ndarray of int of shape (n_model_features,)
        In the order of the model's features.

    Raises
    ------
    ValueError
        If a transformer makes new features instead of scaling or selecting columns,
        that is, if names of its output are not names of its input.
    """
    columns = np.arange(n_features)
    for transformer in transformers(estimator):
        columns = columns[_chosen(transformer, len(columns))]
    return columns


def _chosen(transformer, n_columns):
    """Find the position in the input of each output, by its name."""
    names = [f"x{j}" for j in range(n_columns)]
    names = list(getattr(transformer, "feature_names_in_", names))
    if hasattr(transformer, "get_feature_names_out"):
        outputs = transformer.get_feature_names_out(names)
        if set(outputs) <= set(names):
            position = {name: j for j, name in enumerate(names)}
            return np.array([position[name] for name in outputs], dtype=int)
    raise ValueError(
        f"{type(transformer).__name__} makes features that are not columns of its "
        "input, so no column of X can be kept or removed for them; move it out of the "
        "pruned estimator, into a pipeline around both."
    )
