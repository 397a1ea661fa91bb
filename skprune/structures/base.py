"""What every model family gives: a fitted model seen as read-outs with units.

To add a family, write one file in this folder: subclasses of `Structure`, one per
granularity, and a `Family` passed to `register`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from skprune.numerics.units import Units


@dataclass(frozen=True)
class ModelSize:
    """Size of a fitted model, or of a part of one.

    Attributes
    ----------
    n_parameters : int
        Numbers that are learned and stored. A split counts one (its threshold), a leaf
        one per value.
    n_nonzero : int
        Those that are not zero.
    n_macs : float
        Multiply-adds that one prediction costs. For trees: comparisons, one per split
        on the way, averaged over the samples that the tree has seen, and one addition
        per output and tree.
    n_bytes : int
        Bytes of memory that the fitted arrays take.
    """

    n_parameters: int
    n_nonzero: int
    n_macs: float
    n_bytes: int

    def __add__(self, other):
        return ModelSize(
            self.n_parameters + other.n_parameters,
            self.n_nonzero + other.n_nonzero,
            self.n_macs + other.n_macs,
            self.n_bytes + other.n_bytes,
        )


@dataclass(frozen=True)
class Samples:
    """The samples on which a model is pruned.

    Attributes
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        As the model takes it.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        As the model takes it.
    sample_weight : array-like of shape (n_samples,) or None
        Non-negative.
    trained_on : bool
        Whether the model was fitted on just these rows, in this order.
    fit_params : dict or None
        Metadata that the estimator was fitted with, which its models request under
        names of their own. None if `sample_weight` goes along to all of them.
    """

    X: Any
    y: Any
    sample_weight: Any = None
    trained_on: bool = False
    fit_params: Any = None


class Structure(ABC):
    """A fitted model whose units have gates.

    A structure never changes: `prune` and `finetune` return a new one. The model that
    it was first made from is kept as the teacher of the recovery; it is not changed
    either, and `finished` shares no array with it.

    A class whose units have weights of their own may have one more method,
    ``shrink(threshold, epochs, rng, passes)``. It trains as `finetune` does, and
    multiplies the weights of each unit by ``threshold(growth, progress)``.

    Attributes
    ----------
    estimator : estimator
        The plain fitted model that this structure describes; a copy.
    units : Units
        The units that are left, and how they hang together.
    group_names : list of str
        A name for each group of units.
    gates_are_linear : bool
        Whether the output is the sum of contributions times gates. Where it is not,
        `gate_gradient` is not the derivative of `loss`.
    answers : frozenset of str
        Of the class: optional operations of read-outs, see `Readout.answers`, that all
        of its read-outs have.
    finishes_own : bool
        Of the class: whether each finished model has arrays of its own, those too that
        pruning left as they were.
    """

    estimator: Any
    units: Units
    group_names: list[str]
    gates_are_linear = True
    answers: ClassVar[frozenset[str]] = frozenset()
    finishes_own = False

    @abstractmethod
    def __init__(self, model, samples): ...

    @property
    def n_units(self):
        """Number of units that may still be removed or kept."""
        return self.units.n_units

    @abstractmethod
    def readouts(self):
        """The read-outs of the model, whose units in turn are those of the structure.

        Returns
        -------
        list of Readout
            From input to output.
        """

    @abstractmethod
    def output(self, gates=None, X=None):
        """Output of the model with each unit multiplied by its gate.

        Parameters
        ----------
        gates : ndarray of shape (n_units,), default=None
            None for ones.
        X : array-like of shape (n_samples, n_features), default=None
            None for the samples of the structure.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Before the link function (logits of a classifier that has them).
        """

    @abstractmethod
    def loss(self, gates=None):
        """Weighted mean loss on the samples of the structure, a float."""

    @abstractmethod
    def prune(self, gates, *, compensate, rng):
        """Remove the units whose gate is zero and rescale the others.

        Parameters
        ----------
        gates : ndarray of shape (n_units,)
            One keeps, zero removes.
        compensate : bool
            Whether the survivors are estimated anew by least squares.
        rng : numpy.random.Generator
            Source of random splits, where the recovery needs them.

        Returns
        -------
        Structure
            Of the smaller model, with ``(gates != 0).sum()`` units.
        """

    def prepared(self):
        """The structure with what several prunings of it have in common.

        Returns
        -------
        Structure
            This one, where they have nothing to share.
        """
        return self

    def polished(self):
        """The last recovery, once all steps are done: of all survivors together.

        Returns
        -------
        Structure
            This one, where layers are not recovered apart from each other.
        """
        return self

    def finetune(self, epochs, rng, passes=range):
        """Train the survivors for some passes, removed units held at zero.

        Parameters
        ----------
        epochs : int
            Passes over the samples.
        rng : numpy.random.Generator
            Order of the samples.
        passes : callable, default=range
            ``passes(epochs)`` is what the training iterates over, one item a pass, so
            that others can follow it.

        Returns
        -------
        Structure
            Of the trained model.

        Raises
        ------
        ValueError
            For models that are not trained by passes.
        """
        raise ValueError(
            f"finetune={epochs} asks for training passes, but "
            f"{type(self.estimator).__name__} is not trained by passes; set finetune=0."
        )

    @abstractmethod
    def finished(self):
        """The plain artefact: `estimator` without what prediction does not need."""

    def gate_gradient(self):
        """Derivative of `loss` by each gate at ones, (n_units,)."""
        parts = [readout.gate_gradient() for readout in self.readouts()]
        return np.concatenate(parts) if parts else np.zeros(0)


@dataclass(frozen=True)
class Family:
    """A family of models and the structures that it has.

    Attributes
    ----------
    name : str
        In words, for errors: "linear models".
    accepts : callable
        ``accepts(model) -> bool``; must not need a fitted model.
    structures : mapping of str to type
        Canonical granularity to the subclass of `Structure` that has it.
    synonyms : mapping of str to str
        The family's own words for its granularities.
    part_sizes : callable
        ``part_sizes(fitted_model) -> dict`` from the name of each part (a layer, a
        tree) to its `ModelSize`.
    trains_by_passes : bool
        Whether its structures can `finetune`.
    feature_use : callable or None
        ``feature_use(fitted_model) -> ndarray of int (n_features,)``: how many weights
        or splits read each feature. Those that some read are the units of the
        granularity "feature", in this order. None where there is no such granularity.
    default : str or None
        Granularity at which its models are trained further; None is the first of
        `structures`.
    """

    name: str
    accepts: Callable
    structures: Mapping
    synonyms: Mapping
    part_sizes: Callable
    trains_by_passes: bool = False
    feature_use: Callable | None = None
    default: str | None = None

    def of(self, model):
        """The family as it is for one of its models, fitted or not."""
        return self

    def answers(self, granularity):
        """Optional operations that the read-outs of a canonical granularity have."""
        return self.structures[granularity].answers

    def granularity(self, name):
        """Canonical name of a granularity, or of the default where it is None.

        Raises
        ------
        ValueError
            If the family does not have it; names those that it has.
        """
        if name is None:
            name = self.default or next(iter(self.structures))
        canonical = self.synonyms.get(name, name)
        if canonical in self.structures:
            return canonical
        known = ", ".join(
            repr(own) + "".join(f" (or {s!r})" for s in self._words(own))
            for own in self.structures
        )
        raise ValueError(
            f"granularity={name!r} is not one that {self.name} have; choose {known}."
        )

    def _words(self, canonical):
        return [word for word, own in self.synonyms.items() if own == canonical]


FAMILIES: list[Family] = []
REFUSALS: dict[type, str] = {}  # why models that look like those of a family are not


def register(family):
    """Make a family known to `skprune`.

    Parameters
    ----------
    family : Family
        The family registered last is asked first.
    """
    FAMILIES.insert(0, family)
