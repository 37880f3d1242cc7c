"""Read the samples and labels of an .npz, CSV or Parquet file, the latter two as pandas's data frames."""

from .array_files import array_names, read_npz

FORMATS = ".npz, .csv, .tsv, .parquet (CSV and TSV also gzipped)"
FEATURES = ("X", "x", "data", "images")  # what arrays of samples are called in npz files
LABELS = ("y", "target", "labels", "label")


def read_parts(file, target):
    """Samples and labels to train on and to test with; None for the latter two if it has none."""
    if _suffix(file) != ".npz":
        table = _frame(file)
        if target is None:
            raise ValueError(
                f"which column of {file} is to be predicted? {_choices(table.columns)}"
            )
        if target not in table.columns:
            raise ValueError(f"{file} has no column {target!r}; {_choices(table.columns)}")
        if len(table.columns) == 1:
            raise ValueError(f"{file} has no column beside {target!r} to predict it from")
        return table.drop(columns=target), table[target].to_numpy(), None, None
    names = array_names(file)
    by_name = {name.lower(): name for name in names}
    keras = [by_name.get(name) for name in ("x_train", "y_train", "x_test", "y_test")]
    if target is None and None not in keras:
        return _from_npz(file, *keras)
    labels = _labels_of(names, target)
    if not names:
        raise ValueError(f"{file} holds no arrays")
    if labels not in names:
        lacks = "labels (y)" if target is None else f"array {target!r}"
        raise ValueError(
            f"{file} has no {lacks}, but {', '.join(sorted(names))}; --target names the labels"
        )
    X, y = _from_npz(file, _features_of(file, names, labels), labels)
    return X, y, None, None


def read_labelled(file, target, text=()):
    """Samples, and their labels if the file has any under the name `target`, else None.

    Columns named in `text` are read as text, even if a CSV holds nothing but numbers in them.
    """
    if _suffix(file) == ".npz":
        names = array_names(file)
        labels = _labels_of(names, target)
        has_labels = labels in names
        X, *y = _from_npz(file, _features_of(file, names, labels), *[labels] * has_labels)
        return X, y[0] if y else None
    table = _frame(file, text)
    if target is None or target not in table.columns:
        return table, None
    return table.drop(columns=target), table[target].to_numpy()


def _suffix(file):
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _from_npz(file, *names):
    arrays = read_npz(file, names)
    for name, array in zip(names, arrays, strict=True):
        if not array.ndim:
            raise ValueError(f"{file}: {name} must be an array, got the single value {array}")
    for samples, labels in zip(arrays[::2], arrays[1::2], strict=False):
        if len(samples) != len(labels):
            raise ValueError(f"{file}: {len(samples)} samples, but {len(labels)} labels")
    return arrays


def _labels_of(names, target):
    """The name of the array of labels: the target, or one of LABELS that is there, else None."""
    return target if target is not None else next((n for n in LABELS if n in names), None)


def _features_of(file, names, labels):
    """The name of the array of samples: one of FEATURES, or the only one that there is."""
    others = [name for name in names if name != labels]
    if not others:
        raise ValueError(f"{file} holds no array of samples (X)")
    known = [name for name in FEATURES if name in others]
    if known or len(others) == 1:
        return (known or others)[0]
    raise ValueError(
        f"{file} has {', '.join(sorted(names))}; the array of samples must be called X, "
        "or be the only one beside the labels"
    )


class _NameTwice(ValueError):
    """Two columns of a table have one name."""


def _check_names(names, file):
    twice = names[names.duplicated()]
    if len(twice):
        raise _NameTwice(f"{file} has the column {twice.iloc[0]!r} twice")


def _frame(file, text=()):
    suffix = _suffix(file)
    if file.is_dir():
        raise IsADirectoryError(f"{str(file)!r} is a folder; a file is needed")
    if suffix not in (".csv", ".tsv", ".parquet"):
        raise ValueError(f"{file} is not of a format that can be read: {FORMATS}")
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
            how = {"sep": "\t" if suffix == ".tsv" else ",", "low_memory": False}
            names = pandas.read_csv(file, header=None, nrows=1, dtype=str, **how)
            _check_names(names.iloc[0].dropna(), file)  # pandas would rename the second of two
            how["dtype"] = dict.fromkeys(text, str)
            table = pandas.read_csv(file, **how)
            has_index = not isinstance(table.index, pandas.RangeIndex)
            if has_index and table.iloc[:, -1].isna().all():
                # The rows have a field more than there are names: the empty one behind a last delimiter.
                table = pandas.read_csv(file, index_col=False, **how)
    except (FileNotFoundError, PermissionError, ImportError, _NameTwice):  # the third names pyarrow
        raise
    except pandas.errors.EmptyDataError as error:
        raise ValueError(f"{file} is empty") from error
    except Exception as error:  # of a corrupted file the parsers raise errors of their own
        why = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise ValueError(f"{file} cannot be read as a table: {why}") from error
    table.columns = table.columns.map(str)
    _check_names(table.columns.to_series(), file)
    if not len(table):
        raise ValueError(f"{file} has no rows")
    return table


def _choices(columns):
    shown = ", ".join(columns[:20])
    return f"--target takes one of {shown}" + (", ..." if len(columns) > 20 else "")
