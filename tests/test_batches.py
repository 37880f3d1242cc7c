"""The Cython loops one by one, on what `test_data` cannot bring about."""

import numpy as np
import pytest

from fastmlp.data import _batches, _rows
from fastmlp.data.batch_plan import read_records

INT = np.int64

NO_DROPOUT = 0, 0, 1.0  # key, threshold and the factor of what is kept


def integers(*values):
    return np.array(values, INT)


def table_of(sizes, n_blocks=1):
    """A batch table of batches that follow one another without gaps; 100 entries each."""
    table = np.zeros((len(sizes), _batches.N_FIELDS), INT)
    table[:, _batches.SIZE] = sizes
    table[:, _batches.START] = np.cumsum(sizes) - sizes
    table[:, _batches.EDGES] = table[:, _batches.START] * (n_blocks + 1)
    for field in (_batches.ACTIVE, _batches.COLUMN, _batches.ENTRY):
        table[:, field] = np.arange(len(sizes)) * 100
    return table


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize(
    ("index", "verdict"),
    [
        ([0, 2, 1, 4], 1),
        ([2, 0, 1, 4], 0),  # descending
        ([2, 2, 1, 4], 0),  # twice the same
        ([0, 2, 4, 5], -1),  # beyond the last feature
        ([-1, 2, 4, 1], -1),
    ],
)
def test_check_csr(index, verdict, dtype):
    assert _rows.check_csr(integers(0, 2, 2, 4), np.array(index, dtype), 5) == verdict


@pytest.mark.parametrize("n_features", [1, 63, 64, 65, 127, 128, 300, 784])
@pytest.mark.parametrize("source", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("index_dtype", [np.uint16, np.uint32])
def test_count_and_encode(source, index_dtype, n_features):
    rng = np.random.default_rng(n_features)
    X = (rng.integers(0, 3, (9, n_features)) % 2).astype(source)
    counts = np.empty(9, INT)
    _rows.count_dense(X, False, counts)
    np.testing.assert_array_equal(counts, np.count_nonzero(X, axis=1))
    starts = np.concatenate([[0], np.cumsum(counts)])
    index, value = np.empty(starts[-1], index_dtype), np.empty(starts[-1], source)
    written = np.empty(9, INT)
    _rows.encode(X, value[:0], starts, index, value, written)
    np.testing.assert_array_equal(written, counts)
    rows, features = np.nonzero(X)
    np.testing.assert_array_equal(index, features)
    np.testing.assert_array_equal(value, X[rows, features])


def test_encode_when_x_has_changed_since_it_was_counted():
    X = np.zeros((2, 70), np.float32)
    X[0, [3, 66]] = 1, 2
    X[1, [0, 1, 69]] = 3, 4, 5
    index, value = np.full(6, 999, np.uint16), np.full(6, 999, np.float32)
    counts = integers(4, 1)
    _rows.encode(
        X, value[:0], integers(0, 4, 5), index, value, counts
    )  # two too many, then two too few
    np.testing.assert_array_equal(counts, [2, 1])  # the padding of the first row is no part of it
    np.testing.assert_array_equal(index, [3, 66, 0, 0, 0, 999])
    np.testing.assert_array_equal(value, [1, 2, 0, 0, 3, 999])


def columns_of(n_entries, n_features, dtype):
    """Room for columns: feature, column, row and records; and counters, all zero."""
    records = np.empty(2 * n_entries, dtype)
    return (
        np.empty(n_entries, np.uint32), np.empty(n_entries, INT), records.view(np.uint32), records,
        np.zeros(n_features, INT), np.zeros(n_features // 64 + 1, np.uint64),
    )  # fmt: skip


@pytest.mark.parametrize("index_dtype", [np.uint16, np.uint32, INT])
def test_gather_when_values_have_changed_since_they_were_counted(index_dtype):
    value = np.array([0, 5, 0, 7], np.float32)
    edges, index, out = np.empty(4, INT), np.full(5, 999, np.uint32), np.full(5, 999, np.float32)
    _batches.gather_sparse(
        integers(0, 3, 4), np.arange(4, dtype=index_dtype), value, 4, integers(2, 1), integers(0, 1),
        table_of([2]), 1, 4, edges, index, out, False, *columns_of(0, 0, np.float32), *NO_DROPOUT,
    )  # fmt: skip
    np.testing.assert_array_equal(edges, [0, 1, 1, 2])
    np.testing.assert_array_equal(index[:2], [1, 3])
    np.testing.assert_array_equal(out[:2], [5, 7])


@pytest.mark.parametrize("dtype", [np.uint32, INT])
@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ([0, 2, 3, 5], [0, 2, 3, 5]),  # not changed
        ([0, 2, 2, 5], [0, 2]),  # twice the same
        ([0, 3, 2, 5], [0, 3]),
        ([0, 2, 3, 6], [0, 2, 3]),  # beyond the last feature
        ([9, 2, 3, 5], []),
        ([0, 2**32 - 1, 3, 5], [0]),
    ],
)
def test_gather_when_indices_have_changed_since_they_were_checked(changed, kept, dtype):
    """A row ends before an index that would name a feature twice, or none that there is."""
    edges, index, out = np.empty(4, INT), np.empty(8, np.uint32), np.empty(8, np.float32)
    source = np.array([*changed, 1, 2, 3, 4], dtype)
    _batches.gather_sparse(
        integers(0, 4, 8), source, np.arange(1, 9, dtype=np.float32), 6, integers(4, 4),
        integers(0, 1), table_of([2]), 1, 6, edges, index, out, False,
        *columns_of(0, 0, np.float32), *NO_DROPOUT,
    )  # fmt: skip
    n = len(kept)
    np.testing.assert_array_equal(edges, [0, n, n, n + 4])
    np.testing.assert_array_equal(index[: n + 4], [*kept, 1, 2, 3, 4])
    np.testing.assert_array_equal(out[: n + 4], [*range(1, n + 1), 5, 6, 7, 8])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gather_dense_rows_that_have_changed_since_they_were_counted(dtype):
    X = np.zeros((3, 70), dtype)
    X[0, [3, 66]] = 1, 2
    X[1, [0, 1, 69]] = 3, 4, 5
    X[2, 7] = 6
    edges, index, out = np.empty(6, INT), np.empty(100, np.uint32), np.empty(100, dtype)
    columns, table = columns_of(100, 70, dtype), table_of([3])
    feature, column, _row, records, cursor, present = columns
    _batches.gather_dense(
        X, False, integers(4, 1, 1), np.arange(3), table, 1, 70,
        edges, index, out, True, *columns, *NO_DROPOUT,
    )  # fmt: skip
    np.testing.assert_array_equal(edges, [0, 2, 2, 3, 3, 4])
    np.testing.assert_array_equal(index[:4], [3, 66, 0, 7])
    np.testing.assert_array_equal(out[:4], [1, 2, 3, 6])
    assert table[0, _batches.N_ACTIVE] == 4
    np.testing.assert_array_equal(feature[:4], [0, 3, 7, 66])
    np.testing.assert_array_equal(column[:5], range(5))
    samples, values = read_records(records, 0, 4)
    np.testing.assert_array_equal(samples, [1, 0, 2, 0])
    np.testing.assert_array_equal(values, [3, 1, 6, 2])
    assert not cursor.any()
    assert not present.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_features", [1, 64, 65, 100_000])
