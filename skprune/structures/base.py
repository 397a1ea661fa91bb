"""Base of model families: fitted models described as read-outs with units.

To add a family, write one file in this folder: subclasses of `Structure`, one per
granularity, and a `Family` passed to `register`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from typing import Any, ClassVar

import numpy as np

from skprune.numerics.units import Units


@dataclass(frozen=True)
class ModelSize:
    """Size of a fitted model, or of a part of one.

    Attributes
    ----------
    n_parameters : int
        Number of learned values that are stored. A split counts one (its threshold), a
        leaf one per value.
    n_nonzero : int
        Number of these values that are not zero.
    n_macs : float
        Number of multiply-adds of one prediction. For trees: the comparisons on the
        path, averaged over the training samples, and one addition per output and tree.
    n_bytes : int
        Memory of the fitted arrays in bytes.
    """

    n_parameters: int
    n_nonzero: int
    n_macs: float
    n_bytes: int

    def __add__(self, other):
        return ModelSize(*map(sum, zip(astuple(self), astuple(other))))


@dataclass(frozen=True)
class Samples:
    """Samples on which a model is pruned.

    Attributes
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        As the model takes it.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        As the model takes it.
    sample_weight : array-like of shape (n_samples,) or None
        Non-negative.
    trained_on : bool
        Whether the model was fitted on exactly these rows, in this order.
    fit_params : dict or None
        Metadata that the estimator was fitted with, for models that request them by
        other names. None if all models take `sample_weight`.
    """

    X: Any
    y: Any
    sample_weight: Any = None
    trained_on: bool = False
    fit_params: Any = None


class Structure(ABC):
    """Fitted model whose units have gates.

    A structure never changes: `prune` and `finetune` return another one. The model that
    the first one was made from is the teacher of the recovery. It does not change
    either, and shares no array with `finished`.

    A class whose units have weights of their own may have one more method,
    ``shrink(threshold, epochs, rng, passes)``. It trains as `finetune` does, and
    multiplies the weights of each unit by ``threshold(growth, progress)``.

    Parameters
    ----------
    model : estimator
        Fitted.
    samples : Samples
        As the model takes them.

    Attributes
    ----------
    estimator : estimator
        The plain fitted model that this structure describes; a copy.
    units : Units
        The remaining units, and their groups, floors and nesting.
    group_names : list of str
        Name of each group of units.
    loss_function : Loss
        Loss of the output. `loss` and `output_gradient` need it, with the next two.
    targets : ndarray of shape (n_samples, n_outputs)
        Targets in the form that the loss takes.
    weights : ndarray of shape (n_samples,)
        Sample weights that sum to one.
    gates_are_linear : bool
        Whether the output is the sum of contributions times gates. If not,
        `gate_gradient` is not the derivative of `loss`.
    answers : frozenset of str
        Class attribute: optional operations that all read-outs have, see
        `Readout.answers`.
    finishes_own : bool
        Class attribute: whether no two finished models share arrays, even those that
        pruning did not change.
    """

    estimator: Any
    units: Units
    group_names: list[str]
    loss_function: Any
    targets: Any
    weights: Any
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
        """List the read-outs; their units, concatenated, are those of the structure.

        Returns
        -------
        list of Readout
            From input to output.
        """

    @abstractmethod
    def output(self, gates=None, X=None):
        """Compute the output of the model with each unit multiplied by its gate.

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

    def loss(self, gates=None):
        """Compute the weighted mean loss on the samples of the structure, a float."""
        per_sample = self.loss_function.value(self.output(gates), self.targets)
        return float(self.weights @ per_sample)

    def output_gradient(self, rng=None):
        """Derivative of each sample's loss with respect to the output.

        Parameters
        ----------
        rng : numpy.random.Generator, default=None
            Source of labels that are drawn from the model. None means the targets.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        Z = self.output()
        Y = self.targets if rng is None else self.loss_function.draw(Z, rng)
        return self.loss_function.gradient(Z, Y)

    @abstractmethod
    def prune(self, gates, *, compensate, rng):
        """Remove the units whose gate is zero and rescale the others.

        Parameters
        ----------
        gates : ndarray of shape (n_units,)
            One keeps, zero removes.
        compensate : bool
            Whether the remaining parameters are re-estimated by least squares.
        rng : numpy.random.Generator
            Source of randomness of the recovery.

        Returns
        -------
        Structure
            Structure of the smaller model, with ``(gates != 0).sum()`` units.
        """

    def prepared(self):
        """Compute what several prunings of this structure share, if there is anything.

        Returns
        -------
        Structure
            This one, or one that has it.
        """
        return self

    def polished(self):
        """Recover all layers together, once all steps are done.

        Returns
        -------
        Structure
            This one, unless its layers are recovered one by one.
        """
        return self

    def finetune(self, epochs, rng, passes=range):
        """Train the remaining units for some passes, with removed ones held at zero.

        Parameters
        ----------
        epochs : int
            Passes over the samples.
        rng : numpy.random.Generator
            Order of the samples.
        passes : callable, default=range
            The training iterates over ``passes(epochs)``, one item per pass, so that
            others can follow it.

        Returns
        -------
        Structure
            Structure of the trained model.

        Raises
        ------
        ValueError
            If the model is not trained by passes.
        """
        raise ValueError(
            f"finetune={epochs} asks for training passes, but "
            f"{type(self.estimator).__name__} is not trained by passes; set finetune=0."
        )

    @abstractmethod
    def finished(self):
        """Make the plain model: `estimator` without what only training needs."""

    def gate_gradient(self):
        """Derivative of `loss` with respect to each gate, at ones, (n_units,)."""
        parts = [readout.gate_gradient() for readout in self.readouts()]
        return np.concatenate(parts) if parts else np.zeros(0)


@dataclass(frozen=True)
class Family:
    """Family of models, and its structures.

    Attributes
    ----------
    name : str
        Plural noun for errors, as in "linear models".
    accepts : callable
        ``accepts(model) -> bool``, for fitted and unfitted models.
    structures : mapping of str to type
        Subclass of `Structure` for each canonical granularity.
    synonyms : mapping of str to str
        Canonical granularity for each other word of the family.
    part_sizes : callable
        ``part_sizes(fitted_model) -> dict``: the `ModelSize` of each part (a layer, a
        tree) by its name.
    trains_by_passes : bool
        Whether its structures can `finetune`.
    feature_use : callable or None
        ``feature_use(fitted_model) -> ndarray of int (n_features,)``: the number of
        weights or splits that read each feature. Features with any are the units of the
        granularity "feature", in this order. None if there is no such granularity.
    default : str or None
        Granularity at which ``partial_fit`` trains. None means the first of
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
        """Make the family specific to one of its models, fitted or not."""
        return self

    def answers(self, granularity):
        """Name the optional operations of read-outs that a granularity has."""
        return self.structures[granularity].answers

    def granularity(self, name):
        """Find the canonical name of a granularity; None means the default.

        Raises
        ------
        ValueError
            If the family does not have it; the message lists those that it has.
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
REFUSALS: dict[type, str] = {}  # why a class of models cannot be pruned


def register(family):
    """Add a family of models that can be pruned.

    Parameters
    ----------
    family : Family
        Takes precedence over families that were registered before.
    """
    FAMILIES.insert(0, family)
