"""What to keep of X, and how its rows are read: `open_data` looks at X once and answers with a `Data`.

The loops over elements are in `_rows` and `_batches`.
"""

import numpy as np
from scipy import sparse

from . import _batches, _rows
from ._batches import SIZE, START
from .prepared import Data, Use, crossover

MAX_FEATURES = 1 << 32  # batches number features by uint32
SMALL = 1 << 16  # one thread reads so many elements in the time that another needs to wake up


def open_data(X, dtype, team, units=np.inf, *, reuse=True, shift=False):
    """Prepare X for batches.

    Parameters
    ----------
    X : ndarray or scipy CSR of shape (n_samples, n_features)
        Of any real dtype, memory order, byte order and strides; a CSR may be unsorted and have
        duplicate entries. X is never written to, is copied only to sort or sum the entries of a
        CSR, and must not change while the result is in use.
    dtype : {float32, float64}
        The dtype to compute in, which batches have.
    team : Team
        The threads that share the work.
    units : int, optional
        Units of the layer that X is multiplied with; by default they are many.
    reuse : bool, default=True
        Whether rows will be read many times, as in training. If so, a dense X with many zeros is
        encoded once, provided that is smaller than X itself.
    shift : bool, default=False
        Whether values that most samples share may be skipped as zeros are, see `baselines`. Only
        for training, as a prediction must not depend on what else is predicted.

    Returns
    -------
    Data

    Raises
    ------
    ValueError
        If X is a corrupted CSR, or has more than 2**32 features.
    """
    dtype = np.dtype(dtype)
    check_width(X.shape[1])
    use = Use(dtype, team, crossover(units))
    if sparse.issparse(X):
        data = SparseData.from_csr(X, use)
    else:
        data = DenseData(np.asarray(X), use)
        if reuse and data.worth_encoding():
            data = data.encode()
    if shift:
        from .baselines import shifted

        data = shifted(data)
    return data


def check_width(n_features: int):
    """Raise ValueError if X has more features than batches can number."""
    if n_features > MAX_FEATURES:
        raise ValueError(f"X has {n_features} features, but no more than 2**32 are supported.")


class SparseData(Data):
    """Rows of non-zeros: row i is entries starts[i] .. starts[i + 1], features ascending."""

    def __init__(self, shape, use, counts, finite, starts, index, value):
        super().__init__(shape, use, counts, finite)
        self.starts, self.index, self.value = starts, index, value
        self.gathers = True

    @classmethod
    def from_csr(cls, X, use):
        """Use a CSR where it lies, if it is valid, sorted and of a dtype known here."""
        dtype, team, _ = use
        n_samples, n_features = map(int, X.shape)
        starts = np.array(X.indptr, np.int64)  # a copy: rows must not move while a fit runs
        index, value = np.asarray(X.indices), np.asarray(X.data)
        if (
            starts.shape != (n_samples + 1,)
            or index.dtype.kind not in "iu"
            or starts[0] != 0
            or starts[-1] > min(len(index), len(value))
            or (starts[:-1] > starts[1:]).any()  # not np.diff, which may overflow
        ):
            raise ValueError("X is a corrupted CSR: its indptr does not fit its indices and data")
        if index.dtype not in (np.int32, np.int64):
            index = index.astype(np.int64)
        index = np.require(index, requirements="CA")
        verdicts = []
        work = int(starts[-1])
        share(team, n_samples, work, lambda first, stop: verdicts.append(
            _rows.check_csr(starts[first : stop + 1], index, n_features)))  # fmt: skip
        if min(verdicts) < 0:
            raise ValueError(f"X is a corrupted CSR: indices outside of its {n_features} features")
        if min(verdicts) == 0:
            wide = np.result_type(value.dtype, dtype)  # sums of small integers must not overflow
            # A new object, because flags of X may claim that it is sorted
            stored = value[:work].astype(wide), index[:work].copy(), starts.copy()
            X = type(X)(stored, shape=X.shape)
            X.sum_duplicates()
            starts, index, value = X.indptr.astype(np.int64), X.indices, X.data
        value = _known(value)
        if value.dtype not in KNOWN:
            value = value.astype(dtype)
        value = np.require(value, requirements="CA")
        counts, finite = np.empty(n_samples, np.int64), []
        share(team, n_samples, work, lambda first, stop: finite.append(_rows.count_sparse(
            starts[first : stop + 1], value, dtype == np.float32, counts[first:stop])))  # fmt: skip
        if index.dtype == np.int32:
            index = index.view(np.uint32)  # none is negative; one dtype less to compile
        return cls(X.shape, use, counts, all(finite), starts, index, value)

    def _fill(self, plan, table, buffers, me):
        _batches.gather_sparse(
            self.starts, self.index, self.value, self.n_features, self.counts, plan.order, table,
            *self._where(plan, buffers, me),
        )  # fmt: skip
        if not self.zero_skipping:
            _batches.pack_sparse(
                table, self.n_features, buffers.edges, buffers.index, buffers.value,
                plan.batch_size, self.lanes, buffers.dense,
            )  # fmt: skip


