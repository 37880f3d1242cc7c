"""Losses and their gradients with respect to the logits, one sample at a time.

Logits z and deltas lie in panels, so many `samples` to a panel: see `place`, where `start` is the sample's place
in the first panel.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..abi import VECTOR_BYTES
from ..codegen.compiler import inlined, kernel
from ..codegen.vector import (
    Vector,
    first_lane,
    fma,
    lanes_of,
    less,
    load,
    lowest_bit,
    nonzero_bits,
    reduce_max,
    reduce_sum,
    splat,
    store,
    where,
    zeros,
)  # fmt: skip
from .activations import logistic
from .exp_log import absolute, exp, exp_or_inf, expm1, log, log1p, smallest_normal


@intrinsic
def first_lanes(typing, like, count):
    """Mask of the first `count` lanes."""

    def codegen(context, builder, sig, args):
        lanes = ir.VectorType(ir.IntType(32), like.lanes)
        number = builder.trunc(args[1], ir.IntType(32))
        limit = builder.insert_element(
            ir.Constant(lanes, ir.Undefined), number, ir.Constant(ir.IntType(32), 0)
        )
        limit = builder.shuffle_vector(limit, limit, ir.Constant(lanes, None))
        return builder.icmp_signed("<", ir.Constant(lanes, list(range(like.lanes))), limit)

    return Vector(types.boolean, like.lanes)(like, types.int64), codegen


@inlined
def place(start, samples, lanes, k):
    """Where unit k of a sample lies; `lanes` is a power of two, which saves two divisions."""
    return start + (k & -lanes) * samples + (k & (lanes - 1))


@kernel
def softmax(z, p, start, samples, lanes, n_outputs):
    """p = exp(z - max z) / sum exp(z - max z); returns max z, log sum exp(z - max z), and the largest p

    z, p [panel][sample][lanes]: one sample of n_outputs units; the panel's further lanes of p become 0
    """
    like = zeros(z, VECTOR_BYTES)
    width = lanes_of(like)
    lowest = splat(like, -np.inf)
    largest = lowest
    for k in range(0, n_outputs, width):
        x = where(
            first_lanes(like, n_outputs - k), load(like, z, place(start, samples, lanes, k)), lowest
        )
        largest = where(less(largest, x), x, largest)
    top = reduce_max(largest)
    shift, total = splat(like, top), like
    for k in range(0, n_outputs, width):
        o = place(start, samples, lanes, k)
        e = where(first_lanes(like, n_outputs - k), exp(load(like, z, o) - shift), like)
        store(p, o, e)
        total = total + e
    whole = reduce_sum(total)
    total = splat(like, whole)
    for k in range(0, n_outputs, width):
        o = place(start, samples, lanes, k)
        store(p, o, load(like, p, o) / total)
    return top, first_lane(log(total)), first_lane(splat(like, 1.0)) / whole


@kernel
def below_largest(z, start, samples, lanes, n_outputs, top):
    """sum_k (top - z_k)"""
    like = zeros(z, VECTOR_BYTES)
    largest, total = splat(like, top), like
    for k in range(0, n_outputs, lanes_of(like)):
        below = largest - load(like, z, place(start, samples, lanes, k))
        total = total + where(first_lanes(like, n_outputs - k), below, like)
    return reduce_sum(total)


@kernel
def softmax_cross_entropy_backward(
    z, delta, start, samples, lanes, n_outputs, label, scale, smoothing
):
    """loss = -target . log softmax(z);  delta = scale (softmax(z) - target); returns loss and hit

    target = (1 - smoothing) onehot(label) + smoothing / n_outputs

    z, delta [panel][sample][lanes]: one sample of n_outputs units; hit: the label has the largest probability
    """
    at_label = place(start, samples, lanes, label)
    logit = z[at_label]
    top, log_sum, most = softmax(z, delta, start, samples, lanes, n_outputs)
    like = zeros(z, VECTOR_BYTES)
    width = lanes_of(like)
    is_largest = delta[at_label] >= most
    factor, largest, one = splat(like, scale), splat(like, most), splat(like, 1.0)
    sure, spread = splat(like, 1 - smoothing), splat(like, smoothing / n_outputs)
    first = -1  # of equal probabilities the first counts, as in argmax
    for k in range(0, n_outputs, width):
        o = place(start, samples, lanes, k)
        up_to_label = where(first_lanes(like, label + 1 - k), one, like)
        hot = where(first_lanes(like, label - k), like, up_to_label)
        target = fma(hot, sure, where(first_lanes(like, n_outputs - k), spread, like))
        p = load(like, delta, o)
        store(delta, o, (p - target) * factor)
        if first < 0:
            at_top = nonzero_bits(where(less(p, largest), like, one))
            if at_top != 0:
                first = k + lowest_bit(at_top)
    loss = log_sum + (top - logit)
    if smoothing != 0:
        below = below_largest(z, start, samples, lanes, n_outputs, top)
        loss = log_sum + ((1 - smoothing) * (top - logit) + smoothing / n_outputs * below)
    return loss, is_largest and first == label


@kernel
def logistic_terms(x, y, smoothing):
    """loss = log(1 + exp(x)) - t x;  residual = logistic(x) - t; and 1 where x is on the right side of 1/2, or 0

    t = (1 - smoothing) y + smoothing / 2;  x, y: vectors
    """
    zero, one = splat(x, 0.0), splat(x, 1.0)
    t = fma(y, splat(x, 1 - smoothing), splat(x, smoothing / 2))
    positive = where(less(zero, x), x, zero)
    # The first difference is exact where t is 0 or 1. Where x is large it would otherwise swallow the logarithm.
    loss = (positive - t * x) + log1p(exp(zero - absolute(x)))
    p = logistic(x)
    side = where(less(splat(x, 0.5), p), one, zero)
    return loss, p - t, one - absolute(side - y)


@kernel
def logistic_cross_entropy_backward(
    z, delta, start, samples, lanes, n_outputs, labels, i, scale, smoothing
):
    """loss = sum_k log(1 + exp(z_k)) - t_k z_k;  delta = scale (logistic(z) - t); returns loss and hit

    t: see `logistic_terms`

    z, delta [panel][sample][lanes]: one sample of n_outputs units; labels (n_samples, n_outputs) 0 or 1,
    row i; hit: each output is on the right side of 1/2
    """
    like = zeros(z, VECTOR_BYTES)
    # Delta holds the labels until they are read.
    for k in range(n_outputs):
        delta[place(start, samples, lanes, k)] = labels[i * n_outputs + k]
    loss, n_right = like, like
    for k in range(0, n_outputs, lanes_of(like)):
        o = place(start, samples, lanes, k)
        inside = first_lanes(like, n_outputs - k)
        each, residual, right = logistic_terms(load(like, z, o), load(like, delta, o), smoothing)
        loss = loss + where(inside, each, like)
        n_right = n_right + where(inside, right, like)
        store(delta, o, where(inside, residual * splat(like, scale), like))
    return reduce_sum(loss), reduce_sum(n_right) == n_outputs


@kernel
def logistic_output(x, logarithm):
    """logistic(x), or its logarithm min(x, 0) - log(1 + exp(-|x|)), of a vector"""
    if logarithm:
        zero = splat(x, 0.0)
        return where(less(x, zero), x, zero) - log1p(exp(zero - absolute(x)))
    return logistic(x)


@kernel
def logistic_outputs(z, p, start, samples, lanes, n_outputs, sign, logarithm):
    """p = `logistic_output` of sign z

    z, p [panel][sample][lanes]: one sample of n_outputs units; sign: 1, or -1 for 1 - p without cancellation
    """
    like = zeros(z, VECTOR_BYTES)
    for k in range(0, n_outputs, lanes_of(like)):
        o = place(start, samples, lanes, k)
        x = load(like, z, o)
        store(p, o, logistic_output(like - x if sign < 0 else x, logarithm))


@kernel
def log_softmax(z, p, start, samples, lanes, n_outputs):
    """p = (z - max z) - log sum exp(z - max z)

    Shapes as in softmax.
    """
    top, log_sum, _ = softmax(z, p, start, samples, lanes, n_outputs)
    like = zeros(z, VECTOR_BYTES)
    for k in range(0, n_outputs, lanes_of(like)):
        o = place(start, samples, lanes, k)
        store(p, o, (load(like, z, o) - splat(like, top)) - splat(like, log_sum))


@inlined
def place_values(z, start, samples, lanes, n_outputs, values, i):
    """z = values[i], one sample of n_outputs units; a vector's load could reach beyond the last row of values"""
    for k in range(n_outputs):
        z[place(start, samples, lanes, k)] = values[i * n_outputs + k]


