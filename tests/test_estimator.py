"""MLPClassifier as its users meet it: targets, weights, input of every kind, callbacks, display."""

import copy
import itertools
import sys
import threading
import time
import tracemalloc
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from reference import predict as reference_predict
from sklearn.base import clone
from sklearn.datasets import make_blobs, make_multilabel_classification
from sklearn.metrics import accuracy_score, log_loss
from sklearn.neural_network import MLPClassifier as Theirs

from fastmlp import MLPClassifier

SOLVERS = ("rmsprop", "adam", "sgd", "lbfgs")
X, Y = make_blobs(120, 6, centers=3, cluster_std=2.0, random_state=1)
X = (X - X.mean(axis=0)) / X.std(axis=0)
X32 = X.astype(np.float32)
XM, YM = make_multilabel_classification(100, 8, n_classes=4, random_state=0)
XM = XM / 10


def make(**parameters):
    defaults = {"hidden_layer_sizes": (6,), "batch_size": 16, "max_iter": 4, "random_state": 0}
    return MLPClassifier(**defaults | parameters)


def parameters_of(model):
    return [*model.coefs_, *model.intercepts_]


def assert_same(a, b):
    for one, other in zip(parameters_of(a), parameters_of(b), strict=True):
        assert_array_equal(one, other)


class TestTargets:
    @pytest.mark.parametrize(
        "names",
        [
            np.array([10, -3, 7]),
            np.array(["ant", "bee", "cow"]),
            np.array(["ant", "bee", "cow"], dtype=object),
            np.array([0.0, 2.0, 1.0]),
            np.array([2**40, 5, -(2**40)]),
        ],
        ids=["int", "str", "object", "float", "large"],
    )
    def test_labels_of_any_type(self, names):
        labels = names[Y]
        model = make(max_iter=30, learning_rate_init=0.01).fit(X, labels)
        assert_array_equal(model.classes_, np.unique(names))
        assert model.predict(X).dtype == model.classes_.dtype
        assert accuracy_score(labels, model.predict(X)) > 0.8
        order = np.argsort(names)
        expected = make(max_iter=30, learning_rate_init=0.01).fit(X, np.argsort(order)[Y])
        assert_array_equal(model.predict_proba(X), expected.predict_proba(X))

    def test_lists(self):
        model = make().fit(X.tolist(), Y.tolist())
        assert_same(model, make().fit(X, Y))

    def test_binary_has_one_logistic_output(self):
        labels = np.where(Y == 0, "no", "yes")
        model = make(max_iter=30).fit(X, labels)
        assert (model.n_outputs_, model.out_activation_) == (1, "logistic")
        probability = model.predict_proba(X)
        assert probability.shape == (120, 2)
        assert_allclose(probability.sum(axis=1), 1, rtol=1e-6)
        assert_array_equal(model.predict(X) == "yes", probability[:, 1] > 0.5)

    def test_boolean(self):
        model = make().fit(X, Y == 1)
        assert_array_equal(model.classes_, [False, True])
        assert model.predict(X).dtype == bool

    def test_multiclass_has_a_softmax(self):
        model = make().fit(X, Y)
        assert (model.n_outputs_, model.out_activation_, model.n_layers_) == (3, "softmax", 3)
        assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-6)
        assert_array_equal(model.predict(X), model.predict_proba(X).argmax(axis=1))
        assert_allclose(
            model.predict_log_proba(X), np.log(model.predict_proba(X)), rtol=1e-5, atol=1e-7
        )

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_one_class(self, solver):
        model = make(solver=solver).fit(X, ["only"] * len(X))
        assert set(model.predict(X)) == {"only"}
        assert_array_equal(model.predict_proba(X), np.ones((120, 1)))
        assert_array_equal(model.predict_log_proba(X), np.zeros((120, 1)))
        assert model.score(X, ["only"] * len(X)) == 1

    def test_multilabel(self):
        model = make(max_iter=99, solver="adam", learning_rate_init=0.03).fit(XM, YM)
        assert_array_equal(model.classes_, np.arange(4))
        probability = model.predict_proba(XM)
        assert probability.shape == YM.shape
        assert_array_equal(model.predict(XM), (probability > 0.5).astype(int))
        assert (model.predict(XM) == YM).mean() > 0.8
        # Accuracy is scikit-learn's: of whole rows.
        assert model.evaluate(XM, YM)["accuracy"] == pytest.approx(model.score(XM, YM))
        assert model.fit(XM, YM, X_val=XM, y_val=YM).history_["val_accuracy"][-1] == pytest.approx(
            model.score(XM, YM)
        )

    @pytest.mark.parametrize("container", [sp.csr_matrix, sp.csr_array, sp.csc_array])
    def test_sparse_multilabel(self, container):
        model = make().fit(XM, container(YM))
        assert_same(model, make().fit(XM, YM))
        predicted = model.predict(XM)
        assert sp.issparse(predicted)
        assert isinstance(predicted, sp.sparray) == issubclass(container, sp.sparray)
        assert_array_equal(predicted.toarray(), make().fit(XM, YM).predict(XM))

    def test_one_hot_labels_are_pointed_out(self):
        with pytest.warns(UserWarning, match=r"pass y\.argmax\(axis=1\)"):
            make().fit(X, np.eye(3)[Y])
        with pytest.warns(UserWarning, match=r"pass y\.argmax\(axis=1\)"):
            make().partial_fit(X, np.eye(3)[Y], classes=[0, 1, 2])

    def test_a_column_of_labels(self):
        with pytest.warns(Warning, match="A column-vector y was passed when a 1d array was"):
            model = make().fit(X, Y.reshape(-1, 1))
        assert_same(model, make().fit(X, Y))

    @pytest.mark.parametrize(
        ("y", "message"),
        [
            (np.linspace(0, 1, 120), "Unknown label type: continuous"),
            (Y[:-1], "Found input variables with inconsistent numbers of samples"),
            (np.where(Y == 0, np.nan, Y), "Input y contains NaN"),
            (None, "requires y to be passed, but the target y is None"),
            (np.stack([Y, Y], axis=1), "Multioutput target data is not supported|Unknown label"),
            (np.stack([Y > 0, Y > 1], axis=1) * 2 - 1, "indicator of 0 and 1"),
        ],
    )
    def test_bad_labels(self, y, message):
        with pytest.raises(ValueError, match=message):
            make().fit(X, y)

    def test_labels_that_evaluate_does_not_know(self):
        model = make().fit(X, Y)
        with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`"):
            model.evaluate(X, Y + 1)
        with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`"):
            model.evaluate(X, np.array(["a", "b", "c"])[Y])
        with pytest.raises(ValueError, match="not fitted with multilabel input"):
            model.evaluate(X, np.eye(3)[Y])


