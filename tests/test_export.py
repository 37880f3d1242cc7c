"""Models that leave: as ONNX graphs, as scikit-learn's estimators; and models that come from there."""

import sys
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.special
import sklearn.neural_network as theirs
from activation_formulas import FORMULAS
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastmlp
from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.export import from_keras, from_sklearn, keras_weights, onnx_model, to_onnx, to_sklearn
from fastmlp.kernels.abi import ACTIVATIONS

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

X, Y = make_classification(
    300, 9, n_informative=6, n_classes=4, n_clusters_per_class=1, random_state=0
)
XM, YM = make_multilabel_classification(200, 9, n_classes=3, random_state=0)
STRINGS = np.array(["zwei", "drei", "ä b", ""])
LABELS = {
    "int64": lambda y: y * 10 - 7,
    "int8": lambda y: (y - 2).astype(np.int8),
    "uint16": lambda y: (y * 20_000).astype(np.uint16),
    "strings": lambda y: STRINGS[y],
    "objects": lambda y: STRINGS.astype(object)[y],
    "floats": lambda y: y.astype(np.float64) - 1.0,
    "float32": lambda y: y.astype(np.float32),
    "big-endian": lambda y: y.astype(">i4"),
    "two ints": lambda y: (y % 2) * 3 + 5,
    "two strings": lambda y: np.array(["no", "yes"])[y % 2],
    "bools": lambda y: y % 2 == 1,
    "two floats": lambda y: (y % 2).astype(float) - 1.0,
    "one int": lambda y: y * 0 + 3,
    "one string": lambda y: np.array(["only"])[y * 0],
}


def fit(cls, x, y, **parameters):
    defaults = {"hidden_layer_sizes": (12, 7), "max_iter": 5, "batch_size": 32, "random_state": 0}
    return cls(**defaults | parameters).fit(x, y)


def run(onnx_model, x):
    """What onnxruntime makes of samples: a dict by the names of the outputs."""
    content = onnx_model if isinstance(onnx_model, bytes) else onnx_model.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": np.asarray(x, np.float32)}), strict=True))


def check_classifier(model, x):
    outputs = run(to_onnx(model), x)
    probability = model.predict_proba(np.asarray(x, np.float32))
    assert outputs["probabilities"].shape == probability.shape
    assert_allclose(outputs["probabilities"], probability, atol=1e-5, rtol=0)
    expected = model.predict(np.asarray(x, np.float32))
    expected = expected.toarray() if sp.issparse(expected) else expected
    assert outputs["label"].shape == expected.shape
    assert_array_equal(outputs["label"], expected)
    return outputs["label"], expected


