"""The output layer: what is read of its logits, and the loss and its gradient with respect to them."""

from ..abi import (
    FAN_OUT,
    HIDDEN,
    LANES,
    LOG_OUTPUTS,
    LOGISTIC_CROSS_ENTROPY,
    LOGITS,
    POISSON,
    SIZE,
    SOFTMAX_CROSS_ENTROPY,
    SQUARED_ERROR,
    START,
    VECTOR_BYTES,
)  # fmt: skip
from ..codegen.compiler import kernel
from ..codegen.pointer import int64, prefetch, shifted
from ..codegen.transpose import load_column, store_column, transpose_square
from ..codegen.vector import lanes_of, load, store, zeros
from ..primitives.losses import (
    exp_outputs,
    log_softmax,
    logistic_cross_entropy_backward,
    logistic_output,
    logistic_outputs,
    logistic_terms,
    place,
    poisson_backward,
    softmax,
    softmax_cross_entropy_backward,
    squared_error_backward,
)  # fmt: skip
from ..primitives.softmax_columns import column_size, cross_entropy_columns
from .threads import share


@kernel
def read_outputs(net, batches, b, outputs, kind, both, me, n_threads):
    """outputs[i] = the loss's output activation of logits, its logarithm, or the logits, for this thread's samples i

    outputs (n_samples * columns,), rows by position in the order of use
    kind: OUTPUTS, LOGITS, or LOG_OUTPUTS, which the cross-entropies have
    both: whether there is a column for the other class before that of a single logistic output
    """
    l = net.n_layers - 1
    lanes, n_outputs = net.layers[l, LANES], net.layers[l, FAN_OUT]
    position, columns = batches.table[b, START], n_outputs + both
    first, last = share(batches.table[b, SIZE], me, n_threads)
    unchanged = kind == LOGITS or net.loss == SQUARED_ERROR
    logarithm = kind == LOG_OUTPUTS
    if n_outputs == 1 and net.loss == LOGISTIC_CROSS_ENTROPY and not unchanged:
        first = _read_single_logistic(net, outputs, position, both, logarithm, first, last)
    for i in range(first, last):
        start = net.layers[l, HIDDEN] + i * lanes
        column = (position + i) * columns + both
        if unchanged:
            pass
        elif net.loss == SOFTMAX_CROSS_ENTROPY:
            if logarithm:
                log_softmax(net.hidden, net.delta, start, net.batch_size, lanes, n_outputs)
            else:
                softmax(net.hidden, net.delta, start, net.batch_size, lanes, n_outputs)
        elif net.loss == POISSON:
            exp_outputs(net.hidden, net.delta, start, net.batch_size, lanes, n_outputs)
        else:
            if both:
                logistic_outputs(
                    net.hidden, net.delta, start, net.batch_size, lanes, 1, -1, logarithm
                )
                outputs[column - 1] = net.delta[start]
            logistic_outputs(
                net.hidden, net.delta, start, net.batch_size, lanes, n_outputs, 1, logarithm
            )
        for k in range(n_outputs):
            source = place(start, net.batch_size, lanes, k)
            outputs[column + k] = net.hidden[source] if unchanged else net.delta[source]


@kernel
def _read_single_logistic(net, outputs, position, both, logarithm, first, last):
    """`read_outputs` of a single logistic output, for whole vectors of samples from `first` on; returns their end"""
    like = zeros(net.hidden, VECTOR_BYTES)
    width, l, columns = lanes_of(like), net.n_layers - 1, 1 + both
    lanes, end = net.layers[l, LANES], last - (last - first) % width
    for i in range(first, end, width):
        x = load_column(like, net.hidden, net.layers[l, HIDDEN] + i * lanes, lanes)
        for sign in range(both, -1, -1):  # of both classes the first has the probability of -x
            p = logistic_output(like - x if sign > 0 else x, logarithm)
            store_column(outputs, (position + i) * columns + both - sign, columns, p)
    return end


@kernel
def _single_output_backward(net, targets, position, scale, first, last):
    """loss and delta of a single output, for whole vectors of samples from `first` on; returns where they end

    A cross-entropy or a squared error, see primitives/losses.py. One sample at a time would leave all lanes but one
    of each vector unused.
    """
    z, delta, order, losses = net.hidden, net.delta, targets.order, targets.losses
    like, l = zeros(z, VECTOR_BYTES), net.n_layers - 1
    has_classes = net.loss == LOGISTIC_CROSS_ENTROPY
    width, lanes = lanes_of(like), net.layers[l, LANES]
    end = last - (last - first) % width
    for i in range(first, end, width):
        start = net.layers[l, HIDDEN] + i * lanes
        # Delta holds the targets until they are read.
        for k in range(width):
            sample = order[position + i + k]
            if has_classes:
                delta[start + k * lanes] = targets.labels[sample]
            else:
                delta[start + k * lanes] = targets.values[sample]
        x, y = load_column(like, z, start, lanes), load_column(like, delta, start, lanes)
        residual = x - y
        loss, measure, share_of_loss = residual * residual, residual, 0.5
        if has_classes:
            loss, residual, measure = logistic_terms(x, y, targets.smoothing)
            share_of_loss = 1.0
        store_column(losses, position + i, 1, loss)
        store(targets.measure, position + i, measure)
        store_column(delta, start, lanes, residual)
        for k in range(width):
            p, o, factor = position + i + k, start + k * lanes, scale
            if targets.weighted:
                factor = scale * targets.weight[order[p]]
            delta[o] = delta[o] * factor
            if factor == 0:
                delta[o] = 0
            losses[p] = losses[p] * share_of_loss
    return end


