"""What one call of `fit`, `partial_fit` or `predict` leaves for the next, and what it must not."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from trained import X, Y, make, weights


def scripted(scores):
    """A scorer that answers with these scores, one after the other."""
    scores = iter(scores)
    return lambda *_: next(scores)


def test_a_warm_start_forgets_pending_updates_of_an_average():
    how = {"average": 0.9, "batch_size": 3, "hidden_layer_sizes": (20,),
           "learning_rate_init": 0.01, "shuffle": False, "max_iter": 1}  # fmt: skip
    first = make(**how).fit(X[:60], Y[:60])
    start = {"coef_init": first.coefs_, "intercept_init": first.intercepts_}
    expected = make(**how).fit(X[:60], Y[:60], **start)
    warm = first.set_params(warm_start=True).fit(X[:60], Y[:60])
    for one, other in zip(weights(warm), weights(expected), strict=True):
        assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_warm_start_begins_with_the_first_rate():
    how = {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.01}
    model = make(**how, n_iter_no_change=1, tol=10.0, max_iter=4, warm_start=True).fit(X, Y)
    assert model.history_["learning_rate"] == [0.01, 0.01, 0.01, 0.01 / 5]
    assert model.fit(X, Y).history_["learning_rate"][4] == 0.01


def test_a_warm_start_counts_epochs_without_improvement_anew():
    scores = [1.0, *[0.5] * 3, 1.0, *[0.5] * 9]
    how = {"early_stopping": True, "warm_start": True, "n_iter_no_change": 2, "max_iter": 9}
    model = make(**how, scoring=scripted(scores))
    assert model.fit(X, Y).n_iter_ == 4
    assert model.fit(X, Y).n_iter_ == 3


def test_early_stopping_leaves_no_best_loss_of_an_earlier_fit():
    model = make(max_iter=1, warm_start=True).fit(X, Y)
    assert model.best_loss_ is not None
    assert model.set_params(early_stopping=True).fit(X, Y).best_loss_ is None


def test_few_rows_with_more_entries_than_before():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(150, 300)) * (rng.random((150, 300)) < 0.3)
    model = make(max_iter=1).fit(Z, Y)
    expected = model.predict_proba(np.tile(Z, (10, 1)))
    empty = np.zeros((5, 300))
    empty[:, 0] = 1
    for rows in (empty, Z[:5], empty, Z[5:10], empty):
        model.predict_proba(rows)
    assert_array_equal(model.predict_proba(Z[10:15]), expected[10:15])


def test_few_rows_of_several_models_and_numbers():
    Z = np.random.default_rng(0).normal(size=(150, 300))
    models = [
        make(max_iter=1, random_state=seed, hidden_layer_sizes=(100, 40)).fit(Z, Y)
        for seed in (0, 1)
    ]
    expected = [model.predict_proba(np.tile(Z, (10, 1)))[:9] for model in models]
    for n in (9, 5, 3, 9, 1, 4):
        for model, outputs in zip(models, expected, strict=True):
            assert_array_equal(model.predict_proba(Z[:n]), outputs[:n])
