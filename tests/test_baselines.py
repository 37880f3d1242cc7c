"""Shifted data: values that most samples share are skipped, by all means with the reference's results."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from problems import Problem, assert_same, dtypes, optimizers
from scipy import sparse
from small import assert_same as assert_same_model

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.data import baselines
from fastmlp.data.source import open_data
from fastmlp.engine.full_gradient import FullGradient
from fastmlp.engine.team import Team


class Shifted(Problem):
    """A problem whose samples mostly share a value in nine of ten features."""

    def __init__(self, sizes=(37, 70, 9, 3), *, n=150, share=0.75, **how):
        super().__init__(sizes, n=n, **how)
        rng = np.random.default_rng(5)
        self.center = (rng.normal(size=sizes[0]) * (rng.random(sizes[0]) < 0.9)).astype(np.float32)
        others = rng.normal(size=self.X.shape).astype(np.float32)
        self.X = np.where(rng.random(self.X.shape) < share, self.center, others)

    def engine(self, *args, **how):
        engine = super().engine(*args, **how)
        plain = engine.open
        engine.open = lambda X, **more: plain(X, shift=True, **more)
        return engine


def forms(X):
    """The same values otherwise."""
    csr = sparse.csr_array(X)
    shuffled = csr.copy()
    for start, stop in itertools.pairwise(shuffled.indptr):
        shuffled.indices[start:stop] = shuffled.indices[start:stop][::-1].copy()
        shuffled.data[start:stop] = shuffled.data[start:stop][::-1].copy()
    shuffled.has_sorted_indices = False
    wide = X.astype(float)
    return [np.asfortranarray(X), wide, wide[:, ::-1].copy()[:, ::-1], csr, shuffled]


@pytest.mark.slow
@dtypes
@optimizers
def test_the_same_bits_and_the_references_weights(optimizer, dtype):
    problem = Shifted()
    how = {"alpha": 0.3, "sample_weight": problem.weight} if "sgd" in optimizer else {"alpha": 0.0}
    first = problem.train(optimizer, dtype=dtype, how=how)
    for X in forms(problem.X):
        assert_same(problem.train(optimizer, X, dtype=dtype, how=how), first)
    for n_threads in (2, 3, 5):
        assert_same(problem.train(optimizer, dtype=dtype, how=how, n_threads=n_threads), first)
    weights, losses, accuracies = problem.reference(optimizer, how=how)
    tolerance = 2e-4 if dtype == np.float32 else 1e-9
    for mine, theirs in zip(first[0], weights, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose([r.loss for r in first[1]], losses, rtol=tolerance)
    np.testing.assert_allclose([r.score for r in first[1]], accuracies)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "identity"])
def test_other_activations_and_the_gradient(activation):
    problem = Shifted()
    losses = {}
    for shift in (False, True):
        engine = Problem.engine(problem, np.float64, activation=activation)
        data = engine.open(problem.X, shift=shift)
        assert (len(data.shifted) > 0) == data.zero_skipping == shift
        losses[shift] = FullGradient(engine, data, problem.labels, alpha=0.2)()
    for dense, skipped in zip(losses[False][1:], losses[True][1:], strict=True):
        for one, other in zip(dense, skipped, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    assert losses[True][0] == pytest.approx(losses[False][0], rel=1e-12)


def opened(X, dtype=np.float32, n_threads=1):
    return open_data(X, np.dtype(dtype), Team(n_threads), shift=True)


def test_baselines_are_the_values_of_most_samples(monkeypatch):
    problem = Shifted(n=3000)
    data = opened(problem.X)
    assert_array_equal(data.baselines, problem.center, strict=True)
    assert_array_equal(data.shifted, np.flatnonzero(problem.center))
    assert data.density == np.count_nonzero(problem.X != problem.center) / problem.X.size
    monkeypatch.setattr(baselines, "SMALL", 500)
    for X in forms(problem.X):
        for n_threads in (1, 2, 3):
            again = opened(X, n_threads=n_threads)
            assert_array_equal(again.baselines, data.baselines, strict=True)
            assert_array_equal(again.counts, data.counts)
    integers = np.full((50, 4), 255, np.uint8)
    integers[::3, 1:] = 7
    assert_array_equal(opened(integers).baselines, np.float32([255] * 4))
    assert_array_equal(opened(integers.astype(np.int64)).baselines, np.float32([255] * 4))


def test_data_that_is_not_shifted_is_left_alone():
    rng = np.random.default_rng(0)
    half = np.where(rng.random((100, 6)) < 0.45, 1.0, rng.normal(size=(100, 6)))
    exactly_half = np.repeat([[1.0], [2.0]], 50, axis=0) + np.zeros((100, 6))
    for X in (rng.normal(size=(100, 6)), half, exactly_half, Problem().X, np.ones((1, 3)) * np.nan):
        data = opened(X)
        assert len(data.shifted) == len(data.baselines) == 0
    # Zeros that are skipped as they are: one constant column changes nothing.
    X = Problem().X.copy()
    X[:, 0] = 5
    assert len(opened(X).shifted) == 0


# --- estimators -------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["rmsprop", "adam", "sgd", "lbfgs"])
def test_estimators(solver):
    problem = Shifted()
    X, y = problem.X, problem.labels[:, 0]
    parameters = {"random_state": 0, "batch_size": 32, "max_iter": 4, "solver": solver}
    parameters |= {"hidden_layer_sizes": (20,), "dtype": "float64"}
    model = MLPClassifier(**parameters).fit(X, y)
    assert model.zero_skipping_
    assert_array_equal(model.baselines_, problem.center.astype(float), strict=True)
    for Z in (sparse.csr_array(X), X.astype(float)):
        assert_same_model(MLPClassifier(**parameters).fit(Z, y), model)
    # A prediction is the sample's alone, whatever it is predicted with.
    probability = model.predict_proba(X)
    for rows in (slice(0, 1), slice(3, 40), slice(None, None, -1)):
        assert_array_equal(model.predict_proba(X[rows]), probability[rows])
    if solver != "lbfgs":
        steps = MLPClassifier(**parameters)
        for _ in range(4):
            steps.partial_fit(X, y, classes=[0, 1, 2])
        assert_same_model(steps, model)
        measured = MLPClassifier(**parameters).fit(X, y, X_val=X[:50], y_val=y[:50])
        assert measured.history_["val_loss"][-1] == measured.evaluate(X[:50], y[:50])["loss"]
        stopped = MLPClassifier(**parameters, early_stopping=True).fit(X, y)
        assert_array_equal(stopped.baselines_, model.baselines_)


def test_no_baselines():
    problem = Problem()
    model = MLPClassifier((5,), max_iter=1, random_state=0).fit(problem.X, problem.labels[:, 0])
    assert model.baselines_ is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [-999, -99999, 1e9])
def test_a_value_far_from_the_others_costs_them_no_digits(value, dtype):
    rng = np.random.default_rng(0)
    x = np.where(rng.random(600) < 0.75, value, rng.normal(size=600) * 1e-4)[:, np.newaxis]
    known = x[:, 0] != value
    y = np.where(known, 100 * x[:, 0], 0)
    model = MLPRegressor(
        hidden_layer_sizes=(1,), activation="identity", solver="sgd", learning_rate_init=1e-30,
        max_iter=1, random_state=0, dtype=dtype,
    )  # fmt: skip
    exact = {"coef_init": [[[1.0]], [[100.0]]], "intercept_init": [[0.0], [0.0]]}
    model.fit(x, y, sample_weight=known * 1.0, **exact)
    assert model.history_["r2"][0] == pytest.approx(1, abs=1e-9)
    assert model.history_["loss"][0] < 1e-9 * y[known].var()


def test_a_far_value_of_whole_numbers_costs_nothing():
    X = np.where(np.random.default_rng(0).random((200, 5)) < 0.7, 255, 0).astype(np.uint8)
    X[::7] = 3
    assert_array_equal(opened(X).baselines, np.float32([255] * 5))
    assert_array_equal(opened(X > 0).baselines, np.float32([1] * 5))


def test_more_features_than_16_bits_number():
    X = np.ones((8, 70_000), np.float32)
    X[:, -1] = np.arange(8)
    data = open_data(X, np.float32, Team(1), shift=True)
    assert len(data.shifted) == 69_999
    assert set(data.index.tolist()) == {69_999}


def test_dropped_inputs_become_0_and_not_baselines():
    rng = np.random.default_rng(0)
    Z = np.where(rng.random((150, 12)) < 0.8, 1.0, rng.normal(size=(150, 12)))
    y = np.arange(150) % 3
    how = {"hidden_layer_sizes": (7,), "max_iter": 1, "random_state": 0}
    assert MLPClassifier(**how).fit(Z, y).baselines_ is not None
    assert MLPClassifier(**how, input_dropout=0.2).fit(Z, y).baselines_ is None
