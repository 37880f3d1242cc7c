"""`scale_target`: against a model that is given the scaled target, resumed, exported, and in which units what is."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_diabetes
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from small import assert_same, parameters_of

from fastmlp import Checkpoint, MLPRegressor

X, Y1 = load_diabetes(return_X_y=True)
X = StandardScaler().fit_transform(X)
Y = np.column_stack([Y1, 1e6 - 3 * Y1, 1e-4 * Y1 + 1])  # targets of three units
WEIGHT = np.linspace(0, 2, len(Y1))
SOLVERS = ("rmsprop", "adam", "sgd", "lbfgs")


def make(**parameters):
    defaults = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.01, "batch_size": 50, "max_iter": 4,
                "random_state": 0, "dtype": "float64"}  # fmt: skip
    return MLPRegressor(**defaults | parameters)


def scaler_of(y, weight=None):
    return StandardScaler().fit(y.reshape(len(y), -1), sample_weight=weight)


def scaled(scaler, y):
    return scaler.transform(y.reshape(len(y), -1)).reshape(y.shape)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("y", [Y1, Y], ids=["one", "three"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_it_is_the_fit_of_the_scaled_target(solver, y, weight, dtype):
    how = {"solver": solver, "alpha": 0.1, "dtype": dtype}
    scaler = scaler_of(y, weight)
    given = {"X_val": X[:50], "y_val": y[:50]}
    by_hand_given = {"X_val": X[:50], "y_val": scaled(scaler, y[:50])}
    model = make(scale_target=True, **how).fit(X, y, weight, **given)
    by_hand = make(**how).fit(X, scaled(scaler, y), weight, **by_hand_given)
    exact = 1e-9 if dtype == "float64" else 1e-3
    assert_allclose(model.target_mean_, scaler.mean_, rtol=1e-12)
    assert_allclose(model.target_scale_, scaler.scale_, rtol=1e-12)
    for one, other in zip(parameters_of(model), parameters_of(by_hand), strict=True):
        assert_allclose(one, other, rtol=exact, atol=exact)
    found = model.predict(X)
    outputs = by_hand.predict(X)
    expected = scaler.inverse_transform(outputs.reshape(len(y), -1)).reshape(y.shape)
    assert (found.shape, found.dtype) == (y.shape, np.dtype("float64"))
    assert_allclose(scaled(scaler, found), scaled(scaler, expected), rtol=exact, atol=exact)
    for name in ("loss", "val_loss", "r2", "val_r2") if solver != "lbfgs" else ("loss",):
        assert_allclose(model.history_[name], by_hand.history_[name], rtol=exact, atol=exact)


@pytest.mark.parametrize("form", [np.asfortranarray, lambda y: y.astype(np.longdouble)])
def test_the_memory_of_y_changes_no_bit(form):
    model = make(scale_target=True).fit(X, Y)
    other = make(scale_target=True).fit(X, form(Y))
    assert_same(model, other)
    assert_array_equal(model.target_mean_, other.target_mean_)
    assert_array_equal(model.predict(X), other.predict(X))


def test_it_matters():
    """The comparison above could fail: without, the network is another."""
    assert make(scale_target=True).fit(X, Y).score(X, Y) > 0
    assert make().fit(X, Y).score(X, Y) < 0
    plain, model = make().fit(X, Y1), make(scale_target=True).fit(X, Y1)
    assert not np.allclose(plain.coefs_[0], model.coefs_[0])
    assert plain.target_mean_ is plain.target_scale_ is None


@pytest.mark.parametrize("y", [Y1, Y], ids=["one", "three"])
def test_which_units(y):
    """Losses are of the scaled target; predictions and R² of y's own."""
    given = {"X_val": X[:100], "y_val": y[:100]}
    model = make(scale_target=True, max_iter=30).fit(X[100:], y[100:], **given)
    measures = model.evaluate(X[:100], y[:100])
    assert measures["loss"] == model.history_["val_loss"][-1]
    assert measures["r2"] == model.history_["val_r2"][-1]
    errors = (model.predict(X[:100]) - y[:100]).reshape(100, -1) / model.target_scale_
    assert_allclose(measures["loss"], np.mean(errors**2) / 2, rtol=1e-9)
    assert_allclose(measures["r2"], r2_score(y[:100], model.predict(X[:100])), rtol=1e-9)
    assert_allclose(measures["r2"], model.score(X[:100], y[:100]), rtol=1e-9)
    whole = model.evaluate(X[100:], y[100:])["loss"]
    assert model.history_["loss"][-1] == pytest.approx(whole, rel=0.2)
    assert whole < 0.5


