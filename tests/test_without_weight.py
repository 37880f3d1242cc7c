"""A sample without weight leaves no trace, whatever its target and its loss."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastmlp import MLPClassifier, MLPRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
WEIGHT = np.r_[0.0, np.ones(199)]


@pytest.mark.parametrize("solver", ["rmsprop", "adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_a_fit_is_that_of_any_other_value(solver, n_targets, loss):
    y = np.abs(X[:, :n_targets]) if n_targets > 1 else np.abs(X[:, 0])
    models = []
    for value in (0, 1e25):
        y[0] = value
        model = MLPRegressor(
            loss=loss, hidden_layer_sizes=(4,), solver=solver, max_iter=3, random_state=0,
            batch_size=64,
        )  # fmt: skip
        models.append(model.fit(X, y, sample_weight=WEIGHT))
    for one, other in zip(*(model.coefs_ + model.intercepts_ for model in models), strict=True):
        assert_array_equal(one, other)
    assert models[0].history_["loss"] == models[1].history_["loss"]
    assert models[0].history_.get("r2") == models[1].history_.get("r2")
    assert models[0].evaluate(X, y, WEIGHT) == pytest.approx(
        models[0].evaluate(X[1:], y[1:]), rel=1e-6
    )


def test_an_infinite_loss():
    samples = X.copy()
    samples[0] = 1000  # its mean is e^1000
    y = np.abs(X[:, 0])
    weights = [[np.ones((4, 1))], [np.zeros(1)]]
    model = MLPRegressor(loss="poisson", hidden_layer_sizes=(), max_iter=1, random_state=0)
    model.fit(samples, y, WEIGHT, coef_init=weights[0], intercept_init=weights[1])
    assert np.isfinite(model.loss_)
    assert np.isfinite(model.evaluate(samples, y, WEIGHT)["loss"])
    with pytest.raises(ValueError, match="non-finite"):
        model.fit(samples, y, coef_init=weights[0], intercept_init=weights[1])


@pytest.mark.parametrize("huge", [1e15, 1e18, 1e300])
def test_scores_and_scales(huge):
    y = X[:, 0].copy()
    y[0] = huge
    model = MLPRegressor(
        hidden_layer_sizes=(8,), max_iter=30, random_state=0, scale_target=True, dtype="float64"
    )
    model.fit(X, y, sample_weight=WEIGHT)
    assert model.target_scale_[0] == pytest.approx(y[1:].std())
    assert model.target_mean_[0] == pytest.approx(y[1:].mean())
    expected = model.score(X[1:], y[1:])
    assert model.evaluate(X, y, WEIGHT)["r2"] == pytest.approx(expected)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_the_length_of_a_fit(loss):
    y = np.abs(X[:, 0])
    lengths = []
    for value in (0, 1e200):
        y[0] = value
        model = MLPRegressor(loss=loss, hidden_layer_sizes=(8,), dtype="float64", random_state=0)
        lengths.append(model.fit(X, y, sample_weight=WEIGHT).n_iter_)
    assert lengths[0] == lengths[1]


def test_a_classifier():
    y = (X[:, 0] > 0).astype(int)
    models = []
    for label in (0, 1):
        y[0] = label
        model = MLPClassifier((4,), max_iter=3, random_state=0)
        models.append(model.fit(X, y, sample_weight=WEIGHT))
    assert_array_equal(models[0].coefs_[0], models[1].coefs_[0])
    assert models[0].history_["accuracy"] == models[1].history_["accuracy"]
