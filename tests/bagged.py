"""Small bagging ensembles, for several test files."""

from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.cases import dataset

SCALED = make_pipeline(StandardScaler(), LogisticRegression())


def bagged(base, data="classes", **options):
    """A small ensemble and its samples."""
    X, y = dataset(data)
    kind = BaggingRegressor if data in ("regression", "outputs") else BaggingClassifier
    options = {"n_estimators": 4, "random_state": 0, **options}
    return kind(base, **options).fit(X, y), X, y
