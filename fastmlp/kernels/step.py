"""One mini-batch after the other: the phases of a training step in reading order.

Every phase is shared evenly among the threads of the team; a barrier ends it. These are the functions that Python
calls, once per chunk and thread.
"""

from .backward import (
    backward_layer, measure_weights, settle_rows, update_layer_dense, update_layer_sparse,
)  # fmt: skip
from .forward import forward, output_backward, read_outputs
from .jit import entry, inlined, kernel
from .layout import LAYER_COLUMNS, SIZE, TABLE_COLUMNS, Batches, Learning, Network, Targets
from .pointer import pointer
from .sync import barrier


@inlined
def _network(net):
    return Network(
        pointer(net.layers, LAYER_COLUMNS), pointer(net.hidden, 0), pointer(net.delta, 0),
        pointer(net.scratch, 0), net.n_layers, net.activation, net.output, net.batch_size,
        net.full_lanes, net.scratch_size,
    )  # fmt: skip


@inlined
def _batches(batches):
    return Batches(
        pointer(batches.table, TABLE_COLUMNS), pointer(batches.edges, 0), pointer(batches.index, 0),
        pointer(batches.value, 0), pointer(batches.feature, 0), pointer(batches.column, 0),
        pointer(batches.row, 0), pointer(batches.row_value, 0), pointer(batches.dense, 0),
        batches.n_batches, batches.n_blocks, batches.zero_skipping,
    )  # fmt: skip


@entry
def train_chunk(rule, net, batches, targets, learning, first_batch, step, finish, sync, me, n_threads):
    """Train on a chunk's batches; returns the number of updates so far in this epoch, -1 if stopped

    first_batch: the chunk's first batch in the epoch; step: updates before it; finish: the epoch ends here
    """
    targets = Targets(
        pointer(targets.order, 0), pointer(targets.labels, 0), pointer(targets.weight, 0),
        pointer(targets.scale, 0), pointer(targets.losses, 0), pointer(targets.hits, 0),
        pointer(targets.penalty, 0), targets.n_panels, targets.weighted, targets.penalised,
    )  # fmt: skip
    learning = Learning(
        pointer(learning.params, 0), pointer(learning.square, 0), pointer(learning.momentum, 0),
        pointer(learning.rate, 0), pointer(learning.last, 0), pointer(learning.powers, 0),
        learning.alpha, learning.n_powers, learning.has_square, learning.has_momentum, learning.lazy,
    )  # fmt: skip
    return _train(
        rule, _network(net), _batches(batches), targets, learning, first_batch, step, finish,
        pointer(sync, 0), me, n_threads,
    )  # fmt: skip


@kernel
def _train(rule, net, batches, targets, learning, first_batch, step, finish, sync, me, n_threads):
    params = learning.params
    travels = learning.lazy and learning.has_momentum  # untouched weights move on
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
        if targets.penalised:
            measure_weights(net, params, targets, batch, me, n_threads)
        if barrier(sync, n_threads):
            return -1
        scale = targets.scale[batch]
        if scale == 0:
            continue
        step += 1
        rate, l2 = learning.rate[batch], learning.alpha * scale
        for l in range(net.n_layers - 1, -1, -1):
            if l > 0:
                backward_layer(net, l - 1, params, m, me, n_threads)
                if barrier(sync, n_threads):
                    return -1
            # All who read this layer's weights have done so.
            if l == 0 and batches.zero_skipping:
                update_layer_sparse(rule, net, batches, b, learning, m, rate, l2, step, me, n_threads)
            else:
                update_layer_dense(rule, net, l, batches, b, learning, m, rate, l2, me, n_threads)
        if barrier(sync, n_threads):
            return -1
    if finish and learning.lazy:
        settle_rows(net, batches, batches.n_batches, learning, step, me, n_threads)
        if barrier(sync, n_threads):
            return -1
    return step


@entry
def predict_chunk(net, params, batches, outputs, sync, me, n_threads):
    """outputs = softmax or logistic of the logits, for a chunk's batches; returns true if stopped

    outputs (n_samples * n_outputs,), rows by position in the order of use
    """
    return _predict(
        _network(net), pointer(params, 0), _batches(batches), pointer(outputs, 0), pointer(sync, 0), me,
        n_threads,
    )  # fmt: skip


@kernel
def _predict(net, params, batches, outputs, sync, me, n_threads):
    if barrier(sync, n_threads):
        return True
    for b in range(batches.n_batches):
        if forward(net, params, batches, b, sync, me, n_threads):
            return True
        read_outputs(net, batches, b, outputs, me, n_threads)
        if barrier(sync, n_threads):
            return True
    return False
