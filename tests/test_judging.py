"""By what an epoch is judged: scorers, weights, and samples that decide nothing."""

import functools
import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.metrics import make_scorer
from trained import X, Y, make

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.estimators.watched_fit import fit_watched


@pytest.mark.parametrize("score", [math.nan, -math.inf])
@pytest.mark.parametrize("how", [{"early_stopping": True}, {"learning_rate": "adaptive"}])
def test_a_score_by_which_no_epoch_is_better_is_refused(score, how):
    model = make(scoring=lambda model, X, y: score, max_iter=3, **how)
    with pytest.raises(ValueError, match=rf"scoring=.* is {score:g} for the 9 validation samples"):
        model.fit(X, Y, X_val=X[:9], y_val=Y[:9])
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize("weights", [{"class_weight": "balanced"}, {}])
def test_a_scorer_without_weights_is_called_without(weights):
    def scorer(estimator, X, y):
        return estimator.score(X, y)

    given = {} if weights else {"sample_weight": np.arange(1.0, len(X) + 1)}
    plain = make_scorer(lambda y, predicted: float((y == predicted).mean()))
    for each in (scorer, functools.partial(scorer), plain, functools.partial(plain)):
        model = make(early_stopping=True, scoring=each, max_iter=3, **weights).fit(X, Y, **given)
        assert len(model.validation_scores_) == 3


@pytest.mark.parametrize(
    ("scoring", "takes"),
    [("neg_max_error", False), ("r2", True), ("neg_mean_squared_error", True)],
)
def test_a_scorer_of_scikit_learns_gets_weights_if_it_takes_them(scoring, takes):
    model = MLPRegressor(
        hidden_layer_sizes=(4,), early_stopping=True, scoring=scoring, max_iter=3, random_state=0
    )
    y, weight = X[:, 0], np.where(np.arange(len(X)) % 2, 1.0, 1e-9)
    validation = {"X_val": X[:9], "y_val": y[:9]}
    plain = clone(model).fit(X, y, **validation)
    weighted = clone(model).fit(X, y, **validation, sample_weight_val=weight[:9])
    assert (plain.validation_scores_ != weighted.validation_scores_) == takes


def test_an_adaptive_rate_needs_a_score_that_is_defined():
    model = MLPRegressor(learning_rate="adaptive", max_iter=3, random_state=0)
    with pytest.raises(ValueError, match='"adaptive" by r2 needs at least 2 validation samples'):
        model.fit(X, X[:, 0], X_val=X[:1], y_val=X[:1, 0])
    model.set_params(solver="adam").fit(X, X[:, 0], X_val=X[:1], y_val=X[:1, 0])  # has no schedule


def test_watched_samples_decide_nothing():
    model = make(learning_rate="adaptive", n_iter_no_change=1, tol=None, max_iter=30)
    alone, watched = clone(model).fit(X, Y), clone(model)
    fit_watched(watched, X, Y, X_val=X[:5], y_val=(Y[:5] + 1) % 3)  # a score that never improves
    assert_array_equal(alone.coefs_[0], watched.coefs_[0])
    assert watched.history_["learning_rate"] == alone.history_["learning_rate"]
    assert len(watched.history_["val_loss"]) == watched.n_iter_
    guided = clone(model).fit(X, Y, X_val=X[:5], y_val=(Y[:5] + 1) % 3)
    assert guided.history_["learning_rate"] != alone.history_["learning_rate"]


@pytest.mark.parametrize("value", [None, "x", [1.0, 2.0]])
def test_a_score_that_is_no_number(value):
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = MLPClassifier((4,), early_stopping=True, scoring=lambda *_: value)
    with pytest.raises(TypeError, match=r"scoring=.* must return a number, got "):
        model.fit(X, X[:, 0] > 0)


def test_an_adaptive_rate_compares_with_the_best_score_so_far():
    scores = iter([0.9, 0.1, 0.2, 0.3, 0.4, 0.5])
    how = {"learning_rate": "adaptive", "learning_rate_init": 1.0, "solver": "sgd"}
    model = make(**how, n_iter_no_change=2, max_iter=6, scoring=lambda *_: next(scores))
    model.fit(X, Y, X_val=X[:9], y_val=Y[:9])
    assert model.history_["learning_rate"] == [1.0] * 4 + [0.2] * 2
