"""Weight decay, label smoothing, schedules and activations: against the reference, PyTorch and Keras."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import reference
from numpy.testing import assert_array_equal
from scipy import sparse
from small import X32, XM, YM, X, Y, assert_same, make

from fastmlp import MLPClassifier, array_kernels
from fastmlp.engine.engine import Engine
from fastmlp.engine.full_gradient import FullGradient
from fastmlp.engine.optimizers import SGD, Adam, RMSprop
from fastmlp.training.schedules import update_rates

FOLDER = Path(__file__).with_name("golden")
START, TORCH, KERAS = (
    np.load(FOLDER / f"{name}.npz") for name in ("keras", "torch", "keras_regularised")
)
BATCH_SIZE = int(START["batch_size"])
BATCHES = -(-len(START["X"]) // BATCH_SIZE)


def follow(updates, convert=np.asarray, **parameters):
    """A model after a number of updates from the golden files' start."""
    X, y = START["X"], START["y"]
    epochs = updates // BATCHES
    if epochs == 0:
        epochs, X, y = 1, X[:BATCH_SIZE], y[:BATCH_SIZE]
    defaults = {"batch_size": BATCH_SIZE, "shuffle": False, "max_iter": epochs}
    return MLPClassifier((START["coef_0"].shape[1],), **defaults | parameters).fit(
        convert(X), y,
        coef_init=[START["coef_0"], START["coef_1"]],
        intercept_init=[START["intercept_0"], START["intercept_1"]],
    )  # fmt: skip


def check_parameters(model, golden, run, updates, limit):
    for name, found in (("coef", model.coefs_), ("intercept", model.intercepts_)):
        for layer, array in enumerate(found):
            expected = golden[f"{run}/{name}_{layer}/{updates}"]
            assert abs(array - expected).max() <= limit * abs(expected).max(), (name, layer)


# --- PyTorch and Keras ------------------------------------------------------------------------


@pytest.mark.parametrize("updates", TORCH["snapshots"].tolist())
def test_adam_with_decay_is_pytorch_s_adamw(updates):
    """PyTorch adds epsilon after the bias correction, we before it; the golden run's is too small to tell."""
    model = follow(
        updates, solver="adam", dtype="float64", learning_rate_init=float(TORCH["lr"]),
        epsilon=float(TORCH["eps"]), weight_decay=float(TORCH["weight_decay"]),
    )  # fmt: skip
    check_parameters(model, TORCH, "adamw", updates, 1e-9)


RUNS = {
    "rmsprop-decay": {"weight_decay": 0.1},
    "rmsprop-momentum-decay": {"weight_decay": 0.1, "momentum": 0.9},
    "adam-decay": {"weight_decay": 0.1, "solver": "adam"},
    "sgd-decay": {"weight_decay": 0.1, "solver": "sgd", "learning_rate_init": 0.1},
    "sgd-nesterov-decay": {
        "weight_decay": 0.1, "solver": "sgd", "learning_rate_init": 0.1, "momentum": 0.9,
        "nesterovs_momentum": True,
    },
    "smoothing": {"label_smoothing": 0.1},
    "cosine": {"learning_rate": "cosine"},
}  # fmt: skip


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize("updates", KERAS["snapshots"].tolist())
@pytest.mark.parametrize("run", KERAS["runs"].tolist())
def test_parameters_follow_keras(run, updates, convert):
    parameters = RUNS[run]
    if run == "cosine":
        parameters = {"learning_rate": lambda progress, n=updates: _cosine_of_20(progress, n)}
    model = follow(updates, convert, **parameters)
    check_parameters(model, KERAS, run, updates, 1e-5)


def _cosine_of_20(progress, updates):
    """Keras's run has 20 updates, of which a shorter fit sees the first."""
    return 0.5 * (1 + np.cos(np.pi * progress * updates / 20))


def test_cosine_follows_keras():
    check_parameters(follow(20, learning_rate="cosine"), KERAS, "cosine", 20, 1e-5)


def test_smoothed_loss_follows_keras():
    losses = KERAS["smoothing/loss"].reshape(-1, BATCHES)
    sizes = np.full(BATCHES, BATCH_SIZE)
    sizes[-1] = len(START["X"]) - BATCH_SIZE * (BATCHES - 1)
    model = follow(losses.size, label_smoothing=0.1)
    np.testing.assert_allclose(model.loss_curve_, losses @ sizes / sizes.sum(), rtol=1e-5)
    expected, _, _ = reference.logistic_cross_entropy_backward(
        KERAS["binary/logits"].astype(float), KERAS["binary/labels"], label_smoothing=0.1
    )
    assert expected == pytest.approx(float(KERAS["binary/loss"]), rel=1e-6)


