"""Activation functions and their derivatives, in place on a run of numbers.

A derivative is taken from the *output* h of the activation where it follows from that, so that the input x need not be
kept. For those from GELU on it does not, and x is kept.
"""

from ..abi import (
    ELU,
    GELU,
    IDENTITY,
    LEAKY_RELU,
    LEAKY_SLOPE,
    LOGISTIC,
    MISH,
    RELU,
    SELU,
    SELU_ALPHA,
    SELU_SCALE,
    SILU,
    TANH,
    VECTOR_BYTES,
)
from ..codegen.compiler import inlined, kernel
from ..codegen.vector import (
    at_least,
    fma,
    is_negative_zero,
    lanes_of,
    less,
    load,
    splat,
    store,
    where,
    zeros,
)
from .exp_log import absolute, erfc_scaled, exp, exp_or_inf, expm1

SELU_NEGATIVE = SELU_SCALE * SELU_ALPHA
ROOT_HALF = 0.7071067811865476
# 1 / sqrt(2 pi)
NORMAL_PEAK = 0.3989422804014327
# tanh(log(1 + exp(x))) is 1 from here on, to the last bit of float64.
MISH_LIMIT = 20.0


@inlined
def logistic(x):
    """``1 / (1 + exp(-x))``, but about the smallest normal number where that is less: 0 has no logarithm"""
    one = splat(x, 1.0)
    return one / (one + exp(splat(x, 0.0) - x))


@inlined
def _exponent(kind, x):
    """What logistic, gelu, silu and mish take exp of: -x, -x^2 / 2, -x, min(x, MISH_LIMIT); NaN stays NaN"""
    if kind == GELU:
        return splat(x, -0.5) * x * x
    if kind == MISH:
        limit = splat(x, MISH_LIMIT)
        return where(less(limit, x), limit, x)
    return splat(x, 0.0) - x


@inlined
def _gate(kind, x, e):
    """What logistic is, and what gelu, silu and mish multiply x by; e = exp(_exponent(kind, x))

    The standard normal distribution's share below x; 1 / (1 + exp(-x)); tanh(log(1 + exp(x))) = n / (n + 2) with
    n = exp(x) (exp(x) + 2)
    """
    one, two = splat(x, 1.0), splat(x, 2.0)
    if kind == GELU:
        tail = splat(x, 0.5) * e * erfc_scaled(absolute(x) * splat(x, ROOT_HALF))
        return where(less(x, splat(x, 0.0)), tail, one - tail)
    if kind == MISH:
        n = e * (e + two)
        return n / (n + two)
    return one / (one + e)


@inlined
def _tanh(x):
    two, zero = splat(x, 2.0), splat(x, 0.0)
    t = expm1(absolute(x) * two)
    size = t / (t + two)
    return where(less(x, zero), zero - size, size)


# One exp serves all functions that need one, and one expm1: every further copy is compiled with every entry.
@inlined
def _value(kind, x):
    """f(x), but for relu, identity and tanh."""
    zero = splat(x, 0.0)
    if kind == LEAKY_RELU:
        return where(less(x, zero), splat(x, LEAKY_SLOPE) * x, x)
    if kind == ELU or kind == SELU:
        slope, scale = 1.0, 1.0
        if kind == SELU:
            slope, scale = SELU_SCALE, SELU_NEGATIVE
        t = expm1(where(less(x, zero), x, zero))
        return where(less(x, zero), splat(x, scale) * t, splat(x, slope) * x)
    gate = _gate(kind, x, exp_or_inf(_exponent(kind, x)))
    return gate if kind == LOGISTIC else x * gate


@inlined
def _derivative_from_output(kind, h):
    """f'(x) where it follows from h = f(x), but for relu and identity"""
    zero, one = splat(h, 0.0), splat(h, 1.0)
    if kind == TANH:
        return fma(zero - h, h, one)
    if kind == LOGISTIC:
        return h * (one - h)
    if kind == LEAKY_RELU:
        return where(less(zero, h), one, splat(h, LEAKY_SLOPE))
    slope, floor = 1.0, 1.0
    if kind == SELU:
        slope, floor = SELU_SCALE, SELU_NEGATIVE
    return where(less(zero, h), splat(h, slope), h + splat(h, floor))


@inlined
def _derivative_from_input(kind, x):
    """f'(x) of an activation from GELU on: its gate g(x), and x g'(x)"""
    one = splat(x, 1.0)
    e = exp_or_inf(_exponent(kind, x))
    gate = _gate(kind, x, e)
    if kind == GELU:
        return fma(splat(x, NORMAL_PEAK) * x, e, gate)
    if kind == SILU:
        return fma(x * gate, one - gate, gate)
    return fma(x * (e / (one + e)), fma(splat(x, 0.0) - gate, gate, one), gate)


@kernel
def activate(kind, h, inputs, start, stop):
    """h = f(h); inputs = h, as it was, if the backward pass needs that

    h, inputs (n,), elements start .. stop - 1, a multiple of the vector's lanes; inputs may be empty, or h itself
    """
    like = zeros(h, VECTOR_BYTES)
    lanes = lanes_of(like)
    if kind == RELU:
        for i in range(start, stop, lanes):
            store(h, i, at_least(like, load(like, h, i)))
    elif kind == TANH:  # a loop of its own is a tenth faster
        for i in range(start, stop, lanes):
            store(h, i, _tanh(load(like, h, i)))
    elif kind >= GELU:
        for i in range(start, stop, lanes):
            x = load(like, h, i)
            store(inputs, i, x)
            store(h, i, _value(kind, x))
    elif kind != IDENTITY:
        for i in range(start, stop, lanes):
            store(h, i, _value(kind, load(like, h, i)))


@kernel
def activation_backward(kind, h, inputs, delta, start, stop, keep):
    """delta *= f'(x), where h = f(x); with dropout, which keeps a share `keep` < 1: delta *= f'(x) / keep, or 0

    h, inputs, delta (n,), elements start .. stop - 1, a multiple of the vector's lanes; inputs: see `activate`
    With dropout h is f(x) / keep, or -0.0 where a unit was dropped.
    """
    like = zeros(h, VECTOR_BYTES)
    lanes, kept = lanes_of(like), splat(like, keep)
    scale = splat(like, 1.0) / kept
    if kind == RELU:
        for i in range(start, stop, lanes):
            d = load(like, delta, i) * scale
            store(delta, i, where(less(like, load(like, h, i)), d, like))
        return
    for i in range(start, stop, lanes):
        y, d = load(like, h, i), load(like, delta, i)
        if kind >= GELU:
            d = d * _derivative_from_input(kind, load(like, inputs, i))
        elif kind != IDENTITY:
            d = d * _derivative_from_output(kind, y * kept)
        if keep != 1:
            d = where(is_negative_zero(y), like, d * scale)
        store(delta, i, d)
