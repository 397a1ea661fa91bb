"""How many units are gone after each step."""


def removal_counts(n_units, rate, n_steps):
    """Number of units removed after each step, cumulated.

    Each step removes the same share of the survivors [1]_: after step k of T the rate
    is ``1 - (1 - rate) ** (k / T)``. The last step ends at exactly
    ``round(rate * n_units)``.

    Parameters
    ----------
    n_units : int
        Units before the first step.
    rate : float
        Share of the units that is removed in the end, in [0, 1).
    n_steps : int
        Number of steps.

    Returns
    -------
    list of int
        One count a step, never decreasing.

    References
    ----------
    .. [1] H. Tanaka et al., "Pruning neural networks without any data by iteratively
       conserving synaptic flow", NeurIPS 2020.

    Examples
    --------
    >>> removal_counts(100, 0.9, 3)
    [54, 78, 90]
    """
    rates = [1 - (1 - rate) ** (k / n_steps) for k in range(1, n_steps)]
    return [round(r * n_units) for r in [*rates, rate]]
