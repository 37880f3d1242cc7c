"""Activation functions and their derivatives, in place on a run of numbers.

Derivatives are taken from the *output* h of the activation, so that the input need not be kept.
"""

from ..abi import LOGISTIC, RELU, TANH, VECTOR_BYTES
from ..codegen.compiler import inlined, kernel
from ..codegen.vector import at_least, fma, lanes_of, less, load, splat, store, where, zeros
from .exp_log import exp, tanh


@inlined
def logistic(x):
    """``1 / (1 + exp(-x))``."""
    one = splat(x, 1.0)
    return one / (one + exp(splat(x, 0.0) - x))


@kernel
def activate(kind, h, start, stop):
    """h = f(h)

    h (n,), elements start .. stop - 1, a multiple of the vector's lanes
    """
    like = zeros(h, VECTOR_BYTES)
    lanes = lanes_of(like)
    if kind == RELU:
        for i in range(start, stop, lanes):
            store(h, i, at_least(like, load(like, h, i)))
    elif kind == TANH:
        for i in range(start, stop, lanes):
            store(h, i, tanh(load(like, h, i)))
    elif kind == LOGISTIC:
        for i in range(start, stop, lanes):
            store(h, i, logistic(load(like, h, i)))


@kernel
def activation_backward(kind, h, delta, start, stop):
    """delta *= f'(h)

    h, delta (n,), elements start .. stop - 1, a multiple of the vector's lanes
    """
    like = zeros(h, VECTOR_BYTES)
    one = splat(like, 1.0)
    lanes = lanes_of(like)
    if kind == RELU:
        for i in range(start, stop, lanes):
            store(delta, i, where(less(like, load(like, h, i)), load(like, delta, i), like))
    elif kind == TANH:
        for i in range(start, stop, lanes):
            x = load(like, h, i)
            store(delta, i, load(like, delta, i) * fma(like - x, x, one))
    elif kind == LOGISTIC:
        for i in range(start, stop, lanes):
            x = load(like, h, i)
            store(delta, i, load(like, delta, i) * (x * (one - x)))
