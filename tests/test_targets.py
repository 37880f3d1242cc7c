"""Labels of every kind, class weights and sample weights."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import accuracy_score, log_loss
from small import SOLVERS, XM, YM, X, Y, assert_same, make, parameters_of


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
        with pytest.warns(UserWarning, match="y has one class only, 'only'"):
            model = make(solver=solver).fit(X, ["only"] * len(X))
        assert set(model.predict(X)) == {"only"}
        assert_array_equal(model.predict_proba(X), np.ones((120, 1)))
        assert_array_equal(model.predict_log_proba(X), np.zeros((120, 1)))
        y = ["only"] * len(X)
        assert model.score(X, y) == model.evaluate(X, y)["accuracy"] == 1
        assert solver == "lbfgs" or set(model.history_["accuracy"]) == {1}
        with pytest.warns(UserWarning, match="one class"):
            model.fit(X, y, X_val=X[:9], y_val=y[:9], sample_weight=np.arange(len(X)))
        assert set(model.history_["val_accuracy"]) == {1}

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
            ({0: 0.0, 1: 0.0, 2: 0.0}, "leaves no sample with a weight"),
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
