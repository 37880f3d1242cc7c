"""What comes from outside, checked before any kernel runs; errors in scikit-learn's words.

X keeps its dtype, order and strides: the data path reads any numeric array and CSR in place.
"""

import itertools
import operator
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import is_classifier
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.validation import validate_data

from ..data.source import check_width
from ..system.user_warnings import warn_user

_REAL = "biuf"


def check_training_data(model, X, y, *, reset):
    """X as an ndarray or CSR, and y, both valid; sets the model's `n_features_in_` and names.

    Whether a plain array is finite is seen when it is opened: see `opened`.
    """
    check_sparse_indices(X)
    plain = type(X) is np.ndarray and X.dtype.kind == "f"
    X, y = validate_data(
        model, X, y, accept_sparse="csr", dtype="numeric", multi_output=True, reset=reset,
        ensure_all_finite=not plain,
    )  # fmt: skip
    if sp.issparse(y) and (y.ndim == 1 or y.shape[1] == 1):  # no indicator of several labels
        raise TypeError(
            "Sparse data was passed for y, but dense data is required. "
            "Use '.toarray()' to convert to a dense numpy array."
        )
    y = _plain_targets(_as_numpy(y), are_labels=is_classifier(model))
    if y.ndim == 2 and y.shape[1] == 1 and not sp.issparse(y):
        warn_user(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
            "(n_samples, ), for example using ravel().",
            DataConversionWarning,
        )
        y = column_or_1d(y)
    check_width(X.shape[1])  # before weights for so many are drawn
    return _as_real(_as_numpy(X)), y


def plain_labels(y):
    """y itself; labels of dtype object as `fit` takes them, since scikit-learn's metrics do not know that dtype."""
    if sp.issparse(y):
        return y
    values = np.asarray(y)
    return _plain_targets(values, are_labels=True) if values.dtype == object else y


def _as_numpy(array):
    """The array; as NumPy's if it is another library's, which scikit-learn passes on with `array_api_dispatch`."""
    return array if sp.issparse(array) else np.asarray(array)


def _plain_targets(y, *, are_labels):
    """y itself; of dtype object what it holds: strings as they are, numbers as an array of numbers."""
    if not sp.issparse(y) and y.dtype.kind in "mM" and np.isnat(y).any():
        raise ValueError("Input y contains NaT.")
    if sp.issparse(y) or y.dtype != object:
        return y
    values = y.ravel().tolist()
    if any(value is None or value != value for value in values):
        raise ValueError("Input y contains None or NaN.")
    if all(isinstance(value, str | bytes) for value in values):
        return y
    if all(isinstance(value, bool | np.bool_) for value in values):
        return y.astype(bool)
    if all(isinstance(value, Real) for value in values):
        return np.array(values).reshape(y.shape)
    if not are_labels:
        return y  # what is no number is told of when it is converted
    kinds = sorted({type(value).__name__ for value in values})
    if len(kinds) == 1:
        raise ValueError(
            f"y must have labels that are strings, integers or booleans, got {kinds[0]}."
        )
    raise ValueError(f"y must have labels of one type, got a mix of {', '.join(kinds)}.")


def check_samples(model, X):
    """X of a fitted model as an ndarray or CSR.

    One sample's prediction takes less time than `validate_data` does, so a plain array that
    would pass unchanged is told by its looks. Anything else, the errors too, is left to it.
    Whether a plain array is finite is seen when it is opened: see `opened`.
    """
    if type(X) is np.ndarray and X.ndim == 2 and X.dtype.kind in _REAL and X.size > 0:
        if X.shape[1] == model.n_features_in_ and not hasattr(model, "feature_names_in_"):
            return X
    check_sparse_indices(X)
    X = validate_data(model, X, accept_sparse="csr", dtype="numeric", reset=False)
    return _as_real(_as_numpy(X))


def opened(model, engine, X, *, reuse=True, shift=False):
    """X made ready for the engine's batches, in one pass that also sees whether it is finite."""
    data = engine.open(X, reuse=reuse, shift=shift)
    if not data.finite:
        name = type(model).__name__
        with config_context(assume_finite=False):  # it has been seen that X is not
            assert_all_finite(X, estimator_name=name, input_name="X")
        wider = ", or use dtype='float64'" if data.dtype == np.float32 else ""
        raise ValueError(
            f"Input X contains a value too large for {data.dtype}, the dtype of {name}. Scale the data{wider}."
        )
    return data


def _as_real(X):
    """X itself, but for dtypes such as datetime64 that only look numeric to scikit-learn."""
    if X.dtype.kind in _REAL:
        return X
    if X.dtype.kind in "mM" and np.isnat(X).any():
        raise ValueError("Input X contains NaT.")
    return X.astype(np.float64)


