"""The plan of a pruning: parameters, checked before any expensive computation."""

from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from skprune.engine.budget import Budget
from skprune.methods import Method, make_method
from skprune.numerics.units import SCOPES
from skprune.structures import family_of, prunable_models


@dataclass(frozen=True)
class Plan:
    """Parameters of `prune` except the rate."""

    method: Method
    granularity: str = "connection"
    scope: str = "global"
    n_steps: int = 1
    compensate: bool = True
    finetune: int = 0
    verbose: int = 0

    def check(self, estimator):
        """Raise if the plan does not fit an estimator, fitted or not.

        A TypeError if its model cannot be pruned. A ValueError, with the name of the
        model if there are several, if a value is out of range, if the family has no
        such granularity, or if `finetune` asks for passes that it cannot train.
        """
        models = prunable_models(estimator)
        families = [(name, family_of(model)) for name, model in models]
        for name, family in families:
            with _naming(name):
                family.granularity(self.granularity)
        self._check_values()
        for name, family in families:
            with _naming(name):
                granularity = family.granularity(self.granularity)
                check_needs(self.method, family, granularity)
                self._check_training(family, granularity)

    def _check_values(self):
        self.method.check()
        if self.scope not in SCOPES:
            raise ValueError(
                f"scope={self.scope!r} is not known; choose one of {SCOPES}."
            )
        if not isinstance(self.compensate, bool | np.bool_):
            raise ValueError(f"compensate={self.compensate!r} must be True or False.")
        _check_count("n_steps", self.n_steps, least=1)
        _check_count("finetune", self.finetune, least=0)

    def _check_training(self, family, granularity):
        if self.method.in_training is not None:
            self.method.in_training.check(self, family, granularity)
        if self.finetune and not family.trains_by_passes:
            raise ValueError(
                f"finetune={self.finetune} asks for training passes, but {family.name} "
                "are not trained by passes; set finetune=0."
            )


def check_needs(method, family, granularity):
    """Raise a ValueError if a method needs operations that read-outs do not have.

    The message names the parameter of the method, and what to use instead.
    """
    for need in method.needs():
        if need.operation in family.answers(granularity):
            continue
        able = [g for g in family.structures if need.operation in family.answers(g)]
        others = f", or granularity={' or '.join(map(repr, able))}" if able else ""
        raise ValueError(
            f"{need.setting} asks for {need.asks}, which {family.name} do not have at "
            f"granularity={granularity!r}; use {need.instead}{others}."
        )


@contextmanager
def _naming(name):
    """Put the name of a model in front of errors about it."""
    try:
        yield
    except ValueError as error:
        if not name:
            raise
        raise ValueError(f"{name}: {error}") from None


def plan_for(estimator, *, method, **options):
    """Make a plan from parameters of `prune` and check it against an estimator."""
    plan = Plan(make_method(method), **options)
    plan.check(estimator)
    return plan


def check_rate(rate):
    """Raise a ValueError if a rate is neither a number in [0, 1) nor a `Budget`."""
    if isinstance(rate, Budget):
        return
    number = isinstance(rate, Real) and not isinstance(rate, bool)
    if not number or not 0 <= float(rate) < 1:
        raise ValueError(
            f"rate={rate!r} is not a fraction of units; it must be a number in [0, 1), "
            "or a Budget."
        )


def _check_count(name, value, *, least):
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}={value!r} must be an integer of at least {least}.")
