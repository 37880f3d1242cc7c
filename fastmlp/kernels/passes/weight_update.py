"""Gradients and updates in one, as (panel, features) items: the gradient is never written to memory."""

from ..abi import (
    FAN_IN,
    HALF_PANEL_BYTES,
    HIDDEN,
    LANES,
    PANEL_BYTES,
    PANEL_STRIDE,
    PANELS,
    ROWS,
    SIZE,
    UNITS,
    WEIGHT,
)  # fmt: skip
from ..codegen.compiler import inlined, kernel
from ..codegen.pointer import shifted
from ..codegen.vector import lanes_of, zeros
from ..primitives.dense_products import gradient_dense, tiles_together
from ..primitives.optimizer_rules import update_row, update_run
from ..primitives.sparse_products import gradient_rows_sparse
from .bias_update import update_bias
from .forward import dense_input, panel_units
from .nonzero_lists import lists_outputs
from .sparse_update import update_layer_sparse
from .threads import share, within


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
