"""Optimizers' rules, fused behind the gradient: a run of gradients in, weights and state updated.

A rule's hyper-parameters are a named tuple of the compute dtype; its type chooses the kernel, so that one
variant of the training step is compiled per (dtype, rule). `square` and `momentum` are the optimizer's
state in the layout of the parameters, or empty where the rule does not use it.
"""

from numba.extending import overload

from .elementary import absolute
from .jit import inlined, kernel
from .layout import AdamRule, GradientRule, RMSpropRule, SGDRule
from .vector import fma, lanes_of, less, load, reduce_sum, splat, sqrt, store, where, zeros

# State below this becomes 0: decaying squares otherwise end as subnormals, which are slow.
TINY_STATE = 1e-30


@inlined
def _settled(x, size):
    """0 where `size`, the magnitude of x, is tiny."""
    return where(less(size, splat(x, TINY_STATE)), splat(x, 0.0), x)


@kernel
def rmsprop_momentum_update(rule, g, g_start, w, square, momentum, start, count, rate, l2):
    """v = rho v + (1 - rho) g^2;  s = rate g / sqrt(v + epsilon);  m = momentum m + s;  w -= m

    g (n,) from g_start, w, square, momentum (n,) from start: count numbers; g has l2 w added first.
    Without momentum, s itself is subtracted and `momentum` may be empty.
    """
    like = zeros(w, 64)
    rho, complement = splat(like, rule.rho), splat(like, rule.complement)
    epsilon, step, mu = splat(like, rule.epsilon), splat(like, rate), splat(like, rule.momentum)
    decay = splat(like, l2)
    for i in range(0, count, lanes_of(like)):
        weight = load(like, w, start + i)
        gradient = load(like, g, g_start + i)
        if l2 != 0:
            gradient = fma(decay, weight, gradient)
        v = rho * load(like, square, start + i) + complement * (gradient * gradient)
        v = _settled(v, v)
        store(square, start + i, v)
        s = step * gradient / sqrt(v + epsilon)
        if rule.momentum > 0:
            s = mu * load(like, momentum, start + i) + s
            s = _settled(s, absolute(s))
            store(momentum, start + i, s)
        store(w, start + i, weight - s)


@kernel
def adam_update(rule, g, g_start, w, square, momentum, start, count, rate, l2):
    """m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w -= rate m / (sqrt(v) + epsilon)

    Shapes as in rmsprop_momentum_update. `rate` holds the bias correction sqrt(1 - b2^t) / (1 - b1^t).
    """
    like = zeros(w, 64)
    beta_1, complement_1 = splat(like, rule.beta_1), splat(like, rule.complement_1)
    beta_2, complement_2 = splat(like, rule.beta_2), splat(like, rule.complement_2)
    epsilon, step, decay = splat(like, rule.epsilon), splat(like, rate), splat(like, l2)
    for i in range(0, count, lanes_of(like)):
        weight = load(like, w, start + i)
        gradient = load(like, g, g_start + i)
        if l2 != 0:
            gradient = fma(decay, weight, gradient)
        m = beta_1 * load(like, momentum, start + i) + complement_1 * gradient
        v = beta_2 * load(like, square, start + i) + complement_2 * (gradient * gradient)
        m, v = _settled(m, absolute(m)), _settled(v, v)
        store(momentum, start + i, m)
        store(square, start + i, v)
        store(w, start + i, weight - step * m / (sqrt(v) + epsilon))


@kernel
def sgd_update(rule, g, g_start, w, square, momentum, start, count, rate, l2):
    """u = momentum u - rate g;  w += u, or with Nesterov's form w += momentum u - rate g

    Shapes as in rmsprop_momentum_update; `square` is not used, nor `momentum` where the rule's is 0.
    """
    like = zeros(w, 64)
    mu, step, decay = splat(like, rule.momentum), splat(like, rate), splat(like, l2)
    for i in range(0, count, lanes_of(like)):
        weight = load(like, w, start + i)
        gradient = load(like, g, g_start + i)
        if l2 != 0:
            gradient = fma(decay, weight, gradient)
        s = like - step * gradient
        if rule.momentum > 0:
            u = mu * load(like, momentum, start + i) + s
            u = _settled(u, absolute(u))
            store(momentum, start + i, u)
            s = mu * u + s if rule.nesterov > 0 else u
        store(w, start + i, weight + s)


@kernel
def store_gradient(rule, g, g_start, w, square, momentum, start, count, rate, l2):
    """square += g + l2 w

    Shapes as in rmsprop_momentum_update; the weights stay as they are.
    """
    like = zeros(w, 64)
    decay = splat(like, l2)
    for i in range(0, count, lanes_of(like)):
        gradient = load(like, g, g_start + i)
        if l2 != 0:
            gradient = fma(decay, load(like, w, start + i), gradient)
        store(square, start + i, load(like, square, start + i) + gradient)


_KERNELS = {
    RMSpropRule: rmsprop_momentum_update,
    AdamRule: adam_update,
    SGDRule: sgd_update,
    GradientRule: store_gradient,
}


def update(rule, g, g_start, w, square, momentum, start, count, rate, l2):
    """The kernel of the rule's type; for use in compiled code."""
    raise NotImplementedError("only compiled code can call this")


@overload(update)
def _update(rule, g, g_start, w, square, momentum, start, count, rate, l2):
    kernel = _KERNELS[rule.kind]

    def implementation(rule, g, g_start, w, square, momentum, start, count, rate, l2):
        kernel(rule, g, g_start, w, square, momentum, start, count, rate, l2)

    return implementation


@kernel
def decay_untouched(has_square, has_momentum, w, square, momentum, start, count, powers, n_powers, steps):
    """v = v rho^k;  w = w + m s_k;  m = m mu^k      (k = steps: that many updates by a zero gradient)

    w, square, momentum (n,) from start: count numbers, of the states in use
    powers (3, n_powers): rho^k, mu^k and the factor s_k of the rule's own sum of decaying steps
    """
    like = zeros(w, 64)
    lanes = lanes_of(like)
    if has_square:
        factor = splat(like, powers[steps])
        for i in range(start, start + count, lanes):
            v = load(like, square, i) * factor
            store(square, i, _settled(v, v))
    if has_momentum:
        factor, travelled = splat(like, powers[n_powers + steps]), splat(like, powers[2 * n_powers + steps])
        for i in range(start, start + count, lanes):
            m = load(like, momentum, i)
            store(w, i, fma(travelled, m, load(like, w, i)))
            m = m * factor
            store(momentum, i, _settled(m, absolute(m)))


@kernel
def squared_norm(w, start, count):
    """sum of w^2

    w (n,) from start: count numbers. In runs that are summed in float64, so that float32 stays accurate.
    """
    like = zeros(w, 64)
    total = 0.0
    for first in range(start, start + count, 1024):
        run = like
        for i in range(first, min(first + 1024, start + count), lanes_of(like)):
            x = load(like, w, i)
            run = fma(x, x, run)
        total += reduce_sum(run)
    return total
