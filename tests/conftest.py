"""Data sets that many tests share, and one BLAS thread a process.

Tests run side by side, and their matrices are small.
"""

import os

os.environ.setdefault("MPLBACKEND", "Agg")  # no window
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # read when numpy and scikit-learn are imported

import pytest  # noqa: E402
from sklearn import datasets  # noqa: E402


def read_only(load):
    """Load X and y, which no test may change for the others."""
    X, y = load(return_X_y=True)
    X.flags.writeable = y.flags.writeable = False
    return X, y


@pytest.fixture(scope="session")
def cancer():
    """X of 30 features and two classes."""
    return read_only(datasets.load_breast_cancer)


@pytest.fixture(scope="session")
def diabetes():
    """X of ten features and a real target."""
    return read_only(datasets.load_diabetes)


@pytest.fixture(scope="session")
def digits():
    """X of 64 pixels from 0 to 16 and ten classes."""
    return read_only(datasets.load_digits)


@pytest.fixture(scope="session")
def iris():
    """X of four features and three classes."""
    return read_only(datasets.load_iris)
