"""What was unpickled lately is at hand, within a limit of bytes."""

import pickle
from concurrent.futures import ThreadPoolExecutor

from skprune.recent import RecentPickles


def test_one_name_is_unpickled_once():
    """The same object comes back for a name, another one for another name."""
    recent, pickled = RecentPickles(1000), pickle.dumps([1, 2])
    first = recent.loads("a", pickled)
    assert first == [1, 2]
    assert recent.loads("a", pickled) is first
    assert recent.loads("b", pickled) is not first


def test_least_lately_used_go_first():
    """Beyond the limit that which nobody asked for longest is unpickled anew."""
    pickled = pickle.dumps(list(range(100)))
    recent = RecentPickles(2 * len(pickled))
    first, second = (recent.loads(name, pickled) for name in "ab")
    recent.loads("a", pickled)
    recent.loads("c", pickled)
    assert recent.loads("a", pickled) is first
    assert recent.loads("b", pickled) is not second


def test_what_is_larger_than_the_limit_is_not_kept():
    """It comes back all the same, and pushes nothing out for long."""
    small, large = pickle.dumps([0]), pickle.dumps(list(range(1000)))
    recent = RecentPickles(len(large) - 1)
    assert recent.loads("large", large) is not recent.loads("large", large)
    assert recent.loads("small", small) is recent.loads("small", small)


def test_threads_share_it():
    """Whoever comes first, all have equal objects, and one is kept."""
    recent, pickled = RecentPickles(1000), pickle.dumps([1, 2])
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: recent.loads("a", pickled), range(50)))
    assert all(value == [1, 2] for value in made)
    assert recent.loads("a", pickled) is recent.loads("a", pickled)
