"""Functions of each element."""

from typing import Any

from numpy.typing import ArrayLike, NDArray

from ..engine.team import Team, usable_threads
from ..kernels.abi import ACTIVATIONS, EXP, LOG, LOG1P, ElementsCall
from ..kernels.code_cache import entry
from ..kernels.words import pack_words
from .packing import floats, vectors

FUNCTIONS = ACTIVATIONS | {"exp": EXP, "log": LOG, "log1p": LOG1P}


def identity(x: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
    """x, as a fresh array; see `relu`"""
    return _each("identity", x, n_threads)


def relu(x: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
    """max(x, 0)

    Parameters
    ----------
    x : ndarray of any shape, float32 or float64
    n_threads : int or None
        None or -1: the cores that this process may use.

    Returns
    -------
    ndarray of x's shape and dtype

    Raises
    ------
    TypeError
        If the dtype is another one.
    """
    return _each("relu", x, n_threads)


def tanh(x: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
    """tanh x; see `relu`"""
    return _each("tanh", x, n_threads)


def logistic(x: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
    """1 / (1 + exp(-x)); see `relu`"""
    return _each("logistic", x, n_threads)


def leaky_relu(x: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
    """x, or x / 100 where x is negative; see `relu`"""
    return _each("leaky_relu", x, n_threads)


def elu(x: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
    """x, or e**x - 1 where x is negative; see `relu`"""
    return _each("elu", x, n_threads)


def selu(x: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
    """1.0507 x, or 1.0507 * 1.6733 (e**x - 1) where x is negative; see `relu`"""
    return _each("selu", x, n_threads)


def gelu(x: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
    """x (1 + erf(x / sqrt 2)) / 2; see `relu`"""
    return _each("gelu", x, n_threads)


def silu(x: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
    """x / (1 + exp(-x)); see `relu`"""
    return _each("silu", x, n_threads)


def mish(x: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
    """x tanh(log(1 + exp(x))); see `relu`"""
    return _each("mish", x, n_threads)


def exp(x: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
    """e**x, but 0 where that is subnormal, and finite where it would overflow; see `relu`"""
    return _each("exp", x, n_threads)


def log(x: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
    """ln x, for normal positive x; see `relu`"""
    return _each("log", x, n_threads)


def log1p(x: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
    """ln(1 + x), for x in [0, 1]; see `relu`"""
    return _each("log1p", x, n_threads)


def _each(name, x, n_threads):
    x = floats("x", x)
    packed = vectors(x)
    elements = entry("elements", x.dtype)
    Team(usable_threads(n_threads)).run(
        lambda me, n: elements(
            pack_words(ElementsCall(packed, packed.size, FUNCTIONS[name], me, n))
        )
    )
    return packed[: x.size].reshape(x.shape).copy()
