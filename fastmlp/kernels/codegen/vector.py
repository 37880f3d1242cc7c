"""A portable SIMD value for Numba: a fixed number of lanes that LLVM maps to the CPU's own registers.

A vector is as wide as the caller says (``zeros(pointer, nbytes)``), and every other operation takes its width
from a vector at hand. LLVM splits it into as many AVX2, AVX-512 or NEON registers as it needs, so that one
source serves every CPU and both dtypes. Nothing is reassociated or contracted: ``fma`` is one rounding, ``*`` and
``+`` are two, and each lane's result is the same wherever the code is inlined.
"""

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from .pointer import FirstTemplate, address, load_value

_FLOATS = {types.float32: (ir.FloatType(), "f32"), types.float64: (ir.DoubleType(), "f64")}


class Vector(types.Type):
    """Numba's type of `lanes` numbers of type `element` (``types.boolean`` for a mask)."""

    def __init__(self, element, lanes):
        self.element = element
        self.lanes = lanes
        super().__init__(name=f"Vector({element}, {lanes})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _llvm(fe_type))


def _llvm(vector):
    element = ir.IntType(1) if vector.element == types.boolean else _FLOATS[vector.element][0]
    return ir.VectorType(element, vector.lanes)


def _constant(builder, vector, value):
    # Written out lane by lane a constant is long text, which LLVM has to read.
    if value == 0:
        return ir.Constant(_llvm(vector), None)
    return _splat(builder, vector, ir.Constant(_llvm(vector).element, value))


def _splat(builder, vector, scalar):
    undefined = ir.Constant(_llvm(vector), ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), vector.lanes), None)
    return builder.shuffle_vector(first, undefined, mask)


def _call(builder, name, vector, *arguments, result=None):
    suffix = _FLOATS[vector.element][1]
    kind = ir.FunctionType(result or _llvm(vector), [a.type for a in arguments])
    name = f"llvm.{name}.v{vector.lanes}{suffix}"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


# --- making, loading, storing ---------------------------------------------------------------


