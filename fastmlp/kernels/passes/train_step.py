"""One mini-batch after the other: the phases of a training step in reading order.

Every phase is shared among the threads of the team, the long ones part by part (sync.next_part); a barrier ends it.
The entries at the end are what Python calls, once per chunk and thread.
"""

from ..abi import (
    FEEDS,
    PANELS,
    RETURNS,
    ROW_STRIDE,
    SIZE,
    Batches,
    BatchTargets,
    EvaluateCall,
    LayerCall,
    Network,
    PredictCall,
    TrainCall,
    UpdateState,
)
from ..codegen.compiler import kernel
from ..codegen.struct_view import readers
from .backward import (
    backward_layer,
    measure_weights,
    settle_rows,
    update_layer_dense,
    update_layer_listed,
    update_layer_sparse,
)  # fmt: skip
from .forward import forward, forward_layer, output_backward, read_outputs
from .nonzero_lists import few_by_unit, list_by_sample, list_by_unit
from .threads import barrier, n_parts, next_part


@kernel
def train_chunk(rule, net, batches, targets, learning, turn):
    """Train on a chunk's batches; returns the number of updates so far in this epoch, -1 if stopped"""
    params, step = learning.params, turn.step
    sync, me, n_threads = turn.sync, turn.me, turn.n_threads
    travels = learning.lazy and learning.has_momentum  # untouched weights move on
    if barrier(sync, me, n_threads):
        return -1
    # Whoever has updated whole panels of the first layer's weights takes the next batch through them at once, while
    # they are in its cache; then that batch begins `ahead`.
    whole = net.layers[0, PANELS] % n_parts(net.layers[0, PANELS], n_threads) == 0
    ahead = False
    for b in range(batches.n_batches):
        batch = turn.first_batch + b
        m = batches.table[b, SIZE]
        if travels and not ahead:
            settle_rows(net, batches, b, learning, step, me, n_threads)
            if barrier(sync, me, n_threads):
                return -1
        if forward(net, params, batches, b, ahead, sync, me, n_threads):
            return -1
        output_backward(net, targets, batches, b, batch, me, n_threads)
        for l in range(net.n_layers - 1):
            if net.layers[l, FEEDS]:
                list_by_unit(net, l, m, me, n_threads)
        if targets.penalised:
            measure_weights(net, params, targets, batch, me, n_threads)
        if barrier(sync, me, n_threads):
            return -1
        scale = targets.scale[batch]
        ahead = whole and net.n_layers > 1 and scale != 0 and b + 1 < batches.n_batches
        if scale == 0:
            continue
        step += 1
        rate, l2 = learning.rate[batch], learning.alpha * scale
        for l in range(net.n_layers - 1, -1, -1):
            if l > 0:
                parts, part = n_parts(net.layers[l - 1, PANELS], n_threads), -1
                while True:
                    # Counted as layer l's: before it, without a barrier, comes the update of layer l + 1.
                    part = next_part(sync, l, parts, part, me, n_threads)
                    if part < 0:
                        break
                    backward_layer(net, l - 1, params, m, me, part, parts)
                if barrier(sync, me, n_threads):
                    return -1
                if net.layers[l - 1, RETURNS]:
                    list_by_sample(net, net.delta, l - 1, m, me, n_threads)
                    if barrier(sync, me, n_threads):
                        return -1
            # All who read this layer's weights have done so. But the outputs that the update of the layer above reads
            # must not be those of the next batch yet.
            if l == 0 and ahead:
                if barrier(sync, me, n_threads):
                    return -1
            listed = l > 0 and net.layers[l - 1, FEEDS] and few_by_unit(net, l - 1, m)
            parts, part = n_parts(net.layers[l, PANELS], n_threads), -1
            while True:
                part = next_part(sync, l, parts, part, me, n_threads)
                if part < 0:
                    break
                if l == 0 and batches.zero_skipping:
                    update_layer_sparse(
                        rule, net, l, batches, b, learning, m, rate, l2, step, me, part, parts
                    )
                elif listed:
                    update_layer_listed(rule, net, l, learning, m, rate, l2, me, part, parts)
                else:
                    update_layer_dense(
                        rule, net, l, batches, b, learning, m, rate, l2, me, part, parts
                    )
                if l == 0 and ahead:
                    if travels:
                        settle_rows(net, batches, b + 1, learning, step, part, parts)
                    skipping = batches.zero_skipping != 0
                    forward_layer(
                        net, l, params, params, None, batches, b + 1, skipping, part, parts
                    )
        if barrier(sync, me, n_threads):
            return -1
    if turn.finish and learning.lazy:
        settle_rows(net, batches, batches.n_batches, learning, step, me, n_threads)
        if barrier(sync, me, n_threads):
            return -1
    if me == 0:
        turn.done[0] = step
    return step


