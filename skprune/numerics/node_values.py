"""Values of the nodes of many trees, without a copy.

Values take most of the memory of a forest: ten numbers per node for ten classes. A copy
of all of them would double the memory while the model is pruned.
"""

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class NodeValues(NDArrayOperatorsMixin):
    """Read-only array of the values of some trees, one tree after another.

    `parts` are the values of each tree, (n_nodes, width), which are never written to.
    """

    def __init__(self, parts):
        self._parts = parts
        self._offset = np.cumsum([0] + [len(part) for part in parts])
        self.shape = int(self._offset[-1]), parts[0].shape[1]
        self.dtype = parts[0].dtype

    def __len__(self):
        return self.shape[0]

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("Values of several trees become an array only by a copy.")
        return np.concatenate(self._parts).astype(dtype or self.dtype, copy=False)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        arrays = [np.asarray(own) if own is self else own for own in inputs]
        return getattr(ufunc, method)(*arrays, **options)

    def __getitem__(self, key):
        rows, *columns = key if isinstance(key, tuple) else (key,)
        found = self._range(rows) if isinstance(rows, slice) else self.take(rows)
        return found[(slice(None), *columns)]

    def _range(self, rows):
        """Select the rows of a slice; a view if they are all in one tree."""
        start, stop, step = rows.indices(len(self))
        first = int(np.searchsorted(self._offset, start, "right")) - 1
        last = max(int(np.searchsorted(self._offset, stop)), first + 1)
        parts = self._parts[first:last]
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        before = self._offset[first]
        return whole[start - before : stop - before : step]

    def take(self, rows, axis=0):
        """Select rows, as `ndarray.take` does."""
        rows = np.asarray(rows)
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        if (rows[1:] < rows[:-1]).any():
            return np.asarray(self).take(rows, axis=axis)
        ends = np.searchsorted(rows, self._offset)
        if ends[0] or ends[-1] < len(rows):
            raise IndexError(f"Rows {rows} are not all among the {len(self)} nodes.")
        found = np.empty((len(rows), self.shape[1]), dtype=self.dtype)
        ranges = map(slice, ends[:-1].tolist(), ends[1:].tolist())
        for part, before, own in zip(self._parts, self._offset.tolist(), ranges):
            # "clip" avoids the buffer that numpy needs to check rows before writing
            part.take(rows[own] - before, axis=0, out=found[own], mode="clip")
        return found

    def copy(self):
        """Copy all values to a writable array."""
        return np.asarray(self)