class DenseData(Data):
    """Rows of a dense array, where it lies."""

    def __init__(self, X, use):
        self.X = _known(X)
        # What `_batches` can read; other dtypes are converted a few rows at a time
        self.readable = self.X.dtype in KNOWN and X.flags.c_contiguous and X.flags.aligned
        self.kept_dtype = self.X.dtype if self.X.dtype == np.uint8 else use.dtype
        counts, finite = np.empty(len(X), np.int64), []

        def count(first, stop):
            for a, b, rows in self.blocks(first, stop):
                finite.append(_rows.count_dense(rows, use.dtype == np.float32, counts[a:b]))

        share(use.team, len(X), X.size, count)
        super().__init__(X.shape, use, counts, all(finite))

    def blocks(self, first, stop):
        """Yield (a, b, rows a to b in a form that `_batches` can read)."""
        if self.readable:
            yield first, stop, self.X[first:stop]
            return
        step = max(1, SMALL // max(1, self.X.shape[1]))
        memory = np.empty((min(step, stop - first), self.X.shape[1]), self.kept_dtype)
        for a in range(first, stop, step):
            b = min(a + step, stop)
            yield a, b, _convert(self.X[a:b], memory)

    def _index_dtype(self):
        return np.dtype(np.uint16 if self.n_features <= 1 << 16 else np.uint32)

    def worth_encoding(self):
        """Whether X has enough zeros for an encoding to be used, and smaller than X."""
        entry_bytes = self._index_dtype().itemsize + self.kept_dtype.itemsize
        return self.zero_skipping and self.n_non_zeros * entry_bytes < self.X.nbytes

    def encode(self):
        """Return the same data as rows of non-zeros, which no longer refer to X."""
        starts = np.zeros(self.n_samples + 1, np.int64)
        np.cumsum(self.counts, out=starts[1:])
        index = np.empty(self.n_non_zeros, self._index_dtype())
        value = np.empty(self.n_non_zeros, self.kept_dtype)

        def encode(first, stop):
            for a, b, rows in self.blocks(first, stop):
                _rows.encode(rows, value[:0], starts[a : b + 1], index, value, self.counts[a:b])

        share(self.team, self.n_samples, self.X.size, encode)
        stored = starts, index, value
        return SparseData(self.X.shape, self.use, self.counts, self.finite, *stored)

    def prepare(self, plan, chunk, buffers, me=0, n_threads=1):
        first, stop = plan.chunk_batches(chunk)
        if self.zero_skipping or stop - first >= n_threads:
            super().prepare(plan, chunk, buffers, me, n_threads)
            return
        # Batches so large that a chunk has fewer of them than there are threads: these share each one's samples.
        table = plan.table[first:stop]
        if me == 0:
            buffers.table[: len(table)] = table
        self._pack(plan, table, buffers, me, me, n_threads)

    def _fill(self, plan, table, buffers, me):
        if not self.zero_skipping:
            self._pack(plan, table, buffers, me)
            return
        for rows in self._readable_rows(plan, table, buffers, me):
            _batches.gather_dense(
                *rows[:2], self.counts, *rows[2:], *self._where(plan, buffers, me)
            )

    def _pack(self, plan, table, buffers, me, part=0, parts=1):
        """Pack one part of the samples of each batch."""
        for rows in self._readable_rows(plan, table, buffers, me, part, parts):
            _batches.pack_dense(
                *rows, part, parts, plan.batch_size, self.lanes, buffers.dense, *plan.mask
            )

    def _readable_rows(self, plan, table, buffers, me, part=0, parts=1):
        """Yield X as `_batches` can read it: rows, whether they are taken from X, their order, and their batches.

        Of rows that are taken, there are only those of one part of each batch.
        """
        if self.readable:
            yield self.X, False, plan.order, table
            return
        memory = buffers.rows(me, plan.batch_size, self.n_features, self.kept_dtype)
        for b in range(len(table)):
            start, size = table[b, START], table[b, SIZE]
            own = slice(start + size * part // parts, start + size * (part + 1) // parts)
            yield _convert(self.X[plan.order[own]], memory), True, plan.order, table[b : b + 1]


KNOWN = (np.uint8, np.float32, np.float64)  # native; value dtypes that `_batches` can read


def _known(values):
    """View booleans as bytes."""
    return values.view(np.uint8) if values.dtype == np.bool_ else values


def _convert(rows, memory):
    """Write rows to the start of memory, in its dtype."""
    memory = memory[: len(rows)]
    with np.errstate(over="ignore"):  # a large double becomes inf, as it does in `_batches`
        memory[...] = rows
    return memory


def share(team, n_rows, work, function):
    """Call function(first, stop) for all rows, on the team's threads if the work is worth it."""
    if team.n_threads == 1 or work < SMALL:
        function(0, n_rows)
    else:
        team.run(lambda me, n: function(n_rows * me // n, n_rows * (me + 1) // n))
