"""Warnings about prunings that were done as asked."""


class PruningWarning(UserWarning):
    """Something about a pruning that its user should know."""


class FlooredRateWarning(PruningWarning):
    """Fewer units can be removed than the rate asks for."""


class LostClassWarning(PruningWarning):
    """A class that the model recognised is hardly predicted after pruning."""