class TestOnnx:
    @pytest.mark.parametrize("labels", LABELS)
    def test_labels_of_any_type(self, labels):
        y = LABELS[labels](Y)
        found, expected = check_classifier(fit(MLPClassifier, X, y), X)
        if expected.dtype.kind in "biuf":
            assert found.dtype == expected.dtype.newbyteorder("=")
        assert len(np.unique(expected)) == len(np.unique(y))  # each label was seen

    @pytest.mark.slow
    @pytest.mark.parametrize("activation", ACTIVATIONS)
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_activations(self, activation, dtype):
        for x, y in ((X, Y), (X, Y % 2), (XM, YM)):
            check_classifier(fit(MLPClassifier, x, y, activation=activation, dtype=dtype), x)

    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_activations_far_from_zero(self, activation):
        """Where exp overflows, and where a tail is all there is."""
        model = fit(MLPClassifier, X, Y, activation=activation, hidden_layer_sizes=(12,))
        check_classifier(model, X * 30)
        model.coefs_[0] = model.coefs_[0] * 40
        model.coefs_[1] = model.coefs_[1] / 400
        check_classifier(model, X)

    @pytest.mark.parametrize("activation", onnx_model.ACTIVATIONS)
    def test_formulas(self, activation):
        """Each entry of the table against its formula in float64, whatever the engine has."""
        assert set(ACTIVATIONS) <= set(FORMULAS)
        model = fit(MLPClassifier, X, Y, hidden_layer_sizes=(12,))
        model.activation = activation
        for scale in (1, 30):
            hidden = FORMULAS[activation](scale * X @ model.coefs_[0] + model.intercepts_[0])
            logits = hidden @ model.coefs_[1] + model.intercepts_[1]
            found = run(to_onnx(model), scale * X)["probabilities"]
            assert_allclose(found, scipy.special.softmax(logits, axis=1), atol=2e-5)

    @pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix, sp.csr_array])
    def test_multilabel(self, form):
        found, _ = check_classifier(fit(MLPClassifier, XM, form(YM)), XM)
        assert found.dtype == np.int64

    def test_any_number_of_samples(self):
        model = fit(MLPClassifier, X, Y)
        for n in (1, 2, 77):
            check_classifier(model, X[:n])

    def test_dropout_is_for_training_only(self):
        check_classifier(fit(MLPClassifier, X, Y, dropout=0.5, input_dropout=0.2), X)

    @pytest.mark.slow
    @pytest.mark.parametrize("loss", ["squared_error", "poisson"])
    @pytest.mark.parametrize("n_outputs", [1, 3])
    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_regression(self, loss, n_outputs, activation):
        y = np.abs(X[:, :n_outputs]) if n_outputs > 1 else np.abs(X[:, 0])
        model = fit(MLPRegressor, X, y, loss=loss, activation=activation)
        found = run(to_onnx(model), X)
        assert list(found) == ["prediction"]
        expected = model.predict(X.astype(np.float32))
        assert found["prediction"].shape == expected.shape
        assert_allclose(found["prediction"], expected, atol=1e-5, rtol=1e-5)

    def test_a_wrong_weight_is_seen(self):
        """What the other tests compare can differ."""
        model = fit(MLPClassifier, X, Y)
        exported = to_onnx(model)
        model.coefs_[0][3, 5] += 0.01
        difference = run(exported, X)["probabilities"] - model.predict_proba(X)
        assert np.abs(difference).max() > 1e-5

    def test_the_file(self, tmp_path):
        model = fit(MLPClassifier, X, Y)
        file = tmp_path / "model.onnx"
        returned = to_onnx(model, file)
        assert file.read_bytes() == returned.SerializeToString()
        assert list(tmp_path.iterdir()) == [file]
        assert_array_equal(run(file.read_bytes(), X)["label"], model.predict(X))
        assert returned.producer_name == "fastmlp"
        assert returned.graph.input[0].type.tensor_type.shape.dim[1].dim_value == 9
        with pytest.raises(FileNotFoundError):
            to_onnx(model, tmp_path / "nowhere" / "model.onnx")

    def test_what_cannot_be_exported(self, monkeypatch):
        model = fit(MLPClassifier, X, Y, dtype="float64")
        with pytest.raises(TypeError, match=r"got Pipeline.*to_sklearn\(pipeline\[-1\]\)"):
            to_onnx(make_pipeline(StandardScaler(), model))
        with pytest.raises(TypeError, match=r"got ndarray\.$"):
            to_onnx(X)
        with pytest.raises(NotFittedError):
            to_onnx(MLPClassifier())
        model.coefs_[0][0, 0] = 1e300
        with pytest.raises(ValueError, match="too large for float32"):
            to_onnx(model)
        model.coefs_[0][0, 0] = np.nan
        with pytest.raises(ValueError, match="contain NaN or infinity"):
            to_onnx(model)
        model.coefs_[0] = np.zeros((9, 11))
        with pytest.raises(ValueError, match="make no network"):
            to_onnx(model)
        model = fit(MLPClassifier, X, Y)
        model.classes_ = np.array([1 + 2j, 2, 3, 4])
        with pytest.raises(ValueError, match="no type in ONNX"):
            to_onnx(model)
        monkeypatch.setattr("fastmlp.export.onnx_model.LARGEST", 100)
        with pytest.raises(ValueError, match="less than 2 GiB"):
            to_onnx(model)
        monkeypatch.undo()
        model = fit(MLPClassifier, X, Y)
        model.activation = "softplus"
        with pytest.raises(ValueError, match="'softplus' has no counterpart"):
            to_onnx(model)

    def test_without_onnx(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "onnx", None)
        with pytest.raises(ImportError, match="extra 'onnx'"):
            to_onnx(fit(MLPClassifier, X, Y))


