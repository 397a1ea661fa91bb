"""Laws that every pruning method must satisfy, each a function of the method.

A law raises an AssertionError if it is broken.
"""

import numpy as np
from joblib import hash as content_hash
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

from skprune.numerics.units import SCOPES, Units
from skprune.readouts.dense import EntryReadout, RowReadout

N_INPUTS, N_OUTPUTS = 12, 2


def example_readouts():
    """Make read-outs of correlated inputs, by weight and by input, dense and sparse."""
    rng = np.random.default_rng(7)
    A = rng.normal(size=(80, N_INPUTS)) @ rng.normal(size=(N_INPUTS, N_INPUTS))
    W, D = rng.normal(size=(N_INPUTS, N_OUTPUTS)), rng.normal(size=(80, N_OUTPUTS))
    weights, mask = np.full(80, 1 / 80), np.ones(W.shape, dtype=bool)
    thin = sparse.csr_array(np.where(rng.random(A.shape) < 0.3, A, 0.0))
    given = W, lambda rng=None: D, weights
    return [
        EntryReadout("weights", A, *given, mask=mask),
        RowReadout("inputs", A, *given, rows=np.arange(N_INPUTS)),
        EntryReadout("sparse", thin, *given, mask=mask),
    ]


def importances_are_finite_and_not_negative(method):
    """A method returns one finite, non-negative number for each unit."""
    for readout in example_readouts():
        ranked = method.rank([readout], readout.n_units // 2, np.random.default_rng(0))
        assert ranked.shape == (readout.n_units,)
        assert np.isfinite(ranked).all()
        assert (ranked >= 0).all()


def same_seed_same_gates(method):
    """Equal seeds give equal importances and equal gates."""
    for readout in example_readouts():
        one, other = (_ranked(method, readout, seed=1) for _ in range(2))
        assert_array_equal(one, other)


def ranking_depends_on_rate_only_if_declared(method):
    """The ranking is the same at all rates unless ``ranking_depends_on_rate``."""
    if method.ranking_depends_on_rate:
        return
    for readout in example_readouts():
        few, many = (
            method.rank([readout], n_keep, np.random.default_rng(0))
            for n_keep in (1, readout.n_units - 1)
        )
        assert_array_equal(few, many)


def permuting_units_permutes_importances(method):
    """The importance of a unit does not depend on its position, if nothing is drawn."""
    for readout in example_readouts():
        ranked = _ranked(method, readout, seed=0)
        if not np.array_equal(ranked, _ranked(method, readout, seed=1)):
            continue
        order = np.random.default_rng(0).permutation(len(readout.W))
        permuted = _ranked(method, _with_inputs(readout, order), seed=0)
        by_input = ranked.reshape(len(order), -1)[order].ravel()
        assert_allclose(permuted, by_input, rtol=1e-6, atol=1e-9 * ranked.max())


def gates_have_exact_number_of_zeros(method):
    """In every scope, gates respect nesting and the floor of each group."""
    rng, readout = np.random.default_rng(0), example_readouts()[0]
    importances = _ranked(method, readout, seed=0)
    halves = np.repeat([0, 1], len(importances) // 2)
    parent = np.arange(len(importances)) // 2 - 1
    depth = np.floor(np.log2(np.arange(len(importances)) + 2)).astype(int) - 1
    whole = np.zeros_like(halves)
    for units in (
        Units(halves, np.ones(2, dtype=int)),
        Units(whole, np.zeros(1, dtype=int), least=1, parent=parent, depth=depth),
    ):
        for scope in SCOPES:
            for n_remove in (1, len(halves) // 2, units.removable):
                given = importances, n_remove, units, scope, rng
                kept = method.gates([readout], *given) != 0
                assert np.count_nonzero(~kept) == n_remove
                assert (np.bincount(units.group, kept) >= units.floor).all()
                if units.parent is not None:
                    above = np.where(parent < 0, True, kept[parent])
                    assert above[kept].all()


def method_and_readout_are_untouched(method):
    """Ranking changes neither parameters nor inputs, and the method can be cloned."""
    for readout in example_readouts():
        before = _content(method, readout)
        _ranked(method, readout, seed=0)
        assert _content(method, readout) == before
    for name, value in clone(method).get_params().items():
        assert value is method.get_params()[name] or value == method.get_params()[name]


def _content(method, readout):
    """Hash everything that ranking must not change, except functions."""
    parameters = method.get_params().items()
    values = {name: value for name, value in parameters if not callable(value)}
    return content_hash((values, readout.A, readout.W))


def _ranked(method, readout, seed):
    """Rank the units of one read-out, half of which are to be kept."""
    rng = np.random.default_rng(seed)
    return method.rank([readout], readout.n_units // 2, rng)


def _with_inputs(readout, order):
    """Make the same read-out with its inputs in another order."""
    name, A, W = readout.name, readout.A[:, order], readout.W[order]

    def D(rng=None):
        return readout.D

    if isinstance(readout, RowReadout):
        return RowReadout(name, A, W, D, readout.weights, rows=readout.rows)
    return EntryReadout(name, A, W, D, readout.weights, mask=readout.mask[order])


METHOD_LAWS = (
    importances_are_finite_and_not_negative,
    same_seed_same_gates,
    ranking_depends_on_rate_only_if_declared,
    permuting_units_permutes_importances,
    gates_have_exact_number_of_zeros,
    method_and_readout_are_untouched,
)
