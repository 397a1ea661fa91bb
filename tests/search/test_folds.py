"""One split of a search: one fit, every rate scored on what was held out."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import check_scoring
from sklearn.preprocessing import StandardScaler

from skprune import PruningEstimator
from skprune.search.folds import FoldPlan, run_fold

X, Y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
TRAIN, TEST = np.arange(300), np.arange(300, 400)
RATES = [0.0, 0.4, 0.9]


class CountedLogistic(LogisticRegression):
    """Counts its fits and remembers the weights it was given."""

    n_fits = 0
    weights = None

    def fit(self, X, y, sample_weight=None):
        CountedLogistic.n_fits += 1
        CountedLogistic.weights = sample_weight
        return super().fit(X, y, sample_weight=sample_weight)


def plan(**changes):
    """What is done on every split."""
    pruner = PruningEstimator(CountedLogistic())
    given = {
        "pruner": pruner,
        "rates": RATES,
        "scorer": check_scoring(pruner, "accuracy"),
        "metric": "score",
        "fit_params": {},
        "score_params": {},
        "counts_losses": False,
        "verbose": 0,
    }
    return FoldPlan(**{**given, **changes})


def test_one_fit_and_the_scores_of_each_rate():
    """Scores, units and sizes are those of a model pruned to that rate."""
    CountedLogistic.n_fits = 0
    trials = run_fold(plan(), X, Y, 0, TRAIN, TEST)
    assert CountedLogistic.n_fits == 1
    for rate, trial in zip(RATES, trials):
        alone = PruningEstimator(LogisticRegression(), rate=rate).fit(
            X[TRAIN], Y[TRAIN]
        )
        assert trial.scores == {"score": alone.score(X[TEST], Y[TEST])}
        assert trial.n_units == alone.support_.sum()
        assert trial.size.n_nonzero == alone.report_.after.n_nonzero
        assert trial.fit_time > 0 and trial.score_time > 0
        assert trial.n_worse is None


def test_losses_are_counted_against_the_unpruned_model():
    """Samples that only one of the two models predicts correctly are counted."""
    trials = run_fold(plan(counts_losses=True), X, Y, 0, TRAIN, TEST)
    whole = LogisticRegression().fit(X[TRAIN], Y[TRAIN])
    pruned = PruningEstimator(LogisticRegression(), rate=0.9).fit(X[TRAIN], Y[TRAIN])
    right = [model.predict(X[TEST]) == Y[TEST] for model in (whole, pruned)]
    assert trials[0].n_worse == trials[0].n_better == 0
    assert trials[2].n_worse == np.sum(right[0] & ~right[1])
    assert trials[2].n_better == np.sum(right[1] & ~right[0])


def test_weights_are_those_of_the_training_rows():
    """Metadata of all samples is cut to the split."""
    weights = np.linspace(1, 2, len(Y))
    run_fold(plan(fit_params={"sample_weight": weights}), X, Y, 0, TRAIN, TEST)
    assert (CountedLogistic.weights == weights[TRAIN]).all()


def test_scores_that_decide_nothing():
    """Errors name the place of a NaN score, and a metric that was not scored."""
    with pytest.raises(ValueError, match=r"score at rate 0 of split 3 is NaN"):
        run_fold(plan(scorer=lambda *given: np.nan), X, Y, 3, TRAIN, TEST)
    with pytest.raises(ValueError, match=r"returned \['a'\], and refit='score'"):
        run_fold(plan(scorer=lambda *given: {"a": 1.0}), X, Y, 0, TRAIN, TEST)


def test_lines_of_each_rate(capsys):
    """verbose=1 prints a line for each rate."""
    run_fold(plan(verbose=1), X, Y, 2, TRAIN, TEST)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        f"[skprune] rate {rate:.4g} of split 2" for rate in RATES
    ]
