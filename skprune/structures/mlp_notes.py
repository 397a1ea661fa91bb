"""What a cache keeps of a network and its samples, so that no pruning finds it again.

What the network puts out, how its activations spread and the moments of its features
do not depend on how it is pruned.
"""

from dataclasses import dataclass

import numpy as np

from skprune.readouts.least_squares import NormalEquations

MOST = 2**19  # numbers of one note; what is larger takes as long to read as to find


@dataclass(frozen=True)
class MLPNotes:
    """What a cache keeps of a network and the samples that it was trained on.

    Attributes
    ----------
    output : ndarray of shape (n_samples, n_outputs) or None
        Before the link function; None where it is large.
    spreads : list of ndarray of shape (n_inputs,)
        Standard deviation of the inputs of each layer.
    moments : NormalEquations or None
        Of the features; None where they are many.
    """

    output: np.ndarray | None
    spreads: list
    moments: NormalEquations | None

    @classmethod
    def of(cls, structure):
        """What an `MLPStructure` of samples without weights finds."""
        spreads = structure.signals.spreads(structure.weights)
        output, moments = structure.signals.output, None
        if structure.X.shape[1] ** 2 <= MOST:
            moments = structure.recovery.feature_moments
        return cls(output if output.size <= MOST else None, spreads, moments)

    def tell(self, structure):
        """Let a structure of the same model and samples know it, as if it found it."""
        structure.spreads = self.spreads
        if self.output is not None:
            structure.signals.output = self.output
        if self.moments is not None:
            structure.recovery.feature_moments = self.moments
