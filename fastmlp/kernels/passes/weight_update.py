"""Gradients and updates in one, as (panel, features) items: the gradient is never written to memory."""

from ..abi import (
    ACTIVE,
    BIAS,
    COLUMN,
    FAN_IN,
    HALF_PANEL_BYTES,
    HIDDEN,
    LANES,
    N_ACTIVE,
    PANEL_BYTES,
    PANEL_STRIDE,
    PANELS,
    ROWS,
    SIZE,
    UNITS,
    VECTOR_BYTES,
    WEIGHT,
)  # fmt: skip
from ..codegen.compiler import inlined, kernel
from ..codegen.pointer import prefetch, shifted
from ..codegen.vector import lanes_of, load, splat, store, zeros
from ..primitives.dense_products import gradient_dense, tiles_together
from ..primitives.optimizer_rules import squared_norm, unshrunk, update_row, update_run
from ..primitives.sparse_products import gradient_rows_sparse
from .forward import dense_input, panel_units
from .lazy_rows import catch_up_row
from .nonzero_lists import lists_outputs
from .threads import share, within

# What a row's update costs beside its non-zeros, in non-zeros: sqrt and division of one panel row.
ROW_COST = 12
# So many deltas are added up to one sum, and then the sums.
SUMMED_TOGETHER = 256
# A row of weights is prefetched so many rows before it is updated: in a wide X they lie far apart.
ROWS_AHEAD = 4


@kernel
def update_layer(rule, net, l, batches, b, learning, rate, shrink, step, me, part, parts):
    """w_l -= step(h_(l-1)^T delta_l) for one part of the (panel, features) items, by the form of h_(l-1)

    rate: step size; shrink: see optimizer_rules; step: number of this update in the pass
    """
    m = batches.table[b, SIZE]
    if l == 0 and batches.zero_skipping:
        update_layer_sparse(rule, net, l, batches, b, learning, rate, shrink, step, me, part, parts)
    elif l > 0 and lists_outputs(net, l - 1, m):
        update_layer_listed(rule, net, l, learning, m, rate, shrink, me, part, parts)
    else:
        update_layer_dense(rule, net, l, batches, b, learning, rate, shrink, me, part, parts)


@kernel
def update_bias(rule, net, l, panel, learning, m, rate, scratch):
    """bias -= step(sum_i delta[i]) for one panel; the sum stays in scratch (lanes,)"""
    sum_deltas(net, l, panel, m, scratch)
    lanes = net.layers[l, LANES]
    update_run(
        rule, scratch, learning.params, learning.square, learning.momentum,
        net.layers[l, BIAS] + panel * lanes, lanes, rate, unshrunk(zeros(scratch, VECTOR_BYTES)),
    )  # fmt: skip


@kernel
def sum_deltas(net, l, panel, m, scratch):
    """scratch = sum_i delta[i] for one panel: the bias's gradient"""
    lanes = net.layers[l, LANES]
    delta = shifted(net.delta, net.layers[l, HIDDEN] + panel * lanes * net.batch_size)
    # An addition waits for the one before it in its lanes: the more vectors at a time, the fewer such waits.
    if 2 * lanes >= net.full_lanes:
        _sum_rows(zeros(scratch, HALF_PANEL_BYTES), delta, m, lanes, scratch)
    else:
        _sum_rows(zeros(scratch, VECTOR_BYTES), delta, m, lanes, scratch)


@inlined
def _sum_rows(like, rows, m, lanes, out):
    """out = sum_i rows[i], i < m; rows (m, lanes), out (lanes,)

    Many rows are summed in blocks: one long sum of float32 would lose digits.
    """
    for s in range(0, lanes, lanes_of(like)):
        total = like
        for first in range(0, m, SUMMED_TOGETHER):
            part = like
            for i in range(first, min(first + SUMMED_TOGETHER, m)):
                part = part + load(like, rows, i * lanes + s)
            total = total + part
        store(out, s, total)


# --- a dense input ------------------------------------------------------------------------------


