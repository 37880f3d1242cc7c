"""Batches from every kind of X, against plain NumPy."""

import itertools

import numpy as np
import pytest
from batch_checks import LAYOUTS, Threads, check_batches
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from fastmlp.data import _batches as fields
from fastmlp.data import batch_plan as plan_module
from fastmlp.data import prepared
from fastmlp.data import source as data_module
from fastmlp.data.batch_plan import read_records
from fastmlp.data.prepared import dense_lanes
from fastmlp.data.source import open_data
from fastmlp.kernels import abi


def random_matrix(density, shape=(23, 331), seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(1, 120, shape) * (rng.random(shape) < density)


DTYPES = "? u1 i1 i2 u4 i8 f2 f4 f8 g >f4 >f8 >i4".split()


@pytest.mark.parametrize("density", [0.0, 0.2, 0.9])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", DTYPES)
def test_dense_dtypes(kind, dtype, density):
    X = random_matrix(density).astype(kind)
    for reuse in (True, False):
        data = open_data(X, dtype, Threads(1), reuse=reuse)
        assert data.zero_skipping == (density < 0.5)
        check_batches(data, X.astype(dtype), np.arange(22, 1, -1))


@pytest.mark.parametrize("density", [0.2, 0.9])
@pytest.mark.parametrize("kind", ["u1", "f4", "f8", "i8", "?"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_dense_layouts(layout, kind, density):
    X = random_matrix(density).astype(kind)
    for reuse in (True, False):
        data = open_data(LAYOUTS[layout](X), "float32", Threads(1), reuse=reuse)
        check_batches(data, X.astype("float32"))


@pytest.mark.parametrize("density", [0.0, 0.2, 0.9])
@pytest.mark.parametrize("kind", ["?", "u1", "i8", "f4", "f8", ">f4"])
@pytest.mark.parametrize("index", ["int32", "int64"])
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
def test_csr(container, index, kind, density):
    dense = random_matrix(density)
    X = container(dense)
    X.data = X.data.astype(kind)
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    for array in (X.data, X.indices, X.indptr):
        array.flags.writeable = False
    for dtype in ("float32", "float64"):
        check_batches(open_data(X, dtype, Threads(1)), dense.astype(kind).astype(dtype))


@pytest.mark.parametrize("reuse", [True, False])
@pytest.mark.parametrize("n_threads", [1, 2, 5])
@pytest.mark.parametrize("storage", [np.asarray, np.asfortranarray, sparse.csr_array])
def test_threads_share_large_data(storage, n_threads, reuse):
    X = random_matrix(0.1, (211, 700)).astype("float32")
    data = open_data(storage(X), "float32", Threads(n_threads), reuse=reuse)
    assert data.n_blocks > 1
    np.testing.assert_array_equal(data.counts, np.count_nonzero(X, axis=1))
    check_batches(data, X, np.arange(211)[::-1], 16, n_threads, batches_per_chunk=3)


def unsorted_with_duplicates(dense):
    """A CSR of dense in which each entry is there twice, as halves, features descending."""
    X = sparse.csr_array(dense / 2)
    rows = [np.repeat(np.arange(a, b)[::-1], 2) for a, b in zip(X.indptr, X.indptr[1:])]  # noqa: B905
    take = np.concatenate(rows)
    X = sparse.csr_array((X.data[take], X.indices[take], X.indptr * 2), shape=X.shape)
    X.has_sorted_indices = X.has_canonical_format = True  # which is a lie
    return X


def test_unsorted_csr_with_duplicates():
    dense = random_matrix(0.3).astype("float64")
    X = unsorted_with_duplicates(dense)
    before = X.data.copy(), X.indices.copy(), X.indptr.copy()
    check_batches(open_data(X, "float32", Threads(2)), dense.astype("float32"))
    for array, was in zip((X.data, X.indices, X.indptr), before, strict=True):
        np.testing.assert_array_equal(array, was)


def test_duplicates_of_small_integers_do_not_overflow():
    X = sparse.csr_array((np.full(3, 200, np.uint8), [1, 1, 1], [0, 3]), shape=(1, 2))
    check_batches(open_data(X, "float32", Threads(1)), np.array([[0, 600]], "float32"))


@pytest.mark.parametrize("kind", ["u1", "f4", "f8"])
def test_stored_zeros_are_skipped(kind):
    X = sparse.csr_array(random_matrix(0.5).astype(kind))
    X.data[::3] = 0
    X.data[-5:] = 0
    data = open_data(X, "float32", Threads(1))
    assert data.density == np.count_nonzero(X.data) / np.prod(X.shape)
    check_batches(data, X.toarray().astype("float32"))


def test_non_zero_is_what_the_compute_dtype_says():
    X = np.array([[1e-60, np.nan, -0.0, 1e300, 1e-40, -np.inf] + [0.0] * 6])
    with np.errstate(over="ignore"):
        as32 = X.astype("float32")
    for form in (X, X.astype(">f8"), np.asfortranarray(X), sparse.csr_array(X)):
        for reuse in (True, False):
            narrow = open_data(form, "float32", Threads(1), reuse=reuse)
            assert narrow.counts.tolist() == [4]
            check_batches(narrow, as32)
            wide = open_data(form, "float64", Threads(1), reuse=reuse)
            assert wide.counts.tolist() == [5]
            check_batches(wide, X)


@pytest.mark.parametrize("density", [0.02, 0.3, 0.6, 0.7, 1.0])
def test_storage_does_not_decide(density):
    X = random_matrix(density, (40, 1000)).astype("float64")
    opened = [
        open_data(form, "float32", Threads(1), reuse=reuse)
        for form in (X, X.astype("u1"), np.asfortranarray(X), sparse.csr_array(X))
        for reuse in (True, False)
    ]
    facts = {(d.density, d.zero_skipping, d.n_blocks, d.block_features) for d in opened}
    assert len(facts) == 1


@pytest.mark.parametrize("value", [0.0, -1e300, 5e-324, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("density", [0.0, 0.2, 1.0])
@pytest.mark.parametrize(
    ("storage", "kind"),
    [*itertools.product((np.asarray, np.asfortranarray), ("f2", "f4", "f8", ">f4")),
     *itertools.product((sparse.csr_array,), ("f4", "f8"))],
)  # fmt: skip
def test_whether_x_is_finite_is_seen_in_any_form(storage, kind, density, value):
    X = random_matrix(density).astype(kind)
    for place in ((0, 0), (22, 330), (11, 64)):
        with np.errstate(over="ignore"):
            X[place] = value  # of the smaller kinds -1e300 is an infinity
        for n_threads, reuse in ((1, True), (2, False)):
            data = open_data(storage(X), "float64", Threads(n_threads), reuse=reuse)
            assert data.finite == np.isfinite(X).all()
        X[place] = 1


def test_numbers_too_large_for_the_dtype_are_not_finite():
    X = np.full((4, 3), 1e300)
    for form in (np.ascontiguousarray, np.asfortranarray, sparse.csr_array):
        assert not open_data(form(X), "float32", Threads(1)).finite
        assert open_data(form(X), "float64", Threads(1)).finite
        assert open_data(form(X * 1e-300), "float32", Threads(1)).finite


def test_x_may_change_after_it_was_opened():
    X = random_matrix(0.3, (40, 100)).astype("float32")
    data = open_data(X, "float32", Threads(1), reuse=False)
    X[:, 1:] = 0
    plan = data.plan(None, 8)
    buffers = data.new_buffers(plan)
    data.prepare(plan, 0, buffers)
    for t in buffers.table[: plan.n_batches]:
        ends = buffers.column[t[fields.COLUMN] :][: t[fields.N_ACTIVE] + 1]
        samples, _ = read_records(buffers.records, ends[0], ends[-1])
        assert (samples < 8).all()


def test_encoded_only_if_smaller():
    team = Threads(1)
    assert open_data(random_matrix(0.2).astype("f4"), "float32", team).gathers
    assert isinstance(
        open_data(random_matrix(0.2).astype("u1"), "float32", team), data_module.SparseData
    )
    # Three bytes per non-zero are more than one byte per element
    assert isinstance(
        open_data(random_matrix(0.5).astype("u1"), "float32", team), data_module.DenseData
    )


def test_csr_is_not_copied():
    X = sparse.csr_array(random_matrix(0.2).astype("float32"))
    data = open_data(X, "float32", Threads(1))
    assert np.shares_memory(data.index, X.indices)
    assert np.shares_memory(data.value, X.data)


def damaged(change):
    X = sparse.csr_array(random_matrix(0.3).astype("float32"))
    change(X)
    return X


def set_item(name, where, what):
    def change(X):
        getattr(X, name)[where] = what

    return change


def set_whole(name, function):
    return lambda X: setattr(X, name, function(getattr(X, name)))


@pytest.mark.parametrize(
    "change",
    [
        set_item("indices", -1, 331),
        set_item("indices", 0, -1),
        set_item("indptr", 0, 1),
        set_item("indptr", 0, -1),
        set_item("indptr", -1, 10**9),
        set_item("indptr", 3, 10**9),
        set_item("indptr", 3, 0),
        set_whole("indptr", lambda a: a[:-1]),
        set_whole("indices", lambda a: a[:-1]),
        set_whole("data", lambda a: a[:-1]),
        set_whole("indices", lambda a: a.astype("float64")),
        set_whole("indices", lambda a: np.where(a == 5, 2**63 + 1, a.astype("uint64"))),
    ],
)
def test_damaged_csr_is_refused(change):
    with pytest.raises(ValueError, match="corrupted CSR"):
        open_data(damaged(change), "float32", Threads(2))


@pytest.mark.parametrize("order", [[3, -1], [23], [2**62]])
def test_rows_that_are_not_there(order):
    data = open_data(random_matrix(0.2), "float32", Threads(1))
    with pytest.raises(IndexError, match="order contains row"):
        data.plan(np.array(order), 2)


def test_no_rows():
    X = random_matrix(0.2)
    check_batches(open_data(X, "float32", Threads(2)), X, np.empty(0, np.int64))
    check_batches(open_data(X[:0], "float32", Threads(2)), X[:0])


def test_one_row():
    X = random_matrix(0.2, (1, 784)).astype("float32")
    data = open_data(X, "float32", Threads(4), reuse=False)
    check_batches(data, X, batch_size=128, columns=False)


def test_features_beyond_16_bits():
    X = np.zeros((5, 70_000), "float32")
    X[[0, 1, 1, 4], [69_999, 65_535, 65_536, 0]] = 1, 2, 3, 4
    for form in (X, sparse.csr_array(X)):
        for reuse in (True, False):
            check_batches(open_data(form, "float32", Threads(2), reuse=reuse), X)


def test_chunks_stay_small(monkeypatch):
    monkeypatch.setattr(plan_module, "CHUNK_BYTES", 20_000)
    for density in (0.1, 0.9):
        X = random_matrix(density, (300, 64)).astype("float32")
        data = open_data(X, "float32", Threads(1))
        plan = data.plan(None, 10)
        assert plan.n_chunks > 1
        sizes = [size * dtype.itemsize for name, (size, dtype) in plan.sizes.items()]
        assert sum(sizes) <= 20_000 + sizes[0]
        check_batches(data, X, None, 10)


@pytest.mark.parametrize(("n_threads", "most"), [(1, 1), (2, 2), (5, 3)])
def test_a_chunk_has_a_large_sparse_batch_for_each_thread(monkeypatch, n_threads, most):
    X = random_matrix(0.1, (700, 64)).astype("float32")
    in_bytes = open_data(X, "float32", Threads(1)).plan(None, 50).sizes
    batch = sum(size * dtype.itemsize for size, dtype in in_bytes.values()) / 14
    monkeypatch.setattr(plan_module, "CHUNK_BYTES", 1)
    monkeypatch.setattr(plan_module, "SHARED_BYTES", 3.5 * batch)
    data = open_data(X, "float32", Threads(n_threads))
    plan = data.plan(None, 50)
    sizes = [np.ptp(plan.chunk_batches(chunk)) for chunk in range(plan.n_chunks)]
    assert set(sizes[:-1]) == {most}
    check_batches(data, X, None, 50, n_threads)
    # Predictions take whole chunks, each by one thread.
    assert data.plan(None, 50, columns=False).n_chunks == 14


def test_buffers_are_aligned_and_reused():
    X = random_matrix(0.2, (1000, 200)).astype("float32")
    data = open_data(X, "float32", Threads(1))
    rng = np.random.default_rng(0)
    plan = data.plan(rng.permutation(1000), 8, batches_per_chunk=7)
    buffers = data.new_buffers(plan)
    for name in plan.sizes:
        array = getattr(buffers, name)
        assert not array.size or array.ctypes.data % 64 == 0
    assert all(
        buffers.fits(data.plan(rng.permutation(1000), 8, batches_per_chunk=7)) for _ in range(20)
    )
    assert not buffers.fits(data.plan(None, 64, batches_per_chunk=7))
    assert not buffers.fits(open_data(X, "float64", Threads(1)).plan(None, 8, batches_per_chunk=7))


def test_batches_share_no_cache_line():
    data = open_data(random_matrix(0.2).astype("float32"), "float32", Threads(1))
    plan = data.plan(None, 3)
    offsets = [fields.EDGES, fields.ACTIVE, fields.COLUMN, fields.DENSE, fields.ENTRY]
    assert not (plan.table[:, offsets] % 16).any()


@settings(deadline=None, max_examples=150)
@given(
    draw=st.data(),
    n_samples=st.integers(1, 40),
    n_features=st.integers(1, 200),
    density=st.floats(0, 1),
    kind=st.sampled_from(["u1", "f4", "f8", "i4"]),
    dtype=st.sampled_from(["float32", "float64"]),
    storage=st.sampled_from([np.asarray, np.asfortranarray, sparse.csr_array]),
    columns=st.booleans(),
    reuse=st.booleans(),
    batch_size=st.integers(1, 50),
    batches_per_chunk=st.none() | st.integers(1, 5),
    n_threads=st.integers(1, 3),
)
def test_any_shape(
    draw, n_samples, n_features, density, kind, dtype, storage, columns, reuse, batch_size,
    batches_per_chunk, n_threads,
):  # fmt: skip
    X = random_matrix(density, (n_samples, n_features), seed=n_samples).astype(kind)
    order = draw.draw(st.lists(st.integers(0, n_samples - 1), max_size=60))
    data = open_data(storage(X), dtype, Threads(n_threads), reuse=reuse)
    check_batches(
        data, X.astype(dtype), np.array(order, np.int64), batch_size, n_threads,
        columns=columns, batches_per_chunk=batches_per_chunk,
    )  # fmt: skip


def test_both_languages_number_the_batch_table_alike():
    columns = ("START", "SIZE", "EDGES", "ACTIVE", "N_ACTIVE", "COLUMN", "DENSE")
    assert [getattr(abi, name) for name in columns] == [getattr(fields, name) for name in columns]
    assert abi.TABLE_COLUMNS == fields.N_FIELDS
    numbers = {
        getattr(fields, name) for name in (*columns, "ENTRY")
    }  # ENTRY is the data path's own
    assert numbers == set(range(fields.N_FIELDS))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_features", [1, 2, 31, 32, 33, 64, 65, 100, 784, 1025, 20_000])
def test_dense_panels_are_as_few_and_as_narrow_as_may_be(n_features, dtype):
    widest = abi.PANEL_BYTES // np.dtype(dtype).itemsize
    lanes = dense_lanes(n_features, np.dtype(dtype))
    panels = -(-n_features // lanes)
    assert lanes <= widest
    assert panels == -(-n_features // widest)
    assert panels * (lanes - 1) < n_features  # narrower ones would not hold all features


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_features", [1, 3, 63, 65, 130, 700])
def test_dense_batches_of_any_width(n_features, dtype):
    X = np.random.default_rng(n_features).normal(size=(50, n_features)).astype(dtype)
    order = np.random.default_rng(0).permutation(50)
    for source in (X, np.asfortranarray(X)):  # as it lies, and converted
        data = open_data(source, dtype, Threads(2))
        assert not data.zero_skipping
        check_batches(data, X, order, batch_size=7)
        check_batches(data, X, order, batch_size=7, batches_per_chunk=2, n_threads=3)


def test_few_units_are_multiplied_densely_sooner():
    """Lists of non-zeros take as long to make for few units as for many; a third of non-zeros is always few."""
    limits = [prepared.crossover(units) for units in (1, 32, 64, 128, 512, 4096)]
    assert limits == sorted(limits)
    assert 0.35 < limits[0] < 0.8 * limits[-1]
    assert limits[-1] == pytest.approx(prepared.CROSSOVER, rel=0.01)
    between = random_matrix((limits[0] + limits[-1]) / 2)
    skipped = [
        open_data(between, "float32", Threads(1), units).zero_skipping for units in (1, 4096)
    ]
    assert skipped == [False, True]
