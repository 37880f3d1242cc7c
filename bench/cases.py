"""What the regression gate measures: a piece of fastmlp beside NumPy code that does the same work.

A case is a pair of functions without arguments, ``ours`` and ``numpy``, that give the same arrays
up to ``tolerance``. Both run on one thread. The data is made up: images as sparse as MNIST's.
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

    def check(self, found):
        """Assert that a result of ``ours`` is the reference's, relative to its largest value."""
        found, expected = self.read(found), self.numpy()
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


# NumPy's side: float32, as one would write it


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


# fastmlp's side


def _engine(dtype="float32"):
    from fastmlp.engine import Engine

    return Engine(SIZES, activation="relu", output="softmax", dtype=dtype, n_threads=1)


def _read_batch(buffers, batch, n_blocks):
    """A batch's entries: values and features by row, values and samples by column."""
    from fastmlp.batches import ACTIVE, COLUMN, EDGES, N_ACTIVE, SIZE

    edges = buffers.edges[batch[EDGES] :][: batch[SIZE] * (n_blocks + 1)]
    column = buffers.column[batch[COLUMN] :][: batch[N_ACTIVE] + 1]
    feature = buffers.feature[batch[ACTIVE] :][: batch[N_ACTIVE]].astype(int)
    assert (np.diff(feature) > 0).all()
    by_row, by_column = slice(edges[0], edges[-1]), slice(column[0], column[-1])
    assert (np.repeat(feature, np.diff(column)) == np.sort(buffers.index[by_row])).all()
    return (
        buffers.value[by_row],
        buffers.index[by_row],
        buffers.row_value[by_column],
        buffers.row[by_column],
    )


def data_path():
    """From the user's array to batches, by rows and by columns."""
    from fastmlp.data import open_data
    from fastmlp.team import Team

    X, _ = images()
    team = Team(1)

    def ours():
        data = open_data(X, np.float32, team)
        plan = data.plan(batch_size=BATCH)
        buffers = data.new_buffers(plan)
        for chunk in range(plan.n_chunks):
            data.prepare(plan, chunk, buffers)
        return data, plan, buffers

    def read(prepared):
        data, plan, buffers = prepared
        parts = []
        for chunk in range(plan.n_chunks):
            data.prepare(plan, chunk, buffers)
            first, stop = plan.chunk_batches(chunk)
            for b in range(stop - first):
                parts.append(_read_batch(buffers, buffers.table[b], data.n_blocks))
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    return Case(ours, lambda: numpy_columns(X), tolerance=0, read=read)


def _epoch(make_data):
    from fastmlp.optimizers import RMSprop

    X, y = make_data()
    engine, order = _engine(), np.arange(N_SAMPLES)
    data, labels = engine.open(X), y[:, None]

    def ours():
        engine.set_parameters(*parameters())
        engine.train_epoch(
            data, labels, order, batch_size=BATCH, optimizer=RMSprop(), learning_rate=RATE
        )
        coefs, intercepts = engine.get_parameters()
        return [*coefs, *intercepts]

    return Case(ours, lambda: numpy_epoch(X, y, *parameters()), tolerance=1e-2)


def training_step():
    """An epoch's updates, zeros skipped."""
    return _epoch(images)


def training_step_dense():
    """An epoch's updates on data without zeros."""
    return _epoch(gaussian)


def _model(**changes):
    from fastmlp import MLPClassifier

    return MLPClassifier(
        (N_HIDDEN,), batch_size=BATCH, max_iter=1, shuffle=False, n_threads=1, **changes
    )


def fit():
    """A whole fit of one epoch."""
    X, y = images()
    coefs, intercepts = parameters()

    def ours():
        model = _model().fit(X, y, coef_init=coefs, intercept_init=intercepts)
        return [*model.coefs_, *model.intercepts_]

    return Case(ours, lambda: numpy_epoch(X, y, coefs, intercepts), tolerance=1e-2)


def predict():
    """Probabilities of all images."""
    X, y = images()
    coefs, intercepts = parameters()
    model = _model(learning_rate_init=1e-30)  # the weights stay what they are
    model.fit(X, y, coef_init=coefs, intercept_init=intercepts)
    return Case(lambda: [model.predict_proba(X)], lambda: [numpy_forward(X, coefs, intercepts)[1]])


CASES = {
    "data-path": data_path,
    "training-step": training_step,
    "training-step-dense": training_step_dense,
    "fit": fit,
    "predict": predict,
}


@cache
def make(name):
    """The case of that name, made once per process."""
    return CASES[name]()
