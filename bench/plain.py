"""The regression gate's data, and NumPy code that does what fastmlp does.

The data is made up: images as sparse as MNIST's. NumPy's side is float32, as one would write it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

N_SAMPLES, N_FEATURES, N_HIDDEN, N_CLASSES, BATCH = 2048, 784, 256, 10, 128
SIZES = (N_FEATURES, N_HIDDEN, N_CLASSES)
RATE, RHO, EPSILON = 0.001, 0.9, 1e-7


@dataclass(frozen=True)
class Case:
    """Two ways to the same arrays: ``read(ours())`` and ``numpy()`` give lists of them."""

    ours: Callable
    numpy: Callable
    tolerance: float = 1e-4
    read: Callable = list  # not timed
    expected: Callable | None = None  # what ``read`` gives, where it is not what ``numpy`` returns

    def check(self, found):
        """Assert that a result of ``ours`` is the reference's, relative to its largest value."""
        found, expected = self.read(found), (self.expected or self.numpy)()
        assert len(found) == len(expected)
        for mine, theirs in zip(found, expected, strict=True):
            assert mine.shape == theirs.shape
            limit = self.tolerance * np.abs(theirs).max()
            np.testing.assert_allclose(mine, theirs, rtol=0, atol=limit)


@cache
def images():
    """Sparse images: a blob per sample, 19% of the pixels, and labels that depend on it."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0.1, 1.0, (N_SAMPLES, N_FEATURES)).astype(np.float32)
    position = np.arange(N_FEATURES)
    start = rng.integers(60, N_FEATURES - 260, N_SAMPLES)[:, None]
    inside = (position >= start) & (position < start + 200)
    X[~inside | (rng.uniform(size=X.shape) < 0.25)] = 0.0
    y = ((start[:, 0] - 60) * N_CLASSES // (N_FEATURES - 320)).astype(np.int32)
    return X, y


@cache
def gaussian():
    """The same labels for data without zeros."""
    rng = np.random.default_rng(1)
    X, y = images()
    return X + rng.standard_normal(X.shape, dtype=np.float32), y


@cache
def parameters():
    """Glorot weights and zero biases."""
    rng = np.random.default_rng(2)
    coefs = []
    for fan_in, fan_out in pairwise(SIZES):
        bound = (6 / (fan_in + fan_out)) ** 0.5
        coefs.append(rng.uniform(-bound, bound, (fan_in, fan_out)).astype(np.float32))
    return coefs, [np.zeros(n, np.float32) for n in SIZES[1:]]


def numpy_forward(X, coefs, intercepts):
    hidden = np.maximum(X @ coefs[0] + intercepts[0], 0)
    z = hidden @ coefs[1] + intercepts[1]
    z -= z.max(axis=1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=1, keepdims=True)
    return hidden, z


def numpy_rmsprop(gradient, weight, square):
    square *= RHO
    square += (1 - RHO) * gradient * gradient
    weight -= RATE * gradient / np.sqrt(square + EPSILON)


def numpy_epoch(X, y, coefs, intercepts):
    """One epoch of RMSprop in the order of the rows; returns the new parameters."""
    weights = [array.copy() for array in (*coefs, *intercepts)]
    squares = [np.zeros_like(array) for array in weights]
    for start in range(0, len(X), BATCH):
        x, labels = X[start : start + BATCH], y[start : start + BATCH]
        hidden, delta = numpy_forward(x, weights[:2], weights[2:])
        delta[np.arange(len(x)), labels] -= 1
        delta /= len(x)
        hidden_delta = (delta @ weights[1].T) * (hidden > 0)
        gradients = x.T @ hidden_delta, hidden.T @ delta, hidden_delta.sum(0), delta.sum(0)
        for gradient, weight, square in zip(gradients, weights, squares, strict=True):
            numpy_rmsprop(gradient, weight, square)
    return weights


def numpy_columns(X):
    """Batch by batch, the non-zeros in the order of rows and again in the order of columns."""
    parts = []
    for start in range(0, len(X), BATCH):
        x = X[start : start + BATCH]
        row, feature = np.nonzero(x)
        value = x[row, feature]
        by_column = np.argsort(feature, kind="stable")
        parts.append((value, feature, value[by_column], row[by_column]))
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
