"""Any table, or arrays, from a file: NumPy's npz, CSV and Parquet, with the column to predict by name.

Tables are read by pandas and stay data frames, so a model that was trained on one predicts from the
columns of another, wherever they stand in it. Numbers are standardised, their gaps filled with the
median; text, categories and truth values become one column per value.
"""

from pathlib import Path
from typing import Any

import numpy as np

from .array_files import array_names, read_npz
from .samples import Samples

FORMATS = ".npz, .csv, .tsv, .parquet (CSV and TSV also gzipped)"
FEATURES = ("X", "x", "data", "images")  # what arrays of samples are called in npz files
LABELS = ("y", "target", "labels", "label")
MANY = 100  # more different values than this make a column of text no column of categories


def load_samples(
    file: str | Path, target: str | None = None, *, test_size: float = 0.2, seed: int = 0
) -> Samples:
    """Read a file and split it into samples to train on and to test with.

    Parameters
    ----------
    file : path
        CSV, TSV or Parquet, with a column per feature and one to predict; or npz, with an array of
        samples (``X``) and one of labels (``y``), or with Keras's four arrays, ``x_train``, ``y_train``,
        ``x_test``, ``y_test``.
    target : str, optional
        The column, or the array, to predict. Tables need it.
    test_size : float, default=0.2
        The share of the samples to test with, where the file has no part for it. Every class is
        in both parts in proportion.
    seed : int, default=0
        Which samples those are.

    Raises
    ------
    ValueError
        The file is damaged, has no such column, or the labels are no classes; the message names it.
    """
    file = Path(file)
    X, y, X_test, y_test = _parts(file, target)
    y = _classes(y, file)
    if X_test is None:
        from sklearn.model_selection import train_test_split

        X, X_test, y, y_test = train_test_split(
            X, y, test_size=test_size, random_state=seed, stratify=y
        )
    else:
        y_test = _classes(y_test, file)
    side = _side(X)
    if hasattr(X, "iloc"):
        return Samples(file.name, X, y, X_test, y_test, _of_columns(X, file))
    X, X_test = (_numbers(part) for part in (X, X_test))
    return Samples(file.name, X, y, X_test, y_test, _of_array(X), side)


def read_features(file: str | Path, target: str | None = None) -> tuple[Any, Any]:
    """Read the samples of a file, and their labels if it has any under the name ``target``."""
    file = Path(file)
    if _suffix(file) == ".npz":
        names = array_names(file)
        labels = target if target is not None else next((n for n in LABELS if n in names), None)
        has_labels = labels in names
        X, *y = _from_npz(file, _features_of(file, names, labels), *[labels] * has_labels)
        return _numbers(X), y[0] if y else None
    table = _frame(file)
    if target is None or target not in table.columns:
        return table, None
    return table.drop(columns=target), table[target].to_numpy()


# --- files ------------------------------------------------------------------------------------


def _suffix(file):
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _parts(file, target):
    """Samples and labels to train on and to test with; None for the latter two if it has none."""
    if _suffix(file) != ".npz":
        table = _frame(file)
        if target is None:
            raise ValueError(
                f"which column of {file} is to be predicted? {_choices(table.columns)}"
            )
        if target not in table.columns:
            raise ValueError(f"{file} has no column {target!r}; {_choices(table.columns)}")
        return table.drop(columns=target), table[target].to_numpy(), None, None
    names = array_names(file)
    by_name = {name.lower(): name for name in names}
    keras = [by_name.get(name) for name in ("x_train", "y_train", "x_test", "y_test")]
    if target is None and None not in keras:
        return _from_npz(file, *keras)
    labels = target if target is not None else next((n for n in LABELS if n in names), None)
    if labels not in names:
        lacks = "labels (y)" if target is None else f"array {target!r}"
        raise ValueError(
            f"{file} has no {lacks}, but {', '.join(sorted(names))}; --target names the labels"
        )
    X, y = _from_npz(file, _features_of(file, names, labels), labels)
    return X, y, None, None


def _from_npz(file, *names):
    arrays = read_npz(file, names)
    for samples, labels in zip(arrays[::2], arrays[1::2], strict=False):
        if len(samples) != len(labels):
            raise ValueError(f"{file}: {len(samples)} samples, but {len(labels)} labels")
    return arrays


