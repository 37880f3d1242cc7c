"""Lists of a hidden layer's non-zeros, so that its products skip the zeros as the input's do.

Behind a ReLU most outputs are zero, and so are the gradients that come back to them. Lists by sample serve the products
with weights, lists by unit the gradient. Every list has room for all units or samples, so that its place is known
beforehand: lists by sample begin at HIDDEN + i padded units, lists by unit at HIDDEN + j batch_size.
"""

from ..abi import (
    BLOCK_PANELS,
    EDGES_AT,
    FAN_IN,
    FAN_OUT,
    FEEDS,
    HALF_PANEL_BYTES,
    HIDDEN,
    LANES,
    PANELS,
    RETURNS,
    UNITS,
)
from ..codegen.compiler import compiles_for_avx512, inlined, kernel
from ..codegen.pointer import words_of
from ..codegen.vector import count_bits, lanes_of, load, lowest_bit, nonzero_bits, zeros
from .threads import share

# Above this density the dense products, which AVX-512 makes twice as fast, are faster: bench/crossover.py. Making a
# list takes as long as products with so many units, and a product of few units saves less.
CROSSOVER = 0.5 if compiles_for_avx512() else 0.64
LIST_UNITS = 80
# The density is that of so many samples of the batch: counting all of them would cost as much as it tells.
COUNTED = 16


@inlined
def list_blocks(net, l):
    """Blocks of a sample's list."""
    return (net.layers[l, PANELS] + net.layers[l, BLOCK_PANELS] - 1) // net.layers[l, BLOCK_PANELS]


@inlined
def lists_outputs(net, l, m):
    """Whether the products of h_l with the layer above skip its zeros

    It decides nothing but the time, and each thread finds the same, so no thread has to tell another.
    """
    return net.layers[l, FEEDS] != 0 and _few_nonzeros(
        net, net.hidden, l, m, net.layers[l + 1, FAN_OUT]
    )


@inlined
def lists_deltas(net, l, m):
    """The same of delta_l and the layer below"""
    return net.layers[l, RETURNS] != 0 and _few_nonzeros(
        net, net.delta, l, m, net.layers[l, FAN_IN]
    )


@kernel
def _few_nonzeros(net, source, l, m, units):
    """Whether lists of the non-zeros of layer `l` in source (hidden or delta) pay in products of `units`"""
    lanes, panels = net.layers[l, LANES], net.layers[l, PANELS]
    stride, like = lanes * net.batch_size, zeros(source, HALF_PANEL_BYTES)
    step = max(m // COUNTED, 1)
    total, counted = 0, 0
    for i in range(0, m, step):
        counted += panels * lanes
        for panel in range(panels):
            start = net.layers[l, HIDDEN] + panel * stride + i * lanes
            for s in range(0, lanes, lanes_of(like)):
                total += count_bits(nonzero_bits(load(like, source, start + s)))
    return total * (units + LIST_UNITS) <= CROSSOVER * units * counted


@kernel
def list_by_sample(net, source, l, m, me, n_threads):
    """index, value: the non-zeros of source[i], units ascending, and edges: where its blocks of units begin

    source (hidden or delta) [panel][sample][lanes]; edges [sample][block + 1] positions in index and value
    """
    layers = net.layers
    lanes, panels, block_panels = layers[l, LANES], layers[l, PANELS], layers[l, BLOCK_PANELS]
    n_edges = list_blocks(net, l) + 1
    stride, like = lanes * net.batch_size, zeros(source, HALF_PANEL_BYTES)
    first, last = share(m, me, n_threads)
    for i in range(first, last):
        p = layers[l, HIDDEN] + i * panels * lanes
        e = layers[l, EDGES_AT] + i * n_edges
        for panel in range(panels):
            if panel % block_panels == 0:
                net.edges[e + panel // block_panels] = p
            start = layers[l, HIDDEN] + panel * stride + i * lanes
            for s in range(0, lanes, lanes_of(like)):
                bits = nonzero_bits(load(like, source, start + s))
                while bits != 0:
                    u = s + lowest_bit(bits)
                    net.index[p] = panel * lanes + u
                    net.value[p] = source[start + u]
                    p += 1
                    bits &= bits - 1
        net.edges[e + n_edges - 1] = p


@kernel
def list_by_unit(net, l, m, me, n_threads):
    """row, records: the non-zeros of hidden[:, j], samples ascending, and how many they are

    hidden [panel][sample][lanes]; count [unit]
    """
    layers = net.layers
    lanes, like = layers[l, LANES], zeros(net.hidden, HALF_PANEL_BYTES)
    width = lanes_of(like)
    start, stop = share(layers[l, PANELS] * lanes // width, me, n_threads)
    for first in range(start * width, stop * width, width):
        count = layers[l, UNITS] + first
        for j in range(count, count + width):
            net.count[j] = 0
        place = layers[l, HIDDEN] + first // lanes * lanes * net.batch_size + first % lanes
        slot = layers[l, HIDDEN] + first * net.batch_size
        for i in range(m):
            bits = nonzero_bits(load(like, net.hidden, place + i * lanes))
            while bits != 0:
                u = lowest_bit(bits)
                n = net.count[count + u]
                net.count[count + u] = n + 1
                record = 2 * (slot + u * net.batch_size + n)
                net.row[record * words_of(net.records)] = i
                net.records[record + 1] = net.hidden[place + i * lanes + u]
                bits &= bits - 1