def test_losses_do_not_depend_on_the_units():
    one, other = (make(scale_target=True).fit(X, 1e3 * k * Y1 + k) for k in (1, 1024))
    assert_allclose(one.history_["loss"], other.history_["loss"], rtol=1e-9)


def test_a_scorer_sees_y_itself():
    seen = []

    def scorer(model, inputs, y):
        seen.append(y.copy())
        return -np.mean(np.abs(model.predict(inputs) - y))

    how = {"scale_target": True, "early_stopping": True, "max_iter": 6}
    model = make(**how, scoring=scorer).fit(X, Y1)
    named = make(**how, scoring="neg_mean_absolute_error").fit(X, Y1)
    assert set(np.concatenate(seen)) <= set(Y1)
    assert_same(model, named)
    assert model.validation_scores_ == named.validation_scores_
    assert max(seen[0]) > 100
    assert -200 < model.best_validation_score_ < -20  # in the units of y


@pytest.mark.parametrize("solver", SOLVERS[:3])
def test_partial_fit_keeps_the_first_units_and_resumes_exactly(solver):
    how = {"solver": solver, "momentum": 0.5, "average": 0.9, "scale_target": True}
    whole, parts = make(**how).fit(X, Y), make(**how)
    for _ in range(4):
        parts = pickle.loads(pickle.dumps(parts.partial_fit(X, Y)))
    assert_same(whole, parts)
    assert_array_equal(whole.predict(X), parts.predict(X))
    assert whole.history_["loss"] == parts.history_["loss"]
    before = parts.target_mean_.copy(), parts.target_scale_.copy()
    parts.partial_fit(X[:100], 7 * Y[:100] + 5)
    assert_array_equal(before, (parts.target_mean_, parts.target_scale_))
    assert_array_equal(before, (whole.target_mean_, whole.target_scale_))
    fresh = parts.set_params(max_iter=1).fit(X, 7 * Y + 5)
    assert_allclose(fresh.target_mean_, 7 * Y.mean(axis=0) + 5)


def test_warm_start_keeps_them():
    model = make(scale_target=True, warm_start=True).fit(X, Y1)
    before = model.predict(X)
    model.set_params(learning_rate_init=1e-30, max_iter=1).fit(X, 1000 * Y1)
    assert_allclose(model.predict(X), before, rtol=1e-9)
    assert_allclose(model.target_mean_, Y1.mean())


@pytest.mark.slow
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_checkpoint_resumes_exactly(tmp_path, early_stopping):
    pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")
    how = {"scale_target": True, "early_stopping": early_stopping}
    Checkpoint(tmp_path).fit(make(**how), X, Y)
    assert_array_equal(Checkpoint.load(tmp_path).predict(X), make(**how).fit(X, Y).predict(X))
    parts = Checkpoint(tmp_path).fit(make(**how, max_iter=7), X, Y)
    whole = make(**how, max_iter=7).fit(X, Y)
    assert_same(parts, whole)
    assert_array_equal(parts.predict(X), whole.predict(X))


def test_another_choice_is_refused_where_training_goes_on():
    for first in (False, True):
        model = make(scale_target=first).fit(X, Y1)
        weights = [array.copy() for array in parameters_of(model)]
        model.set_params(scale_target=not first)
        with pytest.raises(ValueError, match=f"scale_target={not first} is not what"):
            model.partial_fit(X, Y1)
        for before, after in zip(weights, parameters_of(model), strict=True):
            assert_array_equal(before, after)
        assert (model.fit(X, Y1).target_scale_ is None) == first


def test_poisson_is_refused():
    with pytest.raises(ValueError, match="scale_target=True is for loss='squared_error'"):
        make(loss="poisson", scale_target=True).fit(X, Y1)
    with pytest.raises(ValueError, match="'scale_target' parameter of MLPRegressor must be"):
        make(scale_target="yes").fit(X, Y1)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6, 123456789.123])
def test_a_constant_target_is_learned(value):
    y = np.column_stack([np.full(len(Y1), value), Y1])
    model = make(scale_target=True).fit(X, y)
    assert model.target_scale_[0] == 1
    assert_allclose(model.target_mean_[0], value, rtol=1e-14)
    assert_allclose(model.predict(X)[:, 0], value, atol=2)
    assert np.isfinite(list(model.evaluate(X, y).values())).all()


