"""Matrix products with lists of non-zeros, on the panels of `dense_products`.

A zero input leaves a chain of fma as it is, so skipping it changes no bit.
"""

from ..abi import HALF_PANEL_BYTES, PANEL_BYTES, VECTOR_BYTES
from ..codegen.compiler import compiles_for_avx512, inlined, kernel
from ..codegen.pointer import pair, prefetch, record, stride_or
from ..codegen.vector import at_least, fma, lanes_of, load, splat, store, zeros

# Whether two lists are gone through in turns. The four sums of an AVX-512 panel row wait for each other's last product
# (four cycles, in which the CPU could load six or more vectors); AVX2's eight do not, and sixteen have no registers.
INTERLEAVED = compiles_for_avx512()
# A sample's run of non-zeros in a block is prefetched so many samples before it is read.
SAMPLES_AHEAD = 4


@kernel
def matmul_sparse(
    full, index, value, edges, n_blocks, w, w_stride, bias, floor, out, first, last,
):  # fmt: skip
    """out[i] = max(floor, bias + sum over the non-zeros (j, x_ij) of sample i of x_ij w[j])

    full: whether a panel has its full width, or else half of it, which the lanes are
    index, value (n,): non-zeros, features ascending; edges [sample][block + 1] positions in them
    w [feature][lanes], features w_stride apart, None if densely
    bias (lanes,); floor: 0 for relu, else -inf
    out [sample][lanes]; samples first .. last - 1

    Features are taken in blocks, so that the rows of w in use stay in the first-level cache.
    """
    if full:
        _matmul_sparse(
            zeros(w, PANEL_BYTES), index, value, edges, n_blocks,
            w, w_stride, bias, floor, out, first, last,
        )  # fmt: skip
    else:
        _matmul_sparse(
            zeros(w, HALF_PANEL_BYTES), index, value, edges, n_blocks,
            w, w_stride, bias, floor, out, first, last,
        )  # fmt: skip


@inlined
def _matmul_sparse(
    like, index, value, edges, n_blocks, w, w_stride, bias, floor, out, first, last,
):  # fmt: skip
    lanes, lowest = lanes_of(like), splat(like, floor)
    step = stride_or(w_stride, lanes)  # a constant in training, which makes it a tenth faster
    last_edge = last * (n_blocks + 1) - 1
    for block in range(n_blocks):
        for i in range(first, last, 2):
            # An odd last sample is paired with itself: its second list is empty, and its first sum is stored last.
            next_i = min(i + 1, last - 1)
            o0, o1 = i * lanes, next_i * lanes
            e0, e1 = i * (n_blocks + 1) + block, next_i * (n_blocks + 1) + block
            # With several blocks the runs lie apart, where no CPU predicts them. Two cache lines hold most runs.
            for e in (e0, e1):
                ahead = edges[min(e + SAMPLES_AHEAD * (n_blocks + 1), last_edge)]
                prefetch(index, ahead)
                prefetch(index, ahead + 16)
                prefetch(value, ahead)
                prefetch(value, ahead + lanes_of(zeros(value, VECTOR_BYTES)))
            t0, t1 = load(like, bias, 0), load(like, bias, 0)
            if block > 0:
                t0, t1 = load(like, out, o0), load(like, out, o1)
            stop1 = edges[e1 + 1] if next_i > i else edges[e1]
            t0, t1 = _add_rows(
                t0, t1, index, value, edges[e0], edges[e0 + 1], edges[e1], stop1, w, step
            )
            if block == n_blocks - 1:
                t0, t1 = at_least(lowest, t0), at_least(lowest, t1)
            store(out, o1, t1)
            store(out, o0, t0)


@inlined
def _add_row(total, index, value, start, stop, w, step):
    """total + sum of value[p] w[index[p]], p from start to stop - 1

    index, value (n,); w: rows as wide as `total`, `step` apart

    Loads bound the speed of this loop, and the CPU serves them in the order of the code. So one load reads two
    non-zeros, before the rows of the two previous ones: the addresses of their rows are then known in time.
    """
    if start + 1 < stop:
        j0, j1 = pair(index, start)
        x0, x1 = pair(value, start)
        for p in range(start + 2, stop - 1, 2):
            next_j0, next_j1 = pair(index, p)
            next_x0, next_x1 = pair(value, p)
            total = fma(x0, load(total, w, j0 * step), total)
            total = fma(x1, load(total, w, j1 * step), total)
            j0, j1, x0, x1 = next_j0, next_j1, next_x0, next_x1
        total = fma(x0, load(total, w, j0 * step), total)
        total = fma(x1, load(total, w, j1 * step), total)
    if (stop - start) % 2:
        total = fma(value[stop - 1], load(total, w, index[stop - 1] * step), total)
    return total


@inlined
def _add_rows(t0, t1, index, value, start0, stop0, start1, stop1, w, step):
    """t0 and t1 plus the sums of _add_row for two samples, whose lists are gone through in turns where INTERLEAVED"""
    if INTERLEAVED:
        both = min(stop0 - start0, stop1 - start1)
        for k in range(both):
            t0 = fma(value[start0 + k], load(t0, w, index[start0 + k] * step), t0)
            t1 = fma(value[start1 + k], load(t1, w, index[start1 + k] * step), t1)
        start0, start1 = start0 + both, start1 + both
    t0 = _add_row(t0, index, value, start0, stop0, w, step)
    t1 = _add_row(t1, index, value, start1, stop1, w, step)
    return t0, t1


@inlined
def _gradient_row(total, records, start, stop, delta):
    """One feature's sum of gradient_rows_sparse; it reads a record ahead, as _add_row does."""
    like, lanes = total, lanes_of(total)
    if start < stop:
        i, x = record(records, start)
        for p in range(start + 1, stop):
            next_i, next_x = record(records, p)
            total = fma(x, load(like, delta, i * lanes), total)
            i, x = next_i, next_x
        total = fma(x, load(like, delta, i * lanes), total)
    return total


@inlined
def gradient_rows_sparse(g0, g1, records, start0, stop0, start1, stop1, delta):
    """g0 plus the sum over the non-zeros (i, x_i) of one feature of x_i delta[i], and g1 plus that of another feature

    records: (i, x_i), samples ascending, of one feature from start0 to stop0 - 1, of the other from start1 to stop1 - 1
    delta [sample][lanes]; g0, g1 (lanes,); in turns where INTERLEAVED
    """
    lanes = lanes_of(g0)
    if INTERLEAVED:
        both = min(stop0 - start0, stop1 - start1)
        for k in range(both):
            i, x = record(records, start0 + k)
            g0 = fma(x, load(g0, delta, i * lanes), g0)
            i, x = record(records, start1 + k)
            g1 = fma(x, load(g1, delta, i * lanes), g1)
        start0, start1 = start0 + both, start1 + both
    g0 = _gradient_row(g0, records, start0, stop0, delta)
    g1 = _gradient_row(g1, records, start1, stop1, delta)
    return g0, g1
