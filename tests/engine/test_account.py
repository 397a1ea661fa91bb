"""The account of a model: what a cache keeps beside it."""

import warnings
from dataclasses import replace

from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skprune import PruningEstimator, model_size
from skprune.engine.account import account_of, with_notes
from skprune.structures import Samples, locate


def test_account_is_of_the_model_inside():
    """In a Pipeline the model is counted, on samples as it sees them."""
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)

    account = account_of(locate(pipeline, Samples(X, y)))

    assert account.size == model_size(pipeline)
    assert sum(part.n_parameters for part in account.parts.values()) == 15
    assert set(account.recall) == {0, 1, 2}
    assert min(account.recall.values()) > 0.9


def test_notes_go_with_the_samples_of_the_model():
    """The notes of an account are beside the samples as the model sees them."""
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    location = locate(pipeline, Samples(X, y))
    account = account_of(location)
    assert with_notes(location, None) is location is with_notes(location, account)

    noted = with_notes(location, replace(account, notes="seen"))

    assert noted.samples.notes == "seen" and location.samples.notes is None
    assert noted.samples.X is location.samples.X and noted.model is location.model


def test_cached_report_is_that_of_a_fit(tmp_path):
    """Read from a cache, twice, the report is the same as without one."""
    X, y = load_digits(return_X_y=True)
    pruner = PruningEstimator(RandomForestClassifier(5, random_state=0), rate=0.9)
    plain = pruner.set_params(random_state=0).fit(X, y).report_

    pruner.set_params(memory=str(tmp_path))
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert pruner.fit(X, y).report_ == plain
