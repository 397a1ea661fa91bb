"""Methods and attributes of a meta-estimator that the model inside provides."""

from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted


def inner_has(name):
    """A condition for ``available_if``: the model inside has an attribute.

    Parameters
    ----------
    name : str
        Asked of ``estimator_`` after fit, of ``estimator`` before.

    Returns
    -------
    callable
        Raises the AttributeError of the model.
    """

    def check(self):
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


def delegated(name):
    """A method that passes samples on to the fitted model.

    Parameters
    ----------
    name : str
        Of the method.

    Returns
    -------
    descriptor
        The method ``name(X)``, there only where the model has it.
    """

    def method(self, X):
        check_is_fitted(self)
        return getattr(self.estimator_, name)(X)

    method.__name__ = name
    method.__doc__ = f"""Call ``{name}`` of the pruned model.

        Parameters
        ----------
        X : {{array-like, sparse matrix}} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray
            As the pruned model returns it.
        """
    return available_if(inner_has(name))(method)


def fitted_attribute(name):
    """A property that is an attribute of the fitted model.

    Parameters
    ----------
    name : str
        Of the attribute.

    Returns
    -------
    property
        Raises AttributeError before fit, and where the model has none.
    """

    def get(self):
        if not hasattr(self, "estimator_"):
            raise AttributeError(f"{name} exists only after fit.")
        return getattr(self.estimator_, name)

    return property(get, doc=f"``{name}`` of the pruned model.")