@inlined
def scale_residuals(delta, start, samples, lanes, n_outputs, residuals, row, scale):
    """residuals = delta;  delta = scale delta

    delta [panel][sample][lanes]: one sample of n_outputs units; residuals (n, n_outputs), row `row`
    """
    for k in range(n_outputs):
        o = place(start, samples, lanes, k)
        residual = delta[o]
        residuals[row * n_outputs + k] = residual
        delta[o] = residual * scale


@kernel
def squared_error_backward(
    z, delta, start, samples, lanes, n_outputs, values, i, residuals, row, scale
):
    """loss = sum_k (z_k - y_k)² / (2 n_outputs);  residuals = z - y;  delta = scale (z - y); returns loss

    z, delta [panel][sample][lanes]: one sample of n_outputs units; values (n_samples, n_outputs), row i: y;
    residuals (n, n_outputs), row `row`
    """
    like = zeros(z, VECTOR_BYTES)
    place_values(delta, start, samples, lanes, n_outputs, values, i)
    total = like
    for k in range(0, n_outputs, lanes_of(like)):
        o = place(start, samples, lanes, k)
        residual = load(like, z, o) - load(like, delta, o)
        residual = where(first_lanes(like, n_outputs - k), residual, like)
        total = total + residual * residual
        store(delta, o, residual)
    scale_residuals(delta, start, samples, lanes, n_outputs, residuals, row, scale)
    return reduce_sum(total) / (2 * n_outputs)


