"""Entries to single kernels, for `fastmlp.array_kernels`: the pieces of a training step, one at a time."""

from ..abi import (
    EXP,
    FAN_OUT,
    HIDDEN,
    LANES,
    LOG,
    SIZE,
    START,
    VECTOR_BYTES,
    Batches,
    BatchTargets,
    ElementsCall,
    MatmulCall,
    Network,
    TrainCall,
    UpdateCall,
)  # fmt: skip
from ..codegen.compiler import kernel
from ..codegen.pointer import shifted
from ..codegen.struct_view import readers
from ..codegen.vector import lanes_of, load, store, zeros
from ..primitives.activations import activate
from ..primitives.exp_log import exp, log, log1p
from ..primitives.losses import place
from ..primitives.optimizer_rules import unshrunk, update_run
from .forward import forward_layer
from .outputs import output_backward
from .threads import barrier, share


@kernel
def _map(x, function, start, stop):
    like = zeros(x, VECTOR_BYTES)
    if function < EXP:
        activate(function, x, x, start, stop)
    elif function == EXP:
        for i in range(start, stop, lanes_of(like)):
            store(x, i, exp(load(like, x, i)))
    elif function == LOG:
        for i in range(start, stop, lanes_of(like)):
            store(x, i, log(load(like, x, i)))
    else:
        for i in range(start, stop, lanes_of(like)):
            store(x, i, log1p(load(like, x, i)))


@kernel
def _share_vectors(x, size, me, n_threads):
    """Thread `me`'s part ``[start, stop)`` of `size` elements, in whole vectors."""
    lanes = lanes_of(zeros(x, VECTOR_BYTES))
    start, stop = share(size // lanes, me, n_threads)
    return start * lanes, stop * lanes


@kernel
def _read_sums(net, batches, b, outputs, me, n_threads):
    """outputs[i] = the first layer's sums for sample i, for this thread's samples

    outputs (n_samples * n_outputs,), rows by position in the order of use
    """
    lanes, n_outputs = net.layers[0, LANES], net.layers[0, FAN_OUT]
    position = batches.table[b, START]
    first, last = share(batches.table[b, SIZE], me, n_threads)
    for i in range(first, last):
        start = net.layers[0, HIDDEN] + i * lanes
        for k in range(n_outputs):
            outputs[(position + i) * n_outputs + k] = net.hidden[
                place(start, net.batch_size, lanes, k)
            ]


@kernel
def _multiply(net, batches, call):
    """Bias and weighted sums of one layer, for a chunk's batches; returns -1 if stopped"""
    sync, me, n_threads = call.sync, call.me, call.n_threads
    skipping = batches.zero_skipping != 0
    if barrier(sync, me, n_threads):
        return -1
    for b in range(batches.n_batches):
        forward_layer(
            net, 0, call.params, call.params, None, None, batches, b, skipping, me, n_threads
        )
        if barrier(sync, me, n_threads):
            return -1
        _read_sums(net, batches, b, call.outputs, me, n_threads)
        if barrier(sync, me, n_threads):
            return -1
    return 0


def elements_entry(real):
    """Entry ``elements(words)`` for a compute type, a function of each element; words: ElementsCall."""
    (read_elements,) = readers(real, ElementsCall)

    def elements(words):
        call = read_elements(words)
        start, stop = _share_vectors(call.x, call.size, call.me, call.n_threads)
        _map(call.x, call.function, start, stop)
        return 0

    return elements


def matmul_entry(real):
    """Entry ``matmul(words)`` for a compute type; the words: Network, Batches, MatmulCall."""
    read_network, read_batches, read_call = readers(real, Network, Batches, MatmulCall)

    def matmul(words):
        return _multiply(read_network(words), read_batches(words), read_call(words))

    return matmul


def loss_entry(real):
    """Entry ``loss(words)`` for a compute type; words: Network, Batches (one), BatchTargets, TrainCall."""
    read_network, read_batches, read_targets, read_turn = readers(
        real, Network, Batches, BatchTargets, TrainCall
    )

    def loss(words):
        turn = read_turn(words)
        net, targets, batches = read_network(words), read_targets(words), read_batches(words)
        output_backward(net, targets, batches, 0, 0, turn.me, turn.n_threads)
        return 0

    return loss


def update_entry(real, rule):
    """Entry ``update(words)`` for a compute type and a rule; the words: rule, UpdateCall."""
    read_rule, read_step = readers(real, rule, UpdateCall)

    def step(words):
        call = read_step(words)
        start, stop = _share_vectors(call.weight, call.size, call.me, call.n_threads)
        update_run(
            read_rule(words), shifted(call.gradient, start), call.weight, call.square, call.momentum,
            start, stop - start, call.rate, unshrunk(zeros(call.weight, VECTOR_BYTES)),
        )  # fmt: skip
        return 0

    return step