@kernel
def update_layer_dense(rule, net, l, batches, b, learning, rate, shrink, me, part, parts):
    """w_l -= step(h_(l-1)^T delta_l) for one part of the (panel, features) items, by tiles of six features"""
    layers, m = net.layers, batches.table[b, SIZE]
    scratch = shifted(net.scratch, me * net.scratch_size)
    fan_in, lanes = layers[l, FAN_IN], layers[l, LANES]
    x, x_lanes = dense_input(net, l, batches, b)
    tiles = (fan_in + ROWS - 1) // ROWS
    start, stop = share(layers[l, PANELS] * tiles, part, parts)
    item, together = start, tiles_together(m)
    while item < stop:
        panel, tile = item // tiles, item % tiles
        n, j = min(together, tiles - tile, stop - item), tile * ROWS
        item += n
        if j == 0:
            update_bias(rule, net, l, panel, learning, m, rate, scratch)
        delta = shifted(net.delta, layers[l, HIDDEN] + panel * lanes * net.batch_size)
        gradient_dense(
            x, x_lanes, x_lanes * net.batch_size, j, fan_in - 1, m, delta, lanes,
            panel_units(net, l, panel), n, scratch,
        )  # fmt: skip
        update_run(
            rule, scratch, learning.params, learning.square, learning.momentum,
            layers[l, WEIGHT] + panel * layers[l, PANEL_STRIDE] + j * lanes,
            min(n * ROWS, fan_in - j) * lanes, rate, shrink,
        )  # fmt: skip


# --- a hidden layer's lists of non-zeros ---------------------------------------------------------


@kernel
def update_layer_listed(rule, net, l, learning, m, rate, shrink, me, part, parts):
    """w_l -= step(h_(l-1)^T delta_l) for one part of the (panel, features) items, from the lists by unit"""
    layers = net.layers
    scratch = shifted(net.scratch, me * net.scratch_size)
    fan_in = layers[l, FAN_IN]
    full, half = zeros(scratch, PANEL_BYTES), zeros(scratch, HALF_PANEL_BYTES)
    start, stop = share(layers[l, PANELS] * fan_in, part, parts)
    for panel in range(start // fan_in, (stop + fan_in - 1) // fan_in):
        first, last = within(start, stop, panel, fan_in)
        if first == 0:
            update_bias(rule, net, l, panel, learning, m, rate, scratch)
        if layers[l, LANES] == net.full_lanes:
            _update_listed_rows(full, rule, net, l, learning, rate, shrink, panel, first, last)
        else:
            _update_listed_rows(half, rule, net, l, learning, rate, shrink, panel, first, last)


@inlined
def _update_listed_rows(like, rule, net, l, learning, rate, shrink, panel, first, last):
    lanes, below = lanes_of(like), l - 1
    delta = shifted(net.delta, net.layers[l, HIDDEN] + panel * lanes * net.batch_size)
    w_start = net.layers[l, WEIGHT] + panel * net.layers[l, PANEL_STRIDE]
    params, square, momentum = learning.params, learning.square, learning.momentum
    for j in range(first, last, 2):
        start = net.layers[below, HIDDEN] + j * net.batch_size
        stop = start + net.count[net.layers[below, UNITS] + j]
        next_start, next_stop = 0, 0
        if j + 1 < last:
            next_start = start + net.batch_size
            next_stop = next_start + net.count[net.layers[below, UNITS] + j + 1]
        g0, g1 = gradient_rows_sparse(
            like, like, net.records, start, stop, next_start, next_stop, delta
        )
        update_row(rule, g0, params, square, momentum, w_start + j * lanes, rate, shrink)
        if j + 1 < last:
            update_row(rule, g1, params, square, momentum, w_start + (j + 1) * lanes, rate, shrink)


# --- the non-zeros of X -------------------------------------------------------------------------


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


# --- the weights' own part of the loss ------------------------------------------------------------


@kernel
def measure_weights(net, params, targets, batch, me, n_threads):
    """penalty[batch, panel] = sum of squared weights, for this thread's panels of all layers"""
    number = 0
    for l in range(net.n_layers):
        size = net.layers[l, PANEL_STRIDE]
        for panel in range(net.layers[l, PANELS]):
            if number % n_threads == me:
                norm = squared_norm(params, net.layers[l, WEIGHT] + panel * size, size)
                targets.penalty[batch * targets.n_panels + number] = norm
            number += 1
