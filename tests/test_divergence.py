"""Where numbers become too large: a finite, right result if there is one, else one clear error."""

import copy

import numpy as np
import pytest
import reference
from small import SOLVERS, X32, X, Y, assert_same, make

from fastmlp import MLPRegressor

FEW = 5  # samples; so few are predicted in another way
NOT_FINITE = "Predictions are not finite"


def with_weights(coefs, intercepts, **parameters):
    """A model with these weights, of any number of layers."""
    hidden = tuple(len(bias) for bias in intercepts[:-1])
    model = make(hidden_layer_sizes=hidden, max_iter=1, **parameters).fit(X, Y)
    model.coefs_ = [np.array(coef, model.dtype) for coef in coefs]
    model.intercepts_ = [np.array(bias, model.dtype) for bias in intercepts]
    return model


def loss_of(logits, y):
    """Mean cross-entropy by softmax, in long double."""
    z = np.asarray(logits, np.longdouble)
    z = z - z.max(axis=1, keepdims=True)
    chosen = z[np.arange(len(y)), y]
    return float((np.log(np.exp(z).sum(axis=1)) - chosen).mean())


def assert_judged_right(model, x, activation="relu"):
    """The model's predictions are finite, and its loss is that of the same weights in float64."""
    wide = [[array.astype(float) for array in a] for a in (model.coefs_, model.intercepts_)]
    logits = reference.forward(x.astype(float), *wide, activation)[1][-1]
    assert model.evaluate(x, Y)["loss"] == pytest.approx(loss_of(logits, Y), rel=1e-4, abs=1e-6)
    assert np.isfinite(model.predict_proba(x)).all()


JUDGEMENTS = {
    "predict": lambda model, n: model.predict(X[:n]),
    "predict_proba": lambda model, n: model.predict_proba(X[:n]),
    "predict_log_proba": lambda model, n: model.predict_log_proba(X[:n]),
    "score": lambda model, n: model.score(X[:n], Y[:n]),
    "evaluate": lambda model, n: model.evaluate(X[:n], Y[:n]),
}


class TestWeightsThatAreNotFinite:
    @pytest.mark.slow
    @pytest.mark.parametrize("n", [1, FEW, 120])
    @pytest.mark.parametrize("judge", JUDGEMENTS.values(), ids=JUDGEMENTS)
    @pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
    @pytest.mark.parametrize("layer", [0, 1])
    def test_one_nan_is_never_passed_over(self, layer, activation, judge, n):
        model = make(activation=activation, max_iter=1).fit(X, Y)
        model.coefs_[layer][0, 0] = np.nan
        with pytest.raises(ValueError, match=f"{NOT_FINITE}.*coefs_.*or NaN"):
            judge(model, n)
        model.coefs_[layer][0, 0] = 0
        model.intercepts_[layer][-1] = np.nan
        with pytest.raises(ValueError, match=NOT_FINITE):
            judge(model, n)

    @pytest.mark.parametrize("labels", [Y > 0, np.eye(3, dtype=int)[Y] | (X[:, :3] > 0)])
    def test_binary_and_multilabel(self, labels):
        model = make(max_iter=1).fit(X, labels)
        model.coefs_[1][:] = np.nan
        for judge in (
            lambda: model.predict(X),
            lambda: model.predict_proba(X[:1]),
            lambda: model.score(X, labels),
            lambda: model.evaluate(X, labels),
        ):
            with pytest.raises(ValueError, match=NOT_FINITE):
                judge()

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_training_does_not_go_on_from_them(self, value):
        model = make(max_iter=1, warm_start=True).fit(X, Y)
        model.coefs_[0][2, 3] = value
        for train in (model.fit, model.partial_fit):
            with pytest.raises(ValueError, match="coefs_ contain NaN, infinity or a value too la"):
                train(X, Y)

    def test_a_wider_dtype_is_the_advice_only_where_there_is_one(self):
        for dtype, advised in (("float32", True), ("float64", False)):
            model = make(max_iter=1, dtype=dtype).fit(X, Y)
            model.coefs_[0][:] = np.nan
            with pytest.raises(ValueError, match=f"too large for {dtype}") as error:
                model.predict(X)
            assert ("use dtype='float64'" in str(error.value)) == advised


