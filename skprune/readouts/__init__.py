"""Read-outs: the sums of contributions that methods rank.

A family describes a fitted model as read-outs: `RowReadout`, `EntryReadout`,
`AdditiveReadout`, or another subclass of `Readout`. A `Loss` is the training loss of
the model, and the least-squares functions re-estimate the remaining weights.
"""

from skprune.numerics.least_squares import (
    NormalEquations,
    normal_equations,
    ridge_strength,
    solve_masked,
    solve_nonnegative,
    solve_rows,
)
from skprune.numerics.losses import (
    EXPONENTIAL,
    LOGISTIC,
    SOFTMAX,
    SQUARED,
    SQUARED_HINGE,
    Loss,
    Objective,
    huber,
    tweedie,
)
from skprune.readouts.additive import AdditiveReadout
from skprune.readouts.base import Readout
from skprune.readouts.dense import DenseReadout, EntryReadout, RowReadout

__all__ = [
    "EXPONENTIAL",
    "LOGISTIC",
    "SOFTMAX",
    "SQUARED",
    "SQUARED_HINGE",
    "AdditiveReadout",
    "DenseReadout",
    "EntryReadout",
    "Loss",
    "NormalEquations",
    "Objective",
    "Readout",
    "RowReadout",
    "huber",
    "normal_equations",
    "ridge_strength",
    "solve_masked",
    "solve_nonnegative",
    "solve_rows",
    "tweedie",
]
