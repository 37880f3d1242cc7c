"""Square roots by products are the correctly rounded ones, from whatever estimate a CPU makes them start."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from compiled_entries import entry
from numba import types
from numpy.testing import assert_array_equal

from fastmlp import array_kernels
from fastmlp.kernels.abi import HALF_PANEL_BYTES, REAL
from fastmlp.kernels.codegen import square_root
from fastmlp.kernels.codegen.compiler import compiles_for_avx512
from fastmlp.kernels.codegen.struct_view import readers
from fastmlp.kernels.codegen.vector import _call, _constant, lanes_of, load, store, zeros
from fastmlp.kernels.words import pack_words

REALS = {np.float32: types.float32, np.float64: types.float64}
dtypes = pytest.mark.parametrize("dtype", REALS, ids=["float32", "float64"])
# Of an estimate, of which the CPU's makers promise 2^-14.
ERRORS = (-(2.0**-14), -(2.0**-16), 0.0, 2.0**-16, 2.0**-14)


class Roots(NamedTuple):
    """Numbers to take roots of."""

    x: REAL  # (size,) whole vectors
    out: REAL
    size: int


def compiled_sqrt(dtype):
    """`sqrt` of arrays."""
    (read,) = readers(REALS[dtype], Roots)

    def roots(words):
        r = read(words)
        like = zeros(r.x, HALF_PANEL_BYTES)
        for i in range(0, r.size, lanes_of(like)):
            store(r.out, i, square_root.sqrt(load(like, r.x, i)))
        return 0

    call = entry(roots)

    def sqrt(x):
        padded = np.ones(-(-x.size // 64) * 64, dtype)
        padded[: x.size] = x
        out = np.empty_like(padded)
        call(pack_words(Roots(padded, out, padded.size)))
        return out[: x.size]

    return sqrt


def estimate_with(error):
    """An estimate of 1 / sqrt(x) with this relative error."""

    def estimate(builder, vector, x):
        root = _call(builder, "sqrt", vector, x)
        return builder.fdiv(_constant(builder, vector, 1.0 + error), root)

    return estimate


@pytest.fixture(params=["the CPU's estimate", *ERRORS])
def estimate(request, monkeypatch):
    if request.param in ERRORS:
        if not compiles_for_avx512():
            pytest.skip("roots by products are AVX-512's")
        monkeypatch.setattr(square_root, "_estimate", estimate_with(request.param))


def hard_cases(most):
    """float64 numbers in [2^104, 2^106) whose roots lie closest to the middle between two float64 numbers

    With x = k^2 + k + c the root is k + 1/2 + (c - 1/4) / (2k + 1), near enough, and x is a float64 number if
    it is a multiple of 2^52, or from 2^105 on of 2^53. Modulo 2 k^2 + k + c has both roots if c is even, and each of
    them can be lifted to one modulo any power of 2.
    """
    for c in range(-most, most + 1, 2):
        for k in (0, 1):
            for bit in range(1, 54):
                if (k * k + k + c) % 2**bit:
                    k += 2 ** (bit - 1)
                for whole in (k, k + 2**52) if bit >= 52 else ():
                    x = whole * whole + whole + c
                    if 2**52 <= whole < 2**53 and int(float(x)) == x:
                        yield float(x)


def test_every_root_of_float32(estimate):
    """Of all numbers in [1, 4): a power of 4 changes no digit of a root."""
    sqrt = compiled_sqrt(np.float32)
    x = np.arange(0x3F800000, 0x40800000, dtype=np.uint32).view(np.float32)
    assert_array_equal(sqrt(x), np.sqrt(x))


def test_the_hardest_roots_of_float64(estimate):
    """Before the last rounding a root by products is off by about 2^-51 of its last digit. Roots that lie as close to
    the middle of two numbers are among these."""
    hard = np.unique(list(hard_cases(2000)))
    squares_of_middles = [(2 * math.isqrt(int(x)) + 1) ** 2 for x in hard]
    apart = [abs(4 * int(x) - m) for x, m in zip(hard, squares_of_middles, strict=True)]
    assert len(hard) > 2000
    assert max(apart) < 4 * 2001
    sqrt = compiled_sqrt(np.float64)
    assert_array_equal(sqrt(hard), np.sqrt(hard))


@dtypes
def test_roots_of_any_size(dtype, estimate):
    """From the smallest number that an optimizer's state keeps to infinity."""
    sqrt = compiled_sqrt(dtype)
    rng, info = np.random.default_rng(0), np.finfo(dtype)
    x = np.exp2(rng.uniform(np.log2(square_root.SMALLEST), info.maxexp, 1_000_000)).astype(dtype)
    special = [0.0, square_root.SMALLEST, 1e-30, 1.0, info.max, np.inf, np.nan]
    x = np.concatenate((x, np.array(special, dtype)))
    assert_array_equal(sqrt(x), np.sqrt(x))


@dtypes
def test_tiny_epsilon(dtype):
    """As a state below 1e-30 counts as 0, so an epsilon below it counts as 1e-30."""
    weights = []
    for epsilon in (0.0, 1e-300, 1e-31, 1e-30):
        weight, square = np.zeros(5, dtype), np.zeros(5, dtype)
        gradient = np.array([0, 1e-20, -1e-16, 1e-10, 1], dtype)
        array_kernels.rmsprop_momentum_update(
            weight, gradient, square, learning_rate=0.1, epsilon=epsilon
        )
        weights.append(weight)
    assert np.isfinite(weights).all()
    assert (weights[0] != 0).sum() == 4
    for weight in weights[1:]:
        assert_array_equal(weight, weights[0])
