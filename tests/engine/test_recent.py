"""What was read lately is at hand, within a limit of bytes."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from skprune.engine import recent
from skprune.engine.recent import Recent, held_bytes, unpickled
from skprune.structures import Samples


@pytest.fixture
def nothing_kept(monkeypatch):
    """Room for a thousand bytes of pickles, and none there."""
    monkeypatch.setattr(recent, "UNPICKLED", Recent(1000))


def test_least_lately_used_go_first():
    """Beyond the limit that which nobody asked for longest is let go of."""
    kept = Recent(20)
    for name in "ab":
        kept.keep(name, name.upper(), 10)
    kept.get("a")
    kept.keep("c", "C", 10)
    assert [kept.get(name) for name in "abc"] == ["A", None, "C"]


def test_what_is_larger_than_the_limit_is_not_kept():
    """It pushes nothing out either."""
    kept = Recent(20)
    kept.keep("small", 1, 5)
    kept.keep("large", 2, 21)
    assert kept.get("small") == 1 and kept.get("large") is None


def test_what_is_kept_again_counts_once():
    """A name has one object, the last, and its bytes."""
    kept = Recent(20)
    for value in (1, 2):
        kept.keep("a", value, 15)
    kept.keep("b", 3, 5)
    assert kept.get("a") == 2 and kept.get("b") == 3


def test_one_name_is_unpickled_once(nothing_kept):
    """The same object comes back for a name, and its pickle is not asked for."""
    first = unpickled("a", lambda: pickle.dumps([1, 2]))
    assert first == [1, 2]
    assert unpickled("a", lambda: pytest.fail("It is at hand.")) is first
    assert unpickled("b", lambda: pickle.dumps([1, 2])) is not first


def test_threads_share_it(nothing_kept):
    """Whoever comes first, all have equal objects, and one is kept."""

    def read(_=None):
        return unpickled("a", lambda: pickle.dumps([1, 2]))

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(read, range(50)))
    assert all(value == [1, 2] for value in made)
    assert read() is read()


def test_held_bytes_are_those_of_all_arrays():
    """Each array counts once, a view with all that it is a view of; models do not."""
    X, y = np.zeros((100, 8)), np.zeros(100, dtype=np.int32)
    model = LogisticRegression().fit(np.eye(2), [0, 1])

    assert held_bytes(X) == pytest.approx(X.nbytes, rel=0.05)
    assert held_bytes({"X": X[:3], "all": [X, X]}) == held_bytes(X)
    assert held_bytes((X, y)) == held_bytes(X) + held_bytes(y)
    assert held_bytes([pd.DataFrame(X)]) >= X.nbytes
    assert held_bytes(sparse.csr_array(X + 1)) >= X.nbytes
    assert held_bytes(Samples(X, None, y)) == pytest.approx(held_bytes((X, y)), abs=99)
    assert held_bytes([model]) == 0
