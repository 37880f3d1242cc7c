"""Random X for the data path, sound and lying, each from the random bytes of one seed.

A case opens its X, makes every batch of a random plan in buffers of exactly the planned size, and
compares them to plain NumPy; an X that lies must be refused. Run by `fuzz_batches`.
"""

from itertools import pairwise

import numpy as np
from batch_checks import LAYOUTS, check_batches
from scipy import sparse
from sklearn.utils import check_array

from fastmlp.data import batch_plan as plan
from fastmlp.data import source as data
from fastmlp.data.source import open_data
from fastmlp.engine.team import Team
from fastmlp.estimators.validation import check_sparse_indices

KINDS = "? u1 i1 i2 u4 i8 u8 f2 f4 f8 g >f4 >f8 >i4".split()
WIDTHS = (1, 2, 7, 31, 63, 64, 65, 127, 128, 129, 300, 784, 65_535, 65_536, 65_537, 200_000)
EXTREMES = (-1, 1, 2**31 - 1, 2**31, 2**62, 2**63 - 1, -(2**31), -(2**63), -(2**63) + 1)


class ExactBuffers(plan.Buffers):
    """Each buffer in an allocation of its own, so that a step out of it is one out of memory."""

    def __init__(self, plan):
        super().__init__(plan)
        for name, (size, dtype) in plan.sizes.items():
            setattr(self, name, np.full(size * dtype.itemsize, 0xA5, np.uint8).view(dtype))
        self.table = self.table.reshape(-1, plan.table.shape[1])
        self.row = self.records.view(np.uint32)


def run(rng):
    """Run one case; raises AssertionError if a result is wrong or a lie is believed."""
    data.SMALL = int(rng.choice([1, 100, 1 << 16]))
    plan.CHUNK_BYTES = int(rng.choice([1, 5000, 6 << 20]))
    data.Data.new_buffers = lambda self, plan: ExactBuffers(plan)
    x = values(rng)
    dtype = rng.choice(["float32", "float64"])
    case = [dense, csr, csr][rng.integers(3)]
    with np.errstate(all="ignore"):
        case(rng, x, dtype)