def check_sparse_indices(X):
    """Refuse a sparse X whose index arrays lie: who followed them would read foreign memory."""
    if not sp.issparse(X) or X.ndim != 2:
        return
    if X.format in ("csr", "csc", "bsr"):
        n_lines, n_places = X.shape if X.format != "csc" else X.shape[::-1]
        blocks_fit = True
        if X.format == "bsr":
            (n_lines, left), (n_places, right) = map(divmod, X.shape, X.blocksize)
            blocks_fit = left == right == 0
        starts, n_stored = X.indptr, min(len(X.indices), len(X.data))
        sound = (
            blocks_fit
            and len(starts) == n_lines + 1
            and starts[0] == 0
            and starts[-1] <= n_stored
            and bool((starts[:-1] <= starts[1:]).all())
            and _within(X.indices[: starts[-1]], n_places)
        )
    elif X.format == "coo":
        sound = _within(X.row, X.shape[0]) and _within(X.col, X.shape[1])
    elif X.format == "dia":
        sound = len(X.data) == len(X.offsets) and _within(np.abs(X.offsets), 2**31)
    elif X.format == "lil":
        sound = len(X.rows) == len(X.data) == X.shape[0]
        sound = sound and all(map(operator.eq, map(len, X.rows), map(len, X.data)))
    else:
        sound = True  # scipy itself checks the keys of a DOK as it converts them
    if not sound:
        raise ValueError(
            f"X is not a valid {X.format.upper()} matrix: "
            "its index arrays point outside of its shape or of its data."
        )


def scale_hint(X) -> str | None:
    """What to say of X if it looks like pixels that nobody has scaled: whole numbers from 0 to 255."""
    rows = X[np.unique(np.linspace(0, X.shape[0] - 1, 200).astype(int))]
    values = rows.data if sp.issparse(rows) else rows
    if values.size == 0 or values.min() < 0 or not 127 < values.max() <= 255:
        return None
    if values.dtype.kind == "f" and (values != np.rint(values)).any():
        return None
    return (
        f"X holds whole numbers up to {values.max():g}, as pixels are stored. "
        "Networks learn faster, and mostly better, from X / 255."
    )


def _within(indices, stop) -> bool:
    return len(indices) == 0 or (int(indices.min()) >= 0 and int(indices.max()) < stop)


def check_layers(hidden_layer_sizes) -> list[int]:
    """The hidden layers' sizes as a list of ints."""
    try:
        sizes = np.atleast_1d(hidden_layer_sizes)
    except ValueError:  # nested sequences of different lengths
        sizes = np.empty((0, 0))
    if sizes.dtype == object and all(isinstance(size, Integral) for size in sizes.flat):
        raise ValueError(f"hidden_layer_sizes are too large: {hidden_layer_sizes!r}.")
    if sizes.ndim != 1 or (sizes.size and sizes.dtype.kind not in "iu"):
        raise TypeError(
            f"hidden_layer_sizes must be an integer or a sequence of integers, got {hidden_layer_sizes!r}."
        )
    if (sizes <= 0).any():
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes.tolist()}.")
    return sizes.tolist()


def check_same_network(model, layer_sizes):
    """Refuse to continue the training of a model whose weights are those of another network."""
    shapes = [np.shape(coef) for coef in model.coefs_]
    if shapes == list(itertools.pairwise(layer_sizes)):
        return
    had = tuple(shape[1] for shape in shapes[:-1])
    if had != tuple(layer_sizes[1:-1]):
        raise ValueError(
            f"hidden_layer_sizes={model.hidden_layer_sizes!r} is not the network that the model was trained "
            f"with, whose hidden layers have {had} units. Training can continue with the same network only: "
            "restore hidden_layer_sizes, or call fit with warm_start=False."
        )


def check_parameters(coefs, intercepts, layer_sizes, dtype):
    """Weights and biases given by a user, as new arrays of `dtype` in lists.

    Each argument is the name that the user knows it by, and the arrays. Arrays of another shape than the layers ask
    for, or not finite, are refused.
    """
    shapes = list(itertools.pairwise(layer_sizes))
    return (
        _check_arrays(*coefs, shapes, dtype),
        _check_arrays(*intercepts, [shape[1:] for shape in shapes], dtype),
    )


def _check_arrays(name, arrays, shapes, dtype):
    try:
        with np.errstate(over="ignore"):
            arrays = [np.array(array, dtype=dtype, order="C") for array in arrays]
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} must be a list of arrays of numbers: {error}") from error
    found = [array.shape for array in arrays]
    if found != shapes:
        raise ValueError(f"{name} must have the shapes {shapes} of the network, got {found}.")
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError(f"{name} contain NaN, infinity or a value too large for {dtype}.")
    return arrays
