"""Matrix products on packed panels, of which no zero is skipped: tiles of six rows of sums stay in registers.

A *panel* is a run of `lanes` neighbouring units of a layer. Weights are stored panel by panel as
``[panel][feature][lanes]``, activations and deltas as ``[panel][sample][lanes]``; both are flat arrays with
offsets. Every number of a product is one chain of fma over ascending inputs, whatever the blocking and the thread.
"""

from ..abi import HALF_PANEL_BYTES, PANEL_BYTES, ROWS, TILES, VECTOR_BYTES
from ..codegen.compiler import compiles_for_avx512, inlined, kernel
from ..codegen.pointer import int64, shifted, words_of
from ..codegen.transpose import transpose_square
from ..codegen.vector import at_least, fma, lanes_of, load, splat, store, zeros

# Bytes of each of the six sums of a tile, for most of a panel and for the rest of it. Six vectors are twelve of AVX2's
# 16 registers, but six of AVX-512's 32. There a tile has four vectors each, as the CPU is then not bound by its loads:
# ten loads serve 24 products, where eight serve twelve of two vectors each.
WIDE_BYTES = PANEL_BYTES if compiles_for_avx512() else VECTOR_BYTES
MIDDLE_BYTES = HALF_PANEL_BYTES if compiles_for_avx512() else VECTOR_BYTES
# A tile goes through several panels of x, as long as their rows of weights are no more than so many words of 32 bits:
# its sums then leave the registers less often, and the weights stay in the first-level cache from tile to tile.
TILE_WORDS = 8192 if compiles_for_avx512() else 4096
# With more samples than this, gradients take so many of them, and so many tiles of features, at a time. One pass over
# the deltas of all of them for each tile would read these from the third-level cache.
FEW_SAMPLES, SAMPLES = 512, 128


@inlined
def _tile(a0, a1, a2, a3, a4, a5, x, i0, i1, i2, i3, i4, i5, step, count, w, start, stride):
    """a_r += sum_k x[i_r + k step] w[start + k stride : ... + lanes]

    x (n,), w (n,): flat; a_r: vectors; six rows of scalars times one column of vectors
    """
    for k in range(count):
        b = load(a0, w, start + k * stride)
        q = k * step
        a0 = fma(x[i0 + q], b, a0)
        a1 = fma(x[i1 + q], b, a1)
        a2 = fma(x[i2 + q], b, a2)
        a3 = fma(x[i3 + q], b, a3)
        a4 = fma(x[i4 + q], b, a4)
        a5 = fma(x[i5 + q], b, a5)
    return a0, a1, a2, a3, a4, a5


@inlined
def _covered(like, start, units, rest):
    """Where tiles as wide as `like` end that begin at lane `start`: no more than `rest` of the units are left over"""
    over = (units - start) % lanes_of(like)
    return units - over + (lanes_of(like) if over > rest else 0)


@inlined
def tile_ends(of, units):
    """Three vectors of zeros, as wide as the tiles of products with the weights or deltas `of`, and where two kinds end

    The widest tiles cover the lanes up to the first end, the middle ones those up to the second, narrow ones the rest
    of the panel's `units`.
    """
    wide, middle, narrow = zeros(of, WIDE_BYTES), zeros(of, MIDDLE_BYTES), zeros(of, VECTOR_BYTES)
    wide_end = _covered(wide, 0, units, lanes_of(middle) + lanes_of(narrow))
    return wide, middle, narrow, wide_end, _covered(middle, wide_end, units, lanes_of(narrow))


@kernel
def matmul_dense(
    x, x_lanes, x_stride, fan_in, w, w_stride, bias, floor, out, first, last, lanes, units,
):  # fmt: skip
    """out[i] = max(floor, bias + sum_j x[i, j] w[j])

    x [panel][sample][x_lanes], panels x_stride apart, fan_in features in all
    w [feature][lanes], features w_stride apart; bias (lanes,); floor: 0 for relu, else -inf
    out [sample][lanes]; samples first .. last - 1; tiles that hold none of the panel's `units` stay as they are
    """
    wide, middle, narrow, wide_end, middle_end = tile_ends(w, units)
    if wide_end > 0:
        _matmul_dense(
            wide, int64(0), wide_end,
            x, x_lanes, x_stride, fan_in, w, w_stride, bias, floor, out, first, last, lanes,
        )  # fmt: skip
    if middle_end > wide_end:
        _matmul_dense(
            middle, wide_end, middle_end,
            x, x_lanes, x_stride, fan_in, w, w_stride, bias, floor, out, first, last, lanes,
        )  # fmt: skip
    if units > middle_end:
        _matmul_dense(
            narrow, middle_end, units,
            x, x_lanes, x_stride, fan_in, w, w_stride, bias, floor, out, first, last, lanes,
        )  # fmt: skip


