"""Optimizers' rules, fused behind the gradient: a vector of gradients in, weights and state updated.

A rule's hyper-parameters are a named tuple of the compute dtype; its type chooses the kernel, so that one
variant of the training step is compiled per (dtype, rule). `square` and `momentum` are the optimizer's
state in the layout of the parameters, or empty where the rule does not use it.

`shrink` says how a weight is drawn to zero: by which factor it is added to its own gradient (the L2 term), and which
share of it the update keeps before the step (decoupled weight decay: 1 - rate * decay). `unshrunk`: not at all.
"""

from numba.extending import overload

from ..abi import PANEL_BYTES, VECTOR_BYTES, AdamRule, GradientRule, RMSpropRule, SGDRule
from ..codegen.compiler import compiles_for_avx512, inlined, kernel
from ..codegen.square_root import sqrt
from ..codegen.vector import (
    first_lane,
    fma,
    halves,
    lanes_of,
    less,
    load,
    reduce_sum,
    splat,
    store,
    where,
    zeros,
)
from .exp_log import absolute

# Bytes of a run that are updated at a time: with AVX-512 four registers of 64 bytes, whose roots and divisions overlap.
RUN_BYTES = PANEL_BYTES if compiles_for_avx512() else VECTOR_BYTES
# State below this becomes 0: decaying squares otherwise end as subnormals, which are slow. It is above the smallest
# number that `sqrt` is exact for, and so is an epsilon under a root: a smaller one counts as this.
TINY_STATE = 1e-30


@inlined
def _without_tiny(x, size):
    """0 where `size`, the magnitude of x, is tiny."""
    return where(less(size, splat(x, TINY_STATE)), splat(x, 0.0), x)


@inlined
def _times(scalar, x):
    return splat(x, scalar) * x


@inlined
def unshrunk(like):
    """`shrink` for numbers that are not drawn to zero, as biases."""
    return first_lane(splat(like, 0.0)), first_lane(splat(like, 1.0))


@inlined
def _shrunk(g, weight, shrink):
    """The gradient with its L2 term, and what is kept of the weight."""
    l2, kept = shrink
    if l2 != 0:
        g = fma(l2, weight, g)
    return g, _times(kept, weight)


@inlined
def rmsprop_momentum_update(rule, g, w, square, momentum, start, rate, shrink):
    """v = rho v + (1 - rho) g^2;  s = rate g / sqrt(v + max(epsilon, TINY_STATE));  m = momentum m + s;  w -= m

    g: a vector; w, square, momentum (n,): as many numbers from start.
    Without momentum, s itself is subtracted and `momentum` may be empty.
    """
    weight = load(g, w, start)
    g, weight = _shrunk(g, weight, shrink)
    v = _times(rule.rho, load(g, square, start)) + _times(rule.complement, g * g)
    v = _without_tiny(v, v)
    store(square, start, v)
    s = _times(rate, g) / sqrt(v + splat(g, max(rule.epsilon, TINY_STATE)))
    if rule.momentum > 0:
        s = _times(rule.momentum, load(g, momentum, start)) + s
        s = _without_tiny(s, absolute(s))
        store(momentum, start, s)
    store(w, start, weight - s)


@inlined
def adam_update(rule, g, w, square, momentum, start, rate, shrink):
    """m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w -= rate m / (sqrt(v) + epsilon)

    Shapes as in rmsprop_momentum_update. `rate` holds the bias correction sqrt(1 - b2^t) / (1 - b1^t).
    """
    weight = load(g, w, start)
    g, weight = _shrunk(g, weight, shrink)
    m = _times(rule.beta_1, load(g, momentum, start)) + _times(rule.complement_1, g)
    v = _times(rule.beta_2, load(g, square, start)) + _times(rule.complement_2, g * g)
    m, v = _without_tiny(m, absolute(m)), _without_tiny(v, v)
    store(momentum, start, m)
    store(square, start, v)
    store(w, start, weight - _times(rate, m) / (sqrt(v) + splat(g, rule.epsilon)))


