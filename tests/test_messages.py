"""Messages name what the user wrote, and warnings point at the user's line."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from trained import X, Y, make

from fastmlp import MLPClassifier


@pytest.mark.parametrize("sizes", [(64.0,), 64.5, ("64",), "oops", [[3, 4]]], ids=str)
def test_sizes_that_are_no_integers(sizes):
    with pytest.raises((TypeError, ValueError), match="hidden_layer_sizes"):
        make(hidden_layer_sizes=sizes).fit(X, Y)


@pytest.mark.parametrize("sizes", [np.int64(5), np.array(5), np.array([5, 4]), [5, 4], range(1, 3)])
def test_sizes_of_any_integer_kind(sizes):
    assert make(hidden_layer_sizes=sizes, max_iter=1).fit(X, Y).n_layers_ >= 3


def test_labels_with_none():
    with pytest.raises(ValueError, match="Input y contains None or NaN"):
        make().fit(X, np.where(Y == 1, "one", None))


def test_labels_of_mixed_types():
    labels = Y.astype(object)
    labels[0] = "zero"
    with pytest.raises(ValueError, match="labels of one type, got a mix of int, str"):
        make().fit(X, labels)


def test_object_labels_that_are_integers():
    model = make(max_iter=2).fit(X, Y.astype(object))
    assert model.classes_.dtype.kind == "i"
    np.testing.assert_array_equal(model.predict(X), make(max_iter=2).fit(X, Y).predict(X))


@pytest.mark.parametrize(("n", "fraction"), [(10, 0.1), (30, 0.0), (3, 0.9)])
def test_too_few_samples_to_validate(n, fraction):
    labels = np.arange(n) % 2
    with pytest.raises(ValueError, match=f"validation_fraction={fraction:g} of {n} samples"):
        make(early_stopping=True, validation_fraction=fraction).fit(X[:n], labels)


def test_values_too_large_for_float32():
    for form in (np.asarray, np.asfortranarray):
        with pytest.raises(ValueError, match=r"too large for float32.*dtype='float64'"):
            make().fit(form(X.astype(float) * 1e39), Y)
    make(dtype="float64", max_iter=1).fit(X.astype(float) * 1e39 / 1e39, Y)


@pytest.mark.parametrize("weights", [[1, 2, 3], [{0: 1}]])
def test_class_weight_as_a_list(weights):
    with pytest.raises(ValueError, match="class_weight must be a dict"):
        make(class_weight=weights).fit(X, Y)


def test_weights_assigned_to_a_model_never_fitted():
    model = make()
    model.coefs_, model.intercepts_ = [np.ones((6, 3))], [np.zeros(3)]
    for call in (model.predict, model.predict_proba):
        with pytest.raises(NotFittedError):
            call(X)


@pytest.mark.parametrize("value", [np.float32(0.01), np.float64(0.01), np.array(0.01)], ids=repr)
def test_numpy_scalars_and_0d_arrays(value):
    model = make(alpha=value, learning_rate_init=value, max_iter=np.int32(2)).fit(X, Y)
    plain = make(alpha=float(value), learning_rate_init=float(value), max_iter=2).fit(X, Y)
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])
    pickle.loads(pickle.dumps(model)).predict(X)
    arrays = {"batch_size": np.array(32), "shuffle": np.array(True), "tol": np.array(0.0)}
    with pytest.warns(ConvergenceWarning):
        make(n_iter_no_change=np.array(5), max_iter=np.array(3), **arrays).fit(X, Y)


@pytest.mark.parametrize("dtype", [np.float64, "float64", np.dtype("float64")])
def test_dtype_of_an_array(dtype):
    model = make(dtype=dtype, max_iter=1).fit(X, Y)
    assert model.predict_proba(X[:3]).dtype == model.predict_proba(X).dtype == np.float64


def test_minus_one_thread_is_all():
    for n_threads in (-1, None, np.int64(-1)):
        make(n_threads=n_threads, max_iter=1).fit(X, Y).predict(X)
    with pytest.raises(ValueError, match="n_threads"):
        make(n_threads=-2).fit(X, Y)


def test_warnings_point_at_the_user():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make(tol=1e-9, max_iter=2).fit(X, Y)
        make(batch_size=5000, max_iter=1).fit(X, Y)
        make(max_iter=1).fit(X, np.zeros(len(X)))
        make(max_iter=1).fit(X, np.eye(3, dtype=int)[Y])
    assert len(caught) == 4
    assert {warning.filename for warning in caught} == {__file__}


def test_a_plain_fit_of_small_data_is_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPClassifier(random_state=0).fit(X, Y)