def test_samples_without_weight_do_not_count():
    weight = (np.arange(len(Y1)) < 200).astype(float)
    y = np.where(weight > 0, Y1, 1e9)
    model = make(scale_target=True).fit(X, y, weight)
    assert_allclose(
        (model.target_mean_, model.target_scale_), [[Y1[:200].mean()], [Y1[:200].std()]]
    )


@pytest.mark.parametrize("unit", [1e-300, 1e-30, 1e30, 1e200])
def test_extreme_units(unit):
    model = make(scale_target=True, max_iter=30).fit(X, unit * Y1)
    reference = make(scale_target=True, max_iter=30).fit(X, Y1)
    assert_allclose(model.predict(X) / unit, reference.predict(X), rtol=1e-6)
    if unit == 1e200:
        with pytest.raises(ValueError, match="infinity or a value too large"):
            make(scale_target=True, dtype="float32").fit(X, unit * Y1)


@pytest.mark.parametrize("n", [1, 5, 300])
def test_predictions_of_few_samples_are_those_of_many(n):
    model = make(scale_target=True, dtype="float32").fit(X, Y)
    assert_array_equal(model.predict(X[:n]), model.predict(X)[:n])
    assert_array_equal(model.without_optimizer_state().predict(X), model.predict(X))


def test_pickles_of_before_predict():
    """Their targets know of no units."""
    model = make().fit(X, Y1)
    expected = model.predict(X)
    state = model.__getstate__()
    for name in ("mean", "scale"):
        del state["_targets"][name]
    for name in ("scale_target", "target_mean_", "target_scale_"):
        del state[name]
    old = MLPRegressor.__new__(MLPRegressor)
    old.__setstate__(state)
    assert_array_equal(old.predict(X), expected)
    assert old.partial_fit(X, Y1).target_scale_ is None


# --- exports ----------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [Y1, Y], ids=["one", "three"])
def test_to_scikit_learn(y):
    from fastmlp.export import from_sklearn, to_sklearn

    model = make(scale_target=True).fit(X, y)
    expected = model.predict(X)
    exported = to_sklearn(model)
    assert_allclose(exported.predict(X), expected, rtol=1e-10)
    again = from_sklearn(exported)
    assert_allclose(again.predict(X), expected, rtol=1e-10)
    assert again.scale_target is False
    assert_array_equal(model.predict(X), expected)  # its own weights are what they were
    again.set_params(solver="adam", tol=None).partial_fit(X, y)


@pytest.mark.parametrize("y", [Y1, Y], ids=["one", "three"])
def test_to_keras(y):
    from fastmlp.export import from_keras, keras_weights

    model = make(scale_target=True).fit(X, y)
    again = from_keras(keras_weights(model), output="linear", dtype="float64")
    assert_allclose(again.predict(X), model.predict(X), rtol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("y", [Y1, Y], ids=["one", "three"])
def test_to_onnx(y, dtype):
    pytest.importorskip("onnx", reason="onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    from fastmlp.export import to_onnx

    model = make(scale_target=True, dtype=dtype).fit(X, y)
    content = to_onnx(model).SerializeToString()
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"X": X.astype(np.float32)})
    assert_allclose(found, model.predict(X), rtol=1e-5)


@pytest.mark.parametrize("mean", [0, 1e7, 1e9])
def test_a_mean_far_from_zero_takes_no_digits(mean):
    X = np.random.default_rng(0).normal(size=(300, 4))
    model = MLPRegressor(hidden_layer_sizes=(16,), max_iter=40, scale_target=True, random_state=0)
    model.fit(X, X[:, 0] + mean)
    assert model.predict(X).dtype == np.float64
    assert model.score(X, X[:, 0] + mean) == pytest.approx(model.history_["r2"][-1], abs=0.1)
    assert model.score(X, X[:, 0] + mean) > 0.5


def test_a_target_that_varies_by_rounding_only_is_constant():
    y = np.where(np.arange(len(X)) % 2, 0.3, 0.1 + 0.2)
    assert make(scale_target=True, max_iter=1).fit(X, y).target_scale_ == 1


def test_a_target_far_from_those_of_the_first_call():
    model = make(scale_target=True, max_iter=1, dtype="float32").fit(X, 1e-10 * X[:, 0])
    with pytest.raises(ValueError, match="Input y, standardised by `scale_target`, contains inf"):
        model.partial_fit(X, np.full(len(X), 1e30))