@pytest.mark.parametrize("name", ["one_cycle", "cosine"])
@pytest.mark.parametrize("total", TORCH["totals"].tolist())
def test_schedules_follow_pytorch(name, total):
    model = MLPClassifier(learning_rate=name, learning_rate_init=1.0)
    np.testing.assert_allclose(
        update_rates(model, 0, 1, total), TORCH[f"{name}/{total}"], atol=1e-9
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["leaky_relu", "elu", "selu", "gelu", "silu", "mish"])
def test_activations_follow_pytorch(name, dtype):
    x, eps = TORCH["x"], float(np.finfo(dtype).eps)
    found = getattr(array_kernels, name)(x.astype(dtype))
    np.testing.assert_allclose(found, TORCH[name], rtol=0, atol=4 * eps * abs(x).max())
    slope = reference.DERIVATIVE[name](x)
    np.testing.assert_allclose(slope, TORCH[f"{name}/derivative"], rtol=1e-12, atol=1e-15)


NEW = ["leaky_relu", "elu", "selu", "gelu", "silu", "mish"]


def edges(dtype):
    """Zeros, the smallest numbers, those at which an exponential overflows or vanishes, and large ones."""
    tiny = float(np.finfo(dtype).tiny)
    sizes = [0.0, tiny, 1e-20, 1e-8, 1e-3, 1.0, 5.0, 13.0, 20.0, 88.0, 104.0, 709.0, 746.0, 1e4]
    return np.array([sign * size for size in sizes for sign in (1, -1)], dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NEW)
def test_activations_at_the_edges(name, dtype):
    x, info = edges(dtype), np.finfo(dtype)
    expected = reference.ACTIVATION[name](x.astype(float))
    found = getattr(array_kernels, name)(x)
    # Relative to the larger of x and the value: below, gelu and its kin are differences of nearly equal numbers.
    unit = float(info.eps) * np.maximum(abs(expected), np.minimum(abs(x.astype(float)), 1.0))
    assert (abs(found - expected) <= 8 * unit + float(info.tiny)).all()
    # The logistic's least value is the smallest normal number: silu(-1e30) is -1e-8 in float32.
    far = np.array([np.nan, np.inf, 1e30, -1e30], dtype)
    ends = getattr(array_kernels, name)(far)
    assert np.isnan(ends[0])
    assert ends[1] == np.inf
    wanted = reference.ACTIVATION[name](far[2:].astype(float))
    np.testing.assert_allclose(ends[2:], wanted, rtol=4 * float(info.eps), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NEW)
def test_derivatives_at_the_edges(name, dtype):
    """A hidden unit for each x: its weight is x, and the only sample is 1."""
    x = edges(dtype)
    engine = Engine(
        (1, len(x), 1), activation=name, loss="squared_error", dtype=np.dtype(dtype).name
    )
    engine.set_parameters([x[None], np.full((len(x), 1), 1e-4)], [np.zeros(len(x)), np.zeros(1)])
    data = engine.open(np.ones((1, 1), dtype))
    _, coefs, intercepts = FullGradient(engine, data, np.zeros((1, 1), dtype))()
    found = coefs[0][0] / float(intercepts[1][0] * dtype(1e-4))
    expected = reference.DERIVATIVE[name](x.astype(float))
    np.testing.assert_allclose(found, expected, rtol=0, atol=16 * float(np.finfo(dtype).eps))


# --- weight decay -----------------------------------------------------------------------------

