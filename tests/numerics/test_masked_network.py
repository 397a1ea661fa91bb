"""Parts of masked networks: what is free to move, and what the output depends on."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skprune.numerics.masked_network import LivePart, Survivors
from skprune.numerics.network import Signals
from tests.numerics.test_network import features, make_network


@pytest.fixture
def pruned():
    """A network in which nobody reads two features and a neuron, and its masks."""
    network = make_network("tanh")
    masks = [np.ones(W.shape, dtype=bool) for W in network.coefs]
    masks[0][[1, 4]] = masks[1][2] = False
    masks[0][3, [0, 1, 3, 4]] = False  # read by the neuron that is not read, only
    coefs = [W * mask for W, mask in zip(network.coefs, masks)]
    return replace(network, coefs=coefs), masks


def test_survivors_are_read_and_written_in_one_order(pruned):
    """Free numbers of a network, moved by a step; what is masked does not move."""
    network, masks = pruned
    survivors = Survivors.of(masks)
    assert survivors.n_weights == sum(mask.sum() for mask in masks) + 5 + 4 + 3
    step = np.random.default_rng(0).normal(size=survivors.n_weights)

    moved = survivors.shifted(network, step)

    flat = [
        survivors.flatten([np.vstack(pair) for pair in zip(n.coefs, n.intercepts)])
        for n in (network, moved)
    ]
    assert_allclose(flat[0] - flat[1], step)
    assert all((W[~mask] == 0).all() for W, mask in zip(moved.coefs, masks))


def test_live_part_computes_the_same(pruned):
    """What nobody reads is left out, and the output is as it was."""
    network, masks = pruned
    X, part = features(), LivePart.of(masks)

    live = part.network(network)

    assert [W.shape for W in live.coefs] == [(3, 4), (4, 4), (4, 3)]
    assert [mask.shape for mask in part.take(masks)] == [(3, 4), (4, 4), (4, 3)]
    for form in (X, sparse.csr_array(X)):
        output = Signals(live, part.features(form)).output
        assert_allclose(output, Signals(network, X).output, rtol=1e-12)


def test_live_part_goes_back_where_it_was(pruned):
    """Exchanged weights appear in the whole network, which else stays as it is."""
    network, masks = pruned
    part = LivePart.of(masks)
    other = make_network("tanh", seed=1)

    whole = part.put_back(part.network(other), network)

    assert_allclose(whole.coefs[2], other.coefs[2])
    assert_allclose(whole.coefs[0][0, [0, 1, 3, 4]], other.coefs[0][0, [0, 1, 3, 4]])
    assert whole.coefs[0][0, 2] == network.coefs[0][0, 2]
    assert not whole.coefs[0][1].any()
    assert whole.coefs[0] is not network.coefs[0]
