"""Any table, or arrays, from a file: NumPy's npz, CSV and Parquet, with the column to predict by name.

Tables are read by pandas and stay data frames, so a model that was trained on one predicts from the
columns of another, wherever they stand in it. Numbers are standardised, their gaps filled with the
median; text, categories and truth values become one column per value.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .samples import Samples
from .table_files import read_labelled, read_parts

# What pandas calls a column of dates, of times or of durations.
DATES = ("datetime64", "datetime", "date", "timedelta64", "timedelta", "time")
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
        The file is corrupted, has no such column, its samples are no numbers, or its labels are no classes, or
        too few to split; the message names it.
    """
    file = Path(file)
    X, y, X_test, y_test = read_parts(file, target)
    side, is_table = _side(X), hasattr(X, "iloc")
    y = _classes(y, file)
    X = _finite_table(X, file) if is_table else _numbers(X, file)
    if X_test is None:
        from sklearn.model_selection import train_test_split

        _check_split(y, test_size, file)
        X, X_test, y, y_test = train_test_split(
            X, y, test_size=test_size, random_state=seed, stratify=y
        )
    else:
        X_test, y_test = _numbers(X_test, file), _classes(y_test, file, least=1)
        if X.shape[1] != X_test.shape[1]:
            raise ValueError(
                f"{file}: the samples to train on have {X.shape[1]} features, those to test with "
                f"{X_test.shape[1]}"
            )
    unknown = np.setdiff1d(y_test, y)
    if len(unknown):
        raise ValueError(
            f"{file}: class {unknown[0]} is in the samples to test with, but not in those to train on"
        )
    return Samples(
        file.name, X, y, X_test, y_test, _of_columns(X, file) if is_table else _of_array(X), side
    )


def read_features(
    file: str | Path, target: str | None = None, text: Sequence[str] = ()
) -> tuple[Any, Any]:
    """Read the samples of a file, and their labels if it has any under the name ``target``.

    The columns named in ``text`` are read as text, whatever a CSV holds in them.
    """
    file = Path(file)
    X, y = read_labelled(file, target, text)
    X = _finite_table(X, file) if hasattr(X, "iloc") else _numbers(X, file)
    if target is None and y is not None and np.ndim(y) != 1:  # nobody asked for these
        y = None
    return X, None if y is None else _column(y, file)


def check_numbers(table, names: Sequence[str], file: str | Path) -> None:
    """Raise a ValueError that names the first text in these columns of a table, which must hold numbers."""
    for name in names:
        row = _odd_row(table[name])
        if row is not None:
            raise ValueError(
                f"column {name!r} of {file} must hold numbers, as where the model was trained, but row {row + 1} has "
                f"{table[name].iloc[row]!r}"
            )


def _odd_row(column):
    """The first row, from 0, of a column of objects or text that is neither a number nor missing; or None."""
    import pandas as pd

    if column.dtype.kind in "biuf":
        return None
    odd = pd.to_numeric(column, errors="coerce").isna() & column.notna()
    return int(odd.to_numpy().argmax()) if odd.any() else None


def is_missing(label) -> bool:
    """Whether it is None, NaN, or pandas's NA, of which no comparison is true or false."""
    return label is None or type(label).__name__ in ("NAType", "NaTType") or label != label