@kernel
def poisson_backward(z, delta, start, samples, lanes, n_outputs, values, i, residuals, row, scale):
    """loss = sum_k y_k log y_k - y_k z_k - y_k + exp(z_k);  residuals = exp(z) - y;  delta = scale (exp(z) - y)

    Half of the Poisson deviance, with 0 log 0 = 0; returns loss. The arguments are those of `squared_error_backward`.

    Near its least value the sum cancels: with d = z - log y it is y (exp(d) - 1 - d).
    """
    like = zeros(z, VECTOR_BYTES)
    tiny, one, half = smallest_normal(like), splat(like, 1.0), splat(like, 0.5)
    place_values(delta, start, samples, lanes, n_outputs, values, i)
    total = like
    for k in range(0, n_outputs, lanes_of(like)):
        o = place(start, samples, lanes, k)
        inside = first_lanes(like, n_outputs - k)
        x, y = load(like, z, o), load(like, delta, o)
        mean = exp_or_inf(x)
        log_y = log(where(less(y, tiny), one, y))  # y log y is 0 there to any precision
        d = x - log_y
        curved = expm1(d) - d
        curved = where(less(curved, like), like, curved)
        distance = where(less(y, tiny), one, absolute(d))
        each = where(less(distance, half), y * curved, mean - y * d - y)
        total = total + where(inside, each, like)
        store(delta, o, where(inside, mean - y, like))
    scale_residuals(delta, start, samples, lanes, n_outputs, residuals, row, scale)
    return reduce_sum(total)


@kernel
def exp_outputs(z, p, start, samples, lanes, n_outputs):
    """p = exp(z)

    z, p [panel][sample][lanes]: one sample of n_outputs units
    """
    like = zeros(z, VECTOR_BYTES)
    for k in range(0, n_outputs, lanes_of(like)):
        o = place(start, samples, lanes, k)
        store(p, o, exp_or_inf(load(like, z, o)))