@kernel
def predict_chunk(net, batches, reading):
    """The network's outputs, for a chunk's batches; returns -1 if stopped"""
    sync, me, n_threads = reading.sync, reading.me, reading.n_threads
    if barrier(sync, me, n_threads):
        return -1
    for b in range(batches.n_batches):
        if forward(net, reading.params, batches, b, False, sync, me, n_threads):
            return -1
        read_outputs(net, batches, b, reading.outputs, reading.logits, me, n_threads)
        if barrier(sync, me, n_threads):
            return -1
    return 0


@kernel
def evaluate_chunk(net, batches, targets, call):
    """Losses and measures of a chunk's batches; returns -1 if stopped"""
    sync, me, n_threads = call.sync, call.me, call.n_threads
    if barrier(sync, me, n_threads):
        return -1
    for b in range(batches.n_batches):
        if forward(net, call.params, batches, b, False, sync, me, n_threads):
            return -1
        output_backward(net, targets, batches, b, 0, me, n_threads)
        if barrier(sync, me, n_threads):
            return -1
    return 0


def train_entry(real, rule):
    """Entry ``train(words)`` for a compute type and a rule; the words: rule, Network, ..., TrainCall."""
    read_rule, read_network, read_batches, read_targets, read_learning, read_turn = readers(
        real, rule, Network, Batches, BatchTargets, UpdateState, TrainCall
    )

    def train(words):
        return train_chunk(
            read_rule(words), read_network(words), read_batches(words), read_targets(words),
            read_learning(words), read_turn(words),
        )  # fmt: skip

    return train


def layer_entry(real):
    """Entry ``layer(words)`` for a compute type; the words: Network, Batches, LayerCall.

    One layer of one batch by one thread, from weights that lie anywhere; after the last layer the outputs.
    """
    read_network, read_batches, read_layer = readers(real, Network, Batches, LayerCall)

    def layer(words):
        net, batches, this = read_network(words), read_batches(words), read_layer(words)
        stride = net.layers[this.number, ROW_STRIDE]
        skipping = this.number == 0 and batches.zero_skipping != 0
        forward_layer(net, this.number, this.weight, this.bias, stride, batches, 0, skipping, 0, 1)
        if this.number == net.n_layers - 1:
            read_outputs(net, batches, 0, this.outputs, 0, 0, 1)
        return 0

    return layer


def evaluate_entry(real):
    """Entry ``evaluate(words)`` for a compute type; the words: Network, Batches, BatchTargets, EvaluateCall."""
    read_network, read_batches, read_targets, read_call = readers(
        real, Network, Batches, BatchTargets, EvaluateCall
    )

    def evaluate(words):
        return evaluate_chunk(
            read_network(words), read_batches(words), read_targets(words), read_call(words)
        )

    return evaluate


def predict_entry(real):
    """Entry ``predict(words)`` for a compute type; the words: Network, Batches, PredictCall."""
    read_network, read_batches, read_reading = readers(real, Network, Batches, PredictCall)

    def predict(words):
        return predict_chunk(read_network(words), read_batches(words), read_reading(words))

    return predict
