"""What an object holds is found wherever it is, and counted once."""

import threading

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeRegressor

from skprune.numerics.held import arrays_of, held_bytes, stored_bytes
from skprune.structures import Samples

X, Y = load_iris(return_X_y=True)
FIVE = np.arange(5.0)  # of 40 bytes


class Plain:
    """An object of another library, with attributes."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


class Slotted:
    """One without a ``__dict__``."""

    __slots__ = ("inner",)

    def __init__(self, inner):
        self.inner = inner


class Native:
    """One that is made of memory that Python does not see."""

    def __reduce__(self):
        """As a booster does: a constructor and the bytes of all trees."""
        return Native, (), {"handle": bytearray(40)}


class Closed(Plain):
    """One that cannot be pickled."""

    def __reduce_ex__(self, protocol):
        """Refuses."""
        raise TypeError("cannot pickle")


class Listing(list):
    """A list with attributes of its own."""


class Holder(BaseEstimator):
    """An estimator that holds something."""

    def __init__(self, inner=None):
        self.inner = inner


FOREIGN = {
    "attributes": Plain(a=FIVE, b=Plain(c=FIVE)),
    "slots": Slotted(FIVE),
    "native": Native(),
    "not to be pickled": Closed(a=FIVE, lock=threading.Lock()),
    "bytes": b"0" * 40,
    "memoryview": memoryview(bytearray(40)),
    "set": {b"0" * 40},
    "sparse": Plain(S=sparse.coo_array(np.eye(5)).data),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_objects_are_looked_into(name):
    """Whatever holds 40 bytes inside of a model, 40 bytes are counted."""
    assert stored_bytes(Holder(FOREIGN[name])) == 40


@pytest.mark.parametrize(
    "nothing",
    [np.random.RandomState(0), np.random.default_rng(0), np.float32(1), np.ndarray, len]
    + [np.dtype("f8"), threading.Lock(), np, lambda x: x, range(5), 2.5, "text"],
    ids=lambda nothing: type(nothing).__name__,
)
def test_what_holds_no_data_counts_nothing(nothing):
    """Generators, functions, numbers and types are not memory of a model."""
    assert stored_bytes(Holder([nothing])) == 0


def test_arrays_are_found_once():
    """Two names of one array are one array; trees and sparse arrays are looked into."""
    one = np.arange(10.0)
    assert len(list(arrays_of({"a": one, "b": [one, (one,)]}))) == 1
    thin = sparse.csr_array(np.eye(4))
    sizes = sorted(array.size for array in arrays_of([thin]))
    assert sizes == [4, 4, 5]
    tree = DecisionTreeRegressor().fit(X, Y)
    assert stored_bytes(tree) == sum(array.nbytes for array in arrays_of(tree))
    assert stored_bytes(tree) >= tree.tree_.node_count * 64
    assert list(arrays_of(np.array([None, "a"], dtype=object))) == []
    assert list(arrays_of(np.array([one, None], dtype=object))) == [one]


def test_held_bytes_are_those_of_memory():
    """Each piece of memory counts once, and a view with all that it is a view of."""
    array, y = np.zeros((100, 8)), np.zeros(100, dtype=np.int32)
    assert held_bytes({"X": array[:3], "all": [array, array.T]}) == array.nbytes
    assert held_bytes(Samples(array, None, y)) == array.nbytes + y.nbytes
    assert held_bytes([pd.DataFrame(array)]) >= array.nbytes
    assert held_bytes(np.array(["a", None], dtype=object)) == 16
    model = LogisticRegression().fit(X, Y)
    assert held_bytes([model, model.coef_]) == stored_bytes(model)


def test_trees_count_once_however_often_they_are_asked():
    """Arrays of a tree are new objects at each request, and the same memory."""
    forest = RandomForestClassifier(3, random_state=0).fit(X, Y)
    trees = [estimator.tree_ for estimator in forest.estimators_]
    states = [tree.__getstate__() for tree in trees] + [tree.value for tree in trees]
    assert held_bytes([forest, states]) == held_bytes(forest)
