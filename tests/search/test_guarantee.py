"""The promise of a PruningGuarantee holds: exactly, by simulation, and end to end."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binom, multinomial
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ShuffleSplit

from skprune import PruningEstimatorCV, PruningGuarantee, prune
from skprune.search.guarantee import _lower_tail, excess_loss_p_value

N, MAX_LOSS, LEVEL = 120, 0.08, 0.1
SHARE = 0.01


def every_outcome(n_samples):
    """All counts of worse, better and equal samples."""
    worse, better = np.mgrid[: n_samples + 1, : n_samples + 1].reshape(2, -1)
    possible = worse + better <= n_samples
    worse, better = worse[possible], better[possible]
    return np.column_stack([worse, better, n_samples - worse - better])


@pytest.fixture(scope="module")
def rejected():
    """The outcomes whose p-value is at most the level."""
    outcomes = every_outcome(N)
    p_values = [excess_loss_p_value(*o[:2], N, MAX_LOSS, SHARE) for o in outcomes]
    return outcomes[np.array(p_values) <= LEVEL]


@pytest.mark.parametrize("excess", [0.0, 0.02])
@pytest.mark.parametrize("better", [0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.44])
def test_error_of_the_test_is_below_its_level(rejected, better, excess):
    """Summed over all outcomes, a loss above the bound is rejected too rarely to mind.

    On the boundary and beyond it, for any share of samples that differ.
    """
    worse = better + MAX_LOSS + excess
    law = multinomial(N, [worse, better, 1 - worse - better])
    assert law.pmf(rejected).sum() <= LEVEL


def test_test_has_power(rejected):
    """A model that changes few predictions and loses nothing is safe."""
    law = multinomial(N, [0.02, 0.02, 0.96])
    assert law.pmf(rejected).sum() > 0.8


@pytest.mark.parametrize("q", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("total", [-4, 0, 5])
def test_tail_is_that_of_the_trinomial(total, q):
    """The tail probability equals the sum over all outcomes."""
    n_samples = 40
    outcomes = every_outcome(n_samples)
    law = multinomial(n_samples, [(q + 0.1) / 2, (q - 0.1) / 2, 1 - q])
    below = outcomes[outcomes[:, 0] - outcomes[:, 1] <= total]
    assert_allclose(_lower_tail(total, n_samples, 0.1, q), law.pmf(below).sum())


def test_tail_grows_with_the_share_that_differs():
    """The tail of the p-value is largest at the largest plausible q."""
    limits = np.linspace(MAX_LOSS, 0.5, 30)
    for total in (-5, 0, 3, int((N - 1) * MAX_LOSS - 2)):
        tails = [_lower_tail(total, N, MAX_LOSS, q) for q in limits]
        assert (np.diff(tails) >= -1e-12).all()


def test_fewer_samples_that_lose_nothing_need_as_many_as_the_binomial():
    """Without nuisance the number needed is near log(level) / log(1 - max_loss)."""
    promise = PruningGuarantee(max_loss=0.01, confidence=0.95)
    bound = np.log(0.05) / np.log(0.99)
    assert bound <= promise.n_samples_needed <= 1.5 * bound
    n_needed = promise.n_samples_needed
    assert promise.p_value(0, 0, n_needed) <= 0.05
    assert promise.p_value(0, 0, n_needed - 1) > 0.05


def test_stops_at_the_first_rate_that_is_not_safe():
    """A later rate that looks safe again is not reached."""
    promise = PruningGuarantee(max_loss=0.05, confidence=0.9)
    assert promise.n_safe([0, 3, 90, 0], [0, 2, 0, 0], 1000) == 2
    assert promise.n_safe([200, 0], [0, 0], 1000) == 0


def test_false_promises_are_as_rare_as_promised():
    """In simulated searches a rate is promised wrongly in at most a share of 1 - c.

    Losses rise with the rate and cross the bound between two candidates; predictions
    of neighbouring rates are strongly dependent, as those of nested models are.
    """
    rng = np.random.default_rng(0)
    promise = PruningGuarantee(max_loss=0.03, confidence=0.9)
    losses = np.array([0.0, 0.01, 0.02, 0.03, 0.0305, 0.04])
    flips = np.array([0.0, 0.01, 0.02, 0.03, 0.05, 0.08])  # better and worse alike
    n_searches, n_samples, n_false = 2000, 400, 0
    for _ in range(n_searches):
        draw = rng.random(n_samples)[:, None]
        worse = (draw < losses + flips).sum(axis=0)
        better = (draw > 1 - flips).sum(axis=0)
        chosen = promise.n_safe(worse, better, n_samples) - 1
        n_false += chosen >= 0 and losses[chosen] > 0.03
    noise = 3 * np.sqrt(0.1 * 0.9 / n_searches)
    assert 0 < n_false / n_searches <= 0.1 + noise


def population(n_samples, seed):
    """Two noisy classes that few of eight features tell apart."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 8))
    signal = X @ (0.6 ** np.arange(8)) + 0.3 * rng.normal(size=n_samples)
    return X, (signal > 0).astype(int)


@pytest.mark.slow
def test_promise_holds_for_pruned_models():
    """The accuracy lost on fresh samples is above the bound in few searches of many.

    With one split the promise is exact, and is about the model fitted there.
    """
    promise = PruningGuarantee(max_loss=0.03, confidence=0.8)
    model, rates = LogisticRegression(), [0, 0.25, 0.5, 0.625, 0.75]
    X_new, y_new = population(20_000, seed=1_000)
    n_searches, n_false, chosen = 80, 0, set()
    for seed in range(n_searches):
        X, y = population(400, seed)
        split = ShuffleSplit(1, test_size=0.75, random_state=0)
        search = PruningEstimatorCV(
            model, rates=rates, cv=split, tolerance=promise, refit=False
        ).fit(X, y)
        train, _ = next(split.split(X))
        fitted = LogisticRegression().fit(X[train], y[train])
        pruned = prune(fitted, X[train], y[train], rate=search.rate_)
        lost = fitted.score(X_new, y_new) - pruned.score(X_new, y_new)
        n_false += lost > 0.03
        chosen.add(search.rate_)
    assert n_false <= binom.ppf(0.999, n_searches, 0.2)
    assert len(chosen) > 1


@pytest.mark.parametrize("name", ["max_loss", "confidence"])
@pytest.mark.parametrize("value", [0, 1, -0.1, True, "0.5", None])
def test_bounds_are_checked(name, value):
    """Both numbers are strictly between 0 and 1."""
    with pytest.raises(ValueError, match=rf"PruningGuarantee\({name}="):
        PruningGuarantee(**{name: value})