class TestPartialFit:
    def test_needs_the_classes_first(self):
        with pytest.raises(ValueError, match="classes must be passed on the first call"):
            make().partial_fit(X, Y)

    def test_not_every_call_must_show_every_class(self):
        model = make()
        for k in range(3):
            model.partial_fit(X[Y == k], Y[Y == k], classes=[2, 0, 1])
        assert_array_equal(model.classes_, [0, 1, 2])
        assert model.n_iter_ == 3
        assert model.t_ == 120

    def test_classes_must_stay_the_same(self):
        model = make().partial_fit(X, Y, classes=[0, 1, 2])
        model.partial_fit(X, Y, classes=[2, 1, 0])
        with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
            model.partial_fit(X, Y, classes=[0, 1, 2, 3])
        with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`"):
            model.partial_fit(X, Y + 1)

    def test_multilabel(self):
        model = make().partial_fit(XM, YM, classes=np.arange(4))
        assert_same(model, make(max_iter=1).fit(XM, YM))
        model.partial_fit(XM[:16], YM[:16])
        with pytest.raises(ValueError, match="different numbers of labels"):
            model.partial_fit(XM, YM[:, :3])
        with pytest.raises(ValueError, match="`classes` of a multilabel y are its columns"):
            make().partial_fit(XM, YM, classes=[0, 1])

    def test_other_features_are_refused(self):
        model = make().partial_fit(X, Y, classes=[0, 1, 2])
        with pytest.raises(ValueError, match="X has 5 features, but MLPClassifier is expecting 6"):
            model.partial_fit(X[:, :5], Y)

    def test_no_early_stopping(self):
        with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
            make(early_stopping=True).partial_fit(X, Y, classes=[0, 1, 2])

    def test_other_layers_or_dtype(self):
        model = make().partial_fit(X, Y, classes=[0, 1, 2])
        with pytest.raises(ValueError, match="must have the shapes"):
            clone_with(model, hidden_layer_sizes=(7,)).partial_fit(X, Y)
        assert clone_with(model, dtype="float64").partial_fit(X, Y).coefs_[0].dtype == np.float64


def clone_with(model, **parameters):
    return copy.deepcopy(model).set_params(**parameters)


class TestWeights:
    def test_class_weight_is_a_sample_weight(self):
        by_class = {0: 2.0, 1: 0.5, 2: 1.0}
        weight = np.array([by_class[k] for k in Y])
        assert_same(make(class_weight=by_class).fit(X, Y), make().fit(X, Y, weight))
        assert_same(
            make(class_weight=by_class).fit(X, Y, weight), make().fit(X, Y, weight * weight)
        )

    def test_balanced(self):
        labels = np.where(np.arange(120) < 20, "rare", "common")
        weight = np.where(labels == "rare", 120 / (2 * 20), 120 / (2 * 100))
        balanced = make(class_weight="balanced").fit(X, labels)
        assert_same(balanced, make().fit(X, labels, weight))
        # A sample that weighs 2 counts as two.
        double = np.where(labels == "rare", 2.0, 1.0)
        expected = np.where(labels == "rare", 2 * 140 / (2 * 40), 140 / (2 * 100))
        weighted = make(class_weight="balanced", dtype="float64").fit(X, labels, double)
        for a, b in zip(
            parameters_of(weighted),
            parameters_of(make(dtype="float64").fit(X, labels, expected)),
            strict=True,
        ):
            assert_allclose(a, b, rtol=1e-10)

    def test_named_classes_and_multilabel(self):
        names = np.array(["a", "b", "c"])[Y]
        by_name = make(class_weight={"a": 3.0}).fit(X, names)
        assert_same(by_name, make(class_weight={0: 3.0}).fit(X, Y))
        per_label = [{0: 1, 1: 2}, {0: 1, 1: 1}, {0: 1, 1: 1}, {0: 1, 1: 1}]
        by_label = make(class_weight=per_label).fit(XM, YM)
        assert_same(by_label, make().fit(XM, YM, 1.0 + YM[:, 0]))
        make(class_weight="balanced").fit(XM, YM)

    def test_in_partial_fit(self):
        by_class = {0: 2.0, 1: 0.5}
        model = make(class_weight=by_class).partial_fit(X, Y, classes=[0, 1, 2])
        assert_same(model, make(class_weight=by_class, max_iter=1).fit(X, Y))
        with pytest.raises(ValueError, match="'balanced' is not supported for partial_fit"):
            make(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])

    @pytest.mark.parametrize(
        ("class_weight", "message"),
        [
            ({7: 1.0}, "The classes, .* are not in class_weight"),
            ({0: -1.0}, "Negative values in data passed to `class_weight`"),
            ({0: 0.0, 1: 0.0, 2: 0.0}, "must contain at least one non-zero number"),
        ],
    )
    def test_bad_class_weights(self, class_weight, message):
        with pytest.raises(ValueError, match=message):
            make(class_weight=class_weight).fit(X, Y)

    @pytest.mark.parametrize(
        ("weight", "message"),
        [
            (np.zeros(120), "Sample weights must contain at least one non-zero number"),
            (-np.ones(120), "Negative values in data passed to `sample_weight`"),
            (np.full(120, np.nan), "Input sample_weight contains NaN"),
            (np.full(120, np.inf), "Input sample_weight contains infinity"),
            (np.ones(119), r"sample_weight.shape == \(119,\), expected \(120,\)!"),
            (np.ones((120, 1)), "Sample weights must be 1D array or scalar"),
        ],
    )
    @pytest.mark.parametrize("method", ["fit", "partial_fit"])
    def test_bad_sample_weights(self, method, weight, message):
        arguments = {"classes": [0, 1, 2]} if method == "partial_fit" else {}
        with pytest.raises(ValueError, match=message):
            getattr(make(), method)(X, Y, sample_weight=weight, **arguments)

    def test_a_number_is_every_samples_weight(self):
        assert_same(make().fit(X, Y, sample_weight=1), make().fit(X, Y))

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_a_batch_without_weight_makes_no_update(self, solver):
        # Whole batches of weight zero at the end are as good as not there.
        weight = np.linspace(1, 2, 120)
        weight[64:] = 0
        model = make(solver=solver, shuffle=False, dtype="float64").fit(X, Y, weight)
        other = make(solver=solver, shuffle=False, dtype="float64").fit(X[:64], Y[:64], weight[:64])
        for a, b in zip(parameters_of(model), parameters_of(other), strict=True):
            assert_allclose(a, b, rtol=1e-9, atol=1e-12)
        assert model.loss_ == pytest.approx(other.loss_, rel=1e-9)

    def test_evaluate_weighs(self):
        model = make().fit(X, Y)
        weight = np.linspace(0, 3, 120)
        judged = model.evaluate(X, Y, weight)
        probability = model.predict_proba(X).astype(float)
        probability /= probability.sum(axis=1, keepdims=True)  # log_loss is strict about it
        expected = log_loss(Y, probability, sample_weight=weight)
        assert judged["loss"] == pytest.approx(expected, rel=1e-5)
        assert judged["accuracy"] == pytest.approx(model.score(X, Y, weight))


class TestInitialWeights:
    def test_given_weights_are_the_start(self):
        start = make(max_iter=3).fit(X, Y)
        model = make(solver="sgd", learning_rate_init=1e-12, dtype="float64")
        model.fit(X, Y, coef_init=start.coefs_, intercept_init=start.intercepts_)
        for a, b in zip(parameters_of(model), parameters_of(start), strict=True):
            assert_allclose(a, b, atol=1e-9)

    def test_biases_start_from_zero_without_intercept_init(self):
        coefs = make().fit(X, Y).coefs_
        zeros = [np.zeros(6), np.zeros(3)]
        assert_same(
            make().fit(X, Y, coef_init=coefs),
            make().fit(X, Y, coef_init=coefs, intercept_init=zeros),
        )

    def test_the_given_arrays_stay_as_they_are(self):
        start = make().fit(X, Y)
        before = copy.deepcopy(start)
        make(max_iter=3).fit(X, Y, coef_init=start.coefs_, intercept_init=start.intercepts_)
        assert_same(start, before)

    @pytest.mark.parametrize(
        ("coef_init", "message"),
        [
            ([np.zeros((6, 5)), np.zeros((5, 3))], "coefs must have the shapes"),
            ([np.zeros((6, 6))], "coefs must have the shapes"),
            ([np.full((6, 6), np.nan), np.zeros((6, 3))], "coefs contain NaN, infinity"),
            ([np.full((6, 6), 1e300), np.zeros((6, 3))], "too large for float32"),
        ],
    )
    def test_bad_weights(self, coef_init, message):
        with pytest.raises(ValueError, match=message):
            make().fit(X, Y, coef_init=coef_init)

    def test_assigned_weights_are_used(self):
        model = make(dtype="float64").fit(X, Y)
        rng = np.random.default_rng(0)
        model.coefs_ = [rng.normal(size=coef.shape) for coef in model.coefs_]
        model.intercepts_ = [rng.normal(size=bias.shape) for bias in model.intercepts_]
        expected = reference_predict(X, model.coefs_, model.intercepts_)
        assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
        model.coefs_[0] *= 0.5
        expected = reference_predict(X, model.coefs_, model.intercepts_)
        assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
        coefs = copy.deepcopy(model.coefs_)
        model.set_params(solver="sgd", learning_rate_init=1e-12).partial_fit(X, Y)
        assert_allclose(model.coefs_[0], coefs[0], atol=1e-9)

    def test_assigned_weights_that_fit_nothing(self):
        model = make().fit(X, Y)
        model.coefs_ = [np.zeros((6, 5)), np.zeros((6, 3))]
        with pytest.raises(ValueError, match="make no network from 6 features to 3 output"):
            model.predict(X)

    def test_another_network_can_be_assigned(self):
        model = make(max_iter=1).fit(X, Y)
        other = make(hidden_layer_sizes=(5, 4)).fit(X, Y)
        model.coefs_, model.intercepts_ = other.coefs_, other.intercepts_
        assert_array_equal(model.predict_proba(X), other.predict_proba(X))


def forms_of(x):
    """x, float32 and C-ordered, in other forms of the same values."""
    wide = np.zeros((2 * len(x), 3 * x.shape[1]), x.dtype)
    wide[::2, 1::3] = x
    read_only = x.copy()
    read_only.flags.writeable = False
    yield from {
        "float64": x.astype(np.float64),
        "longdouble": x.astype(np.longdouble),
        "fortran": np.asfortranarray(x),
        "strided": wide[::2, 1::3],
        "reversed": x[::-1, ::-1].copy()[::-1, ::-1],
        "read-only": read_only,
        "big-endian": x.astype(">f4"),
        "object": x.astype(object),
        "list": x.tolist(),
        "csr": sp.csr_array(x),
        "csr_matrix": sp.csr_matrix(x),
        "csc": sp.csc_array(x),
        "coo": sp.coo_array(x),
        "lil": sp.lil_array(x),
        "bsr": sp.bsr_array(x),
        "dok": sp.dok_array(x),
        "csr float64": sp.csr_array(x.astype(np.float64)),
        "csr unsorted": unsorted(sp.csr_array(x)),
        "csr int64": with_int64(sp.csr_array(x)),
    }.items()


def unsorted(x):
    """The same matrix with each row's entries in reverse, and one entry in two halves."""
    x = x.copy()
    for start, stop in itertools.pairwise(x.indptr):
        x.indices[start:stop] = x.indices[start:stop][::-1].copy()
        x.data[start:stop] = x.data[start:stop][::-1].copy()
    x.has_sorted_indices = False
    halves = sp.csr_array(
        (
            np.concatenate([[x.data[0] / 2, x.data[0] / 2], x.data[1:]]),
            np.concatenate([x.indices[:1], x.indices]),
            np.concatenate([[0], x.indptr[1:] + 1]),
        ),
        shape=x.shape,
    )
    halves.has_canonical_format = False
    return halves


def with_int64(x):
    x.indices, x.indptr = x.indices.astype(np.int64), x.indptr.astype(np.int64)
    return x


@pytest.fixture(scope="module")
def thirds():
    """Values that all dtypes have, a third of them zero."""
    rng = np.random.default_rng(4)
    x = rng.integers(-8, 9, (60, 7)) / 8 * (rng.random((60, 7)) < 2 / 3)
    return x.astype(np.float32), rng.integers(0, 3, 60)


class TestInput:
    @pytest.mark.parametrize("solver", ["rmsprop", "lbfgs"])
    def test_the_form_of_x_changes_no_bit(self, thirds, solver):
        x, y = thirds
        model = make(solver=solver).fit(x, y)
        expected = model.predict_proba(x)
        for name, form in forms_of(x):
            assert_same(clone(model).fit(form, y), model), name
            assert_array_equal(model.predict_proba(form), expected, err_msg=name)
            assert model.density_ == pytest.approx((x != 0).mean()), name

    @pytest.mark.parametrize(
        "dtype", ["uint8", "bool", "int8", "int64", "uint64", "float16", ">i4", ">f8"]
    )
    @pytest.mark.parametrize("share", [0.2, 0.9], ids=["skips zeros", "dense"])
    def test_numbers_of_any_dtype(self, dtype, share):
        rng = np.random.default_rng(0)
        x = (rng.random((50, 9)) < share).astype(np.float32)
        y = rng.integers(0, 2, 50)
        model = make().fit(x.astype(dtype), y)
        assert_same(model, make().fit(x, y))
        assert model.zero_skipping_ == (share == 0.2)
        assert_array_equal(model.predict_proba(x.astype(dtype)), model.predict_proba(x))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda x: np.where(x == x[3, 3], np.nan, x), "Input X contains NaN"),
            (lambda x: np.where(x == x[3, 3], np.inf, x), "Input X contains infinity"),
            (lambda x: np.where(x == x[3, 3], -np.inf, x), "Input X contains infinity"),
            (lambda x: sp.csr_array(np.where(x == x[3, 3], np.nan, x)), "Input X contains NaN"),
            (lambda x: x[:0], r"Found array with 0 sample\(s\)"),
            (lambda x: x[:, :0], r"Found array with 0 feature\(s\)|X has 0 features"),
            (lambda x: x[:, 0], "Expected 2D array, got 1D array instead"),
            (lambda x: x[None], "Found array with dim 3"),
            (lambda x: x + 1j, "Complex data not supported"),
            (lambda x: np.full(x.shape, "a"), "could not convert|dtype='numeric' is not compat"),
            (lambda x: np.full(x.shape, "a", object), "could not convert string to float"),
            (lambda x: [[1, 2], [3]], "inhomogeneous shape|setting an array element"),
        ],
    )
    def test_bad_x(self, change, message):
        bad = change(X)
        with pytest.raises((ValueError, TypeError), match=message):
            make().fit(bad, Y)
        model = make(max_iter=1).fit(X, Y)
        with pytest.raises((ValueError, TypeError), match=message):
            model.predict(bad)

    def test_wrong_number_of_features(self):
        model = make().fit(X, Y)
        for x in (X[:, :5], X32[:1, :5], sp.csr_array(X[:, :5])):
            with pytest.raises(ValueError, match="X has 5 features, but MLPClassifier is exp"):
                model.predict(x)

    @pytest.mark.parametrize(
        ("container", "spoil"),
        [
            *itertools.product(
                [sp.csr_array, sp.csc_array, sp.csr_matrix], ["high", "negative", "indptr", "end"]
            ),
            *itertools.product([sp.coo_array], ["high", "negative"]),
        ],
    )
    def test_damaged_sparse_matrices_are_refused_and_not_read(self, container, spoil):
        x = container(np.eye(6)[Y])
        if x.format == "coo":
            x.coords[1][3] = 10**6 if spoil == "high" else -(10**6)
        elif spoil == "high":
            x.indices[3] = 10**6
        elif spoil == "negative":
            x.indices[3] = -(10**6)
        elif spoil == "indptr":
            x.indptr[3] = 10**6
        else:
            x.indptr[-1] = 10**6
        model = make(max_iter=1).fit(X, Y)
        with pytest.raises(ValueError, match=f"X is not a valid {x.format.upper()} matrix"):
            make().fit(x, Y)
        with pytest.raises(ValueError, match=f"X is not a valid {x.format.upper()} matrix"):
            model.predict(x)

    @pytest.mark.parametrize("solver", SOLVERS)
    @pytest.mark.parametrize(
        ("n_samples", "n_features", "batch_size"),
        [(1, 3, 1), (5, 1, 2), (17, 4, 16), (16, 4, 16), (33, 300, 8), (2, 1, 1)],
    )
    def test_odd_shapes(self, solver, n_samples, n_features, batch_size):
        rng = np.random.default_rng(n_samples)
        x = rng.normal(size=(n_samples, n_features))
        y = np.arange(n_samples) % 3
        model = make(solver=solver, batch_size=batch_size).fit(x, y)
        assert model.predict(x).shape == y.shape
        assert np.isfinite(model.predict_proba(x)).all()

    def test_batch_larger_than_the_data(self):
        with pytest.warns(UserWarning, match="It is going to be clipped"):
            model = make(batch_size=500).fit(X, Y)
        assert_same(model, make(batch_size=120).fit(X, Y))

    def test_large_integers(self):
        x = np.array([[2**63 - 1, 1], [0, 2**62], [5, 5]], dtype=np.int64)
        model = make(batch_size=3).fit(x / 2.0**63, [0, 1, 2])
        model.predict(x)
        make(batch_size=3).fit(x.astype(np.uint64) * 2, [0, 1, 2])

    def test_more_elements_than_an_int_can_count(self, tmp_path):
        n_samples, n_features = 30_000, 100_000
        rng = np.random.default_rng(0)
        parts = {
            "indices": rng.integers(0, n_features, n_samples).astype(np.int32),
            "indptr": np.arange(n_samples + 1, dtype=np.int32),
            "data": np.ones(n_samples, np.float32),
        }
        for name, array in parts.items():
            np.save(tmp_path / f"{name}.npy", array)
        mapped = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in parts}
        x = sp.csr_array((n_samples, n_features), dtype=np.float32)
        x.indices, x.indptr, x.data = mapped["indices"], mapped["indptr"], mapped["data"]
        assert x.shape[0] * x.shape[1] > 2**31
        y = parts["indices"] % 2
        model = make(hidden_layer_sizes=(3,), batch_size=2000, max_iter=1).fit(x, y)
        assert model.predict(x[-5:]).shape == (5,)
        assert model.density_ == 1 / n_features

    @pytest.mark.parametrize(("dtype", "shape"), [("f8", (20_000, 200)), ("u1", (40_000, 600))])
    @pytest.mark.parametrize("early_stopping", [False, True])
    def test_no_copy_of_x_is_made(self, dtype, shape, early_stopping):
        rng = np.random.default_rng(0)
        x = rng.integers(1, 255, shape, np.uint8).astype(dtype)
        y = rng.integers(0, 3, len(x))
        model = make(batch_size=128, max_iter=1, early_stopping=early_stopping)
        clone(model).fit(x[:500], y[:500]).predict(x[:500])
        tracemalloc.start()
        try:
            model.fit(x, y).predict(x)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 0.5 * x.nbytes

    def test_rows_without_entries(self):
        x = sp.csr_array(([1.0], [2], [0, 0, 1, 1]), shape=(3, 4))
        model = make(batch_size=2).fit(x, [0, 1, 0])
        assert_array_equal(model.predict_proba(x), model.predict_proba(x.toarray()))
        empty = sp.csr_array((3, 4))
        make(batch_size=2).fit(empty, [0, 1, 0]).predict(empty)

    def test_subnormal_values(self):
        x = np.full((4, 3), 1e-310)
        model = make(batch_size=4, dtype="float64").fit(x, [0, 1, 0, 1])
        assert np.isfinite(model.predict_proba(x)).all()
        make(batch_size=4).fit(np.full((4, 3), 1e-40, np.float32), [0, 1, 0, 1])

    def test_one_sample_is_predicted_as_in_a_batch(self):
        model = make(hidden_layer_sizes=(70, 9)).fit(X32, Y)
        together = model.predict_proba(X32)
        alone = np.vstack([model.predict_proba(X32[i : i + 1]) for i in range(len(X))])
        assert_array_equal(together, alone)

    def test_predictions_that_overflow_are_an_error(self):
        model = make().fit(X, Y)
        with pytest.raises(ValueError, match="Predictions are not finite"):
            model.predict(np.where(X > 0, 3e38, -3e38))
        model.coefs_[0][:] = np.nan
        with pytest.raises(ValueError, match="Predictions are not finite"):
            model.predict_proba(X)

    def test_large_logits_have_a_finite_loss(self):
        model = make(hidden_layer_sizes=(), max_iter=1, dtype="float64").fit(X, Y)
        model.coefs_ = [np.zeros((6, 3))]
        model.intercepts_ = [np.array([1e4, 0.0, -1e4])]
        assert_array_equal(model.predict_proba(X)[0], [1, 0, 0])
        log_probability = model.predict_log_proba(X)
        assert np.isneginf(log_probability[0, 1])


class TestValidationSamples:
    def test_both_or_none(self):
        for arguments in ({"X_val": X}, {"y_val": Y}):
            with pytest.raises(ValueError, match="X_val and y_val must be given together"):
                make().fit(X, Y, **arguments)

    def test_validating_changes_nothing(self):
        plain = make().fit(X, Y)
        assert_same(make().fit(X, Y, X_val=X[:9], y_val=Y[:9]), plain)
        assert plain.validation_scores_ is None

    def test_any_form(self):
        forms = [X[:30], X32[:30], sp.csr_array(X[:30]), X[:30].tolist()]
        found = [make().fit(X, Y, X_val=x, y_val=Y[:30]).history_["val_accuracy"] for x in forms]
        assert all(values == found[0] for values in found)

    def test_weights(self):
        weight = np.linspace(0, 1, 30)
        model = make().fit(X, Y, X_val=X[:30], y_val=Y[:30], sample_weight_val=weight)
        judged = model.evaluate(X[:30], Y[:30], weight)
        assert model.history_["val_loss"][-1] == pytest.approx(judged["loss"], rel=1e-6)

    def test_unknown_labels(self):
        with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`"):
            make().fit(X, Y, X_val=X, y_val=Y + 1)