@pytest.fixture(autouse=True)
def one_class_is_meant():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "y has one class only")
        yield


SHARED = ("identity", "logistic", "relu", "tanh")


class TestScikitLearn:
    @pytest.mark.parametrize("labels", [name for name in LABELS if not name.startswith("one")])
    def test_classes(self, labels):
        model = fit(MLPClassifier, X, LABELS[labels](Y), dtype="float64")
        estimator = to_sklearn(model)
        assert type(estimator) is theirs.MLPClassifier
        assert_array_equal(estimator.predict(X), model.predict(X))
        assert_allclose(estimator.predict_proba(X), model.predict_proba(X), atol=1e-12)
        again = from_sklearn(estimator)
        missing = vars(model).keys() - vars(again).keys()
        assert not {name for name in missing if name.endswith("_")}
        assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert_array_equal(again.classes_, model.classes_)
        assert again.score(X, LABELS[labels](Y)) == model.score(X, LABELS[labels](Y))

    @pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix])
    def test_multilabel(self, form):
        model = fit(MLPClassifier, XM, form(YM))
        estimator = to_sklearn(model)
        found, expected = estimator.predict(XM), model.predict(XM)
        assert sp.issparse(found) == sp.issparse(expected)
        assert_array_equal(form(found).toarray() if sp.issparse(found) else found,
                           expected.toarray() if sp.issparse(expected) else expected)  # fmt: skip
        again = from_sklearn(estimator)
        assert sp.issparse(again.predict(XM)) == sp.issparse(expected)
        assert_array_equal(again.predict_proba(XM), model.predict_proba(XM))

    @pytest.mark.parametrize("activation", SHARED)
    @pytest.mark.parametrize("n_classes", [2, 4])
    def test_from_theirs(self, activation, n_classes):
        estimator = theirs.MLPClassifier(
            (8, 5), activation=activation, solver="lbfgs", max_iter=30, max_fun=100, alpha=0.5,
            random_state=0, tol=0.1,
        ).fit(X, Y % n_classes)  # fmt: skip
        model = from_sklearn(estimator, n_threads=1)
        assert model.dtype == "float64"
        assert (model.alpha, model.solver, model.n_threads) == (0.5, "lbfgs", 1)
        assert model.hidden_layer_sizes == (8, 5)
        assert_array_equal(model.predict(X), estimator.predict(X))
        assert_allclose(model.predict_proba(X), estimator.predict_proba(X), atol=1e-12)
        assert_array_equal(to_sklearn(model).predict_proba(X), estimator.predict_proba(X))

    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_training_goes_on_either_side(self):
        estimator = theirs.MLPClassifier((8,), max_iter=3, random_state=0).fit(X, Y)
        model = from_sklearn(estimator)
        before = model.evaluate(X, Y)["loss"]
        for _ in range(5):
            model.partial_fit(X, Y)
        assert model.evaluate(X, Y)["loss"] < before
        assert model.n_iter_ == 8
        assert len(model.loss_curve_) == len(model.history_["loss"]) == 8
        assert len(model.history_["accuracy"]) == 8
        back = to_sklearn(model)
        loss = back.loss_
        back.partial_fit(X, Y)
        assert back.loss_ < loss
        assert not np.array_equal(back.coefs_[0], model.coefs_[0])  # copies

    def test_warm_start(self):
        estimator = to_sklearn(fit(MLPClassifier, X, Y))
        model = from_sklearn(estimator, warm_start=True, max_iter=1)
        before = model.evaluate(X, Y)["loss"]
        with pytest.warns(match="Maximum iterations"):
            model.fit(X, Y)
        assert model.evaluate(X, Y)["loss"] < before

    def test_names_of_features(self):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame(X, columns=[f"x{k}" for k in range(9)])
        model = fit(MLPClassifier, frame, Y)
        estimator = to_sklearn(model)
        assert_array_equal(estimator.predict(frame), model.predict(frame))
        assert_array_equal(from_sklearn(estimator).feature_names_in_, frame.columns)

    @pytest.mark.parametrize("loss", ["squared_error", "poisson"])
    @pytest.mark.parametrize("n_outputs", [1, 2])
    def test_regression(self, loss, n_outputs):
        y = np.abs(X[:, :n_outputs]) if n_outputs > 1 else np.abs(X[:, 0])
        model = fit(MLPRegressor, X, y, loss=loss, dtype="float64")
        estimator = to_sklearn(model)
        assert type(estimator) is theirs.MLPRegressor
        assert_allclose(estimator.predict(X), model.predict(X), rtol=1e-10)
        again = from_sklearn(estimator)
        assert_array_equal(again.predict(X), model.predict(X))
        assert again.loss == loss
        again.set_params(solver="adam").partial_fit(X, y)

    def test_what_cannot_be_exported(self):
        with pytest.raises(ValueError, match="two columns for a model with one class"):
            to_sklearn(fit(MLPClassifier, X, Y * 0))
        with pytest.raises(TypeError, match="got MLPClassifier"):
            from_sklearn(fit(MLPClassifier, X, Y))
        with pytest.raises(NotFittedError):
            from_sklearn(theirs.MLPClassifier())
        for activation in sorted(ACTIVATIONS.keys() - set(SHARED)):
            with pytest.raises(ValueError, match="no counterpart in scikit-learn"):
                to_sklearn(fit(MLPClassifier, X, Y, activation=activation))

    @pytest.mark.slow
    def test_skl2onnx(self):
        skl2onnx = pytest.importorskip("skl2onnx", reason="skl2onnx is not installed")
        from skl2onnx.common.data_types import FloatTensorType

        model = fit(MLPClassifier, X, Y)
        scaler = StandardScaler().fit(X)
        pipeline = make_pipeline(scaler, to_sklearn(model))
        exported = skl2onnx.convert_sklearn(
            pipeline, initial_types=[("X", FloatTensorType([None, 9]))], options={"zipmap": False}
        )
        found = run(exported, X)
        expected = model.predict_proba(scaler.transform(X).astype(np.float32))
        assert_allclose(found["probabilities"], expected, atol=1e-5)


