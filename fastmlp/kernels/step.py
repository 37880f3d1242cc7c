"""One mini-batch after the other: the phases of a training step in reading order.

Every phase is cut into items, (panel, samples) on the way forward and back, (panel, features) for the
updates, and shared evenly among the threads of the team; a barrier ends it. Whoever computes an item, its
numbers are the same, so the result does not depend on the number of threads.
"""

from numba import njit

from .activation import activate, activation_backward
from .layout import (
    ACTIVE, BIAS, COLUMN, DENSE, EDGES, FAN_IN, FAN_OUT, HIDDEN, LANES, N_ACTIVE, PANEL_STRIDE, PANELS,
    ROW_STRIDE, SIZE, SOFTMAX, START, WEIGHT,
)  # fmt: skip
from .loss import (
    logistic_cross_entropy_backward, logistic_outputs, softmax, softmax_cross_entropy_backward,
)  # fmt: skip
from .matmul import (
    ROWS, gradient_dense, gradient_row_sparse, matmul_dense, matmul_sparse, start_rows, transpose_panel,
)  # fmt: skip
from .sync import barrier, share, within
from .update import decay_untouched, squared_norm, update
from .vector import at, load, store, zeros

# What a row's update costs beside its non-zeros, in non-zeros: sqrt and division of one panel row.
ROW_COST = 12


# --- forward ----------------------------------------------------------------------------------


