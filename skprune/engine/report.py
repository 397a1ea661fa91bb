"""Size of a model, and the report of what pruning changed."""

from dataclasses import astuple, dataclass, field
from html import escape

from sklearn.utils.validation import check_is_fitted

from skprune.numerics.held import stored_bytes
from skprune.structures import (
    ModelSize,
    dotted,
    family_of,
    final_model,
    prunable_models,
)

MAX_ROWS = 12  # groups that a printed report lists before it sums up the rest


def model_size(estimator):
    """Parameters, non-zeros, multiply-adds and bytes of a fitted model.

    Parameters
    ----------
    estimator : estimator
        A fitted model, a fitted `PruningEstimator`, or a container of one.

    Returns
    -------
    ModelSize
        ``n_bytes`` counts all arrays that the model holds, those that only training
        needs included. Objects of other libraries inside it are asked for their state,
        as by pickle. The other numbers of an ensemble of several models are the sums
        over those that skprune can prune.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    TypeError
        If no family of `skprune` accepts the model.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skprune import model_size
    >>> X, y = load_iris(return_X_y=True)
    >>> model_size(LogisticRegression(max_iter=500).fit(X, y)).n_parameters
    15
    """
    model = final_model(estimator)
    check_is_fitted(model)
    return total_size(model, part_sizes(model))


def total_size(model, parts):
    """Size of a fitted model from `part_sizes`, and the bytes of all that it holds."""
    sizes = parts.values()
    return ModelSize(
        n_parameters=sum([size.n_parameters for size in sizes]),
        n_nonzero=sum([size.n_nonzero for size in sizes]),
        n_macs=sum([size.n_macs for size in sizes]),
        n_bytes=stored_bytes(model),
    )


def part_sizes(model):
    """Size of each layer or tree of a fitted model, a dict of str to ModelSize.

    The model may be an ensemble of several; their names come first.
    """
    return {
        dotted(name, part): size
        for name, member in prunable_models(model)
        for part, size in family_of(member).part_sizes(member).items()
    }


@dataclass(frozen=True)
class GroupReport:
    """Units of one layer or tree before and after pruning.

    Attributes
    ----------
    name : str
        Name of the layer or tree.
    start, stop : int
        Its units are ``support_[start:stop]``.
    n_kept : int
        Number of units that remain.
    """

    name: str
    start: int
    stop: int
    n_kept: int


@dataclass(frozen=True)
class PruningReport:
    """Report of what pruning changed, printable and as HTML in a notebook.

    Attributes
    ----------
    groups : list of GroupReport
        Units by layer or tree.
    before, after : ModelSize
        Size of the whole model.
    parts_before, parts_after : dict of str to ModelSize
        Size of each layer or tree; removed ones are only in the first.
    recall_before, recall_after : dict of class label to float
        Fraction of the samples of each class that the model predicts correctly, on up
        to 100 of them; empty for regressors and for several outputs.
    """

    groups: list[GroupReport]
    before: ModelSize
    after: ModelSize
    parts_before: dict[str, ModelSize]
    parts_after: dict[str, ModelSize]
    recall_before: dict = field(default_factory=dict)
    recall_after: dict = field(default_factory=dict)

    def __repr__(self):
        rows = [_HEADER, *_body(self)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER))]
        lines = [
            row[0].ljust(widths[0])
            + "".join("  " + cell.rjust(w) for cell, w in zip(row[1:], widths[1:]))
            for row in rows
        ]
        return "\n".join(line.rstrip() for line in [*lines, *_recall_lines(self)])

    def _repr_html_(self):
        head = "".join(f"<th>{name}</th>" for name in _HEADER)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in _body(self)
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return table + "".join(f"<p>{escape(line)}</p>" for line in _recall_lines(self))


_HEADER = ("", "units", "parameters", "non-zero", "multiply-adds", "bytes")


def _body(report):
    rows = [
        (group.name, _change(group.stop - group.start, group.n_kept), "", "", "", "")
        for group in report.groups[:MAX_ROWS]
    ]
    if len(report.groups) > MAX_ROWS:
        hidden = report.groups[MAX_ROWS:]
        change = _change(
            sum(g.stop - g.start for g in hidden), sum(g.n_kept for g in hidden)
        )
        rows.append((f"({len(hidden)} more)", change, "", "", "", ""))
    nothing = ModelSize(0, 0, 0, 0)
    if len(report.parts_before) <= MAX_ROWS:
        for name, size in report.parts_before.items():
            rows.append(_size_row(name, size, report.parts_after.get(name, nothing)))
    return [*rows, _size_row("total", report.before, report.after)]


def _recall_lines(report):
    """The classes whose recall fell most, if any fell."""
    fall = {
        label: before - report.recall_after[label]
        for label, before in report.recall_before.items()
    }
    worst = sorted(fall, key=fall.__getitem__, reverse=True)[:MAX_ROWS]
    return [
        f"recall of class {label}: {report.recall_before[label]:.2f} -> "
        f"{report.recall_after[label]:.2f}"
        for label in worst
        if fall[label] > 0
    ]


def _size_row(name, before, after):
    pairs = zip(astuple(before), astuple(after))
    return (name, "", *(_change(old, new) for old, new in pairs))


def _change(old, new):
    return f"{old:,.0f} -> {new:,.0f}"
