"""The mini-batch loop: the phases of a training step in reading order.

The threads of the team share every phase, the long ones part by part (`take_parts`); a barrier ends it.
The entries at the end are what Python calls, once per chunk and thread.
"""

from ..abi import (
    PANELS,
    ROW_STRIDE,
    SIZE,
    Batches,
    BatchTargets,
    EvaluateCall,
    LayerCall,
    Masks,
    Network,
    PredictCall,
    TrainCall,
    UpdateState,
)
from ..codegen.compiler import inlined, kernel
from ..codegen.pointer import int64
from ..codegen.struct_view import readers
from .backward import backward
from .forward import forward, forward_layer
from .lazy_rows import catch_up_all, catch_up_batch, lazy_weights_move
from .nonzero_lists import list_by_unit, lists_outputs
from .outputs import output_backward, read_outputs
from .penalty import measure_weights
from .threads import barrier, n_parts, take_parts
from .weight_update import update_layer


@kernel
def train_chunk(rule, net, batches, targets, learning, masks, turn):
    """Train on a chunk's batches; return the number of updates so far in this pass, -1 if the team is to stop

    masks: those of dropout, or None
    """
    sync, me, n_threads = turn.sync, turn.me, turn.n_threads
    step, first_layer_done = turn.step, int64(0) != 0
    if barrier(sync, me, n_threads):
        return -1
    for b in range(batches.n_batches):
        batch = turn.first_batch + b
        if lazy_weights_move(learning) and not first_layer_done:
            catch_up_batch(net, batches, b, learning, step, me, n_threads)
            if barrier(sync, me, n_threads):
                return -1
        if forward(net, learning.params, masks, batches, b, first_layer_done, sync, me, n_threads):
            return -1
        if _compare(net, learning.params, targets, batches, b, batch, sync, me, n_threads):
            return -1
        has_weight = targets.scale[batch] != 0
        first_layer_done = (
            has_weight and b + 1 < batches.n_batches and _can_run_ahead(net, n_threads)
        )
        if has_weight:
            step += 1
            if _update_all(
                rule, net, batches, b, targets, learning, masks, batch, step, first_layer_done, turn
            ):
                return -1
    if turn.finish and learning.lazy:
        catch_up_all(net, batches, learning, step, me, n_threads)
        if barrier(sync, me, n_threads):
            return -1
    if me == 0:
        turn.done[0] = step
    return step


@inlined
def _can_run_ahead(net, n_threads):
    """Whether a thread that has updated a part of the first layer may take the next batch through it at once

    The weights are then in its cache. The part must be of whole panels, and no other layer's weights.
    """
    panels = net.layers[0, PANELS]
    return net.n_layers > 1 and panels % n_parts(panels, n_threads) == 0


@kernel
def _compare(net, params, targets, batches, b, batch, sync, me, n_threads):
    """Losses and the outputs' deltas, and what the updates need of the forward pass; true if the team is to stop"""
    output_backward(net, targets, batches, b, batch, me, n_threads)
    m = batches.table[b, SIZE]
    for l in range(net.n_layers - 1):
        if lists_outputs(net, l, m):
            list_by_unit(net, l, m, me, n_threads)
    if targets.penalised:
        measure_weights(net, params, targets, batch, me, n_threads)
    return barrier(sync, me, n_threads)


@kernel
def _update_all(rule, net, batches, b, targets, learning, masks, batch, step, run_ahead, turn):
    """From the last layer to the first: deltas of the layer below, then the layer's update; true if the team is to stop

    run_ahead: whether the first layer's parts then take the next batch through
    """
    sync, me, n_threads = turn.sync, turn.me, turn.n_threads
    params, m = learning.params, batches.table[b, SIZE]
    rate = learning.rate[batch]
    shrink = learning.alpha * targets.scale[batch], learning.kept[batch]
    for l in range(net.n_layers - 1, -1, -1):
        if l > 0 and backward(net, l - 1, params, masks, m, sync, me, n_threads):
            return True
        # All threads have read this layer's weights by now. But the update of the layer above reads outputs that the
        # next batch is going to overwrite.
        if l == 0 and run_ahead and barrier(sync, me, n_threads):
            return True
        parts = n_parts(net.layers[l, PANELS], n_threads)
        for part in take_parts(sync, l, parts, me, n_threads):
            update_layer(rule, net, l, batches, b, learning, rate, shrink, step, me, part, parts)
            if l == 0 and run_ahead:
                _first_layer_ahead(net, l, batches, b + 1, learning, masks, step, part, parts)
    return barrier(sync, me, n_threads)


@kernel
def _first_layer_ahead(net, l, batches, b, learning, masks, step, part, parts):
    """h_l of batch `b`, l = 0, for one part of the panels, by weights that this thread has just updated"""
    if lazy_weights_move(learning):
        catch_up_batch(net, batches, b, learning, step, part, parts)
    skipping, params = batches.zero_skipping != 0, learning.params
    forward_layer(net, l, params, params, None, masks, batches, b, skipping, part, parts)


@kernel
def predict_chunk(net, batches, reading):
    """The network's outputs, for a chunk's batches, by one thread alone"""
    me, n_threads = int64(0), int64(1)
    for b in range(batches.n_batches):
        forward(net, reading.params, None, batches, b, False, reading.sync, me, n_threads)
        read_outputs(net, batches, b, reading.outputs, reading.kind, reading.both, me, n_threads)
    return 0


@kernel
def evaluate_chunk(net, batches, targets, call):
    """Losses and measures of a chunk's batches, by one thread alone"""
    me, n_threads = int64(0), int64(1)
    for b in range(batches.n_batches):
        forward(net, call.params, None, batches, b, False, call.sync, me, n_threads)
        output_backward(net, targets, batches, b, 0, me, n_threads)
    return 0


def train_entry(real, rule):
    """Entry ``train(words)`` for a compute type and a rule; the words: rule, Network, ..., TrainCall."""
    read_rule, read_network, read_batches, read_targets, read_learning, read_turn = readers(
        real, rule, Network, Batches, BatchTargets, UpdateState, TrainCall
    )

    def train(words):
        return train_chunk(
            read_rule(words), read_network(words), read_batches(words), read_targets(words),
            read_learning(words), None, read_turn(words),
        )  # fmt: skip

    return train


def train_dropout_entry(real, rule):
    """Entry ``train_dropout(words)``: as `train`, with Masks among the words, before TrainCall."""
    read_rule, read_network, read_batches, read_targets, read_learning, read_masks, read_turn = (
        readers(real, rule, Network, Batches, BatchTargets, UpdateState, Masks, TrainCall)
    )

    def train_dropout(words):
        return train_chunk(
            read_rule(words), read_network(words), read_batches(words), read_targets(words),
            read_learning(words), read_masks(words), read_turn(words),
        )  # fmt: skip

    return train_dropout


def layer_entry(real):
    """Entry ``layer(words)`` for a compute type; the words: Network, Batches, LayerCall.

    One layer of one batch by one thread, from weights that lie anywhere; after the last layer the outputs.
    """
    read_network, read_batches, read_layer = readers(real, Network, Batches, LayerCall)

    def layer(words):
        net, batches, this = read_network(words), read_batches(words), read_layer(words)
        stride = net.layers[this.number, ROW_STRIDE]
        skipping = this.number == 0 and batches.zero_skipping != 0
        forward_layer(
            net, this.number, this.weight, this.bias, stride, None, batches, 0, skipping, 0, 1
        )
        if this.number == net.n_layers - 1:
            read_outputs(net, batches, 0, this.outputs, this.kind, this.both, 0, 1)
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
