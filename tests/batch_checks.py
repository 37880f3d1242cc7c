"""Compare batches that the data path made to plain NumPy, and X in every layout that NumPy has."""

import threading

import numpy as np

from fastmlp.data import _batches as fields
from fastmlp.data.batch_plan import read_records


class Threads:
    """A team without the trimmings."""

    def __init__(self, n_threads):
        self.n_threads = n_threads

    def run(self, function):
        n = self.n_threads
        threads = [threading.Thread(target=function, args=(me, n)) for me in range(1, n)]
        for thread in threads:
            thread.start()
        function(0, n)
        for thread in threads:
            thread.join()


def check_sparse_batch(data, plan, buffers, t, expected):
    """Compare the batch with table row t to its rows of X, row by row and column by column."""
    edges = buffers.edges[t[fields.EDGES] :][: len(expected) * (data.n_blocks + 1)]
    edges = edges.reshape(len(expected), data.n_blocks + 1)
    for row, cuts in zip(expected, edges, strict=True):
        (non_zeros,) = np.nonzero(row)
        np.testing.assert_array_equal(buffers.index[cuts[0] : cuts[-1]], non_zeros)
        np.testing.assert_array_equal(buffers.value[cuts[0] : cuts[-1]], row[non_zeros])
        limits = np.arange(1, data.n_blocks) * data.block_features
        np.testing.assert_array_equal(cuts[1:-1] - cuts[0], np.searchsorted(non_zeros, limits))
    if not plan.columns:
        return
    n_active = t[fields.N_ACTIVE]
    (active,) = np.nonzero((expected != 0).any(axis=0))
    np.testing.assert_array_equal(buffers.feature[t[fields.ACTIVE] :][:n_active], active)
    ends = buffers.column[t[fields.COLUMN] :][: n_active + 1]
    column_feature, column_sample = np.nonzero(expected[:, active].T)
    np.testing.assert_array_equal(np.diff(ends), np.bincount(column_feature, minlength=n_active))
    samples, values = read_records(buffers.records, ends[0], ends[-1])
    np.testing.assert_array_equal(samples, column_sample)
    np.testing.assert_array_equal(values, expected[column_sample, active[column_feature]])


def check_dense_batch(data, plan, buffers, t, expected):
    n_panels = -(-data.n_features // data.lanes)
    dense = buffers.dense[t[fields.DENSE] :][: n_panels * plan.batch_size * data.lanes]
    dense = dense.reshape(n_panels, plan.batch_size, data.lanes)[:, : len(expected)]
    padded = np.zeros((len(expected), n_panels * data.lanes), data.dtype)
    padded[:, : data.n_features] = expected
    np.testing.assert_array_equal(dense.swapaxes(0, 1).reshape(padded.shape), padded)


def check_batches(data, expected, order=None, batch_size=4, n_threads=2, **options):
    """Compare every batch of a plan to the rows of ``expected``; return the bits of all."""
    plan = data.plan(order, batch_size, **options)
    buffers = data.new_buffers(plan)
    assert buffers.fits(plan)
    seen = 0
    for chunk in range(plan.n_chunks):
        for me in range(n_threads):
            data.prepare(plan, chunk, buffers, me, n_threads)
        first, stop = plan.chunk_batches(chunk)
        assert stop - first <= (options.get("batches_per_chunk") or plan.n_batches)
        for t in buffers.table[: stop - first]:
            assert t[fields.START] == seen
            rows = plan.order[seen : seen + t[fields.SIZE]]
            check = check_sparse_batch if data.zero_skipping else check_dense_batch
            check(data, plan, buffers, t, expected[rows])
            seen += len(rows)
    assert seen == len(plan.order)


def read_only(X):
    X.flags.writeable = False
    return X


def misaligned(X):
    memory = np.empty(X.nbytes + 1, np.uint8)
    copy = memory[1:].view(X.dtype).reshape(X.shape)
    copy[...] = X
    return copy


LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "every second row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "some columns": lambda X: np.pad(X, ((0, 0), (2, 3)))[:, 2:-3],
    "rows backwards": lambda X: X[::-1].copy()[::-1],
    "columns backwards": lambda X: X[:, ::-1].copy()[:, ::-1],
    "read-only": lambda X: read_only(X.copy()),
    "misaligned": misaligned,
}