def _column(y, file):
    """Labels as an array with one axis."""
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise ValueError(f"the labels of {file} must be a column, got an array of shape {y.shape}")
    if y.dtype.kind == "S":
        try:
            return np.char.decode(y, "utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"the labels of {file} are bytes that are no text in UTF-8") from error
    return y


def _classes(y, file, *, least=2):
    """Labels as they are if they are as many classes; numbers to be estimated are refused."""
    y = _column(y, file)
    if not len(y):
        raise ValueError(f"{file} has no samples")
    if y.dtype.kind not in "biufUSO":
        raise ValueError(f"the labels of {file} are of type {y.dtype}, and no classes")
    missing = [is_missing(value) for value in y.tolist()] if y.dtype.kind in "Of" else []
    if any(missing):
        raise ValueError(f"{sum(missing):,} of the {len(y):,} labels of {file} are missing")
    if y.dtype.kind == "O":
        kinds = sorted({type(value).__name__ for value in y})
        if len(kinds) > 1:
            raise ValueError(
                f"the labels of {file} must be of one type, got a mix of {', '.join(kinds)}"
            )
        y = np.array(y.tolist())  # numbers, or text
    if y.dtype.kind == "f":
        odd = y[~(np.abs(y) <= 2**53) | (y != np.round(y))]
        if len(odd):
            raise ValueError(
                f"the labels of {file} are numbers such as {odd[0]:g}, and no "
                "classes; this command trains classifiers"
            )
        y = y.astype(np.int64)
    if least > 1 and (y == y[0]).all():
        raise ValueError(f"all labels of {file} are {y[0]}; a classifier needs two classes or more")
    return y


def _check_split(y, test_size, file):
    """Raise a ValueError in words where no stratified split is possible."""
    classes, counts = np.unique(y, return_counts=True)
    if counts.min() < 2:
        raise ValueError(
            f"class {classes[counts.argmin()]} of {file} has 1 sample only; one to train on and one to test "
            "with are needed"
        )
    n_test = math.ceil(test_size * len(y))
    for n, what in ((n_test, "to test with"), (len(y) - n_test, "to train on")):
        if n < len(classes):
            raise ValueError(
                f"a share of {test_size:g} to test with leaves {n} of the {len(y):,} samples of {file} {what}, "
                f"less than one for each of {len(classes)} classes"
            )


def _side(X):
    """The side of square images, (n, side, side) or with one colour, (n, side, side, 1)."""
    shape = X.shape[:-1] if X.ndim == 4 and X.shape[3] == 1 else X.shape
    return int(shape[1]) if len(shape) == 3 and shape[1] == shape[2] else None


def _numbers(X, file):
    """A row per sample. Bytes are taken for pixels: they become float32 in [0, 1]."""
    if X.dtype.kind not in "biuf":
        raise ValueError(f"the samples of {file} must be numbers, got an array of {X.dtype}")
    if X.ndim < 2:
        raise ValueError(f"the samples of {file} must be rows, got an array of shape {X.shape}")
    if not X.size:
        raise ValueError(f"the samples of {file} are empty: an array of shape {X.shape}")
    X = X.reshape(len(X), -1)
    if X.dtype.kind == "f":
        if np.isnan(X).any():
            raise ValueError(
                f"the samples of {file} contain NaN; columns of a table (CSV or Parquet) may have gaps"
            )
        _check_range(X, f"the samples of {file} contain")
    return X.astype(np.float32) / np.float32(255) if X.dtype == np.uint8 else X


def _finite_table(table, file):
    """The table itself; a ValueError if a column holds what no network computes with."""
    for name in table.columns:
        if table[name].dtype.kind == "f":
            _check_range(table[name].to_numpy(), f"column {name!r} of {file} contains")
    return table


def _check_range(values, where):
    """Raise a ValueError if a number is infinite, or more than float32 holds. NaN passes."""
    too_large = np.abs(values) > np.finfo(np.float32).max
    if too_large.any():
        value = values[too_large][0]
        why = ", more than float32 holds" if np.isfinite(value) else ""
        raise ValueError(f"{where} {value:g}{why}")


def _of_array(X):
    """Nothing for values in [0, 1], which zero-skipping likes as they are; else standardise."""
    from sklearn.preprocessing import StandardScaler

    return None if X.size and X.min() >= 0 and X.max() <= 1 else StandardScaler()


def _of_columns(table, file):
    """What makes numbers of a table's columns."""
    import pandas as pd
    from pandas.api.types import infer_dtype, is_bool_dtype, is_numeric_dtype
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers, categories = [], []
    for name in table.columns:
        column = table[name]
        kind = infer_dtype(column)
        if kind in DATES:
            raise ValueError(
                f"column {name!r} of {file} holds dates: make numbers of it, or leave it out"
            )
        if kind in ("mixed", "bytes", "period", "interval"):
            raise ValueError(
                f"column {name!r} of {file} holds neither numbers nor text: leave it out"
            )
        if is_numeric_dtype(column) and not is_bool_dtype(column):
            numbers.append(name)
        elif column.nunique() > MANY and column.nunique() > len(column) / 10:
            row = _odd_row(column)
            if row is not None and pd.to_numeric(column, errors="coerce").notna().mean() > 0.5:
                raise ValueError(
                    f"column {name!r} of {file} holds numbers, but also {column.iloc[row]!r}: correct "
                    "it, or leave it empty"
                )
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


def _parts(model):
    """What a model does to its columns before the network: transformers, each with the columns it is given."""
    prepare = getattr(model, "named_steps", {}).get("prepare")
    return [(part, names) for _, part, names in getattr(prepare, "transformers_", ())]


def number_columns(model) -> list[str]:
    """The columns that a model behind `_of_columns` takes for numbers."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    found = []
    for part, names in _parts(model):
        kinds = [type(step) for _, step in part.steps] if isinstance(part, Pipeline) else []
        if kinds == [SimpleImputer, StandardScaler] and isinstance(names, list):
            found += [name for name in names if isinstance(name, str)]
    return found


def text_columns(model) -> list[str]:
    """The columns that a model behind `_of_columns` takes for categories written as text."""
    from sklearn.preprocessing import OneHotEncoder

    found = []
    for part, names in _parts(model):
        if isinstance(part, OneHotEncoder) and len(names):  # without columns it is not fitted
            for name, values in zip(names, part.categories_, strict=True):
                if any(isinstance(value, str) for value in values):
                    found.append(name)
    return found
