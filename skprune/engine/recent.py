"""What was read or made lately, so that it is not read or made again at once.

A search goes through its folds for one candidate after the other: it reads the same
few models from its cache each time, and prunes them on the same samples.
"""

import pickle
import sys
from collections import OrderedDict
from threading import Lock

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator

MOST_BYTES = 2**26  # of what is kept of each kind, in one process


class Recent:
    """Objects by their names; those used least lately are let go of.

    Parameters
    ----------
    most_bytes : int
        Of all objects that are kept.
    """

    def __init__(self, most_bytes):
        self.most_bytes = most_bytes
        self._kept = OrderedDict()  # pairs of an object and its bytes
        self._lock = Lock()

    def get(self, name):
        """The object of a name, to be read only, as others may hold it; or None."""
        with self._lock:
            if name not in self._kept:
                return None
            self._kept.move_to_end(name)
            return self._kept[name][0]

    def keep(self, name, value, n_bytes):
        """Keep an object under a name of its own.

        Parameters
        ----------
        name : hashable
            Of this object and those that are equal to it.
        value : object
            Not None; not to be changed any more.
        n_bytes : int
            How much it counts.
        """
        with self._lock:
            self._kept.pop(name, None)
            if n_bytes > self.most_bytes:
                return
            self._kept[name] = value, n_bytes
            while sum(own for _, own in self._kept.values()) > self.most_bytes:
                self._kept.popitem(last=False)


UNPICKLED = Recent(MOST_BYTES)


def unpickled(name, pickled):
    """The object of a pickle.

    Parameters
    ----------
    name : hashable
        Of this pickle and no other.
    pickled : callable
        Returns its bytes; called only if the object is not at hand.

    Returns
    -------
    object
        To be read only: others may hold it.
    """
    value = UNPICKLED.get(name)
    if value is None:
        text = pickled()
        value = pickle.loads(text)
        UNPICKLED.keep(name, value, len(text))
    return value


def held_bytes(item):
    """Bytes that objects of skprune and samples hold, those of models not counted.

    Parameters
    ----------
    item : object
        Any, or a list, tuple or dict of some.

    Returns
    -------
    int
        Each array counts once, with all of the memory that it is a view of.
    """
    seen, pending, n_bytes = {}, [item], 0
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen[id(item)] = item  # keeps it alive, so that no other can have its id
        if isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list | tuple):
            pending.extend(item)
        elif isinstance(item, np.ndarray) and isinstance(item.base, np.ndarray):
            pending.append(item.base)
        elif sparse.issparse(item) or type(item).__module__.startswith("skprune."):
            pending.extend(getattr(item, "__dict__", {}).values())
        elif not isinstance(item, BaseEstimator):
            n_bytes += sys.getsizeof(item)  # all of an array or a table
    return n_bytes