class TestLargeLogits:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("size", [1e4, 1e30])
    def test_softmax(self, dtype, size):
        bias = np.array([size, 0.0, -size])
        model = with_weights([np.zeros((6, 3))], [bias], dtype=dtype)
        logits = np.tile(model.intercepts_[0].astype(float), (120, 1))
        assert model.evaluate(X, Y)["loss"] == pytest.approx(loss_of(logits, Y), rel=1e-12)
        for n in (FEW, 120):
            np.testing.assert_array_equal(model.predict_proba(X[:n]), [[1, 0, 0]] * n)
            assert (model.predict(X[:n]) == 0).all()

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("logit", [1e4, -1e4, 1e30])
    def test_logistic(self, dtype, logit):
        model = make(hidden_layer_sizes=(), max_iter=1, dtype=dtype).fit(X, Y > 0)
        model.coefs_, model.intercepts_ = [np.zeros((6, 1), dtype)], [np.array([logit], dtype)]
        wrong = (Y > 0) != (logit > 0)
        expected = abs(float(model.intercepts_[0][0])) * wrong.mean()
        assert model.evaluate(X, Y > 0)["loss"] == pytest.approx(expected, rel=1e-12)
        np.testing.assert_allclose(
            model.predict_proba(X)[:, 1], float(logit > 0), rtol=0, atol=np.finfo(dtype).tiny
        )

    @pytest.mark.parametrize("output", ["softmax", "logistic"])
    @pytest.mark.parametrize("solver", SOLVERS)
    def test_training_goes_on_from_them_with_the_right_loss(self, solver, output):
        labels = Y if output == "softmax" else (Y > 0).astype(int)
        n_outputs = 3 if output == "softmax" else 1
        bias = np.array([1e4, 0, -1e4])[:n_outputs]
        model = make(
            hidden_layer_sizes=(), solver=solver, batch_size=120, max_iter=1, dtype="float64"
        )
        model.fit(X, labels, coef_init=[np.zeros((6, n_outputs))], intercept_init=[bias])
        if output == "softmax":
            expected = loss_of(np.tile(bias, (120, 1)), Y)
        else:
            expected = 1e4 * (labels == 0).mean()
        if solver == "lbfgs":
            assert model.loss_ < expected
        else:
            assert model.loss_ == pytest.approx(expected, rel=1e-10)
        assert np.isfinite(model.predict_proba(X)).all()

    def test_weights_at_the_edge_of_float32(self):
        # Hidden sums are beyond float32: tanh is 1 or -1 all the same, and the logits are small.
        rng = np.random.default_rng(0)
        edge = np.full((6, 1), 3.4e38) * np.sign(X[0])[:, None]
        coefs = [np.hstack([edge, -edge]), rng.normal(size=(2, 3))]
        model = with_weights(coefs, [np.zeros(2), np.zeros(3)], activation="tanh")
        logits = np.array([[1.0, -1.0]]) @ model.coefs_[1].astype(float)
        found = model.evaluate(X[:1], Y[:1])["loss"]
        assert found == pytest.approx(loss_of(logits, Y[:1]), rel=1e-6)
        # With relu there is no right answer in float32, and there is in float64.
        model.activation = "relu"
        for judge in JUDGEMENTS.values():
            with pytest.raises(ValueError, match=rf"{NOT_FINITE}.*float32.*use dtype='float64'"):
                judge(model, 1)
        model.dtype = "float64"
        for judge in JUDGEMENTS.values():
            judge(model, 1)
        wide = [[array.astype(float) for array in a] for a in (model.coefs_, model.intercepts_)]
        expected = loss_of(reference.forward(X[:1], *wide, "relu")[1][-1], Y[:1])
        assert model.evaluate(X[:1], Y[:1])["loss"] == pytest.approx(expected, rel=1e-12)


def test_predictions_are_finite_even_if_their_sum_is_not():
    X = np.zeros((300, 1))
    model = MLPRegressor(hidden_layer_sizes=(2,), max_iter=1, random_state=0).fit(X, X[:, 0])
    model.intercepts_[1][:] = 1e37
    assert (model.predict(X) == np.float32(1e37)).all()
    model.intercepts_[1][:] = np.inf
    with pytest.raises(ValueError, match=NOT_FINITE):
        model.predict(X)


class TestDivergingFits:
    @pytest.mark.parametrize("activation", ["relu", "tanh"])
    @pytest.mark.parametrize("solver", ["sgd", "rmsprop", "adam"])
    @pytest.mark.parametrize("rate", [1e6, 1e20, 1e38, 1e300])
    def test_finite_and_right_or_one_error(self, solver, rate, activation):
        model = make(solver=solver, learning_rate_init=rate, activation=activation, max_iter=8)
        try:
            model.fit(X, Y)
        except ValueError as error:
            assert "Solver produced non-finite parameter weights" in str(error)  # noqa: PT017
            assert f"learning_rate_init={rate:g} is too large for '{solver}'" in str(error)  # noqa: PT017
            assert not hasattr(model, "coefs_")
        else:
            assert np.isfinite(model.loss_curve_).all()
            assert_judged_right(model, X32, activation)

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_sgd_at_a_million(self, dtype):
        """The case that a sweep meets, with and without validation samples."""
        model = make(solver="sgd", learning_rate_init=1e6, max_iter=50, dtype=dtype)
        message = "non-finite parameter weights.*learning_rate_init=1e.06 is too large for 'sgd'"
        with pytest.raises(ValueError, match=message):
            model.fit(X, Y)
        with pytest.raises(ValueError, match=f"{message}|{NOT_FINITE}.*learning_rate_init"):
            model.fit(X, Y, X_val=X, y_val=Y)
        with pytest.raises(ValueError, match=f"{message}|{NOT_FINITE}.*learning_rate_init"):
            model.set_params(early_stopping=True).fit(X, Y)

    def test_validation_samples_that_overflow(self):
        model = make().fit(X, Y)
        before = copy.deepcopy(model)
        far = np.where(X > 0, 3e38, -3e38)
        for solver in ("rmsprop", "lbfgs"):
            with pytest.raises(ValueError, match=f"{NOT_FINITE}.*Scale the data"):
                model.set_params(solver=solver).fit(X, Y, X_val=far, y_val=Y)
            assert_same(model, before)

    def test_data_that_is_too_large_leaves_the_model_as_it_was(self):
        model = make(solver="sgd").fit(X, Y)
        before = copy.deepcopy(model)
        with pytest.raises(ValueError, match=r"non-finite.*input data may contain large values"):
            model.fit(X * 1e30, Y)
        assert_same(model, before)

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("solver", ["rmsprop", "adam", "lbfgs"])
    def test_large_data_that_these_can_bear(self, solver, dtype):
        model = make(solver=solver, dtype=dtype).fit(X * 1e30, Y)
        assert np.isfinite(model.loss_curve_).all()
        assert_judged_right(model, X * 1e30)