def _features_of(file, names, labels):
    """The name of the array of samples: one of FEATURES, or the only one that there is."""
    others = [name for name in names if name != labels]
    known = [name for name in FEATURES if name in others]
    if known or len(others) == 1:
        return (known or others)[0]
    raise ValueError(
        f"{file} has {', '.join(sorted(names))}; the array of samples must be called X, "
        "or be the only one beside the labels"
    )


def _frame(file):
    suffix = _suffix(file)
    if suffix not in (".csv", ".tsv", ".parquet"):
        raise ValueError(f"{file} is of no format that is read here: {FORMATS}")
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "tables need pandas: python -m pip install pandas pyarrow (or fastmlp's extra 'tables')"
        ) from error
    try:
        if suffix == ".parquet":
            table = pandas.read_parquet(file)
        else:
            table = pandas.read_csv(file, sep="\t" if suffix == ".tsv" else ",")
    except (FileNotFoundError, ImportError):  # the latter names pyarrow
        raise
    except Exception as error:  # of a damaged file the parsers raise errors of their own
        raise ValueError(f"{file} cannot be read as a table: {error}") from error
    table.columns = table.columns.map(str)
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise ValueError(f"{file} has the column {twice[0]!r} twice")
    if not len(table):
        raise ValueError(f"{file} has no rows")
    return table


def _choices(columns):
    shown = ", ".join(columns[:20])
    return f"--target takes one of {shown}" + (", ..." if len(columns) > 20 else "")


# --- what is made of it -----------------------------------------------------------------------


def _classes(y, file):
    """Labels as they are if they are classes; numbers to be estimated are refused."""
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise ValueError(f"the labels of {file} must be a column, got an array of shape {y.shape}")
    missing = [value is None or value != value for value in y] if y.dtype.kind in "Of" else []
    if any(missing):
        raise ValueError(f"{sum(missing):,} of the {len(y):,} labels of {file} are missing")
    if y.dtype.kind == "O":
        y = np.array(y.tolist())  # numbers, or text
    if y.dtype.kind == "f":
        if (y != np.round(y)).any():
            raise ValueError(
                f"the labels of {file} are numbers such as {y[y != np.round(y)][0]:g}, and no "
                "classes; this command trains classifiers"
            )
        y = y.astype(np.int64)
    return y


def _side(X):
    """The side of square images, (n, side, side) or with one colour, (n, side, side, 1)."""
    shape = X.shape[:-1] if X.ndim == 4 and X.shape[3] == 1 else X.shape
    return int(shape[1]) if len(shape) == 3 and shape[1] == shape[2] else None


def _numbers(X):
    """A row per sample. Bytes are taken for pixels: they become float32 in [0, 1]."""
    if X.dtype.kind not in "biuf":
        raise ValueError(f"the samples must be numbers, got an array of {X.dtype}")
    if X.ndim < 2:
        raise ValueError(f"the samples must be rows, got an array of shape {X.shape}")
    X = X.reshape(len(X), -1)
    return X.astype(np.float32) / np.float32(255) if X.dtype == np.uint8 else X


def _of_array(X):
    """Nothing for values in [0, 1], which zero-skipping likes as they are; else standardise."""
    from sklearn.preprocessing import StandardScaler

    return None if X.size and X.min() >= 0 and X.max() <= 1 else StandardScaler()


def _of_columns(table, file):
    """What makes numbers of a table's columns."""
    from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers, categories = [], []
    for name in table.columns:
        column = table[name]
        if is_datetime64_any_dtype(column):
            raise ValueError(
                f"column {name!r} of {file} holds dates: make numbers of it, or leave it out"
            )
        if is_numeric_dtype(column) and not is_bool_dtype(column):
            numbers.append(name)
        elif column.nunique() > MANY and column.nunique() > len(column) / 10:
            raise ValueError(
                f"column {name!r} of {file} is text with {column.nunique():,} different values in "
                f"{len(column):,} rows, and no category: leave it out"
            )
        else:
            categories.append(name)
    return make_column_transformer(
        (
            make_pipeline(
                SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
            ),
            numbers,
        ),
        (OneHotEncoder(handle_unknown="ignore", dtype=np.float32), categories),
    )