def test_columns_leave_their_counters_as_they_found_them(n_features, dtype):
    rng = np.random.default_rng(0)
    table, each = table_of([3, 2]), min(n_features, 20)
    rows = [np.sort(rng.choice(n_features, each, replace=False)) for _ in range(5)]
    source = np.concatenate(rows).astype(np.uint32)
    value = np.arange(1, 1 + len(source), dtype=dtype)
    edges, index, gathered = np.empty(10, INT), np.empty(200, np.uint32), np.empty(200, dtype)
    feature, column, row, records, cursor, present = columns_of(200, n_features, dtype)
    _batches.gather_sparse(
        each * np.arange(6), source, value, n_features, np.full(5, each), np.arange(5), table, 1,
        n_features, edges, index, gathered, True, feature, column, row, records, cursor, present, *NO_DROPOUT,
    )  # fmt: skip
    assert not cursor.any()
    assert not present.any()
    for t, first in zip(table, (0, 100), strict=True):
        part = slice(first, first + each * t[_batches.SIZE])
        samples, values = read_records(records, part.start, part.stop)
        by_feature = np.argsort(index[part], kind="stable")
        np.testing.assert_array_equal(values, gathered[part][by_feature])
        np.testing.assert_array_equal(samples, by_feature // each)
        active = np.unique(index[part])
        assert t[_batches.N_ACTIVE] == len(active)
        np.testing.assert_array_equal(feature[first : first + len(active)], active)


def test_wrong_types_are_refused():
    with pytest.raises(TypeError):
        _rows.count_dense(np.zeros((2, 2), np.int16), False, np.zeros(2, INT))
    with pytest.raises(ValueError):
        _rows.count_dense(np.zeros((2, 2), order="F"), False, np.zeros(2, INT))