@kernel
def _softmax_backward(net, targets, position, scale, me, first, last):
    """loss and delta of a softmax, for whole vectors of samples from `first` on; returns where they end

    They lie side by side in scratch, class by class. Where that has no room for them, as in `evaluate`, it returns
    `first`, and the caller takes the samples one by one.
    """
    z, delta, order = net.hidden, net.delta, targets.order
    like, l = zeros(z, VECTOR_BYTES), net.n_layers - 1
    width, lanes, n_outputs = lanes_of(like), net.layers[l, LANES], net.layers[l, FAN_OUT]
    # Scratch holds x and sums of cross_entropy_columns, then labels, then factors.
    x = shifted(net.scratch, me * net.scratch_size)
    size = column_size(width, n_outputs)
    if size + 2 * width > net.scratch_size - net.full_lanes:
        return first
    sums, labels, factors = shifted(x, size - width * width), size, size + width
    end = last - (last - first) % width
    for i in range(first, end, width):
        start = net.layers[l, HIDDEN] + i * lanes
        for k in range(width):
            sample = order[position + i + k]
            x[labels + k] = targets.labels[sample]
            x[factors + k] = scale * targets.weight[sample] if targets.weighted else scale
        for k in range(0, n_outputs, width):
            source = place(start, net.batch_size, lanes, k)
            transpose_square(like, z, source, lanes, x, k * width, width)
        for k in range(n_outputs, -(-n_outputs // width) * width):
            store(x, k * width, like)
        loss, hit = cross_entropy_columns(
            x, sums, n_outputs, load(like, x, labels), load(like, x, factors)
        )
        for k in range(0, n_outputs, width):
            to = place(start, net.batch_size, lanes, k)
            transpose_square(like, x, k * width, width, delta, to, lanes)
        store_column(targets.losses, position + i, 1, loss)
        store(targets.measure, position + i, hit)
    return end


@kernel
def output_backward(net, targets, batches, b, batch, me, n_threads):
    """loss and delta of the output layer, for this thread's samples; `batch` counts from the pass's start"""
    l = net.n_layers - 1
    lanes, n_outputs = net.layers[l, LANES], net.layers[l, FAN_OUT]
    position, scale = batches.table[b, START], targets.scale[batch]
    first, last = share(batches.table[b, SIZE], me, n_threads)
    columns = 1 if net.loss == SOFTMAX_CROSS_ENTROPY else n_outputs
    for i in range(first, last):  # targets in random order lie far apart: all at once
        sample = targets.order[position + i]
        if net.loss >= SQUARED_ERROR:
            prefetch(targets.values, sample * columns)
        else:
            prefetch(targets.labels, sample * columns)
        if targets.weighted:
            prefetch(targets.weight, sample)
    if n_outputs == 1 and (net.loss == LOGISTIC_CROSS_ENTROPY or net.loss == SQUARED_ERROR):
        first = _single_output_backward(net, targets, position, scale, first, last)
    elif net.loss == SOFTMAX_CROSS_ENTROPY and targets.smoothing == 0:
        first = _softmax_backward(net, targets, position, scale, me, first, last)
    for i in range(first, last):
        sample = targets.order[position + i]
        factor = scale * targets.weight[sample] if targets.weighted else scale
        start = net.layers[l, HIDDEN] + i * lanes
        if net.loss == SOFTMAX_CROSS_ENTROPY:
            loss, hit = softmax_cross_entropy_backward(
                net.hidden, net.delta, start, net.batch_size, lanes, n_outputs,
                int64(targets.labels[sample]), factor, targets.smoothing,
            )  # fmt: skip
            targets.measure[position + i] = hit
        elif net.loss == LOGISTIC_CROSS_ENTROPY:
            loss, hit = logistic_cross_entropy_backward(
                net.hidden, net.delta, start, net.batch_size, lanes, n_outputs,
                targets.labels, sample, factor, targets.smoothing,
            )  # fmt: skip
            targets.measure[position + i] = hit
        elif net.loss == SQUARED_ERROR:
            loss = squared_error_backward(
                net.hidden, net.delta, start, net.batch_size, lanes, n_outputs,
                targets.values, sample, targets.measure, position + i, factor,
            )  # fmt: skip
        else:
            loss = poisson_backward(
                net.hidden, net.delta, start, net.batch_size, lanes, n_outputs,
                targets.values, sample, targets.measure, position + i, factor,
            )  # fmt: skip
        targets.losses[position + i] = loss
        if factor == 0:
            # A sample without weight leaves no trace, even if its own loss is not finite.
            for k in range(n_outputs):
                net.delta[place(start, net.batch_size, lanes, k)] = 0
