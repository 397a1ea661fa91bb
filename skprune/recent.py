"""What was unpickled lately, so that it is not unpickled again at once.

A search goes through its folds for one candidate after the other, and reads the same
few models from its cache each time.
"""

import pickle
from collections import OrderedDict
from threading import Lock

MOST_BYTES = 2**26  # of the pickles of what is kept, in one process


class RecentPickles:
    """Objects by the names of their pickles; those used least lately are let go of.

    Parameters
    ----------
    most_bytes : int
        Of the pickles of all objects that are kept.
    """

    def __init__(self, most_bytes):
        self.most_bytes = most_bytes
        self._kept = OrderedDict()  # pairs of an object and the length of its pickle
        self._lock = Lock()

    def loads(self, name, pickled):
        """The object of a pickle.

        Parameters
        ----------
        name : str
            Of this pickle and no other.
        pickled : bytes
            The pickle.

        Returns
        -------
        object
            To be read only: others may hold it.
        """
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name][0]
        value = pickle.loads(pickled)
        with self._lock:
            self._kept[name] = value, len(pickled)
            while sum(length for _, length in self._kept.values()) > self.most_bytes:
                self._kept.popitem(last=False)
        return value


RECENT = RecentPickles(MOST_BYTES)
