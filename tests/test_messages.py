"""Messages name what the user wrote, and warnings point at the user's line."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from trained import X, Y, make

from fastmlp import Checkpoint, MLPClassifier, warmup
from fastmlp.estimators.validation import scale_hint
from fastmlp.kernels import compile_notice


@pytest.mark.parametrize(
    "sizes", [(64.0,), 64.5, ("64",), "oops", [[3, 4]], [[3], [4, 5]]], ids=str
)
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


@pytest.mark.parametrize("fraction", [0.99, 0.999])
def test_no_samples_to_train_on(fraction):
    with pytest.raises(ValueError, match=r"The training set is empty.*of 30 samples.*Decrease"):
        make(early_stopping=True, validation_fraction=fraction).fit(X[:30], np.arange(30) % 2)


@pytest.mark.parametrize("name", ["alpha", "epsilon", "learning_rate_init", "tol"])
def test_numbers_beyond_a_double(name):
    with pytest.raises(
        ValueError, match=f"The '{name}' parameter of MLPClassifier must be at most"
    ):
        make(**{name: 10**400}).fit(X, Y)


def test_a_rate_that_a_schedule_made_too_large():
    how = {"solver": "sgd", "learning_rate": lambda progress: 1e30, "max_iter": 2}
    with pytest.raises(
        ValueError, match=r"a learning rate of 1e\+27 \(learning_rate_init=0\.001\)"
    ):
        make(learning_rate_init=0.001, **how).fit(X, Y)


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
    with pytest.raises(
        NotFittedError, match=r"to a model that was never fitted\. .* coef_init and"
    ):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(NotFittedError, match="to a model that was never fitted"):
        model.set_params(warm_start=True).fit(X, Y)
    model.set_params(warm_start=False, max_iter=1).fit(X, Y)


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


def test_dropout_of_nested_sequences():
    with pytest.raises(
        ValueError, match=r"dropout must be a number .* got \[\[0.1\], \[0.1, 0.2\]\]"
    ):
        make(dropout=[[0.1], [0.1, 0.2]]).fit(X, Y)


NAN = np.where(np.arange(len(X))[:, None] == 0, np.nan, X)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"X_val": NAN, "y_val": Y}, "In X_val, y_val or sample_weight_val: Input X contains NaN"),
        ({"X_val": X[:, :5], "y_val": Y}, "In X_val, .* X has 5 features"),
        ({"X_val": X, "y_val": Y + 7}, "In X_val, .* classes not in"),
        ({"X_val": X, "y_val": Y, "sample_weight_val": [1.0]}, "In X_val, .* sample_weight"),
        ({"sample_weight_val": np.ones(len(X))}, "sample_weight_val was given without X_val"),
        ({"X_val": X}, "X_val and y_val must be given together"),
        ({"coef_init": 5}, "coef_init must be a list of arrays of numbers"),
        ({"coef_init": [["a"]]}, "coef_init must be a list of arrays of numbers"),
        ({"intercept_init": [[1.0], [1.0]]}, "intercept_init must have the shapes"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_arguments_of_fit_are_named(given, named):
    with pytest.raises((TypeError, ValueError), match=named):
        make().fit(X, Y, **given)


def test_assigned_weights_are_named():
    model = make(max_iter=1, warm_start=True).fit(X, Y)
    model.intercepts_[0] = np.zeros(3)
    with pytest.raises(ValueError, match="intercepts_ must have the shapes"):
        model.fit(X, Y)


def test_class_weights_that_leave_no_sample():
    with pytest.raises(ValueError, match=r"class_weight=\{0: 0, 1: 0, 2: 0\} leaves no sample"):
        make(class_weight={0: 0, 1: 0, 2: 0}).fit(X, Y)


@pytest.mark.parametrize(
    "arguments", [{"solvers": "adam"}, {"solvers": ["adm"]}, {"dtypes": ("float16",)}]
)
def test_what_cannot_be_warmed_up(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(
        ValueError, match=f"{name} must be a sequence of some of .*, got "
    ) as caught:
        warmup(**arguments)
    assert repr(value) in str(caught.value)


PIXELS = np.random.default_rng(0).integers(0, 256, X.shape, dtype=np.uint8)


@pytest.mark.parametrize(
    "form", [np.asarray, np.int64, np.float64, sparse.csr_array, sparse.csr_matrix], ids=str
)
def test_a_hint_at_unscaled_pixels(form, capsys, recwarn):
    make(max_iter=1).fit(form(PIXELS), Y)
    assert "Hint" not in capsys.readouterr().out
    model = make(max_iter=1, verbose=True).fit(form(PIXELS), Y)
    assert "Hint: X holds whole numbers up to 255, as pixels are" in capsys.readouterr().out
    model.partial_fit(form(PIXELS), Y)  # it has been said
    assert "Hint" not in capsys.readouterr().out
    assert not recwarn.list


@pytest.mark.parametrize(
    "values",
    [PIXELS / 255, PIXELS - 128.0, PIXELS % 100, PIXELS * 2.0, PIXELS + 0.5, PIXELS > 100, X],
    ids=["scaled", "centred", "small", "large", "not whole", "boolean", "real"],
)
def test_no_hint_at_other_values(values, capsys):
    make(max_iter=1, verbose=True).fit(values.astype(values.dtype), Y)
    assert "Hint" not in capsys.readouterr().out


WARNINGS = {
    "not converged": lambda: make(tol=1e-9, max_iter=2).fit(X, Y),
    "lbfgs not converged": lambda: make(solver="lbfgs", tol=1e-9, max_iter=2).fit(X, Y),
    "batch_size": lambda: make(batch_size=5000, max_iter=1).fit(X, Y),
    "one class": lambda: make(max_iter=1).fit(X, np.zeros(len(X))),
    "one-hot": lambda: make(max_iter=1).fit(X, np.eye(3, dtype=int)[Y]),
    "column of labels": lambda: make(max_iter=1).fit(X, Y[:, None]),
    "cache": lambda: compile_notice.warn_not_kept("folder", "a reason"),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_warnings_point_at_the_user(name, monkeypatch):
    """Here, in the line that calls `fit`; and as an error a warning leaves the model as it was."""
    monkeypatch.setattr(compile_notice, "_warned", False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        WARNINGS[name]()
    assert [warning.filename for warning in caught] == [__file__]
    monkeypatch.setattr(compile_notice, "_warned", False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(caught[0].category):
            WARNINGS[name]()


def test_a_damaged_checkpoint_is_told_at_the_user_s_line(tmp_path):
    for number in (1, 2):
        Checkpoint(tmp_path).fit(make(max_iter=number), X, Y)
    newest = max(tmp_path.iterdir())
    newest.write_bytes(b"damaged")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Checkpoint(tmp_path).fit(make(max_iter=2), X, Y)
        Checkpoint.load(tmp_path)
    assert {warning.filename for warning in caught} <= {__file__}
    assert any("is corrupted" in str(warning.message) for warning in caught)


def test_a_plain_fit_of_small_data_is_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPClassifier(random_state=0).fit(X, Y)


def test_no_hint_where_values_are_negative():
    assert scale_hint(np.array([[-1.0, 200.0]])) is None
