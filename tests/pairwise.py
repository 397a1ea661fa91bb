"""All pairs instead of all combinations."""

from heapq import heapify, heappop, heappushpop


def pairwise(rows):
    """Choose rows that together contain every pair of values that any row contains.

    Parameters
    ----------
    rows : list of tuple
        All combinations, one value a column; values are hashable.

    Returns
    -------
    list of tuple
        Chosen greedily: each row adds as many new pairs as any other one would, and
        of several such rows the first is taken.
    """
    missing = set().union(*map(pairs_of, rows))
    queue = [(-len(pairs_of(row)), number) for number, row in enumerate(rows)]
    heapify(queue)
    chosen = []
    while missing:
        _, number = heappop(queue)
        # what a row adds only shrinks, so the first that is up to date is the best
        while (fresh := (-len(missing & pairs_of(rows[number])), number)) > queue[0]:
            _, number = heappushpop(queue, fresh)
        chosen.append(rows[number])
        missing -= pairs_of(rows[number])
    return chosen


def pairs_of(row):
    """All pairs of two values of a row, each with its column."""
    cells = list(enumerate(row))
    return {(one, other) for one in cells for other in cells[: one[0]]}
