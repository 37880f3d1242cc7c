"""Early stopping and snapshots keep the weights of their epoch, whatever the layers' widths."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.engine.panel_layout import layout_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 10)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(int) + (X[:, 2] > 1)
# Layers of exactly one panel, of less, of more, and of some.
WIDTHS = [(8,), (16,), (32,), (64,), (65,), (128,), (20, 16), (32, 32), (64, 64), (16, 64, 32)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(5, *widths, 3) for widths in WIDTHS])
def test_unpacked_parameters_are_their_own(sizes, dtype):
    layout = layout_of(sizes, dtype)
    coefs = [RNG.normal(size=shape) for shape in itertools.pairwise(sizes)]
    intercepts = [RNG.normal(size=size) for size in sizes[1:]]
    flat = layout.pack(coefs, intercepts)
    unpacked = [array for arrays in layout.unpack(flat) for array in arrays]
    for array, expected in zip(unpacked, [*coefs, *intercepts], strict=True):
        assert_array_equal(array, expected.astype(dtype), strict=True)
        assert array.flags.c_contiguous
        assert not np.shares_memory(array, flat)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", ["rmsprop", "adam", "sgd"])
@pytest.mark.parametrize("widths", WIDTHS)
def test_the_best_epoch_is_kept(widths, solver, dtype):
    model = MLPClassifier(
        widths, solver=solver, early_stopping=True, n_iter_no_change=4, max_iter=40, random_state=0,
        learning_rate_init=0.02, dtype=dtype, batch_size=32,
    )  # fmt: skip
    model.fit(X[:200], Y[:200], X_val=X[200:], y_val=Y[200:])
    assert model.score(X[200:], Y[200:]) == model.best_validation_score_
    best = int(np.argmax(model.validation_scores_)) + 1
    again = MLPClassifier(**model.get_params()).set_params(early_stopping=False, max_iter=best)
    again.fit(X[:200], Y[:200])
    for one, other in zip(
        model.coefs_ + model.intercepts_, again.coefs_ + again.intercepts_, strict=True
    ):
        assert_array_equal(one, other)


@pytest.mark.parametrize("widths", WIDTHS)
def test_a_regressor_s_best_epoch_is_kept(widths):
    target = X[:, 0] * X[:, 1]
    model = MLPRegressor(
        hidden_layer_sizes=widths, early_stopping=True, scoring="loss", n_iter_no_change=3,
        max_iter=40, random_state=0, learning_rate_init=0.02,
    )  # fmt: skip
    model.fit(X[:200], target[:200], X_val=X[200:], y_val=target[200:])
    found = model.evaluate(X[200:], target[200:])["loss"]
    assert found == -model.best_validation_score_ == min(model.history_["val_loss"])


@pytest.mark.parametrize("widths", WIDTHS)
def test_a_model_that_a_scorer_kept_stays_as_it_was(widths):
    kept = []

    def scoring(model, samples, labels):
        kept.append((model, [coef.copy() for coef in model.coefs_]))
        return 0.0

    MLPClassifier(
        widths, early_stopping=True, scoring=scoring, n_iter_no_change=3, max_iter=10,
        random_state=0,
    ).fit(X, Y)  # fmt: skip
    for model, coefs in kept:
        for one, other in zip(model.coefs_, coefs, strict=True):
            assert_array_equal(one, other)
