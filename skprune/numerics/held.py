"""Arrays and bytes that an object holds, found by walking its state as pickle does."""

from types import BuiltinFunctionType, FunctionType, ModuleType

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator

SCALARS = frozenset({bool, int, float, str, type(None), np.float64, np.int64})
RAW = bytes, bytearray, memoryview
EMPTY = (
    type,
    ModuleType,
    FunctionType,
    BuiltinFunctionType,
    np.generic,
    np.dtype,
    # the state of a generator is of fixed size, and no part of what a model has learned
    np.random.RandomState,
    np.random.Generator,
    np.random.BitGenerator,
)


def arrays_of(item):
    """Yield all arrays of numbers that an object holds, each once.

    Those inside sparse arrays and trees are found, too.
    """
    for buffer in _buffers_of(item):
        if isinstance(buffer, np.ndarray) and not _is_of_objects(buffer):
            yield buffer


def stored_bytes(item):
    """Count the bytes of the arrays and other buffers that an object holds, each once.

    Of arrays of objects only the contents count. Objects of unknown classes are asked
    for their state, as by pickle.
    """
    return sum([_size(b) for b in _buffers_of(item) if not _is_of_objects(b)])


def held_bytes(item):
    """Count the bytes of memory that an object keeps alive.

    Each piece of memory counts once, and a view with all of the array that it views.
    """
    owned: dict[int, int] = {}
    for buffer in _buffers_of(item):
        while isinstance(buffer, np.ndarray) and isinstance(buffer.base, np.ndarray):
            buffer = buffer.base
        place = id(buffer)
        if isinstance(buffer, np.ndarray):  # a tree makes a new array at each request
            place = buffer.ctypes.data
        owned[place] = max(_size(buffer), owned.get(place, 0))
    return sum(owned.values())


def _is_of_objects(buffer):
    return isinstance(buffer, np.ndarray) and buffer.dtype == object


def _size(buffer):
    return len(buffer) if isinstance(buffer, bytes | bytearray) else buffer.nbytes


def _buffers_of(item):
    """Yield everything with memory of its own that can be reached from an object."""
    seen, pending = {}, [item]
    while pending:
        item = pending.pop()
        if id(item) in seen or isinstance(item, EMPTY):
            continue
        seen[id(item)] = item  # keeps it alive, so that no other can have its id
        if isinstance(item, np.ndarray):
            yield item
            members = item.flat if _is_of_objects(item) else ()
        elif isinstance(item, RAW) or type(getattr(item, "nbytes", None)) is int:
            yield item
            members = ()
        else:
            members = _members(item)
        pending.extend([m for m in members if type(m) not in SCALARS])


def _members(item):
    if type(item).__getstate__ is BaseEstimator.__getstate__:
        return vars(item).values()  # its state, without a copy
    if isinstance(item, dict):
        return item.values()
    if isinstance(item, list | tuple | set | frozenset):
        return item
    if sparse.issparse(item):
        return [v for v in vars(item).values() if isinstance(v, np.ndarray)]
    # other estimators, and losses and trees of scikit-learn
    if isinstance(item, BaseEstimator) or type(item).__module__.startswith("sklearn."):
        state = item.__getstate__()
        return state.values() if isinstance(state, dict) else ()
    return _state_of(item)


def _state_of(item):
    """List what pickle would save of an object, or its attributes if it cannot."""
    try:
        reduced = item.__reduce_ex__(4)
    except Exception:  # pickling may fail in any way
        return getattr(item, "__dict__", {}).values()
    if isinstance(reduced, str):
        return ()
    arguments, *rest = reduced[1:]
    state, *items = rest or [None]
    return [*arguments, state, *map(list, filter(None, items[:2]))]