@inlined
def sgd_update(rule, g, w, square, momentum, start, rate, shrink):
    """u = momentum u - rate g;  w += u, or with Nesterov's form w += momentum u - rate g

    Shapes as in rmsprop_momentum_update; `square` is not used, nor `momentum` where the rule's is 0.
    """
    weight = load(g, w, start)
    g, weight = _shrunk(g, weight, shrink)
    s = splat(g, 0.0) - _times(rate, g)
    if rule.momentum > 0:
        u = _times(rule.momentum, load(g, momentum, start)) + s
        u = _without_tiny(u, absolute(u))
        store(momentum, start, u)
        s = _times(rule.momentum, u) + s if rule.nesterov > 0 else u
    store(w, start, weight + s)


@inlined
def store_gradient(rule, g, w, square, momentum, start, rate, shrink):
    """square += g, the L2 term's included

    Shapes as in rmsprop_momentum_update; the weights stay as they are.
    """
    g, _ = _shrunk(g, load(g, w, start), shrink)
    store(square, start, load(g, square, start) + g)


_KERNELS = {
    RMSpropRule: rmsprop_momentum_update,
    AdamRule: adam_update,
    SGDRule: sgd_update,
    GradientRule: store_gradient,
}
RULES = tuple(_KERNELS)


def update(rule, g, w, square, momentum, start, rate, shrink):
    """The kernel of the rule's type; for use in compiled code."""
    raise NotImplementedError("only compiled code can call this")


@overload(update)
def _update(rule, g, w, square, momentum, start, rate, shrink):
    kernel = _KERNELS[rule.kind]

    def implementation(rule, g, w, square, momentum, start, rate, shrink):
        kernel(rule, g, w, square, momentum, start, rate, shrink)

    return implementation


@inlined
def update_row(rule, g, w, square, momentum, start, rate, shrink):
    """`update` by a vector g of a whole panel row, in two halves: the registers suffice for one half at a time"""
    low, high = halves(g)
    update(rule, low, w, square, momentum, start, rate, shrink)
    update(rule, high, w, square, momentum, start + lanes_of(low), rate, shrink)


@kernel
def update_run(rule, g, w, square, momentum, start, count, rate, shrink):
    """`update` by a run of gradients: g (count,); w, square, momentum (n,) from start"""
    wide, narrow = zeros(w, RUN_BYTES), zeros(w, VECTOR_BYTES)
    rest = count % lanes_of(wide)
    for i in range(0, count - rest, lanes_of(wide)):
        update(rule, load(wide, g, i), w, square, momentum, start + i, rate, shrink)
    for i in range(count - rest, count, lanes_of(narrow)):
        update(rule, load(narrow, g, i), w, square, momentum, start + i, rate, shrink)


@kernel
def decay_untouched(
    has_square, has_momentum, w, square, momentum, start, count, powers, n_powers, steps, kept
):
    """v = v rho^k;  w = w + m s_k;  m = m mu^k      (k = steps: that many updates by a zero gradient)

    Without momentum w = kept w, `kept` being the product of the shares that weight decay keeps in these updates.

    w, square, momentum (n,) from start: count numbers, of the states in use
    powers (3, n_powers): rho^k, mu^k and the factor s_k of the rule's own sum of decaying steps
    """
    like = zeros(w, VECTOR_BYTES)
    lanes = lanes_of(like)
    if has_square:
        factor = splat(like, powers[steps])
        for i in range(start, start + count, lanes):
            v = load(like, square, i) * factor
            store(square, i, _without_tiny(v, v))
    if has_momentum:
        factor, travelled = (
            splat(like, powers[n_powers + steps]),
            splat(like, powers[2 * n_powers + steps]),
        )
        for i in range(start, start + count, lanes):
            m = load(like, momentum, i)
            store(w, i, fma(travelled, m, load(like, w, i)))
            m = m * factor
            store(momentum, i, _without_tiny(m, absolute(m)))
    elif kept != 1:
        share = splat(like, kept)
        for i in range(start, start + count, lanes):
            store(w, i, share * load(like, w, i))


@kernel
def squared_norm(w, start, count):
    """sum of w^2

    w (n,) from start: count numbers. In runs that are summed in float64, so that float32 stays accurate.
    """
    like = zeros(w, VECTOR_BYTES)
    total = 0.0
    for first in range(start, start + count, 1024):
        run = like
        for i in range(first, min(first + 1024, start + count), lanes_of(like)):
            x = load(like, w, i)
            run = fma(x, x, run)
        total += reduce_sum(run)
    return total