@njit
def forward_layer(net, l, w, bias, batches, b, me, n_threads):
    """h_l = f(bias + h_(l-1) w) for this thread's (panel, samples) items"""
    layers, hidden = net.layers, net.hidden
    table, m = batches.table, batches.table[b, SIZE]
    lanes, fan_in, row_stride = layers[l, LANES], layers[l, FAN_IN], layers[l, ROW_STRIDE]
    start, stop = share(layers[l, PANELS] * m, me, n_threads)
    for panel in range(start // m, (stop + m - 1) // m):
        first, last = within(start, stop, panel, m)
        out = layers[l, HIDDEN] + panel * lanes * net.batch_size
        w_start = layers[l, WEIGHT] + panel * layers[l, PANEL_STRIDE]
        bias_start = layers[l, BIAS] + panel * lanes
        if l == 0 and batches.zero_skipping:
            if lanes * w.itemsize == 256:
                matmul_sparse(
                    zeros(w, 256), batches.index, batches.value, batches.edges, table[b, EDGES],
                    batches.n_blocks, w, w_start, row_stride, bias, bias_start, hidden, out, first, last,
                    lanes,
                )  # fmt: skip
            else:
                matmul_sparse(
                    zeros(w, 128), batches.index, batches.value, batches.edges, table[b, EDGES],
                    batches.n_blocks, w, w_start, row_stride, bias, bias_start, hidden, out, first, last,
                    lanes,
                )  # fmt: skip
        else:
            x, x_start, x_lanes = _input(net, l, batches, b)
            start_rows(bias, bias_start, hidden, out, first, last, lanes)
            matmul_dense(
                x, x_start, x_lanes, x_lanes * net.batch_size, fan_in, w, w_start, row_stride,
                hidden, out, first, last, lanes,
            )  # fmt: skip
        if l < layers.shape[0] - 1:
            activate(net.activation, hidden, out + first * lanes, out + last * lanes)


@njit
def forward(net, params, batches, b, sync, me, n_threads):
    """All layers; true if the team is to stop"""
    layers = net.layers
    for l in range(layers.shape[0]):
        forward_layer(net, l, params, params, batches, b, me, n_threads)
        # With one panel, a thread's outputs are those of the samples that it goes on with.
        if l < layers.shape[0] - 1 or layers[l, PANELS] > 1:
            if barrier(sync, n_threads):
                return True
    return False


@njit(forceinline=True)
def _input(net, l, batches, b):
    """Where the dense input of layer `l` lies: array, offset, lanes of a panel."""
    if l == 0:
        return batches.dense, batches.table[b, DENSE], 256 // batches.dense.itemsize
    return net.hidden, net.layers[l - 1, HIDDEN], net.layers[l - 1, LANES]


@njit
def output_backward(net, targets, batches, b, batch, me, n_threads):
    """loss and delta of the output layer, for this thread's samples; `batch` counts from the epoch's start"""
    layers = net.layers
    l = layers.shape[0] - 1
    lanes, n_outputs = layers[l, LANES], layers[l, FAN_OUT]
    m, position = batches.table[b, SIZE], batches.table[b, START]
    stride = lanes * net.batch_size
    scale = targets.scale[batch]
    first, last = share(m, me, n_threads)
    for i in range(first, last):
        sample = targets.order[position + i]
        factor = scale
        if targets.weight.size > 0:
            factor = scale * targets.weight[sample]
        place = layers[l, HIDDEN] + i * lanes
        if net.output == SOFTMAX:
            loss, hit = softmax_cross_entropy_backward(
                net.hidden, net.delta, place, stride, lanes, n_outputs, targets.labels[sample, 0], factor
            )
        else:
            loss, hit = logistic_cross_entropy_backward(
                net.hidden, net.delta, place, stride, lanes, n_outputs, targets.labels, sample, factor
            )
        targets.losses[position + i] = loss
        targets.hits[position + i] = hit


@njit
def measure_weights(net, params, penalty, batch, me, n_threads):
    """penalty[batch, panel] = sum of squared weights, for this thread's panels of all layers"""
    layers = net.layers
    number = 0
    for l in range(layers.shape[0]):
        size = layers[l, PANEL_STRIDE]
        for panel in range(layers[l, PANELS]):
            if number % n_threads == me:
                penalty[batch, number] = squared_norm(params, layers[l, WEIGHT] + panel * size, size)
            number += 1


# --- backward ---------------------------------------------------------------------------------


@njit
def backward_layer(net, l, params, m, me, n_threads):
    """delta_l = (delta_(l+1) w_(l+1)^T) f'(h_l) for this thread's (panel, samples) items"""
    layers, delta, scratch = net.layers, net.delta, net.scratch[me]
    lanes, units, above = layers[l, LANES], layers[l, FAN_OUT], l + 1
    above_lanes, fan_out = layers[above, LANES], layers[above, FAN_OUT]
    start, stop = share(layers[l, PANELS] * m, me, n_threads)
    for panel in range(start // m, (stop + m - 1) // m):
        first, last = within(start, stop, panel, m)
        out = layers[l, HIDDEN] + panel * lanes * net.batch_size
        transpose_panel(
            params, layers[above, WEIGHT], layers[above, PANEL_STRIDE], above_lanes, fan_out,
            panel * lanes, min(lanes, units - panel * lanes), lanes, scratch,
        )  # fmt: skip
        start_rows(scratch[:0], 0, delta, out, first, last, lanes)
        matmul_dense(
            delta, layers[above, HIDDEN], above_lanes, above_lanes * net.batch_size, fan_out,
            scratch, 0, lanes, delta, out, first, last, lanes,
        )  # fmt: skip
        activation_backward(
            net.activation, net.hidden, delta, out + first * lanes, out + last * lanes
        )


@njit
def update_bias(rule, net, l, panel, learning, m, rate, scratch):
    """bias -= step(sum_i delta[i]) for one panel"""
    layers = net.layers
    lanes = layers[l, LANES]
    like = zeros(scratch, 64)
    first = layers[l, HIDDEN] + panel * lanes * net.batch_size
    for s in range(0, lanes, 64 // scratch.itemsize):
        total = like
        for i in range(m):
            total = total + load(like, net.delta, first + i * lanes + s)
        store(scratch, s, total)
    update(
        rule, scratch, 0, learning.params, learning.square, learning.momentum,
        layers[l, BIAS] + panel * lanes, lanes, rate, rate - rate,
    )  # fmt: skip


@njit
def update_layer_dense(rule, net, l, batches, b, learning, m, rate, l2, me, n_threads):
    """w_l -= step(h_(l-1)^T delta_l) for this thread's (panel, features) items, six features at a time"""
    layers, scratch = net.layers, net.scratch[me]
    fan_in, lanes = layers[l, FAN_IN], layers[l, LANES]
    x, x_start, x_lanes = _input(net, l, batches, b)
    tiles = (fan_in + ROWS - 1) // ROWS
    start, stop = share(layers[l, PANELS] * tiles, me, n_threads)
    for item in range(start, stop):
        panel, j = item // tiles, item % tiles * ROWS
        if j == 0:
            update_bias(rule, net, l, panel, learning, m, rate, scratch)
        gradient_dense(
            x, x_start, x_lanes, x_lanes * net.batch_size, j, fan_in - 1, m,
            net.delta, layers[l, HIDDEN] + panel * lanes * net.batch_size, lanes, scratch, 0,
        )  # fmt: skip
        update(
            rule, scratch, 0, learning.params, learning.square, learning.momentum,
            layers[l, WEIGHT] + panel * layers[l, PANEL_STRIDE] + j * lanes,
            min(ROWS, fan_in - j) * lanes, rate, l2,
        )  # fmt: skip


@njit
def update_layer_sparse(rule, net, batches, b, learning, m, rate, l2, step, me, n_threads):
    """w_0 -= step(x^T delta_0) for this thread's (panel, features) items

    Lazily only the features that are active in the batch; otherwise each feature, most with gradient l2 w.
    """
    layers, scratch = net.layers, net.scratch[me]
    positions = batches.table[b, N_ACTIVE] if learning.lazy else layers[0, FAN_IN]
    panel_cost = _cost(batches, b, learning.lazy, positions) + 1  # the bias
    start, stop = share(layers[0, PANELS] * panel_cost, me, n_threads)
    for panel in range(start // panel_cost, (stop + panel_cost - 1) // panel_cost):
        low, high = within(start, stop, panel, panel_cost)
        first = _position(batches, b, learning.lazy, positions, low)
        last = _position(batches, b, learning.lazy, positions, high)
        if low == 0:
            update_bias(rule, net, 0, panel, learning, m, rate, scratch)
        if layers[0, LANES] * scratch.itemsize == 256:
            _update_rows(
                zeros(scratch, 256), rule, net, batches, b, learning, rate, l2, step, panel, first, last, scratch
            )
        else:
            _update_rows(
                zeros(scratch, 128), rule, net, batches, b, learning, rate, l2, step, panel, first, last, scratch
            )


@njit
def _update_rows(
    like, rule, net, batches, b, learning, rate, l2, step, panel, first, last, scratch
):
    layers = net.layers
    lanes, fan_in = layers[0, LANES], layers[0, FAN_IN]
    delta, delta_start = net.delta, layers[0, HIDDEN] + panel * lanes * net.batch_size
    w_start = layers[0, WEIGHT] + panel * layers[0, PANEL_STRIDE]
    active, n_active = batches.table[b, ACTIVE], batches.table[b, N_ACTIVE]
    feature, column, row, row_value = batches.feature, batches.column, batches.row, batches.row_value
    column_start = batches.table[b, COLUMN]
    square, momentum, last_update = learning.square, learning.momentum, learning.last
    params, powers, lazy = learning.params, learning.powers, learning.lazy
    a = first if lazy else _active_before(batches, b, first)
    for position in range(first, last):
        j = position
        entry, end = 0, 0
        if lazy:
            a = position
            j = at(feature, active + a)
        if a < n_active and j == at(feature, active + a):
            entry, end = at(column, column_start + a), at(column, column_start + a + 1)
            a += 1
        store(
            scratch, 0, gradient_row_sparse(like, row, row_value, entry, end, delta, delta_start, lanes)
        )
        start = w_start + j * lanes
        if lazy:
            missed = step - 1 - last_update[panel, j]
            if missed > 0:
                decay_untouched(params, square, momentum, start, lanes, powers, missed)
            last_update[panel, j] = step
        update(rule, scratch, 0, params, square, momentum, start, lanes, rate, l2)


@njit
def _active_before(batches, b, feature):
    """How many active features are below `feature`."""
    low, high = batches.table[b, ACTIVE], batches.table[b, ACTIVE] + batches.table[b, N_ACTIVE]
    while low < high:
        middle = (low + high) // 2
        if batches.feature[middle] < feature:
            low = middle + 1
        else:
            high = middle
    return low - batches.table[b, ACTIVE]


@njit
def _cost(batches, b, lazy, position):
    """Work of a panel's rows before `position`, counted in non-zeros."""
    a = position if lazy else _active_before(batches, b, position)
    start = batches.table[b, COLUMN]
    return batches.column[start + a] - batches.column[start] + ROW_COST * position


@njit
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


@njit
def settle_rows(net, batches, b, learning, step, me, n_threads):
    """Bring the rows that the batch reads up to date; b < 0: every row, at the end of an epoch"""
    layers = net.layers
    lanes = layers[0, LANES]
    everything = b < 0
    count = layers[0, FAN_IN] if everything else batches.table[b, N_ACTIVE]
    start, stop = share(layers[0, PANELS] * count, me, n_threads)
    for item in range(start, stop):
        panel, j = item // count, item % count
        if not everything:
            j = at(batches.feature, batches.table[b, ACTIVE] + j)
        missed = step - learning.last[panel, j]
        if missed > 0:
            place = layers[0, WEIGHT] + panel * layers[0, PANEL_STRIDE] + j * lanes
            decay_untouched(
                learning.params, learning.square, learning.momentum, place, lanes, learning.powers, missed
            )
            learning.last[panel, j] = step


# --- the chunks -------------------------------------------------------------------------------


@njit(nogil=True)
def train_chunk(rule, net, batches, targets, learning, first_batch, step, finish, sync, me, n_threads):
    """Train on a chunk's batches; returns the number of updates so far in this epoch, -1 if stopped

    first_batch: the chunk's first batch in the epoch; step: updates before it; finish: the epoch ends here
    """
    n_layers = net.layers.shape[0]
    params = learning.params
    travels = learning.lazy and learning.momentum.size > 0  # untouched weights move on
    if barrier(sync, n_threads):
        return -1
    for b in range(batches.n_batches):
        batch = first_batch + b
        m = batches.table[b, SIZE]
        if travels:
            settle_rows(net, batches, b, learning, step, me, n_threads)
            if barrier(sync, n_threads):
                return -1
        if forward(net, params, batches, b, sync, me, n_threads):
            return -1
        output_backward(net, targets, batches, b, batch, me, n_threads)
        if targets.penalty.size > 0:
            measure_weights(net, params, targets.penalty, batch, me, n_threads)
        if barrier(sync, n_threads):
            return -1
        if targets.scale[batch] == 0:
            continue
        step += 1
        rate = learning.rate[batch]
        l2 = learning.alpha * targets.scale[batch]
        for l in range(n_layers - 1, 0, -1):
            backward_layer(net, l - 1, params, m, me, n_threads)
            if barrier(sync, n_threads):
                return -1
            # All who read this layer's weights have done so.
            update_layer_dense(rule, net, l, batches, b, learning, m, rate, l2, me, n_threads)
        if batches.zero_skipping:
            update_layer_sparse(rule, net, batches, b, learning, m, rate, l2, step, me, n_threads)
        else:
            update_layer_dense(rule, net, 0, batches, b, learning, m, rate, l2, me, n_threads)
        if barrier(sync, n_threads):
            return -1
    if finish and learning.lazy:
        settle_rows(net, batches, -1, learning, step, me, n_threads)
        if barrier(sync, n_threads):
            return -1
    return step


@njit(nogil=True)
def predict_chunk(net, params, batches, outputs, sync, me, n_threads):
    """outputs = softmax or logistic of the logits, for a chunk's batches; returns -1 if stopped

    outputs (n_samples, n_outputs), rows by position in the order of use
    """
    n_layers = net.layers.shape[0]
    if barrier(sync, n_threads):
        return -1
    for b in range(batches.n_batches):
        if forward(net, params, batches, b, sync, me, n_threads):
            return -1
        read_outputs(net, batches, b, outputs, me, n_threads)
        if barrier(sync, n_threads):
            return -1
    return 0


@njit
def read_outputs(net, batches, b, outputs, me, n_threads):
    """outputs[i] = softmax or logistic of sample i's logits, for this thread's samples"""
    layers = net.layers
    l = layers.shape[0] - 1
    lanes, n_outputs = layers[l, LANES], layers[l, FAN_OUT]
    stride = lanes * net.batch_size
    position = batches.table[b, START]
    first, last = share(batches.table[b, SIZE], me, n_threads)
    for i in range(first, last):
        place = layers[l, HIDDEN] + i * lanes
        if net.output == SOFTMAX:
            softmax(net.hidden, net.delta, place, stride, lanes, n_outputs)
        else:
            logistic_outputs(net.hidden, net.delta, place, stride, lanes, n_outputs)
        for k in range(n_outputs):
            outputs[position + i, k] = net.delta[place + k // lanes * stride + k % lanes]
