"""Shifted data: most samples share one value of a feature, its baseline, which is then skipped as a zero is.

Standardised or inverted images, one-hot columns behind a scaler and imputed columns have no zeros, but they are
X = c + S with a row of baselines c and a sparse S. Products with X are products with S and one with c per batch.
"""

import numpy as np

from . import _rows
from .source import SMALL, DenseData, SparseData, share

SAMPLE = 1023  # rows that candidates are taken from
# Most X have no baselines, which so many rows tell in a fraction of the time.
FEW = 63
# Rounding units that the difference from a baseline may lose on average. It loses more where the baseline is some
# sixteen times as large as the other values: -999 for a missing one, for instance.
MOST_LOST = 4


def shifted(data):
    """Return `data` as its baselines and what differs from them, or `data` itself if that is not worth it.

    A feature's baseline is the value that most samples have, as a number of the compute dtype: the median of
    some evenly spaced rows, if more than half of all rows have it and the difference from it keeps the digits of the
    others, else 0. So it depends on the values of X alone, not on its form, dtype or the number of threads.

    Parameters
    ----------
    data : DenseData or SparseData
        Whose zeros are too few to be skipped.

    Returns
    -------
    Data
    """
    if data.zero_skipping or not data.finite or data.n_samples == 0:
        return data
    n = data.n_samples
    # A majority of all rows that is far from one in the sample is not worth a pass over X.
    if n > FEW:
        medians, sample = _medians(data, FEW)
        if _share_of_others(sample, medians) > data.crossover + 0.2:
            return data
    medians, sample = _medians(data, SAMPLE)
    limit = data.crossover + 0.1
    if _share_of_others(sample, medians) > limit:
        return data
    candidates = _candidates(medians, sample)
    if _share_of_others(sample, candidates) > limit:
        return data
    sums = []

    def count(first, stop):
        mine = np.zeros(data.n_features, np.uint32)
        for _, _, rows in _blocks(data, first, stop):
            _rows.count_equal(rows, candidates, mine)
        sums.append(mine.astype(np.int64))

    share(data.team, n, n * data.n_features, count)
    baselines = np.where(2 * sum(sums) > n, candidates, 0).astype(data.dtype)
    if not baselines.any():
        return data
    counts = np.empty(n, np.int64)

    def count_rows(first, stop):
        for a, b, rows in _blocks(data, first, stop):
            _rows.count_shifted(rows, baselines, counts[a:b])

    share(data.team, n, n * data.n_features, count_rows)
    if counts.sum() > data.crossover * n * data.n_features:
        return data
    return _encode(data, baselines, counts)


def _medians(data, n_rows):
    """The median of each feature in so many evenly spaced rows, and these rows."""
    n = data.n_samples
    rows = np.unique(np.linspace(0, n - 1, min(n, n_rows)).astype(np.int64))
    sample = _dense_rows(data, rows)
    middle = len(rows) // 2
    by_feature = np.partition(sample.T.copy(), middle)  # along rows it is faster
    return by_feature[:, middle].copy(), sample


def _candidates(medians, sample):
    """The medians from which the difference keeps the digits of a feature's other values; 0 for the others."""
    found = medians.copy()
    shifts = np.flatnonzero(medians)
    step = max(1, SMALL // len(sample))
    for start in range(0, len(shifts), step):
        features = shifts[start : start + step]
        values, center = sample[:, features], medians[features].astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            lost = np.abs((values - medians[features]) + center - values).sum(axis=0)
        sizes = (np.abs(values, dtype=np.float64) * (values != medians[features])).sum(axis=0)
        keeps = lost <= MOST_LOST * np.finfo(values.dtype).eps * sizes
        found[features[~keeps]] = 0
    return found


def _share_of_others(sample, medians):
    return np.count_nonzero(sample != medians) / sample.size


def _encode(data, baselines, counts):
    """Return the rows of X - baselines without their zeros."""
    starts = np.zeros(data.n_samples + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    index = np.empty(starts[-1], np.uint16 if data.n_features <= 1 << 16 else np.uint32)
    value = np.empty(starts[-1], data.dtype)

    def encode(first, stop):
        for a, b, rows in _blocks(data, first, stop):
            _rows.encode(rows, baselines, starts[a : b + 1], index, value, counts[a:b])

    share(data.team, data.n_samples, data.n_samples * data.n_features, encode)
    found = SparseData(
        (data.n_samples, data.n_features), data.use, counts, True, starts, index, value
    )
    found.baselines = baselines
    found.shifted = np.flatnonzero(baselines).astype(np.uint32)
    return found


def _blocks(data, first, stop):
    """Yield (a, b, rows a to b in a form that `_rows` can read)."""
    if isinstance(data, DenseData):
        yield from data.blocks(first, stop)
        return
    step = max(1, SMALL // max(1, data.n_features))
    for a in range(first, stop, step):
        b = min(a + step, stop)
        yield a, b, _dense_rows(data, np.arange(a, b))


def _dense_rows(data, rows):
    """Return rows of X as a new array of the compute dtype."""
    if isinstance(data, DenseData):
        with np.errstate(over="ignore"):
            return data.X[rows].astype(data.dtype)
    dense = np.zeros((len(rows), data.n_features), data.dtype)
    lengths = data.starts[rows + 1] - data.starts[rows]
    before = np.cumsum(lengths) - lengths
    entries = np.arange(lengths.sum()) + np.repeat(data.starts[rows] - before, lengths)
    dense[np.repeat(np.arange(len(rows)), lengths), data.index[entries]] = data.value[entries]
    return dense
