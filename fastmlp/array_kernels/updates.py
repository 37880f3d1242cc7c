"""Optimizers' rules, one step at a time."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..engine.team import Team, usable_threads
from ..kernels.abi import AdamRule, RMSpropRule, SGDRule, UpdateCall
from ..kernels.code_cache import entry
from ..kernels.words import pack_words
from .packing import floats, number, vectors

Array: TypeAlias = NDArray[Any]  # written to in place


def rmsprop_momentum_update(
    weight: Array, gradient: ArrayLike, square: Array, velocity: Array | None = None, *, learning_rate: float,
    rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-7, n_threads: int | None = None,
) -> None:  # fmt: skip
    """v = rho v + (1 - rho) g²;  m = mu m + lr g / sqrt(v + eps);  w -= m

    Parameters
    ----------
    weight, square : ndarray of one shape and dtype, float32 or float64
        w and v, which change in place.
    gradient : ndarray of that shape and dtype
    velocity : ndarray of that shape and dtype, or None
        m, which changes in place; not used without momentum, and may then be None.
    learning_rate, rho, momentum, epsilon : float
        An epsilon below 1e-30 counts as 1e-30.
    n_threads : int or None
        None or -1: the cores that this process may use.

    Raises
    ------
    TypeError
        If a dtype is another one, or what has to be a number is none.
    ValueError
        If a shape is another one, an array that changes is read-only, or momentum or epsilon is negative.
    """
    rho, momentum = number("rho", rho), number("momentum", momentum, least=0)
    rule = RMSpropRule(rho, 1 - rho, momentum, number("epsilon", epsilon, least=0))
    state = {"square": square} | ({"velocity": velocity} if momentum > 0 else {})
    _update(rule, learning_rate, n_threads, weight, gradient, state)


def adam_update(
    weight: Array, gradient: ArrayLike, mean: Array, square: Array, t: int, *, learning_rate: float,
    beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7, n_threads: int | None = None,
) -> None:  # fmt: skip
    """m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g²;  w -= lr_t m / (sqrt(v) + eps)

    lr_t is ``lr sqrt(1 - b2**t) / (1 - b1**t)`` in the t-th update, t from 1. Shapes, dtypes and
    errors are those of `rmsprop_momentum_update`; weight, mean (m) and square (v) change in place.
    """
    t, beta_1, beta_2 = number("t", t, least=1), number("beta_1", beta_1), number("beta_2", beta_2)
    rule = AdamRule(beta_1, 1 - beta_1, beta_2, 1 - beta_2, number("epsilon", epsilon, least=0))
    rate = number("learning_rate", learning_rate) * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    _update(rule, rate, n_threads, weight, gradient, {"square": square, "velocity": mean})


def sgd_update(
    weight: Array, gradient: ArrayLike, velocity: Array | None = None, *, learning_rate: float,
    momentum: float = 0.0, nesterov: bool = False, n_threads: int | None = None,
) -> None:  # fmt: skip
    """u = mu u - lr g;  w += u, or with Nesterov's momentum w += mu u - lr g

    Shapes, dtypes and errors are those of `rmsprop_momentum_update`; weight and velocity (u) change
    in place, but velocity is not used without momentum, and may then be None.
    """
    momentum = number("momentum", momentum, least=0)
    state = {"velocity": velocity} if momentum > 0 else {}
    _update(SGDRule(momentum, nesterov), learning_rate, n_threads, weight, gradient, state)


def _update(rule, rate, n_threads, weight, gradient, state):
    rate = number("learning_rate", rate)
    changing = {"weight": weight} | state
    for name, array in changing.items():
        if not isinstance(array, np.ndarray):  # a copy would change in its place
            raise TypeError(f"{name} must be an ndarray, got {type(array).__name__}")
        if not array.flags.writeable:
            raise ValueError(f"{name} must be writeable")
    dtype = floats("weight", weight).dtype
    packed = {}
    for name, array in (changing | {"gradient": gradient}).items():
        array = floats(name, array, dtype=dtype)
        if array.shape != weight.shape:
            raise ValueError(f"{name} must have the shape {weight.shape}, got {array.shape}")
        packed[name] = vectors(array)
    none = np.empty(0, dtype)
    g, w = packed["gradient"], packed["weight"]
    states = [packed.get(name, none) for name in ("square", "velocity")]
    words = pack_words(rule)
    update = entry("update", dtype, type(rule))

    def work(me, n_threads):
        step = UpdateCall(g, w, *states, rate, g.size, me, n_threads)
        update(np.concatenate((words, pack_words(step))))

    Team(usable_threads(n_threads)).run(work)
    for name, array in changing.items():
        array[...] = packed[name][: array.size].reshape(array.shape)