class TestDisplay:
    def test_lines(self, capsys):
        make(verbose=2, max_iter=2).fit(X, Y, X_val=X, y_val=Y)
        out = capsys.readouterr().out
        assert "Training on the dense path, density 100.0%" in out
        assert "Iteration 1, loss = " in out
        assert "Iteration 2, loss = " in out
        assert "accuracy = " in out
        assert "samples/s" in out
        assert "Validation score: " in out

    def test_bar(self, capsys):
        pytest.importorskip("tqdm")
        x = X * (X > 0.5)
        make(verbose=1, max_iter=2, early_stopping=True, validation_fraction=0.2).fit(x, Y)
        captured = capsys.readouterr()
        assert captured.out == ""
        for word in ("samples/s", "loss=", "accuracy=", "val_accuracy=", "path=zero-skipping"):
            assert word in captured.err
        assert "192/192" in captured.err

    def test_lines_without_tqdm(self, capsys, monkeypatch):
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
        make(verbose=True, max_iter=1).fit(X, Y)
        assert "Iteration 1, loss = " in capsys.readouterr().out

    def test_why_training_stops(self, capsys):
        stops = {"tol": 10.0, "n_iter_no_change": 1, "max_iter": 20, "verbose": 2}
        make(**stops).fit(X, Y)
        assert "Training loss did not improve more than tol=10.000000 for 1" in (
            capsys.readouterr().out
        )
        make(**stops, early_stopping=True).fit(X, Y)
        assert "Validation score did not improve more than tol=10" in capsys.readouterr().out
        make(**stops, learning_rate="adaptive", solver="sgd", learning_rate_init=1e-5).fit(X, Y)
        out = capsys.readouterr().out
        assert "Setting learning rate to 0.000002" in out
        assert "Learning rate too small. Stopping." in out

    def test_lbfgs(self, capsys):
        make(verbose=2, solver="lbfgs", max_iter=2).fit(X, Y)
        assert "Iteration 2, loss = " in capsys.readouterr().out


