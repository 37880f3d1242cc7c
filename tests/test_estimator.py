"""MLPClassifier beside its fit: partial_fit, given weights, validation samples, predictions."""

import copy
import threading

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from reference import predict as reference_predict
from small import SOLVERS, X32, XM, YM, X, Y, assert_same, make, parameters_of


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
        with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(7,\) is not the network"):
            clone_with(model, hidden_layer_sizes=(7,)).partial_fit(X, Y)
        assert clone_with(model, dtype="float64").partial_fit(X, Y).coefs_[0].dtype == np.float64


def clone_with(model, **parameters):
    return copy.deepcopy(model).set_params(**parameters)


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
            ([np.zeros((6, 5)), np.zeros((5, 3))], "coef_init must have the shapes"),
            ([np.zeros((6, 6))], "coef_init must have the shapes"),
            ([np.full((6, 6), np.nan), np.zeros((6, 3))], "coef_init contain NaN, infinity"),
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
