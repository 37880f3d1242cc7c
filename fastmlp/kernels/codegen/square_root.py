"""The square root of a vector: on AVX-512 by products, which give the same number sooner.

There the CPU's own root keeps the divider busy, on Intel's Sapphire Rapids for 12 cycles (float32) or 24 (float64), and
the division that follows it in the optimizers' rules has to wait. Goldschmidt's iteration needs a dozen products, which
run beside divisions: it refines the CPU's estimate of 1 / sqrt(x). Its last step is Markstein's ("Computation of
elementary functions on the IBM RISC System/6000 processor", 1990): the remainder x - root^2 is exact, and what it adds
to the root rounds correctly.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .compiler import compiles_for_avx512
from .vector import _call, _constant

# Of a smaller number the remainder's last bit lies below 2^-149, the least float32. It is then not exact.
SMALLEST = 2.0**-102
_REGISTER_BITS = 512
# Each round doubles the 14 binary digits of the estimate.
_ROUNDS = {types.float32: 1, types.float64: 2}
_SUFFIX = {types.float32: "ps", types.float64: "pd"}


def _estimate(builder, vector, x):
    """1 / sqrt(x), off by up to 2^-14 of it; register by register."""
    lanes = _REGISTER_BITS // vector.element.bitwidth
    register, mask = ir.VectorType(x.type.element, lanes), ir.IntType(lanes)
    function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(register, (register, register, mask)),
        f"llvm.x86.avx512.rsqrt14.{_SUFFIX[vector.element]}.512",
    )
    pieces = [
        builder.call(function, (piece, ir.Constant(register, None), ir.Constant(mask, -1)))
        for piece in (
            _lanes(builder, x, x, first, lanes) for first in range(0, vector.lanes, lanes)
        )
    ]
    while len(pieces) > 1:
        lanes *= 2
        pieces = [
            _lanes(builder, *pair, 0, lanes) for pair in zip(pieces[::2], pieces[1::2], strict=True)
        ]
    return pieces[0]


def _lanes(builder, low, high, first, count):
    """`count` lanes from `first` on of two vectors side by side."""
    places = ir.VectorType(ir.IntType(32), count)
    return builder.shuffle_vector(low, high, ir.Constant(places, list(range(first, first + count))))


def _by_products(builder, vector, x):
    def fma(a, b, total):
        return _call(builder, "fma", vector, a, b, total)

    half = _constant(builder, vector, 0.5)
    reciprocal = _estimate(builder, vector, x)
    root, half_reciprocal = builder.fmul(x, reciprocal), builder.fmul(reciprocal, half)
    for _ in range(_ROUNDS[vector.element]):
        error = fma(builder.fneg(root), half_reciprocal, half)
        root = fma(root, error, root)
        half_reciprocal = fma(half_reciprocal, error, half_reciprocal)
    remainder = fma(builder.fneg(root), root, x)
    root = fma(remainder, half_reciprocal, root)
    # Of 0 and of infinity, each its own root, the products make NaN.
    return builder.select(builder.fcmp_unordered("uno", root, root), x, root)


@intrinsic
def sqrt(typing, x):
    """Square root, correctly rounded, of lanes that are NaN, 0, or from `SMALLEST` to infinity.

    Of other numbers, which the optimizers' rules do not make, each CPU gives a result of its own.
    """

    def codegen(context, builder, sig, args):
        registers, rest = divmod(x.lanes * x.element.bitwidth, _REGISTER_BITS)
        if compiles_for_avx512() and registers and not rest:
            return _by_products(builder, x, args[0])
        return _call(builder, "sqrt", x, args[0])

    return x(x), codegen