class Recorder:
    """A callback that notes what it is told; stops after `stop_after` epochs."""

    def __init__(self, stop_after=None, fail=None):
        self.events, self.models, self.stop_after, self.fail = [], [], stop_after, fail

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.events.append(f"begin {context.task_name}")
        assert X is not None
        assert y is not None

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.events.append(f"end {context.task_name}")
        if context.task_name == "epoch" and fitted_estimator is not None:
            self.models.append(fitted_estimator)
            if self.fail:
                raise self.fail
            return len(self.models) == self.stop_after
        return False


callback = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")


class TestCallbacks:
    @pytest.mark.parametrize("solver", SOLVERS)
    def test_hooks_are_called_around_every_epoch(self, solver):
        recorder = Recorder()
        model = make(solver=solver, max_iter=3).set_callbacks(recorder).fit(X, Y)
        epochs = ["begin epoch", "end epoch"] * 3
        assert recorder.events == ["setup", "begin fit", *epochs, "end fit", "teardown"]
        assert_same(recorder.models[-1], model)
        for k, seen in enumerate(recorder.models, 1):
            expected = make(solver=solver, max_iter=k).fit(X, Y)
            assert_same(seen, expected)
            assert seen.n_iter_ == k
            assert seen.loss_curve_ == expected.loss_curve_
            assert_array_equal(seen.predict_proba(X), expected.predict_proba(X))

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_a_callback_can_stop_training(self, solver):
        model = make(solver=solver, max_iter=9).set_callbacks(Recorder(stop_after=2)).fit(X, Y)
        assert model.n_iter_ == 2
        assert_same(model, make(solver=solver, max_iter=2).fit(X, Y))

    def test_partial_fit(self):
        recorder = Recorder()
        model = make().set_callbacks(recorder)
        model.partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X, Y)
        assert recorder.events.count("end epoch") == 2
        assert_same(recorder.models[-1], model)

    @pytest.mark.parametrize("solver", ["rmsprop", "lbfgs"])
    def test_an_exception_leaves_the_model_as_it_was_and_no_thread(self, solver):
        recorder = Recorder(fail=RuntimeError("no"))
        model = make(solver=solver, n_threads=3).set_callbacks(recorder)
        before = threading.active_count()
        with pytest.raises(RuntimeError, match="no"):
            model.fit(X, Y)
        assert recorder.events[-1] == "teardown"
        assert threading.active_count() == before
        assert not hasattr(model, "coefs_")
        assert_same(model.set_callbacks().fit(X, Y), make(solver=solver).fit(X, Y))

    def test_scoring_monitor(self):
        monitor = callback.ScoringMonitor(scoring="accuracy")
        model = make(max_iter=3).set_callbacks(monitor).fit(X, Y, sample_weight=np.ones(120))
        scores = [row["accuracy"] for row in monitor.get_logs().data]
        assert len(scores) >= 3
        assert scores[-1] == pytest.approx(model.score(X, Y))

    def test_progress_bar(self, capsys):
        pytest.importorskip("rich")
        make(max_iter=3).set_callbacks(callback.ProgressBar()).fit(X, Y)

    def test_without_callbacks_nothing_is_created(self, monkeypatch):
        monkeypatch.setattr(MLPClassifier, "_init_callback_context", None)
        make().fit(X, Y)


