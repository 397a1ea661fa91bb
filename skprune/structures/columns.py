"""Which column of the input each feature of a model is, behind transformers."""

import numpy as np

from skprune.structures.location import transformers


def input_columns(estimator, n_features):
    """The column of X that each feature of the model at the end of containers is.

    Parameters
    ----------
    estimator : estimator
        A fitted model or container.
    n_features : int
        Columns of X.

    Returns
    -------
    ndarray of int of shape (n_model_features,)
        In the order of the model's features.

    Raises
    ------
    ValueError
        If a transformer on the way makes features of its own, rather than to scale or
        to select columns: its output names are not names of its input.
    """
    columns = np.arange(n_features)
    for transformer in transformers(estimator):
        columns = columns[_chosen(transformer, len(columns))]
    return columns


def _chosen(transformer, n_columns):
    """Position in the input of each output of a transformer, told by its name."""
    names = [f"x{j}" for j in range(n_columns)]
    names = list(getattr(transformer, "feature_names_in_", names))
    if hasattr(transformer, "get_feature_names_out"):
        outputs = transformer.get_feature_names_out(names)
        if set(outputs) <= set(names):
            position = {name: j for j, name in enumerate(names)}
            return np.array([position[name] for name in outputs], dtype=int)
    raise ValueError(
        f"{type(transformer).__name__} makes features that are not columns of its "
        "input, so that no column can be said to stay or go; put it in front of what "
        "is pruned, in a pipeline around both."
    )