@intrinsic(prefer_literal=True)
def zeros(typing, pointer, nbytes):
    """A vector of `nbytes` (a literal) zeros of the pointer's element type."""
    if not isinstance(nbytes, types.IntegerLiteral):
        return None
    vector = Vector(pointer.element, nbytes.literal_value * 8 // pointer.element.bitwidth)

    def codegen(context, builder, sig, args):
        return _constant(builder, vector, 0.0)

    return vector(pointer, nbytes), codegen


@intrinsic
def lanes_of(typing, vector):
    """The number of lanes, a constant."""

    def codegen(context, builder, sig, args):
        return ir.Constant(ir.IntType(64), vector.lanes)

    return types.int64(vector), codegen


@intrinsic
def load(typing, like, pointer, index):
    """The vector that starts at element `index`, as wide as `like`."""

    def codegen(context, builder, sig, args):
        place = address(context, builder, pointer, args[1], args[2], like.lanes)
        value = load_value(builder, builder.bitcast(place, _llvm(like).as_pointer()), _llvm(like))
        value.align = like.element.bitwidth // 8
        return value

    return like(like, pointer, types.intp), codegen


@intrinsic
def store(typing, pointer, index, value):
    """Write the vector `value` from element `index` on."""

    def codegen(context, builder, sig, args):
        place = address(context, builder, pointer, args[0], args[1], value.lanes)
        place = builder.bitcast(place, _llvm(value).as_pointer())
        builder.store(args[2], place).align = value.element.bitwidth // 8
        return context.get_dummy_value()

    return types.void(pointer, types.intp, value), codegen


@intrinsic
def splat(typing, like, scalar):
    """A vector as wide as `like` with `scalar` in each lane."""

    def codegen(context, builder, sig, args):
        return _splat(builder, like, args[1])

    return like(like, like.element), codegen


def _halves(builder, value, lanes):
    mask = ir.VectorType(ir.IntType(32), lanes)
    undefined = ir.Constant(value.type, ir.Undefined)
    return [
        builder.shuffle_vector(
            value, undefined, ir.Constant(mask, list(range(first, first + lanes)))
        )
        for first in (0, lanes)
    ]


@intrinsic
def halves(typing, x):
    """The first half of the lanes and the second, as two vectors."""
    half = Vector(x.element, x.lanes // 2)

    def codegen(context, builder, sig, args):
        return context.make_tuple(builder, sig.return_type, _halves(builder, args[0], half.lanes))

    return types.UniTuple(half, 2)(x), codegen


# --- arithmetic -----------------------------------------------------------------------------


@intrinsic
def fma(typing, x, y, total):
    """``x * y + total`` with one rounding; `x` may be a scalar."""

    def codegen(context, builder, sig, args):
        left = args[0] if isinstance(x, Vector) else _splat(builder, total, args[0])
        return _call(builder, "fma", total, left, args[1], args[2])

    return total(x if isinstance(x, Vector) else total.element, y, total), codegen


@intrinsic
def rint(typing, x):
    """Nearest integer, ties to even."""

    def codegen(context, builder, sig, args):
        return _call(builder, "rint", x, args[0])

    return x(x), codegen


@intrinsic
def less(typing, x, y):
    """Mask of ``x < y`` (false for NaN)."""

    def codegen(context, builder, sig, args):
        return builder.fcmp_ordered("<", args[0], args[1])

    return Vector(types.boolean, x.lanes)(x, y), codegen


@intrinsic
def equal(typing, x, y):
    """Mask of ``x == y`` (false for NaN)."""

    def codegen(context, builder, sig, args):
        return builder.fcmp_ordered("==", args[0], args[1])

    return Vector(types.boolean, x.lanes)(x, y), codegen


@intrinsic
def is_negative_zero(typing, x):
    """Mask of -0.0."""

    def codegen(context, builder, sig, args):
        word = ir.IntType(x.element.bitwidth)
        lanes = ir.VectorType(word, x.lanes)
        sign = ir.Constant(lanes, [1 << (word.width - 1)] * x.lanes)
        return builder.icmp_unsigned("==", builder.bitcast(args[0], lanes), sign)

    return Vector(types.boolean, x.lanes)(x), codegen


@intrinsic
def nonzero_bits(typing, x):
    """A word with bit k set where lane k is not zero (NaN is not), of at most 64 lanes."""

    def codegen(context, builder, sig, args):
        mask = builder.fcmp_unordered("!=", args[0], _constant(builder, x, 0.0))
        bits = builder.bitcast(mask, ir.IntType(x.lanes))
        word = ir.IntType(64)
        return bits if x.lanes == 64 else builder.zext(bits, word)

    return types.int64(x), codegen


@intrinsic
def lowest_bit(typing, bits):
    """Number of the lowest bit set in a word that is not zero."""

    def codegen(context, builder, sig, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), codegen


@intrinsic
def count_bits(typing, bits):
    """How many bits are set in a word."""

    def codegen(context, builder, sig, args):
        return builder.ctpop(args[0])

    return types.int64(types.int64), codegen


@intrinsic
def where(typing, mask, x, y):
    """`x` where the mask is set, `y` elsewhere."""

    def codegen(context, builder, sig, args):
        return builder.select(args[0], args[1], args[2])

    return x(mask, x, y), codegen


@intrinsic
def at_least(typing, lowest, x):
    """`x`, but `lowest` where x is below it; NaN stays NaN."""

    def codegen(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered("<", args[1], args[0]), args[0], args[1])

    return x(lowest, x), codegen


def _reduce(builder, value, lanes, combine):
    """The lanes combined, the first half with the second, until one is left."""
    while lanes > 1:
        lanes //= 2
        value = combine(*_halves(builder, value, lanes))
    return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))


@intrinsic
def reduce_sum(typing, x):
    """Sum of the lanes, the first half's added to the second's until one is left."""

    def codegen(context, builder, sig, args):
        return _reduce(builder, args[0], x.lanes, builder.fadd)

    return x.element(x), codegen


@intrinsic
def reduce_max(typing, x):
    """The largest lane; none is NaN."""

    def codegen(context, builder, sig, args):
        def larger(low, high):
            return builder.select(builder.fcmp_ordered(">", low, high), low, high)

        return _reduce(builder, args[0], x.lanes, larger)

    return x.element(x), codegen


@intrinsic
def first_lane(typing, x):
    """The first lane."""

    def codegen(context, builder, sig, args):
        return builder.extract_element(args[0], ir.Constant(ir.IntType(32), 0))

    return x.element(x), codegen


def _define_operator(function, instruction):
    @infer_global(function)
    class _Template(FirstTemplate):
        def generic(self, args, kws):
            if len(args) == 2 and isinstance(args[0], Vector) and args[0] == args[1]:
                return signature(args[0], *args)
            return None

    @lower_builtin(function, Vector, Vector)
    def lower(context, builder, sig, args):
        return getattr(builder, instruction)(*args)


for _function, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _define_operator(_function, _instruction)