class TestPredictionThreads:
    def test_eight_threads_with_one_model(self):
        model = make(hidden_layer_sizes=(40,)).fit(X, Y)
        expected = model.predict_proba(X)
        wrong = []

        def predict():
            for _ in range(10):
                if not np.array_equal(model.predict_proba(X), expected):
                    wrong.append(1)

        threads = [threading.Thread(target=predict) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong

    def test_two_fits_at_once(self):
        expected = [make(solver=solver).fit(X, Y) for solver in SOLVERS]
        found = [make(solver=solver) for solver in SOLVERS]
        threads = [threading.Thread(target=model.fit, args=(X, Y)) for model in found]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for a, b in zip(found, expected, strict=True):
            assert_same(a, b)


def fastest(function, n):
    times = []
    for _ in range(n):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def test_one_prediction_is_faster_than_scikit_learns():
    rng = np.random.default_rng(0)
    x = (rng.random((300, 784)) * (rng.random((300, 784)) < 0.2)).astype(np.float32)
    y = rng.integers(0, 10, 300)
    ours = MLPClassifier(max_iter=1).fit(x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = Theirs((512,), max_iter=1, batch_size=128).fit(x, y)
    one = x[:1]
    for model in (ours, theirs):
        model.predict_proba(one)
    assert fastest(lambda: ours.predict_proba(one), 200) < fastest(
        lambda: theirs.predict_proba(one), 200
    )
