"""The forward pass, as (panel, samples) items.

Which thread computes an item changes none of its numbers, so the result does not depend on how many there are.
"""

import numpy as np

from ..abi import (
    BIAS,
    DENSE,
    EDGES,
    EDGES_AT,
    FAN_IN,
    FAN_OUT,
    HIDDEN,
    LANES,
    PANEL_STRIDE,
    PANELS,
    RELU,
    SIZE,
    VECTOR_BYTES,
    WEIGHT,
)  # fmt: skip
from ..codegen.compiler import inlined, kernel
from ..codegen.pointer import shifted, stride_or
from ..codegen.vector import fma, lanes_of, load, store, zeros
from ..primitives.activations import activate
from ..primitives.dense_products import matmul_dense
from ..primitives.sparse_products import matmul_sparse
from .dropout import drop_units
from .nonzero_lists import list_blocks, list_by_sample, lists_outputs
from .threads import barrier, n_parts, share, take_parts, within


@inlined
def dense_input(net, l, batches, b):
    """The dense input of layer `l`, and the lanes of its panels."""
    if l == 0:
        return shifted(batches.dense, batches.table[b, DENSE]), batches.dense_lanes
    return shifted(net.hidden, net.layers[l - 1, HIDDEN]), net.layers[l - 1, LANES]


@inlined
def panel_units(net, l, panel):
    """How many units of layer `l` lie in a panel; the last one may have fewer than lanes."""
    return min(net.layers[l, LANES], net.layers[l, FAN_OUT] - panel * net.layers[l, LANES])


@inlined
def sparse_input(net, l, batches, b):
    """The non-zeros of the input of layer `l`: index, value, edges, blocks per sample."""
    if l == 0:
        edges = shifted(batches.edges, batches.table[b, EDGES])
        return batches.index, batches.value, edges, batches.n_blocks
    edges = shifted(net.edges, net.layers[l - 1, EDGES_AT])
    return net.index, net.value, edges, list_blocks(net, l - 1)


@kernel
def add_baselines(batches, w, stride, bias, lanes, out):
    """out = bias + sum over the features j of shifted X of baseline[j] w[j], for one panel

    w [feature][lanes], features `stride` apart, None if densely; bias, out (lanes,)
    """
    like = zeros(w, VECTOR_BYTES)
    step = stride_or(stride, lanes)
    for s in range(0, lanes, lanes_of(like)):
        total = load(like, bias, s)
        for k in range(batches.n_shifted):
            j = batches.shifted[k]
            total = fma(batches.baseline[j], load(like, w, j * step + s), total)
        store(out, s, total)


@kernel
def forward_layer(net, l, w, bias, stride, masks, batches, b, skipping, part, parts):
    """h_l = f(bias + h_(l-1) w) for one part of the (panel, samples) items

    stride: between the rows of a panel of w; None: the panel's lanes
    masks: those of dropout, or None
    skipping: whether the input's zeros are skipped
    """
    layers, hidden, m = net.layers, net.hidden, batches.table[b, SIZE]
    lanes = layers[l, LANES]
    is_hidden = l < net.n_layers - 1
    floor = 0.0 if is_hidden and net.activation == RELU else -np.inf
    start, stop = share(layers[l, PANELS] * m, part, parts)
    for panel in range(start // m, (stop + m - 1) // m):
        first, last = within(start, stop, panel, m)
        out = layers[l, HIDDEN] + panel * lanes * net.batch_size
        panel_w = shifted(w, layers[l, WEIGHT] + panel * layers[l, PANEL_STRIDE])
        panel_bias = shifted(bias, layers[l, BIAS] + panel * lanes)
        if skipping:
            index, value, edges, n_blocks = sparse_input(net, l, batches, b)
            if l == 0 and batches.n_shifted > 0:
                bracket = shifted(net.brackets, part * net.full_lanes)
                add_baselines(batches, panel_w, stride, panel_bias, lanes, bracket)
                panel_bias = bracket
            matmul_sparse(
                lanes == net.full_lanes, index, value, edges, n_blocks,
                panel_w, stride, panel_bias, floor, shifted(hidden, out), first, last,
            )  # fmt: skip
        else:
            x, x_lanes = dense_input(net, l, batches, b)
            matmul_dense(
                x, x_lanes, x_lanes * net.batch_size, layers[l, FAN_IN], panel_w,
                stride_or(stride, lanes), panel_bias, floor, shifted(hidden, out), first, last, lanes,
                panel_units(net, l, panel),
            )  # fmt: skip
        if is_hidden and net.activation != RELU:
            activate(net.activation, hidden, net.inputs, out + first * lanes, out + last * lanes)
        if is_hidden:
            drop_units(masks, net, l, batches, b, panel, first, last)


@kernel
def forward(net, params, masks, batches, b, first_layer_done, sync, me, n_threads):
    """h_l of all layers, of the first unless it is done already; true if the team is to stop"""
    skipping, m = batches.zero_skipping != 0, batches.table[b, SIZE]
    for l in range(net.n_layers):
        if l > 0 or not first_layer_done:
            if l == net.n_layers - 1 and net.layers[l, PANELS] == 1:
                # Outputs in one panel need no barrier: each thread computes those of its own samples in the loss.
                forward_layer(
                    net, l, params, params, None, masks, batches, b, skipping, me, n_threads
                )
            else:
                parts = n_parts(net.layers[l, PANELS], n_threads)
                for part in take_parts(sync, l, parts, me, n_threads):
                    forward_layer(
                        net, l, params, params, None, masks, batches, b, skipping, part, parts
                    )
                if barrier(sync, me, n_threads):
                    return True
        skipping = lists_outputs(net, l, m)
        if skipping:
            list_by_sample(net, net.hidden, l, m, me, n_threads)
            if barrier(sync, me, n_threads):
                return True
    return False