class TestWeights:
    """Lists of weights, as Keras has them; tests/test_keras.py does the same with Keras itself."""

    def test_round_trip(self):
        model = fit(MLPClassifier, X, Y, activation="tanh")
        weights = keras_weights(model)
        assert [w.shape for w in weights] == [(9, 12), (12,), (12, 7), (7,), (7, 4), (4,)]
        again = from_keras(weights, activation="tanh", classes=np.arange(4), momentum=0.9)
        assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert again.momentum == 0.9
        again.partial_fit(X, Y).partial_fit(X, Y)
        assert again.n_iter_ == 2
        assert not np.array_equal(again.coefs_[0], weights[0])
        assert_array_equal(weights[0], model.coefs_[0])

    def test_classes_in_any_order(self):
        weights = keras_weights(fit(MLPClassifier, X, Y))
        model = from_keras(weights, classes=["d", "b", "a", "c"])
        plain = from_keras(weights)
        assert model.classes_.tolist() == ["a", "b", "c", "d"]
        assert_array_equal(model.predict(X), np.array(["d", "b", "a", "c"])[plain.predict(X)])
        assert_allclose(model.predict_proba(X), plain.predict_proba(X)[:, [2, 1, 3, 0]], atol=1e-7)

    @pytest.mark.parametrize("classes", [["a", "b"], ["b", "a"]])
    def test_two_classes(self, classes):
        single = fit(MLPClassifier, X, np.array(classes)[Y % 2])
        second = single.classes_.tolist().index(classes[1])
        *hidden, coef, intercept = keras_weights(single)
        sign = 1 if second == 1 else -1
        coef, intercept = sign * coef, sign * intercept
        # softmax over (u, u + z) is the logistic function of z
        rest = np.random.default_rng(0).normal(size=coef.shape).astype(np.float32)
        pair = np.hstack([rest, rest + coef]), np.concatenate([[0.5], 0.5 + intercept])
        expected = single.predict_proba(X)
        for weights, output in (([coef, intercept], "sigmoid"), (pair, "softmax")):
            model = from_keras([*hidden, *weights], output=output, classes=classes, dtype="float64")
            assert_allclose(model.predict_proba(X), expected, atol=1e-5)
            assert_array_equal(model.predict(X), single.predict(X))

    def test_multilabel(self):
        model = fit(MLPClassifier, XM, YM)
        again = from_keras(keras_weights(model), output="sigmoid")
        assert_array_equal(again.predict(XM), model.predict(XM))

    @pytest.mark.parametrize("loss", ["squared_error", "poisson"])
    def test_regression(self, loss):
        model = fit(MLPRegressor, X, np.abs(X[:, :2]), loss=loss)
        output = {"squared_error": "linear", "poisson": "exponential"}[loss]
        again = from_keras(keras_weights(model), output=output)
        assert_array_equal(again.predict(X), model.predict(X))

    def test_other_dtypes(self):
        weights = keras_weights(fit(MLPClassifier, X, Y))
        half = from_keras([w.astype(np.float16) for w in weights])
        assert half.coefs_[0].dtype == np.float32
        assert from_keras([w.astype(np.float64) for w in weights]).dtype == "float64"

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"classes": [0, 1, 2]}, "classes must be 4 different labels"),
            ({"classes": [0, 1, 2, 2]}, "classes must be 4 different labels"),
            ({"output": "softplus"}, "output='softplus' has no counterpart"),
            ({"activation": "softplus"}, "'activation' parameter of MLPClassifier must be"),
            ({"momentum": -1}, "'momentum' parameter"),
            ({"drop": 1}, "must alternate"),
            ({"swap": True}, "must be 2-D arrays"),
            ({"nan": True}, "contain NaN"),
        ],
    )
    def test_what_makes_no_model(self, change, message):
        weights = keras_weights(fit(MLPClassifier, X, Y))
        change = dict(change)
        weights = weights[change.pop("drop", 0) :]
        if change.pop("swap", False):
            weights = [weights[k ^ 1] for k in range(6)]
        if change.pop("nan", False):
            weights[0][0, 0] = np.nan
        with pytest.raises(ValueError, match=message):
            from_keras(weights, **change)
        with pytest.raises(ValueError, match="softmax over one output"):
            from_keras([np.ones((2, 3)), np.ones(3), np.ones((3, 1)), np.ones(1)])


def test_the_public_name():
    assert fastmlp.export.to_onnx is to_onnx


@pytest.mark.parametrize("wrong", [3, None, "model.keras"])
def test_from_keras_refuses_what_is_no_network(wrong):
    with pytest.raises(TypeError, match="from_keras needs a Keras model, or the list that its"):
        from_keras(wrong)


def test_networks_without_hidden_layers():
    X = np.random.default_rng(0).normal(size=(80, 5))
    y = (X[:, 0] > 0) + 2 * (X[:, 1] > 0.5)
    for labels, output in ((y, "softmax"), (y > 1, "sigmoid")):
        model = MLPClassifier((), max_iter=3, random_state=0).fit(X, labels)
        weights = keras_weights(model)
        for again in (from_sklearn(to_sklearn(model)), from_keras(weights, output=output)):
            assert again.hidden_layer_sizes == ()
            np.testing.assert_allclose(
                again.predict_proba(X), model.predict_proba(X), rtol=1e-5, atol=1e-6
            )
            again.partial_fit(X, again.predict(X), classes=again.classes_)
