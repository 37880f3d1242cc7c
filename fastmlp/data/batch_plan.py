"""Plans cut an epoch into chunks of batches; buffers hold one chunk."""

from itertools import pairwise

import numpy as np

from ._batches import ACTIVE, COLUMN, DENSE, EDGES, ENTRY, N_FIELDS, SIZE, START

CHUNK_BYTES = 6 << 20  # prepared arrays of one chunk: they should stay in the last-level cache
# But a sparse batch is prepared by one thread, so a chunk has a batch for each of them, up to so many bytes.
SHARED_BYTES = 64 << 20
INT64, UINT32 = np.dtype(np.int64), np.dtype(np.uint32)


class Plan:
    """Where each batch of one or several epochs goes: chunks of batches, and offsets into a chunk's buffers.

    Attributes
    ----------
    order : int64 array
        Row numbers in the order of use, epoch after epoch.
    batch_size : int
        Samples per batch (the last of an epoch may have fewer), at most those of an epoch.
    n_epochs : int
        Epochs of equally many samples.
    columns : bool
        Whether batches are there column by column, too.
    mask : (int, int, float)
        Key and threshold by which inputs are dropped, and the share that is kept; threshold 0: none is.
    n_batches, n_chunks : int
    table : int64 array of shape (n_batches, N_FIELDS)
        As `Buffers.table`, without N_ACTIVE.
    sizes : dict of str to (int, dtype)
        The length that each buffer needs.
    """

    def __init__(
        self, order, batch_size, entries, n_features, dtype, batches_per_chunk, *,
        edges, dense, columns, sharers=1, stop_every=None, n_epochs=1,
    ):  # fmt: skip
        self.order, self.batch_size, self.columns = order, batch_size, columns
        self.n_epochs = n_epochs
        self.mask = 0, 0, 1.0
        self.n_batches = n_batches = len(entries)
        self.table = table = np.zeros((n_batches, N_FIELDS), INT64)
        table[:, SIZE] = batch_size
        # Elements of each buffer for a batch. `feature` and `column` need one more than there are active
        # features, to end the last column.
        edges, dense = _whole_lines(edges), _whole_lines(dense)
        if n_batches <= 1:  # the quick way for a few rows: plain numbers, every offset is 0
            entries = int(entries.sum())
        entry = _whole_lines(entries * (edges > 0))
        active = _whole_lines((np.minimum(entries, n_features) + 1) * columns)
        self._bounds = list(range(n_batches + 1))
        if n_batches > 1:
            n_bytes = 8 * edges + (4 + dtype.itemsize + 2 * dtype.itemsize * columns) * entry
            n_bytes += 12 * active + dtype.itemsize * dense
            self._bounds = _chunk_bounds(n_bytes, batches_per_chunk, stop_every, sharers)
            firsts, stops = np.array(self._bounds[:-1]), np.array(self._bounds[1:])
            within = np.arange(n_batches) - np.repeat(firsts, stops - firsts)
            table[:, EDGES], table[:, DENSE] = within * edges, within * dense
            table[:, ENTRY], entry = _offsets(entry, firsts, stops)
            table[:, ACTIVE], active = _offsets(active, firsts, stops)
            table[:, COLUMN] = table[:, ACTIVE]
            table[:, START] = batch_starts(len(order), batch_size, n_epochs)
            table[:, SIZE] = np.diff(table[:, START], append=len(order))
        self.n_chunks = len(self._bounds) - 1
        most = max((stop - first for first, stop in pairwise(self._bounds)), default=0)
        self.sizes = {
            "table": (most * N_FIELDS, INT64),
            "edges": (most * edges, INT64),
            "index": (entry, UINT32),
            "value": (entry, dtype),
            "feature": (active, UINT32),
            "column": (active, INT64),
            "records": (2 * entry * columns, dtype),
            "dense": (most * dense, dtype),
        }

    @property
    def epoch_batches(self):
        """Batches of one epoch."""
        return self.n_batches // self.n_epochs

    def drop_inputs(self, dropout):
        """Drop inputs as a `Dropout` says; None: none of them."""
        self.mask = 0, 0, 1.0
        if dropout is not None and dropout.of_inputs:
            self.mask = int(dropout.keys[0]), int(dropout.thresholds[0]), float(dropout.keep[0])

    def chunk_batches(self, chunk):
        """Return the numbers (first, stop) of the chunk's batches."""
        return self._bounds[chunk], self._bounds[chunk + 1]


