"""What a model is before it is pruned: its sizes, and the recall of its classes.

Neither depends on how it is pruned, so that a cached model has its account beside it,
and notes of what else does not.
"""

from dataclasses import dataclass, replace
from typing import Any

from skprune.engine.recall import ClassRows, class_rows, recall_before
from skprune.engine.report import part_sizes, total_size
from skprune.structures import ModelSize


@dataclass(frozen=True)
class Account:
    """A fitted model in numbers.

    Attributes
    ----------
    size : ModelSize
        Of the whole model.
    parts : dict of str to ModelSize
        Of each layer or tree.
    rows : ClassRows
        Some of the samples; none for regressors and several outputs.
    recall : dict of class label to float
        On these samples.
    notes : object or None
        From ``Family.noted``, where recovery is to know it.
    fit : str or None
        Name of the fit that the model is from, of which a cache gives equal copies.
    """

    size: ModelSize
    parts: dict[str, ModelSize]
    rows: ClassRows
    recall: dict
    notes: Any = None
    fit: str | None = None


def account_of(location):
    """The account of a model on the samples that it is pruned on.

    Parameters
    ----------
    location : Location
        Where the model is.

    Returns
    -------
    Account
        Of the model as it is.
    """
    model, samples = location.model, location.samples
    parts = part_sizes(model)
    rows = class_rows(model, samples.X, samples.y)
    recall = recall_before(model, samples.X, rows)
    return Account(total_size(model, parts), parts, rows, recall)


def with_notes(location, account):
    """A location whose samples have the notes of an account.

    Parameters
    ----------
    location : Location
        Where the model is.
    account : Account or None
        Of that model, on the same samples.

    Returns
    -------
    Location
        Of the same model.
    """
    if account is None or account.notes is None:
        return location
    (member,) = location.members
    samples = replace(member.samples, notes=account.notes)
    return replace(location, members=[replace(member, samples=samples)])
