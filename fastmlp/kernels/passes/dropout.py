"""Dropout of hidden units, in the epilogue of the forward pass and in the backward pass.

Part of one compile-time variant of the training step: where `masks` is None, none of this is compiled. A dropped
unit's output is -0.0, which no kept unit has. It is a zero like any other for the products and the lists of
non-zeros, and tells the backward pass which units were dropped.
"""

from numba import types
from numba.extending import overload

from ..abi import HIDDEN, LANES, START, VECTOR_BYTES
from ..codegen.compiler import inlined, kernel
from ..codegen.vector import lanes_of, load, splat, store, where, zeros
from ..primitives.random import not_below, row_sequence


@kernel
def _drop(masks, net, l, batches, b, panel, first, last):
    """h_l = h_l / keep, or -0.0 where the unit's word is below the threshold; samples first .. last - 1 of a panel"""
    threshold = masks.threshold[l]
    if threshold == 0:
        return
    hidden, lanes, like = net.hidden, net.layers[l, LANES], zeros(net.hidden, VECTOR_BYTES)
    scale, dropped = splat(like, 1.0) / splat(like, masks.keep[l]), splat(like, -0.0)
    position = batches.table[b, START]
    start = net.layers[l, HIDDEN] + panel * lanes * net.batch_size
    for i in range(first, last):
        sequence = row_sequence(masks.key[l], masks.order[position + i])
        for s in range(0, lanes, lanes_of(like)):
            kept = not_below(like, sequence, panel * lanes + s, threshold)
            place = start + i * lanes + s
            # Adding 0 makes a kept -0.0 a 0.0.
            store(hidden, place, where(kept, load(like, hidden, place) * scale + like, dropped))


@inlined
def _keep(masks, l):
    return masks.keep[l]


def drop_units(masks, net, l, batches, b, panel, first, last):
    """`_drop`, or nothing where masks is None; for use in compiled code."""
    raise NotImplementedError("only compiled code can call this")


@overload(drop_units)
def _drop_units(masks, net, l, batches, b, panel, first, last):
    if isinstance(masks, types.NoneType):
        return lambda masks, net, l, batches, b, panel, first, last: None
    return lambda masks, net, l, batches, b, panel, first, last: _drop(
        masks, net, l, batches, b, panel, first, last
    )


def kept_share(masks, l):
    """The share of layer l's units that dropout keeps, 1 where masks is None; for use in compiled code."""
    raise NotImplementedError("only compiled code can call this")


@overload(kept_share)
def _kept_share(masks, l):
    if isinstance(masks, types.NoneType):
        return lambda masks, l: 1.0
    return lambda masks, l: _keep(masks, l)
