"""What programs written for scikit-learn do with an estimator, beside fit and predict."""

import datetime
import inspect
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV, cross_val_score

from fastmlp import MLPClassifier, MLPRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
Y = X[:, :3].argmax(axis=1)


class Extended(MLPClassifier):
    """Validates a parameter of its own, and names few of its parent's."""

    _parameter_constraints: ClassVar = {
        **MLPClassifier._parameter_constraints,
        "threshold": [float],
    }

    def __init__(self, hidden_layer_sizes=(8,), threshold=0.5):
        self.threshold = threshold
        super().__init__(hidden_layer_sizes, max_iter=2)


class Hiding(MLPClassifier):
    """Has a parameter less."""

    _parameter_constraints: ClassVar = {
        name: constraint
        for name, constraint in MLPClassifier._parameter_constraints.items()
        if name != "dropout"
    }

    def __init__(self, hidden_layer_sizes=(8,)):
        super().__init__(hidden_layer_sizes, max_iter=2)


class WithProperty(MLPClassifier):
    """Keeps a parameter in its own way."""

    def __init__(self, hidden_layer_sizes=(8,), max_iter=3):
        super().__init__(hidden_layer_sizes, max_iter=max_iter)

    @property
    def max_iter(self):
        return self._epochs

    @max_iter.setter
    def max_iter(self, value):
        self._epochs = value


@pytest.mark.parametrize("kind", [Extended, Hiding, WithProperty])
def test_subclasses(kind):
    model = sklearn.clone(kind()).fit(X, Y)
    assert model.predict(X).shape == Y.shape
    assert model.dropout == 0
    assert len(model.loss_curve_) == model.max_iter
    assert model.partial_fit(X, Y).n_iter_ == model.max_iter + 1
    if kind is Extended:
        with pytest.raises(ValueError, match="The 'threshold' parameter of Extended"):
            kind(threshold="high").fit(X, Y)


def test_parameters_are_kept_in_the_order_of_the_signature():
    kept = [name for name in vars(MLPClassifier()) if name in MLPClassifier().get_params()]
    assert kept == list(inspect.signature(MLPClassifier).parameters)


@pytest.mark.parametrize(
    "labels",
    [
        Y.astype(object),
        (Y > 0).astype(object),
        np.c_[Y > 0, Y < 2, Y == 1].astype(int).astype(object),
        pd.Series(Y.astype(object)),
        pd.DataFrame(np.c_[Y > 0, Y < 2, Y == 1].astype(int)).astype("Int64"),
        Y.astype(str).astype(object),
    ],
)
def test_object_labels_are_scored(labels):
    model = MLPClassifier((8,), max_iter=3, random_state=0)
    expected = model.fit(X, labels).evaluate(X, labels)["accuracy"]
    assert model.score(X, labels) == expected
    weight = RNG.random(90)
    assert model.score(X, labels, weight) == pytest.approx(
        model.evaluate(X, labels, weight)["accuracy"]
    )
    assert np.isfinite(cross_val_score(model, X, labels, cv=2)).all()
    search = GridSearchCV(model, {"alpha": [0, 1]}, cv=2).fit(X, labels)
    assert np.isfinite(search.best_score_)


def test_dates_are_no_numbers():
    dates = np.datetime64("2020-01-01") + np.arange(90)
    missing = np.where(Y == 0, np.datetime64("NaT"), dates)
    for y in (dates, dates - dates[0]):
        with pytest.raises(TypeError, match=r"y must be an array of numbers, got one of dtype"):
            MLPRegressor(max_iter=1).fit(X, y)
    for kind in (MLPClassifier, MLPRegressor):
        with pytest.raises(ValueError, match="Input y contains NaT"):
            kind(max_iter=1).fit(X, missing)
    with pytest.raises(ValueError, match="Input X contains NaT"):
        MLPClassifier(max_iter=1).fit(missing[:, np.newaxis], Y)


def test_a_minimization_that_is_over_at_once_has_a_history():
    model = MLPClassifier((8,), solver="lbfgs", tol=100.0, random_state=0).fit(X, Y)
    assert model.n_iter_ == 0
    assert model.history_ == {"loss": [], "seconds": []}
    model.fit(X, Y, X_val=X, y_val=Y)
    keys = list(model.history_)
    assert keys == ["loss", "val_loss", "val_accuracy", "seconds"]
    model.set_params(tol=None, max_iter=3).fit(X, Y, X_val=X, y_val=Y)
    assert list(model.history_) == keys
    assert np.isfinite(list(model.history_.values())).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_named_even_if_not_searched_for(dtype, value):
    spoilt = X.copy()
    spoilt[3, 1] = value
    model = MLPClassifier((8,), max_iter=1, dtype=dtype)
    words = "contains NaN" if np.isnan(value) else "contains infinity"
    with sklearn.config_context(assume_finite=True), pytest.raises(ValueError, match=words):
        model.fit(spoilt, Y)
    model.fit(X, Y)
    with sklearn.config_context(assume_finite=True), pytest.raises(ValueError, match=words):
        model.predict(spoilt)


@pytest.mark.parametrize("n", [5, 5000])
def test_weights_may_be_lists(n):
    model = MLPClassifier((8,), max_iter=2, random_state=0).fit(X, Y)
    samples = np.resize(X, (n, 4))
    expected = model.predict_proba(samples), model.evaluate(X, Y)
    model.coefs_ = [coef.tolist() for coef in model.coefs_]
    model.intercepts_ = [intercept.tolist() for intercept in model.intercepts_]
    assert_array_equal(model.predict_proba(samples), expected[0])
    assert model.evaluate(X, Y) == expected[1]


def test_labels_of_a_type_that_has_no_order():
    y = np.array([datetime.date(2020, 1, 1 + number) for number in Y], object)
    message = "y must have labels that are strings, integers or booleans, got date."
    with pytest.raises(ValueError, match=message):
        MLPClassifier().fit(X, y)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_score_is_the_evaluation_s_even_if_probabilities_tie(n_classes):
    y = X[:, :n_classes].argmax(axis=1)
    model = MLPClassifier((1,), activation="identity", max_iter=1, random_state=0).fit(X, y)
    outputs = 1 if n_classes == 2 else n_classes
    model.coefs_ = [np.full((4, 1), 1e-4, "f"), 1e-4 * np.arange(1, outputs + 1)[np.newaxis]]
    model.intercepts_ = [np.zeros(1, "f"), np.zeros(outputs, "f")]
    assert model.evaluate(X, y)["accuracy"] == pytest.approx(model.score(X, y))
    assert_array_equal(model.predict(X), model.predict_proba(X).argmax(axis=1))