def batch_starts(n, batch_size, n_epochs=1):
    """Return where each batch starts among `n` samples in all of so many epochs."""
    starts = np.arange(0, n // n_epochs, batch_size)
    if n_epochs == 1:
        return starts
    return np.add.outer(np.arange(0, n, n // n_epochs), starts).reshape(-1)


def _whole_lines(n):
    """Round up to 16 elements: no two batches, so no two threads, write to one cache line."""
    return (n + 15) & ~15


def _chunk_bounds(batch_bytes, batches_per_chunk, stop_every=None, sharers=1):
    """Cut batches in chunks of at most CHUNK_BYTES, or a few batches; one ends at each multiple of `stop_every`.

    Those few are one for each of the sharers, as far as SHARED_BYTES go.
    """
    ends = np.cumsum(batch_bytes)
    bounds, done = [0], 0
    while bounds[-1] < len(ends):
        first = bounds[-1]
        limits = done + CHUNK_BYTES, done + SHARED_BYTES
        stop, most = np.searchsorted(ends, limits, side="right").tolist()
        stop = max(stop, min(first + sharers, most), first + 1)
        stop = min(stop, first + batches_per_chunk) if batches_per_chunk else stop
        bounds.append(min(stop, first - first % stop_every + stop_every) if stop_every else stop)
        done = ends[bounds[-1] - 1]
    return bounds


def _offsets(sizes, firsts, stops):
    """Return where each batch starts within its chunk, and the largest chunk's size."""
    ends = np.cumsum(sizes)
    starts = ends - sizes
    within = starts - np.repeat(starts[firsts], stops - firsts)
    return within, int((ends[stops - 1] - starts[firsts]).max())


class Buffers:
    """The batches of one chunk, in arrays that start on a cache line; reused for every chunk.

    Of a batch with table row t and m samples, with base = t[EDGES] + i * (n_blocks + 1) for
    sample i:

    Attributes
    ----------
    table : int64 array of shape (batches, N_FIELDS)
        START (position in `Plan.order`), SIZE (m), N_ACTIVE and the offsets of the batch.
    edges : int64
        ``edges[base + k] .. edges[base + k + 1]`` are the sample's entries in feature block k,
    index, value : uint32, dtype
        and these the entries: feature and value.
    feature : uint32
        From t[ACTIVE] on, the t[N_ACTIVE] features that are not zero in the whole batch.
    column : int64
        ``column[t[COLUMN] + a] .. column[t[COLUMN] + a + 1]`` are the entries of the a-th
        of them,
    records : dtype
        and these the entries, two numbers each: in the place of the first is the sample, see `row`,
        and the second is the value.
    row : uint32
        The memory of `records`, where a record's first word is the sample.
    dense : dtype
        From t[DENSE] on, [panel][sample][lanes] with `Plan.batch_size` samples to a panel.
    """

    def __init__(self, plan):
        self._counters, self._rows = {}, {}  # by thread
        self.sizes = dict(plan.sizes)
        if plan.n_chunks > 1:  # another order may need a little more
            for name, (size, dtype) in plan.sizes.items():
                self.sizes[name] = _whole_lines(size + (size >> 4)), dtype
        n_bytes = sum(size * dtype.itemsize + 64 for size, dtype in self.sizes.values())
        memory = np.empty(n_bytes, np.uint8)
        address, start = memory.__array_interface__["data"][0], 0
        for name, (size, dtype) in self.sizes.items():
            start += -(address + start) % 64
            stop = start + size * dtype.itemsize
            setattr(self, name, memory[start:stop].view(dtype))
            start = stop
        self.table = self.table.reshape(-1, N_FIELDS)
        self.row = self.records.view(UINT32)

    def fits(self, plan):
        """Whether every chunk of the plan fits in."""
        return all(
            size <= self.sizes[name][0] and dtype == self.sizes[name][1]
            for name, (size, dtype) in plan.sizes.items()
        )

    def counters(self, me, n_features):
        """Return thread ``me``'s cursor and presence bits, all zero, for `_batches.transpose`."""
        mine = self._counters.get(me)
        if mine is None or len(mine[0]) != n_features:
            mine = np.zeros(n_features, INT64), np.zeros(n_features // 64 + 1, np.uint64)
            self._counters[me] = mine
        return mine

    def rows(self, me, n_rows, n_features, dtype):
        """Return thread ``me``'s memory for converted rows."""
        mine = self._rows.get(me)
        if mine is None or mine.dtype != dtype or mine.size < n_rows * n_features:
            self._rows[me] = mine = np.empty(n_rows * n_features, dtype)
        return mine[: n_rows * n_features].reshape(n_rows, n_features)


def read_records(records, start, stop):
    """Take records apart, as compiled code does: sample numbers and values of records start .. stop - 1."""
    words = records.dtype.itemsize // UINT32.itemsize
    return records.view(UINT32)[2 * words * start : 2 * words * stop : 2 * words], records[1::2][
        start:stop
    ]