@kernel
def _matmul_dense(
    like, start, stop, x, x_lanes, x_stride, fan_in, w, w_stride, bias, floor, out, first, last, lanes,
):  # fmt: skip
    """The tiles of the lanes start .. stop - 1"""
    lowest = splat(like, floor)
    end = last - 1
    features = max(TILE_WORDS // (words_of(w) * lanes * x_lanes), 1) * x_lanes
    next_j, next_block = int64(0), int64(0)
    while next_j < fan_in:
        start_j, start_block = next_j, next_block
        next_j = min(start_j + features, fan_in)
        next_block = start_block + features // x_lanes * x_stride
        for i in range(first, last, ROWS):
            # Past the end a tile repeats the last row, and stores it several times.
            r1, r2, r3 = min(i + 1, end), min(i + 2, end), min(i + 3, end)
            r4, r5 = min(i + 4, end), min(i + 5, end)
            for s in range(start, stop, lanes_of(like)):
                o0, o1, o2 = s + i * lanes, s + r1 * lanes, s + r2 * lanes
                o3, o4, o5 = s + r3 * lanes, s + r4 * lanes, s + r5 * lanes
                if start_j == 0:
                    a0 = load(like, bias, s)
                    a1 = a2 = a3 = a4 = a5 = a0
                else:
                    a0, a1, a2 = load(like, out, o0), load(like, out, o1), load(like, out, o2)
                    a3, a4, a5 = load(like, out, o3), load(like, out, o4), load(like, out, o5)
                j, block = start_j, start_block
                while j < next_j:  # without a division, which would take as long as many products
                    a0, a1, a2, a3, a4, a5 = _tile(
                        a0, a1, a2, a3, a4, a5,
                        x, block + i * x_lanes, block + r1 * x_lanes, block + r2 * x_lanes,
                        block + r3 * x_lanes, block + r4 * x_lanes, block + r5 * x_lanes,
                        int64(1), min(x_lanes, next_j - j), w, j * w_stride + s, w_stride,
                    )  # fmt: skip
                    j, block = j + x_lanes, block + x_stride
                if next_j == fan_in:
                    a0, a1, a2 = at_least(lowest, a0), at_least(lowest, a1), at_least(lowest, a2)
                    a3, a4, a5 = at_least(lowest, a3), at_least(lowest, a4), at_least(lowest, a5)
                store(out, o0, a0)
                store(out, o1, a1)
                store(out, o2, a2)
                store(out, o3, a3)
                store(out, o4, a4)
                store(out, o5, a5)


@inlined
def tiles_together(m):
    """How many tiles of six features `gradient_dense` takes at a time, for m samples"""
    return TILES if m > FEW_SAMPLES else 1


@kernel
def gradient_dense(x, x_lanes, x_stride, j, end, m, delta, lanes, units, tiles, out):
    """out[r] = sum_i x[i, j + r] delta[i] for six features of each of the tiles; past `end` the last one again

    x [panel][sample][x_lanes], panels x_stride apart; delta [sample][lanes], m samples; out [6 tiles][lanes],
    zero in the lanes that hold none of the panel's `units`

    Many samples are taken in blocks: their deltas then stay in the first-level cache from tile to tile.
    """
    wide, middle, narrow, wide_end, middle_end = tile_ends(delta, units)
    block = SAMPLES if tiles_together(m) > 1 else m
    for first in range(0, m, block):
        last = min(first + block, m)
        for tile in range(tiles):
            r = tile * ROWS
            sums = shifted(out, r * lanes)
            if wide_end > 0:
                _gradient_dense(
                    wide, int64(0), wide_end,
                    x, x_lanes, x_stride, j + r, end, first, last, delta, lanes, sums,
                )  # fmt: skip
            if middle_end > wide_end:
                _gradient_dense(
                    middle, wide_end, middle_end,
                    x, x_lanes, x_stride, j + r, end, first, last, delta, lanes, sums,
                )  # fmt: skip
            if units > middle_end:
                _gradient_dense(
                    narrow, middle_end, units,
                    x, x_lanes, x_stride, j + r, end, first, last, delta, lanes, sums,
                )  # fmt: skip
    end_of_tiles = max(middle_end, units)
    unused = (end_of_tiles + lanes_of(narrow) - 1) // lanes_of(narrow) * lanes_of(narrow)
    for s in range(unused, lanes, lanes_of(narrow)):
        for row in range(tiles * ROWS):
            store(out, row * lanes + s, narrow)


@inlined
def _next_feature(i, j, left, end, x_lanes, x_stride):
    """The place after `i` of feature `j`, the feature there, and how many are left in its panel; stays at `end`"""
    if j == end:
        return i, j, left
    if left == 1:
        return i + x_stride - x_lanes + 1, j + 1, x_lanes
    return i + 1, j + 1, left - 1


@kernel
def _gradient_dense(
    like, start, stop, x, x_lanes, x_stride, j, end, first, last, delta, lanes, out
):
    """The sums of one tile in the lanes start .. stop - 1, continued by samples first .. last - 1"""
    width, panel = lanes_of(like), j // x_lanes
    left = (panel + 1) * x_lanes - j
    i0 = panel * x_stride + x_lanes - left + first * x_lanes
    i1, j, left = _next_feature(i0, j, left, end, x_lanes, x_stride)
    i2, j, left = _next_feature(i1, j, left, end, x_lanes, x_stride)
    i3, j, left = _next_feature(i2, j, left, end, x_lanes, x_stride)
    i4, j, left = _next_feature(i3, j, left, end, x_lanes, x_stride)
    i5, j, left = _next_feature(i4, j, left, end, x_lanes, x_stride)
    for s in range(start, stop, width):
        s1, s2, s3, s4, s5 = s + lanes, s + 2 * lanes, s + 3 * lanes, s + 4 * lanes, s + 5 * lanes
        a0 = a1 = a2 = a3 = a4 = a5 = like
        if first > 0:
            a0, a1, a2 = load(like, out, s), load(like, out, s1), load(like, out, s2)
            a3, a4, a5 = load(like, out, s3), load(like, out, s4), load(like, out, s5)
        a0, a1, a2, a3, a4, a5 = _tile(
            a0, a1, a2, a3, a4, a5, x, i0, i1, i2, i3, i4, i5, x_lanes, last - first,
            delta, first * lanes + s, lanes,
        )  # fmt: skip
        store(out, s, a0)
        store(out, s1, a1)
        store(out, s2, a2)
        store(out, s3, a3)
        store(out, s4, a4)
        store(out, s5, a5)


@kernel
def transpose_panel(w, w_start, w_panel, w_lanes, fan_out, unit, count, lanes, out):
    """out[k, u] = w[unit + u, k], zero for u >= count

    w [panel][feature][w_lanes], panels w_panel apart, fan_out units k; out [k][lanes]
    """
    like = zeros(out, VECTOR_BYTES)
    side = lanes_of(like)
    whole = count // side * side
    for u in range(count, lanes):
        for k in range(fan_out):
            out[k * lanes + u] = 0
    for first in range(0, fan_out, w_lanes):
        panel = w_start + first // w_lanes * w_panel + unit * w_lanes
        last = min(first + w_lanes, fan_out)
        squares_end = first + (last - first) // side * side
        for k in range(first, squares_end, side):
            for u in range(0, whole, side):
                source = panel + u * w_lanes + k - first
                transpose_square(like, w, source, w_lanes, out, k * lanes + u, lanes)
        # What no square covers: the last units, and the last rows of the others.
        for u in range(count):
            source = panel + u * w_lanes - first
            for k in range(first if u >= whole else squares_end, last):
                out[k * lanes + u] = w[source + k]
