"""Conjugate gradients, against direct solutions."""

import numpy as np
from numpy.testing import assert_allclose

from skprune.numerics.conjugate_gradients import Orthogonality, conjugate_gradients


def test_conjugate_gradients_solve_the_system():
    """As many iterations as unknowns solve it; each lowers the quadratic form."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(12, 8))
    H, right = root.T @ root, rng.normal(size=8)

    solved = [
        conjugate_gradients(
            H.__matmul__, right, np.diag(H), tol=1e-12, max_iter=max_iter
        )[0]
        for max_iter in (1, 3, 8)
    ]

    assert_allclose(solved[-1], np.linalg.solve(H, right), rtol=1e-8)
    forms = [x @ H @ x / 2 - right @ x for x in solved]
    assert 0 > forms[0] > forms[1] > forms[2]


def test_conjugate_gradients_do_not_amplify_rounding():
    """With products in single precision, the solution is that in double precision."""
    rng = np.random.default_rng(0)
    values = np.r_[np.logspace(0, -4, 60), 1e3, 1e2]
    basis = np.linalg.qr(rng.normal(size=(62, 62)))[0]
    H, right = (basis * values) @ basis.T, basis @ rng.normal(size=62)
    small = H.astype(np.float32)
    scale = np.ones(62)

    exact, found = (
        conjugate_gradients(
            product,
            right,
            scale,
            tol=1e-6,
            max_iter=10,
            clean=Orthogonality(scale, 10),
        )[0]
        for product in (H.__matmul__, lambda v: small @ v.astype("f"))
    )

    assert_allclose(found, exact, atol=1e-3 * np.abs(exact).max())


def test_columns_are_separate_systems():
    """Several right-hand sides, from any start, have their separate solutions."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(12, 8))
    H, right = root.T @ root, rng.normal(size=(8, 3))
    options = {"tol": 1e-12, "max_iter": 50}

    together, solved = conjugate_gradients(
        H.__matmul__,
        right,
        np.diag(H)[:, None],
        start=rng.normal(size=(8, 3)),
        **options,
    )

    assert solved
    assert_allclose(together, np.linalg.solve(H, right), rtol=1e-8)
    for column, wanted in zip(right.T, together.T):
        alone, _ = conjugate_gradients(H.__matmul__, column, np.diag(H), **options)
        assert_allclose(alone, wanted, rtol=1e-8)


def test_unsolved_systems_are_reported():
    """After too few iterations the result is marked as not solved."""
    H, right = np.diag([1.0, 2.0, 4.0]), np.ones(3)

    solved = [
        conjugate_gradients(H.__matmul__, right, np.ones(3), tol=1e-9, max_iter=n)[1]
        for n in (2, 3)
    ]

    assert solved == [False, True]