OPTIMIZERS = {
    "rmsprop": (RMSprop, {}),
    "rmsprop-momentum": (RMSprop, {"momentum": 0.9}),
    "adam": (Adam, {}),
    "sgd": (SGD, {}),
    "sgd-momentum": (SGD, {"momentum": 0.9}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("decay", [0.0, 0.3, 90.0])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_decay_of_rows_that_rest_is_the_reference_s(name, decay, n_threads):
    """Features that most batches do not touch, a batch without weight, and a rate for each update."""
    rng = np.random.default_rng(0)
    n, sizes = 120, (90, 40, 3)
    inputs = rng.normal(size=(n, 90)) * (rng.random((n, 90)) < 0.03)
    labels = rng.integers(3, size=(n, 1)).astype(np.int32)
    weight = rng.uniform(0.5, 2, n)
    weight[16:24] = 0
    coefs = [rng.normal(size=(90, 40)) / 3, rng.normal(size=(40, 3)) / 3]
    intercepts = [rng.normal(size=40), rng.normal(size=3)]
    rates = rng.uniform(0.001, 0.01, n // 8)
    kind, hyper = OPTIMIZERS[name]
    engine = Engine(
        sizes, activation="relu", loss="softmax_cross_entropy", dtype="float64", n_threads=n_threads
    )
    engine.set_parameters(coefs, intercepts)
    optimizer, expected = kind(**hyper), [w.copy() for w in coefs + intercepts]
    oracle = reference.Optimizer(name.split("-")[0], weight_decay=decay, **hyper)
    data = engine.open(inputs)
    assert data.zero_skipping
    for _ in range(3):
        order = rng.permutation(n)
        order = np.concatenate((np.arange(16, 24), order[(order < 16) | (order >= 24)]))
        engine.train_epoch(
            data, labels, order, batch_size=8, optimizer=optimizer, learning_rate=rates,
            weight_decay=decay, sample_weight=weight,
        )  # fmt: skip
        reference.train_epoch(
            inputs, labels, expected[:2], expected[2:], oracle, order, batch_size=8,
            learning_rate=rates, sample_weight=weight,
        )  # fmt: skip
    found = [p for parameters in engine.get_parameters() for p in parameters]
    for array, oracle_array in zip(found, expected, strict=True):
        np.testing.assert_allclose(array, oracle_array, rtol=0, atol=1e-11)


def test_decay_shrinks_weights_and_is_not_in_the_loss():
    plain, decayed = make(max_iter=30).fit(X, Y), make(max_iter=30, weight_decay=1.0).fit(X, Y)
    assert np.linalg.norm(decayed.coefs_[0]) < 0.95 * np.linalg.norm(plain.coefs_[0])
    assert plain.loss_curve_[0] == pytest.approx(decayed.loss_curve_[0], rel=0.01)
    assert_same(make(solver="lbfgs").fit(X, Y), make(solver="lbfgs", weight_decay=1.0).fit(X, Y))


def test_decay_of_everything_in_one_update():
    """A share of 1, or of more, leaves nothing to divide by: the rows are then not left out."""
    sparse_X = X32 * (np.random.default_rng(0).random(X32.shape) < 0.3)
    for decay in (1000.0, 1500.0):
        model = make(solver="sgd", learning_rate_init=0.001, weight_decay=decay).fit(sparse_X, Y)
        assert all(np.isfinite(w).all() for w in model.coefs_)


# --- label smoothing --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", ["softmax", "logistic"])
@pytest.mark.parametrize("n_outputs", [2, 5, 40, 130])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_smoothing_is_the_reference_s(output, n_outputs, smoothing, dtype):
    rng = np.random.default_rng(1)
    n, sizes = 50, (9, n_outputs)
    inputs = rng.normal(size=(n, 9)).astype(dtype)
    labels = (
        rng.integers(n_outputs, size=(n, 1)) if output == "softmax" else rng.integers(2, size=(n, n_outputs))
    ).astype(np.int32)  # fmt: skip
    coefs = [rng.normal(size=(9, n_outputs)).astype(dtype)]
    intercepts = [rng.normal(size=n_outputs).astype(dtype)]
    engine = Engine(
        sizes, activation="relu", loss=f"{output}_cross_entropy", dtype=dtype,
        label_smoothing=smoothing,
    )  # fmt: skip
    engine.set_parameters(coefs, intercepts)
    data = engine.open(inputs)
    found = FullGradient(engine, data, labels)()
    given = inputs.astype(float), labels, [coefs[0].astype(float)], [intercepts[0].astype(float)]
    expected = reference.backward(*given, output=output, label_smoothing=smoothing)
    eps = float(np.finfo(dtype).eps)
    assert found[0] == pytest.approx(expected[0], rel=50 * eps)
    for a, b in zip(found[1] + found[2], expected[2] + expected[3], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=100 * eps * abs(b).max())
    loss, accuracy = engine.evaluate(data, labels)
    assert (loss, accuracy) == pytest.approx((expected[0], expected[1]), rel=50 * eps)


def test_smoothing_of_the_estimator():
    model = make(label_smoothing=0.2, max_iter=1, learning_rate_init=1e-30).fit(
        X, Y, X_val=X, y_val=Y
    )
    assert model.history_["loss"] == pytest.approx(model.history_["val_loss"])
    logits = np.log(model.predict_proba(X).astype(float))
    labels = np.searchsorted(model.classes_, Y)[:, None]
    expected, _, _ = reference.softmax_cross_entropy_backward(logits, labels, label_smoothing=0.2)
    assert model.evaluate(X, Y)["loss"] == pytest.approx(expected, rel=1e-5)
    assert make(label_smoothing=0.2).fit(XM, YM).score(XM, YM) >= 0


# --- schedules --------------------------------------------------------------------------------


def halves(progress):
    """1 in the first half of the training, then a half."""
    return 1.0 if progress < 0.5 else 0.5


@pytest.mark.parametrize("solver", ["rmsprop", "adam", "sgd"])
@pytest.mark.parametrize("schedule", ["cosine", "linear", "one_cycle", halves])
def test_schedules_resume_exactly(schedule, solver):
    how = {"learning_rate": schedule, "solver": solver, "momentum": 0.5}
    whole = make(**how).fit(X, Y)
    parts = make(**how)
    for _ in range(4):
        parts = pickle.loads(pickle.dumps(parts)).partial_fit(X, Y, classes=np.unique(Y))
    assert_same(whole, parts)
    rates = np.concatenate([update_rates(whole, epoch, 4, 8) for epoch in range(4)])
    assert whole.history_["learning_rate"] == parts.history_["learning_rate"] == list(rates[7::8])
    # More epochs than planned keep the last rate.
    assert parts.partial_fit(X, Y).history_["learning_rate"][-1] == rates[-1]
    # The engine has used each of them.
    others = make(**how | {"learning_rate": "constant"}).fit(X, Y)
    assert not np.array_equal(whole.coefs_[0], others.coefs_[0])


def test_rates_of_each_update():
    def rates(schedule):
        model = MLPClassifier(learning_rate=schedule, learning_rate_init=2.0)
        return np.concatenate([update_rates(model, epoch, 2, 5) for epoch in range(3)])

    np.testing.assert_allclose(rates("linear"), [*np.linspace(2, 0.2, 10), *[0.2] * 5])
    np.testing.assert_allclose(rates(halves), [2.0] * 5 + [1.0] * 10)
    seen = []
    rates(lambda progress: seen.append(progress) or 1)
    np.testing.assert_allclose(seen, [*np.arange(10) / 10, *[0.9] * 5])


def test_an_engine_uses_a_rate_for_each_update():
    """Rates of 0 but for one update: the weights are those after it alone."""
    for index in (0, 2):
        moved = []
        for rates, rows in ((np.eye(3)[index], np.arange(24)), ([1.0], np.arange(8) + 8 * index)):
            engine = Engine(
                (6, 3), activation="relu", loss="softmax_cross_entropy", dtype="float64"
            )
            engine.set_parameters([np.ones((6, 3))], [np.zeros(3)])
            engine.train_epoch(
                engine.open(X[:24]), Y[:24, None].astype(np.int32), rows, batch_size=8,
                optimizer=SGD(), learning_rate=np.array(rates),
            )  # fmt: skip
            moved.append(engine.get_parameters()[0][0])
        assert_array_equal(*moved)


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf, "x", None, 1j])
def test_bad_factors_are_refused(value):
    with pytest.raises(ValueError, match="learning_rate must return a finite number"):
        make(learning_rate=lambda progress: value).fit(X, Y)


@pytest.mark.parametrize("learning_rate", ["exponential", 0.1, None])
def test_bad_schedules_are_refused(learning_rate):
    with pytest.raises(ValueError, match="'learning_rate' parameter"):
        make(learning_rate=learning_rate).fit(X, Y)


def test_adaptive_goes_by_the_validation_score():
    """The loss falls all the time; the score of a validation set of one class stays where it is."""
    how = {
        "learning_rate": "adaptive", "solver": "sgd", "n_iter_no_change": 1, "tol": 1e-9,
        "learning_rate_init": 1e-5, "max_iter": 12,
    }  # fmt: skip
    with pytest.warns(match="Maximum iterations"):
        by_loss = make(**how).fit(X, Y)
    assert set(by_loss.history_["learning_rate"]) == {1e-5}
    model = make(**how).fit(X, Y, X_val=X[:4], y_val=Y[:4])
    scores = model.history_["val_accuracy"]
    assert len(set(scores)) == 1
    assert model.history_["learning_rate"][:5] == pytest.approx([1e-5, 1e-5, 1e-5, 2e-6, 2e-6])
    assert model.best_validation_score_ is None
    parts = make(**how)
    for _ in range(len(scores)):
        parts = pickle.loads(pickle.dumps(parts))
        parts.partial_fit(X, Y, classes=np.unique(Y), X_val=X[:4], y_val=Y[:4])
    assert_same(model, parts)


def test_a_schedule_may_end_at_0():
    model = make(learning_rate=lambda progress: float(progress < 0.5), max_iter=4).fit(X, Y)
    assert model.history_["learning_rate"] == [0.001, 0.001, 0, 0]
    assert_array_equal(model.coefs_[0], make(max_iter=2).fit(X, Y).coefs_[0])
