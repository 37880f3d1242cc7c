"""Gradients and updates in one for the first layer, from the non-zeros of X."""

from ..abi import (
    ACTIVE,
    COLUMN,
    FAN_IN,
    HALF_PANEL_BYTES,
    HIDDEN,
    LANES,
    N_ACTIVE,
    PANEL_BYTES,
    PANEL_STRIDE,
    PANELS,
    SIZE,
    VECTOR_BYTES,
    WEIGHT,
)  # fmt: skip
from ..codegen.compiler import inlined, kernel
from ..codegen.pointer import prefetch, shifted
from ..codegen.vector import lanes_of, load, splat, zeros
from ..primitives.optimizer_rules import update_row
from ..primitives.sparse_products import gradient_rows_sparse
from .bias_update import sum_deltas, update_bias
from .lazy_rows import catch_up_row
from .threads import share, within

# What a row's update costs beside its non-zeros, in non-zeros: sqrt and division of one panel row.
ROW_COST = 12
# A row of weights is prefetched so many rows before it is updated: in a wide X they lie far apart.
ROWS_AHEAD = 4


@kernel
def update_layer_sparse(rule, net, l, batches, b, learning, rate, shrink, step, me, part, parts):
    """w_l -= step(x^T delta_l), l = 0, for one part of the (panel, features) items

    Of lazy rows only the features that are active in the batch; otherwise each feature.
    """
    layers, m = net.layers, batches.table[b, SIZE]
    scratch = shifted(net.scratch, me * net.scratch_size)
    full, half = zeros(scratch, PANEL_BYTES), zeros(scratch, HALF_PANEL_BYTES)
    positions = batches.table[b, N_ACTIVE] if learning.lazy else layers[l, FAN_IN]
    panel_cost = _cost(batches, b, learning.lazy, positions) + 1  # the bias
    start, stop = share(layers[l, PANELS] * panel_cost, part, parts)
    for panel in range(start // panel_cost, (stop + panel_cost - 1) // panel_cost):
        low, high = within(start, stop, panel, panel_cost)
        first = _position(batches, b, learning.lazy, positions, low)
        last = _position(batches, b, learning.lazy, positions, high)
        if low == 0:
            update_bias(rule, net, l, panel, learning, m, rate, scratch)
        elif batches.n_shifted > 0:
            sum_deltas(net, l, panel, m, scratch)
        if layers[l, LANES] == net.full_lanes:
            _update_rows(
                full, rule, net, batches, b, learning, rate, shrink, step, panel, first, last, scratch
            )  # fmt: skip
        else:
            _update_rows(
                half, rule, net, batches, b, learning, rate, shrink, step, panel, first, last, scratch
            )  # fmt: skip


@kernel
def _update_rows(
    like, rule, net, batches, b, learning, rate, shrink, step, panel, first, last, total_delta
):
    """total_delta (lanes,): of shifted X, whose gradient it enters by way of the baselines"""
    lanes, fan_in = lanes_of(like), net.layers[0, FAN_IN]
    delta = shifted(net.delta, net.layers[0, HIDDEN] + panel * lanes * net.batch_size)
    w_start = net.layers[0, WEIGHT] + panel * net.layers[0, PANEL_STRIDE]
    features = shifted(batches.feature, batches.table[b, ACTIVE])
    columns = shifted(batches.column, batches.table[b, COLUMN])
    n_active = batches.table[b, N_ACTIVE]
    lazy = learning.lazy
    a = first if lazy else _active_before(batches, b, first)
    for position in range(first, last, 2):
        two = position + 1 < last
        for ahead in range(position + ROWS_AHEAD, min(position + ROWS_AHEAD + 2, last)):
            _prefetch_row(learning, w_start + (features[ahead] if lazy else ahead) * lanes, lanes)
        j0 = features[position] if lazy else position
        start0, stop0, a = _records_of(features, columns, n_active, a, j0)
        j1, start1, stop1 = j0, 0, 0
        if two:
            j1 = features[position + 1] if lazy else position + 1
            start1, stop1, a = _records_of(features, columns, n_active, a, j1)
        g0 = _of_baseline(like, batches, j0, total_delta)
        g1 = _of_baseline(like, batches, j1, total_delta)
        g0, g1 = gradient_rows_sparse(g0, g1, batches.records, start0, stop0, start1, stop1, delta)
        _finish_row(
            rule, g0, learning, w_start + j0 * lanes, panel * fan_in + j0, step, rate, shrink
        )
        if two:
            _finish_row(
                rule, g1, learning, w_start + j1 * lanes, panel * fan_in + j1, step, rate, shrink
            )


@inlined
def _records_of(features, columns, n_active, a, j):
    """Where feature j's records start and stop, and the next a; feature j has records if it is the a-th active one"""
    if a < n_active and j == features[a]:
        return columns[a], columns[a + 1], a + 1
    return 0, 0, a


@inlined
def _of_baseline(like, batches, j, total_delta):
    """The part of a feature's gradient that comes from its baseline, which all samples share"""
    if batches.n_shifted > 0 and batches.baseline[j] != 0:
        return splat(like, batches.baseline[j]) * load(like, total_delta, 0)
    return like


@inlined
def _finish_row(rule, g, learning, start, row, step, rate, shrink):
    """Update a row by its gradient; a lazy row first catches up with the updates that it skipped"""
    if learning.lazy:
        catch_up_row(learning, row, start, lanes_of(g), step - 1)
        learning.last[row] = step
    update_row(rule, g, learning.params, learning.square, learning.momentum, start, rate, shrink)


@inlined
def _prefetch_row(learning, start, lanes):
    """Prefetch a row of the weights and of the optimizer's state, while rows before it are summed."""
    line = lanes_of(zeros(learning.params, VECTOR_BYTES))
    for s in range(start, start + lanes, line):
        prefetch(learning.params, s)
    if learning.has_square:
        for s in range(start, start + lanes, line):
            prefetch(learning.square, s)
    if learning.has_momentum:
        for s in range(start, start + lanes, line):
            prefetch(learning.momentum, s)


@kernel
def _active_before(batches, b, feature):
    """How many active features are below `feature`."""
    start = batches.table[b, ACTIVE]
    low, high = start, start + batches.table[b, N_ACTIVE]
    while low < high:
        middle = (low + high) // 2
        if batches.feature[middle] < feature:
            low = middle + 1
        else:
            high = middle
    return low - start


@kernel
def _cost(batches, b, lazy, position):
    """Work of a panel's rows before `position`, counted in non-zeros."""
    a = position if lazy else _active_before(batches, b, position)
    start = batches.table[b, COLUMN]
    return batches.column[start + a] - batches.column[start] + ROW_COST * position


@kernel
def _position(batches, b, lazy, positions, cost):
    """The first position whose cost is at least `cost`: cuts a panel's rows into even parts."""
    low, high = 0, positions
    while low < high:
        middle = (low + high) // 2
        if _cost(batches, b, lazy, middle) < cost:
            low = middle + 1
        else:
            high = middle
    return low
