"""Views of networks: what they read from a model, whatever its class is."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPClassifier

from skprune.structures.net_view import net_view


@pytest.fixture
def net():
    X, y = load_iris(return_X_y=True)
    return MLPClassifier((5, 3), max_iter=1, tol=10.0, random_state=0).fit(X, y)


def test_network_has_dense_arrays_of_its_own(net):
    """Sparse weights are made dense, and no array is shared with the model."""
    dense = net.coefs_[0].copy()
    net.coefs_[0] = sparse.csr_array(dense)

    network = net_view(net).network

    assert_array_equal(network.coefs[0], dense)
    given = [*net.coefs_[1:], *net.intercepts_]
    for own, array in zip([*network.coefs[1:], *network.intercepts], given):
        assert_array_equal(own, array)
        assert not np.may_share_memory(own, array)
    assert len(network.activations) == 2


def test_features_are_used_by_their_weights(net):
    """A feature is used once for each weight of the first layer that is not zero."""
    net.coefs_[0][1] = 0
    net.coefs_[0][2, :2] = 0

    assert net_view(net).feature_use().tolist() == [5, 0, 3, 5]


def test_models_without_layers_have_no_view():
    """The error names the class of the model."""
    with pytest.raises(TypeError, match="Ridge has no layers"):
        net_view(Ridge())
