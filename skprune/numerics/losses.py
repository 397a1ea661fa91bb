"""Losses of a read-out: value, gradient and curvature as functions of the output Z.

Each loss is a small object of pure functions of ``(Z, Y)``, both of shape (n_samples,
n_outputs). ``curvature`` is the diagonal of the Gauss-Newton matrix, the expected
second derivative for labels drawn from the model.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtri


@dataclass(frozen=True)
class Loss:
    """A loss as a function of the output of a read-out.

    Parameters
    ----------
    name : str
        Name of the loss in reports and errors.
    value : callable
        ``value(Z, Y)`` returns the loss of each sample, (n_samples,).
    gradient : callable
        ``gradient(Z, Y)`` returns the derivative of the loss with respect to Z,
        (n_samples, n_outputs).
    curvature : callable
        ``curvature(Z)`` returns the expected second derivative with respect to Z,
        (n_samples, n_outputs), non-negative.
    draw : callable
        ``draw(Z, rng)`` returns targets drawn from the distribution that the model
        predicts, in the shape of Z. Losses whose distribution has no known spread use
        the unit normal.
    coupling : callable
        ``coupling(Z)`` returns p, (n_samples, n_outputs) with sum one, such that the
        mixed second derivative with respect to outputs a and b is ``-p_a p_b``, and the
        one with respect to a is ``p_a - p_a^2``. None if outputs are not coupled.
    mean : callable, default=None
        ``mean(Z)`` returns the expected targets, at which the gradient is zero. None
        for squared error and for losses without a distribution.
    """

    name: str
    value: Callable
    gradient: Callable
    curvature: Callable
    draw: Callable
    coupling: Callable = lambda Z: None
    mean: Callable | None = None


@dataclass(frozen=True)
class Objective:
    """Training objective of the output of a model.

    Attributes
    ----------
    loss : Loss
        Loss as a function of the output Z.
    targets : ndarray of shape (n_samples, n_outputs)
        In the form that the loss takes.
    intercept : ndarray of shape (n_outputs,)
        Z = A W + intercept.
    penalty : float
        Curvature of the quadratic penalty of the model for each weight, for sample
        weights that sum to one.
    """

    loss: Loss
    targets: np.ndarray
    intercept: np.ndarray
    penalty: float


def _softmax(Z):
    P = _below_largest(Z)
    np.exp(P, out=P)
    P /= _row_sums(P)[:, None]
    return P


def _cross_entropy(Z, Y):
    S = _below_largest(Z)
    return np.log(_row_sums(np.exp(S))) * _row_sums(Y) - np.einsum("ij,ij->i", Y, S)


def _below_largest(Z):
    # reductions over a few columns are many times slower along rows
    return Z - Z.T.copy().max(axis=0)[:, None]


def _row_sums(A):
    return A @ np.ones(A.shape[1], A.dtype)


def _own_curvature(P):
    return P * (1 - P)


def _draw_class(Z, rng):
    edges = _softmax(Z).cumsum(axis=1)
    drawn = (rng.random((len(Z), 1)) * edges[:, -1:] > edges).sum(axis=1)
    return np.eye(Z.shape[1], dtype=Z.dtype)[np.minimum(drawn, Z.shape[1] - 1)]


SQUARED = Loss(
    "squared error",
    value=lambda Z, Y: ((Z - Y) ** 2).sum(axis=1) / 2,
    gradient=lambda Z, Y: Z - Y,
    curvature=np.ones_like,
    draw=lambda Z, rng: Z + rng.standard_normal(Z.shape),
)

LOGISTIC = Loss(
    "log-loss",
    value=lambda Z, Y: (np.logaddexp(0, Z) - Y * Z).sum(axis=1),
    gradient=lambda Z, Y: expit(Z) - Y,
    curvature=lambda Z: expit(Z) * expit(-Z),
    draw=lambda Z, rng: (rng.random(Z.shape) < expit(Z)).astype(Z.dtype),
    mean=expit,
)

SOFTMAX = Loss(
    "log-loss",
    value=_cross_entropy,
    gradient=lambda Z, Y: _softmax(Z) - Y,
    curvature=lambda Z: _own_curvature(_softmax(Z)),
    draw=_draw_class,
    coupling=_softmax,
    mean=_softmax,
)

EXPONENTIAL = Loss(
    "exponential loss",
    value=lambda Z, Y: np.exp(-Y * Z).sum(axis=1),
    gradient=lambda Z, Y: -Y * np.exp(-Y * Z),
    curvature=lambda Z: 1 / np.cosh(Z),
    draw=lambda Z, rng: np.where(rng.random(Z.shape) < expit(2 * Z), 1.0, -1.0),
)

SQUARED_HINGE = Loss(
    "squared hinge",
    value=lambda Z, Y: (np.maximum(0, 1 - Y * Z) ** 2).sum(axis=1) / 2,
    gradient=lambda Z, Y: -Y * np.maximum(0, 1 - Y * Z),
    curvature=np.ones_like,
    draw=lambda Z, rng: np.where(rng.random(Z.shape) < expit(Z), 1.0, -1.0),
)


def tweedie(power):
    """Build half the Tweedie deviance with a log link, up to a term of Y alone.

    Parameters
    ----------
    power : float
        1 is Poisson, 2 is Gamma; the variance grows as ``mean**power``.

    Returns
    -------
    Loss
        Function of Z, the logarithm of the mean.
    """

    def value(Z, Y):
        mean = _power_term(Z, 2 - power)
        return (mean - Y * _power_term(Z, 1 - power)).sum(axis=1)

    return Loss(
        "Tweedie deviance",
        value=value,
        gradient=lambda Z, Y: np.exp((2 - power) * Z) - Y * np.exp((1 - power) * Z),
        curvature=lambda Z: np.exp((2 - power) * Z),
        # a gamma distribution with the same mean and variance
        draw=lambda Z, rng: rng.gamma(np.exp((2 - power) * Z), np.exp((power - 1) * Z)),
        mean=np.exp,
    )


def huber(threshold, share):
    """Build Huber's loss [1]_: quadratic up to a distance, linear beyond it.

    Parameters
    ----------
    threshold : float
        Distance at which the loss becomes linear, positive.
    share : float
        Share of the samples with a smaller distance, in (0, 1).

    Returns
    -------
    Loss
        Its curvature is `share` everywhere, the mean of the second derivative: one for
        samples below the threshold and zero for the others. Labels are drawn with
        normal errors of which `share` is below the threshold.

    References
    ----------
    .. [1] P. J. Huber, "Robust Estimation of a Location Parameter", The Annals of
       Mathematical Statistics 1964.

    Examples
    --------
    >>> loss = huber(threshold=1.0, share=0.9)
    >>> loss.value(np.array([[0.5], [3.0]]), np.zeros((2, 1)))
    array([0.125, 2.5  ])
    """
    spread = threshold / ndtri((1 + share) / 2)

    def value(Z, Y):
        distance = np.abs(Z - Y)
        near = np.minimum(distance, threshold)
        return (near * (distance - near / 2)).sum(axis=1)

    return Loss(
        "Huber's loss",
        value=value,
        gradient=lambda Z, Y: np.clip(Z - Y, -threshold, threshold),
        curvature=lambda Z: np.full_like(Z, share),
        draw=lambda Z, rng: Z + spread * rng.standard_normal(Z.shape),
    )


def weighted_quantile(values, weights, share):
    """Find the smallest value at which the cumulative weight reaches a share.

    Parameters
    ----------
    values, weights : ndarray of shape (n_samples,)
        Weights are non-negative and not all zero.
    share : float
        In [0, 1].

    Returns
    -------
    float
        One of the values.

    Examples
    --------
    >>> weighted_quantile(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]), 0.5)
    2.0
    """
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    # rounding of the sum must not select the next value
    enough = below >= (share - 1e-12) * below[-1]
    return float(values[order[enough.argmax()]])


def _power_term(Z, exponent):
    """Integrate ``exp(exponent * Z)`` over Z."""
    return Z if exponent == 0 else np.exp(exponent * Z) / exponent
