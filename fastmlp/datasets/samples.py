"""Samples to train on and to test with, and how they become numbers that a network learns from."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Samples:
    """A dataset in two parts.

    Attributes
    ----------
    name : str
        What it is called in reports.
    X, y, X_test, y_test : arrays, or data frames and arrays
        To train on, and to test with.
    prepare : transformer of scikit-learn, default=None
        Makes numbers for a network out of X; not fitted. None: X is ready as it is. Whoever trains
        fits it on the samples of that training alone.
    side : int, default=None
        The side of the images, if the samples are square images.
    n_available : int, default=None
        How many there are to train on where X is the first part of them.
    """

    name: str
    X: Any
    y: np.ndarray
    X_test: Any
    y_test: np.ndarray
    prepare: Any = None
    side: int | None = None
    n_available: int | None = None

    @property
    def what(self) -> str:
        """What the samples are called."""
        return "images" if self.side else "rows"

    @cached_property
    def digest(self) -> str:
        """A hash of what is trained on."""
        return _digest(self.X, self.y)

    @cached_property
    def test_digest(self) -> str:
        """A hash of what is tested with."""
        return _digest(self.X_test, self.y_test)


def rows(X, numbers):
    """Some rows of an array or of a data frame."""
    return X.iloc[numbers] if hasattr(X, "iloc") else X[numbers]


def prepared(prepare, X, *others):
    """Fit a copy of ``prepare`` on X; return it, X and the others as it transforms them.

    Without one (None) all stay as they are.
    """
    if prepare is None:
        return None, X, *others
    from sklearn.base import clone

    fitted = clone(prepare).fit(X)
    return fitted, *(fitted.transform(part) for part in (X, *others))


def with_preparation(fitted, model):
    """Return a model that takes what the samples were before they were prepared."""
    if fitted is None:
        return model
    from sklearn.pipeline import Pipeline

    return Pipeline([("prepare", fitted), ("network", model)])


def _digest(*parts) -> str:
    digest = hashlib.sha256()
    for part in parts:
        if hasattr(part, "iloc"):  # a data frame: of text, too, which has no bytes of its own
            from pandas.util import hash_pandas_object

            digest.update(repr([*zip(part.columns, map(str, part.dtypes), strict=True)]).encode())
            part = hash_pandas_object(part, index=False).to_numpy()
        array = np.asarray(part)
        if array.dtype.kind == "O":
            array = array.astype(str)
        array = np.ascontiguousarray(array)
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes() if array.dtype.kind == "U" else array.data)
    return digest.hexdigest()