def values(rng):
    """A C-ordered array of any shape, dtype, density and bits."""
    n_features = int(rng.choice(WIDTHS)) if rng.random() < 0.5 else int(rng.integers(1, 400))
    n_samples = int(rng.integers(0, max(2, min(40, 100_000 // n_features))))
    kind = np.dtype(str(rng.choice(KINDS)))
    shape = n_samples, n_features
    if kind.kind == "b" or rng.random() < 0.5:
        x = rng.integers(0, 2, shape) * rng.integers(1, 100, shape)
    elif kind.char == "g":
        x = np.frombuffer(rng.bytes(8 * n_samples * n_features), "f8").reshape(shape)
    else:  # any bits: NaN, infinity, subnormal
        x = np.frombuffer(rng.bytes(kind.itemsize * n_samples * n_features), kind).reshape(shape)
    with np.errstate(all="ignore"):
        x = x.astype(kind)
    x[rng.random(shape) >= rng.choice([0, 0.01, 0.2, 0.6, 0.7, 1])] = 0
    return x


def batches_of(rng, opened, expected):
    """Make all batches of a random plan, and compare them to the rows expected, unless None."""
    n = opened.n_samples
    order = None
    if n and rng.random() < 0.7:
        order = rng.integers(0, n, rng.integers(0, 2 * n + 1))
    options = {
        "batch_size": int(rng.integers(1, 50)),
        "n_threads": int(rng.integers(1, 4)),
        "columns": bool(rng.integers(2)),
        "batches_per_chunk": int(rng.integers(1, 6)) if rng.integers(2) else None,
    }
    if expected is not None:
        check_batches(opened, expected, order, **options)
        return
    n_threads = options.pop("n_threads")
    laid = opened.plan(order, **options)
    buffers = opened.new_buffers(laid)
    for chunk in range(laid.n_chunks):
        for me in range(n_threads):
            opened.prepare(laid, chunk, buffers, me, n_threads)


def dense(rng, x, dtype):
    """An array in any layout; in some cases it changes after it was opened."""
    x = LAYOUTS[str(rng.choice(list(LAYOUTS)))](x)
    opened = open_data(x, dtype, Team(int(rng.integers(1, 4))), reuse=bool(rng.integers(2)))
    expected = x.astype(dtype)
    if x.flags.writeable and rng.random() < 0.2:
        x[...] = rng.integers(0, 2, x.shape)
        expected = None
    batches_of(rng, opened, expected)


def csr(rng, x, dtype):
    """A CSR of any index dtype, sorted or not, with or without duplicates and lies."""
    form = [sparse.csr_array, sparse.csr_matrix][rng.integers(2)]
    rows, columns = np.nonzero(x)
    value = x[rows, columns]
    if len(rows) and rng.random() < 0.3:  # stored zeros, and duplicates in any order
        more = rng.integers(0, len(rows), rng.integers(1, 20))
        rows, columns = np.r_[rows, rows[more]], np.r_[columns, columns[more]]
        value = np.r_[value, np.zeros(len(more), x.dtype)]
        shuffled = np.lexsort((rng.random(len(rows)), rows))
        rows, columns, value = rows[shuffled], columns[shuffled], value[shuffled]
    starts = np.searchsorted(rows, np.arange(len(x) + 1))
    parts = {
        "indices": columns.astype(rng.choice(["i4", "i8"])),
        "indptr": starts.astype(rng.choice(["i4", "i8"])),
        "data": value,
    }
    if rng.random() < 0.5:
        for _ in range(rng.integers(1, 4)):
            lie(rng, parts, x.shape)
    sound = is_sound(**parts, shape=x.shape)
    expected = summed(**parts, shape=x.shape, dtype=dtype) if sound else None
    X = form(x.shape)
    for name, array in parts.items():
        setattr(X, name, np.array(array, copy=True))  # in memory of exactly this size
    if rng.random() < 0.3:
        X.has_sorted_indices = X.has_canonical_format = True  # maybe not true
    try:
        if rng.random() < 0.3:  # as the estimator does it
            check_sparse_indices(X)
            X = check_array(X, accept_sparse="csr", dtype="numeric", ensure_all_finite=False,
                            ensure_min_samples=0)  # fmt: skip
        opened = open_data(X, dtype, Team(int(rng.integers(1, 4))))
    except (ValueError, TypeError):
        assert not sound, "a sound CSR was refused"
        return
    assert sound, "a lying CSR was taken"
    if rng.random() < 0.1:  # values that change after they were counted
        X.data[...] = rng.integers(0, 2, len(X.data))
        expected = None
    batches_of(rng, opened, expected)


def lie(rng, parts, shape):
    """Spoil one of the arrays of a CSR, or only seem to."""
    name = str(rng.choice(["indices", "indptr"]))
    array = parts[name]
    what = rng.integers(5)
    if what == 0:  # too short or too long
        name = str(rng.choice(list(parts)))
        array = parts[name]
        keep = max(0, len(array) + int(rng.integers(-3, 4)))
        parts[name] = np.resize(array, keep) if len(array) else np.zeros(keep, array.dtype)
    elif what == 1 and len(array):  # one wrong number
        near = (len(parts["indices"]), shape[1], shape[1] - 1, 0)
        wrong = int(rng.choice(near + EXTREMES))
        array = array.astype(np.int64)
        array[rng.integers(len(array))] = wrong
        parts[name] = array
    elif what == 2 and len(array):  # any bits
        array = np.frombuffer(rng.bytes(array.nbytes), array.dtype).copy()
        parts[name] = array
    elif what == 3:  # other types of integers
        parts[name] = array.astype(str(rng.choice(["u8", "u4", "i2", ">i4", ">i8"])))
    elif what == 4 and len(array) > 1:  # two numbers change places
        a, b = rng.integers(0, len(array), 2)
        array = array.copy()
        array[[a, b]] = array[[b, a]]
        parts[name] = array


def is_sound(indices, indptr, data, shape):
    """Whether a CSR may be read, told in Python's integers, which do not overflow."""
    starts, features = [int(i) for i in indptr], [int(i) for i in indices]
    return (
        len(starts) == shape[0] + 1
        and starts[0] == 0
        and all(a <= b for a, b in pairwise(starts))
        and starts[-1] <= min(len(features), len(data))
        and all(0 <= f < shape[1] for f in features[: starts[-1]])
    )


def summed(indices, indptr, data, shape, dtype):
    """The dense array that a sound CSR stands for, duplicates summed; None if sums may round."""
    starts = indptr.astype(np.int64)
    rows = np.repeat(np.arange(shape[0]), np.diff(starts))
    features, value = indices[: starts[-1]].astype(np.int64), data[: starts[-1]]
    where = rows * shape[1] + features
    _, n = np.unique(where[value != 0], return_counts=True)
    if len(np.unique(where)) < len(where) and (n > 1).any():
        return None
    x = np.zeros(shape, dtype)
    x.reshape(-1)[where[value != 0]] = value[value != 0].astype(dtype)
    return x
