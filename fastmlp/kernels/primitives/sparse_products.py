"""Matrix products with lists of non-zeros, on the panels of `dense_products`.

A zero input leaves a chain of fma as it is, so skipping it changes no bit.
"""

from ..abi import HALF_PANEL_BYTES, PANEL_BYTES, VECTOR_BYTES
from ..codegen.compiler import inlined, kernel
from ..codegen.pointer import pair, prefetch, record, stride_or
from ..codegen.vector import at_least, fma, lanes_of, load, splat, store, zeros

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
        for i in range(first, last):
            o = i * lanes
            total = load(like, bias, 0) if block == 0 else load(like, out, o)
            e = i * (n_blocks + 1) + block
            # With several blocks the runs lie apart, where no CPU predicts them. Two cache lines hold most runs.
            ahead = edges[min(e + SAMPLES_AHEAD * (n_blocks + 1), last_edge)]
            prefetch(index, ahead)
            prefetch(index, ahead + 16)
            prefetch(value, ahead)
            prefetch(value, ahead + lanes_of(zeros(value, VECTOR_BYTES)))
            total = _add_rows(total, index, value, edges[e], edges[e + 1], w, step)
            if block == n_blocks - 1:
                total = at_least(lowest, total)
            store(out, o, total)


@inlined
def _add_rows(total, index, value, start, stop, w, step):
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
def gradient_row_sparse(total, records, start, stop, delta):
    """g = total + sum over the non-zeros (i, x_i) of one feature of x_i delta[i]

    records: (i, x_i) from `start` to `stop` - 1, samples ascending; read one ahead, as in _add_rows
    delta [sample][lanes]; total, g (lanes,)
    """
    like, lanes = total, lanes_of(total)
    if start < stop:
        i, x = record(records, start)
        for p in range(start + 1, stop):
            next_i, next_x = record(records, p)
            total = fma(x, load(like, delta, i * lanes), total)
            i, x = next_i, next_x
        total = fma(x, load(like, delta, i * lanes), total)
    return total
