"""X, prepared for batches: what it tells of itself, however its rows are stored.

`Data.plan` lays out an epoch or a prediction; `Data.prepare` fills `batch_plan.Buffers` with one chunk of it.
"""

from typing import Any, NamedTuple

import numpy as np

from ..kernels.abi import PANEL_BYTES
from ..system.cpu import cpu_features
from .batch_plan import INT64, Buffers, Plan, batch_starts

# With more non-zeros dense products are faster: the sooner with the wider registers of AVX-512, and the sooner the
# fewer units there are, as listing non-zeros takes as long as products with LIST_UNITS. See bench/crossover.py.
# With few units neither takes long, and the limit stays at LEAST of what it is with many.
CROSSOVER = 0.5 if "avx512f" in cpu_features() else 0.63
LIST_UNITS = 30
LEAST = 0.72
BLOCK_FEATURES = 160  # rows of 256 bytes that stay in a 48 KB (or most of a 32 KB) L1 cache
BLOCK_ENTRIES = 16  # with fewer non-zeros per sample, entering a block costs more than it saves


def crossover(units):
    """The density up to which zeros of X are skipped, for products with a layer of so many units."""
    return CROSSOVER * max(LEAST, 1 / (1 + LIST_UNITS / units))


def dense_lanes(n_features, dtype):
    """Features in a panel of dense batches: as few panels as may be, with about as many features each."""
    panels = -(-max(1, n_features) * dtype.itemsize // PANEL_BYTES)
    return -(-max(1, n_features) // panels)


class Use(NamedTuple):
    """What X is opened for.

    Attributes
    ----------
    dtype : dtype
        That of batches.
    team : Team
        The threads that prepare them.
    crossover : float
        The density up to which they hold non-zeros, see `crossover`.
    """

    dtype: np.dtype
    team: Any
    crossover: float


class Data:
    """X, prepared for batches.

    Attributes
    ----------
    n_samples, n_features : int
    dtype : dtype
        The dtype of batches.
    counts : int64 array of shape (n_samples,)
        Non-zeros of each row. A value that rounds to zero in `dtype` is a zero; NaN is not.
    density : float
        Share of the elements of X that are not zero.
    finite : bool
        Whether X has neither NaN nor infinity. It may be False for numbers that are too
        large for the dtypes known here, but never True in error.
    zero_skipping : bool
        Whether batches hold non-zeros (else dense panels). It depends on the values of X, on the CPU and on how many
        units they are multiplied with.
    use : Use
        Its three values are attributes, too: `dtype`, `team` and `crossover`.
    n_blocks, block_features : int
        The feature axis is cut in blocks of `block_features`, so that a product can work on a
        part of the weights that stays in the L1 cache.
    lanes : int
        Width of a dense panel.
    baselines, shifted : ndarray of shape (n_features,) and uint32 ndarray
        What batches hold the difference from, in the compute dtype, and the features where that is
        not 0; both are empty if it is 0 everywhere.
    """

    def __init__(self, shape, use, counts, finite):
        self.n_samples, self.n_features = map(int, shape)
        self.use, self.counts, self.finite = use, counts, finite
        self.dtype, self.team, self.crossover = use
        self.lanes = dense_lanes(self.n_features, self.dtype)
        self.baselines, self.shifted = np.empty(0, self.dtype), np.empty(0, np.uint32)
        self.n_non_zeros = int(counts.sum())
        self.density = self.n_non_zeros / max(1, self.n_samples * self.n_features)
        self.zero_skipping = self.density <= self.crossover
        self.gathers = self.zero_skipping  # whether non-zeros are gathered on the way
        self.n_blocks, self.block_features = 1, max(1, self.n_features)
        if self.zero_skipping and self.n_features:
            most = self.n_non_zeros // max(1, self.n_samples * BLOCK_ENTRIES)
            n_blocks = max(1, min(-(-self.n_features // BLOCK_FEATURES), most))
            self.block_features = -(-self.n_features // n_blocks)
            self.n_blocks = -(-self.n_features // self.block_features)

    def plan(
        self, order=None, batch_size=128, *, columns=True, batches_per_chunk=None, stop_every=None,
        n_epochs=1,
    ):  # fmt: skip
        """Lay out the samples ``order`` (row numbers; default all) in batches and chunks.

        Parameters
        ----------
        order : int64 array, optional
            The rows to take, in this order; the last batch may be shorter.
        batch_size : int
        columns : bool, default=True
            Whether zero-skipping batches are needed column by column, too.
        batches_per_chunk : int, optional
            The most batches in a chunk; memory alone decides by default.
        stop_every : int, optional
            A chunk ends at each multiple of this number of batches.
        n_epochs : int, default=1
            The order is that of so many epochs, one after the other; each has batches of its own.

        Returns
        -------
        Plan
        """
        if order is None:
            order, entries = np.arange(self.n_samples), self.counts
        else:
            order = self._checked(order)
            entries = self.counts[order]
        n = len(order)
        batch_size = max(1, min(batch_size, n // n_epochs))
        entries = np.add.reduceat(entries, batch_starts(n, batch_size, n_epochs)) if n else entries
        panels = 0 if self.zero_skipping else -(-self.n_features // self.lanes)
        columns = columns and self.zero_skipping
        return Plan(
            order, batch_size, entries, self.n_features, self.dtype, batches_per_chunk,
            edges=batch_size * (self.n_blocks + 1) * self.gathers,
            dense=batch_size * panels * self.lanes,
            columns=columns, sharers=self.team.n_threads if columns else 1,
            stop_every=stop_every, n_epochs=n_epochs,
        )  # fmt: skip

    def reordered(self, plan, order):
        """Return a plan of as many samples in another order, for data whose `gathers` is False.

        Where no zeros are skipped, no offset depends on the samples.
        """
        plan.order = self._checked(order)
        return plan

    def _checked(self, order):
        """Row numbers as int64, all of them in X."""
        order = np.ascontiguousarray(order, INT64)
        # Seen as unsigned numbers, negative ones are too large as well
        if len(order) and order.view(np.uint64).max() >= self.n_samples:
            raise IndexError("order contains row indices outside X")
        return order

    def new_buffers(self, plan):
        """Return buffers for any chunk of the plan."""
        return Buffers(plan)

    def prepare(self, plan, chunk, buffers, me=0, n_threads=1):
        """Fill the buffers with thread ``me``'s share of the chunk's batches.

        With no more threads than batches those are the whole batches ``me``, ``me + n_threads`` and so on.
        """
        first, stop = plan.chunk_batches(chunk)
        if first + me < stop:
            table = buffers.table[me : stop - first : n_threads]
            table[:] = plan.table[first + me : stop : n_threads]
            self._fill(plan, table, buffers, me)

    def _where(self, plan, buffers, me):
        """Return the buffers that `_batches` writes to, by rows and by columns."""
        cursor, present = buffers.counters(me, self.n_features if plan.columns else 0)
        return (
            self.n_blocks, self.block_features, buffers.edges, buffers.index, buffers.value,
            plan.columns, buffers.feature, buffers.column, buffers.row, buffers.records, cursor, present,
            *plan.mask,
        )  # fmt: skip
