"""Softmax of as many samples as a vector has lanes, class by class, with the bits of `losses.softmax`.

The operations of one sample wait for each other, and leave lanes empty: ten classes fill 10 of 16 lanes, a logarithm
fills one. Here every operation fills all lanes.
"""

import numpy as np

from ..abi import VECTOR_BYTES
from ..codegen.compiler import inlined, kernel
from ..codegen.vector import equal, lanes_of, less, load, splat, store, where, zeros
from .exp_log import exp, log


@inlined
def column_size(lanes, n_classes):
    """How many numbers x and sums of softmax_columns hold"""
    return (-(-n_classes // lanes) + 1) * lanes * lanes


@inlined
def _sum_in_turn(like, sums, lanes):
    """The sum of `sums`, (lanes, lanes), in the order in which reduce_sum adds the lanes of one vector"""
    count = lanes
    while count > 1:
        count //= 2
        for j in range(count):
            low, high = load(like, sums, j * lanes), load(like, sums, (count + j) * lanes)
            store(sums, j * lanes, low + high)
    return load(like, sums, 0)


@kernel
def softmax_columns(x, sums, n_classes, like):
    """x = exp(x - max x) / sum exp(x - max x); returns max x, log sum exp(x - max x), and the largest x, as vectors

    x [class][lanes]: samples side by side; sums [lanes][lanes]: scratch
    """
    lanes = lanes_of(like)
    top = splat(like, -np.inf)
    for k in range(n_classes):
        z = load(like, x, k * lanes)
        top = where(less(top, z), z, top)
    for j in range(lanes):
        store(sums, j * lanes, like)
    # As in one vector of each sample: class k is added to lane k mod lanes.
    for first in range(0, n_classes, lanes):
        for k in range(first, min(first + lanes, n_classes)):
            e = exp(load(like, x, k * lanes) - top)
            store(x, k * lanes, e)
            store(sums, (k - first) * lanes, load(like, sums, (k - first) * lanes) + e)
    total = _sum_in_turn(like, sums, lanes)
    for k in range(n_classes):
        store(x, k * lanes, load(like, x, k * lanes) / total)
    return top, log(total), splat(like, 1.0) / total


@kernel
def cross_entropy_columns(x, sums, n_classes, label, factor):
    """loss = -log softmax(x)[label];  x = factor (softmax(x) - onehot(label)); returns loss and hit, as vectors

    x [class][lanes]: samples side by side; label, factor: vectors, one number per sample; sums [lanes][lanes]: scratch;
    hit: 1 where the label has the largest probability, of equal ones the first, or 0
    """
    like = zeros(x, VECTOR_BYTES)
    lanes, one = lanes_of(like), splat(like, 1.0)
    logit = like
    for k in range(n_classes):
        logit = where(equal(label, splat(like, k)), load(like, x, k * lanes), logit)
    top, log_sum, most = softmax_columns(x, sums, n_classes, like)
    hit, found = like, like
    for k in range(n_classes):
        p = load(like, x, k * lanes)
        hot = where(equal(label, splat(like, k)), one, like)
        largest = where(equal(p, most), one, like)  # no p exceeds it, and NaN equals nothing
        hit = hit + largest * hot * (one - found)
        found = where(less(found, largest), largest, found)
        delta = where(equal(factor, like), like, (p - hot) * factor)
        store(x, k * lanes, delta)
    return log_sum + (top - logit), hit
