"""The backward pass: deltas, as (panel, samples) items."""

import numpy as np

from ..abi import (
    EDGES_AT,
    FAN_OUT,
    HIDDEN,
    LANES,
    PANEL_STRIDE,
    PANELS,
    WEIGHT,
)  # fmt: skip
from ..codegen.compiler import kernel
from ..codegen.pointer import shifted
from ..primitives.activations import activation_backward
from ..primitives.dense_products import matmul_dense, transpose_panel
from ..primitives.sparse_products import matmul_sparse
from .dropout import kept_share
from .forward import panel_units
from .nonzero_lists import list_blocks, list_by_sample, lists_deltas
from .threads import barrier, n_parts, share, take_parts, within


@kernel
def backward_layer(net, l, params, masks, m, me, part, parts):
    """delta_l = (delta_(l+1) w_(l+1)^T) f'(h_l) for one part of the (panel, samples) items

    masks: those of dropout, or None; m: samples of the batch.
    If the layer above has listed its deltas, their zeros are skipped.
    """
    layers, delta = net.layers, net.delta
    scratch = shifted(net.scratch, me * net.scratch_size)
    lanes, above = layers[l, LANES], l + 1
    above_lanes, fan_out = layers[above, LANES], layers[above, FAN_OUT]
    skipping = lists_deltas(net, above, m)
    no_bias = shifted(scratch, net.scratch_size - net.full_lanes)
    start, stop = share(layers[l, PANELS] * m, part, parts)
    for panel in range(start // m, (stop + m - 1) // m):
        first, last = within(start, stop, panel, m)
        out = layers[l, HIDDEN] + panel * lanes * net.batch_size
        units = panel_units(net, l, panel)
        transpose_panel(
            params, layers[above, WEIGHT], layers[above, PANEL_STRIDE], above_lanes, fan_out,
            panel * lanes, units, lanes, scratch,
        )  # fmt: skip
        if skipping:
            matmul_sparse(
                lanes == net.full_lanes, net.index, net.value,
                shifted(net.edges, layers[above, EDGES_AT]), list_blocks(net, above),
                scratch, None, no_bias, -np.inf, shifted(delta, out), first, last,
            )  # fmt: skip
        else:
            matmul_dense(
                shifted(delta, layers[above, HIDDEN]), above_lanes, above_lanes * net.batch_size, fan_out,
                scratch, lanes, no_bias, -np.inf, shifted(delta, out), first, last, lanes, units,
            )  # fmt: skip
        activation_backward(
            net.activation, net.hidden, net.inputs, delta, out + first * lanes, out + last * lanes,
            kept_share(masks, l),
        )  # fmt: skip


@kernel
def backward(net, l, params, masks, m, sync, me, n_threads):
    """delta_l, listed if the layer below takes it so; true if the team is to stop"""
    parts = n_parts(net.layers[l, PANELS], n_threads)
    # The loop is counted as that of layer l + 1, whose own update has not begun: that of layer l + 2 comes before
    # this loop without a barrier, and two such loops need layers of which one is odd.
    for part in take_parts(sync, l + 1, parts, me, n_threads):
        backward_layer(net, l, params, masks, m, me, part, parts)
    if barrier(sync, me, n_threads):
        return True
    if lists_deltas(net, l, m):
        list_by_sample(net, net.delta, l, m, me, n_threads)
        if barrier(sync, me, n_threads):
            return True
    return False
