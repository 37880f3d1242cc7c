"""A portable SIMD value for Numba: a fixed number of lanes that LLVM maps to the CPU's own registers.

A vector is as wide as the caller says (``zeros(array, nbytes)``), and every other operation takes its
width from a vector at hand. LLVM splits it into as many AVX2, AVX-512 or NEON registers as it needs, so
that one source serves every CPU and both dtypes. Nothing is reassociated or contracted: ``fma`` is one
rounding, ``*`` and ``+`` are two, and each lane's result is the same wherever the code is inlined.

Array accesses here count in elements from the start of a C-contiguous array, without the wrap-around
test that Numba adds to a signed index. With ``FASTMLP_CHECK=1`` in the environment each of them is
checked against the array's size (a much slower build for tests).
"""

import operator
import os

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

CHECKED = os.environ.get("FASTMLP_CHECK", "") not in ("", "0")

_FLOATS = {types.float32: (ir.FloatType(), "f32"), types.float64: (ir.DoubleType(), "f64")}
_BITS = {types.float32: ir.IntType(32), types.float64: ir.IntType(64)}


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


def _constant(vector, value):
    return ir.Constant(_llvm(vector), [value] * vector.lanes)


def _splat(builder, vector, scalar):
    undefined = ir.Constant(_llvm(vector), ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), vector.lanes), [0] * vector.lanes)
    return builder.shuffle_vector(first, undefined, mask)


def _call(builder, name, vector, *arguments, result=None):
    suffix = _FLOATS[vector.element][1]
    kind = ir.FunctionType(result or _llvm(vector), [a.type for a in arguments])
    name = f"llvm.{name}.v{vector.lanes}{suffix}"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def _address(context, builder, array_type, array, index, count):
    """Address of element `index`, of which `count` elements are about to be used."""
    structure = context.make_array(array_type)(context, builder, array)
    if CHECKED:
        last = builder.add(index, ir.Constant(index.type, count))
        outside = builder.or_(
            builder.icmp_signed("<", index, ir.Constant(index.type, 0)),
            builder.icmp_signed(">", last, structure.nitems),
        )
        with builder.if_then(outside, likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("kernel access out of bounds",))
    return builder.gep(structure.data, [index])


# --- making, loading, storing ---------------------------------------------------------------


@intrinsic(prefer_literal=True)
def zeros(typing, array, nbytes):
    """A vector of `nbytes` (a literal) zeros of the array's dtype."""
    if not isinstance(nbytes, types.IntegerLiteral):
        return None
    vector = Vector(array.dtype, nbytes.literal_value * 8 // array.dtype.bitwidth)

    def codegen(context, builder, sig, args):
        return _constant(vector, 0.0)

    return vector(array, nbytes), codegen


@intrinsic
def load(typing, like, array, index):
    """The vector that starts at element `index`, as wide as `like`."""

    def codegen(context, builder, sig, args):
        pointer = _address(context, builder, sig.args[1], args[1], args[2], like.lanes)
        value = builder.load(
            builder.bitcast(pointer, _llvm(like).as_pointer()), typ=_llvm(like)
        )
        value.align = like.element.bitwidth // 8
        return value

    return like(like, array, types.intp), codegen


@intrinsic
def store(typing, array, index, value):
    """Write the vector `value` from element `index` on."""

    def codegen(context, builder, sig, args):
        pointer = _address(context, builder, sig.args[0], args[0], args[1], value.lanes)
        pointer = builder.bitcast(pointer, _llvm(value).as_pointer())
        builder.store(args[2], pointer).align = value.element.bitwidth // 8
        return context.get_dummy_value()

    return types.void(array, types.intp, value), codegen


@intrinsic
def at(typing, array, index):
    """Scalar ``array[index]`` without wrap-around."""

    def codegen(context, builder, sig, args):
        pointer = _address(context, builder, sig.args[0], args[0], args[1], 1)
        return context.unpack_value(builder, sig.args[0].dtype, pointer)

    return array.dtype(array, types.intp), codegen


@intrinsic
def put(typing, array, index, value):
    """Scalar ``array[index] = value`` without wrap-around."""

    def codegen(context, builder, sig, args):
        pointer = _address(context, builder, sig.args[0], args[0], args[1], 1)
        context.pack_value(builder, sig.args[0].dtype, args[2], pointer)
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), codegen


@intrinsic
def splat(typing, like, scalar):
    """A vector as wide as `like` with `scalar` in each lane."""

    def codegen(context, builder, sig, args):
        return _splat(builder, like, args[1])

    return like(like, like.element), codegen


@intrinsic(prefer_literal=True)
def part(typing, vector, number, count):
    """Part `number` of `count` equal parts (both literals)."""
    if not isinstance(number, types.IntegerLiteral) or not isinstance(count, types.IntegerLiteral):
        return None
    lanes = vector.lanes // count.literal_value
    result = Vector(vector.element, lanes)
    first = number.literal_value * lanes

    def codegen(context, builder, sig, args):
        mask = ir.VectorType(ir.IntType(32), lanes)
        return builder.shuffle_vector(
            args[0], args[0], ir.Constant(mask, list(range(first, first + lanes)))
        )

    return result(vector, number, count), codegen


# --- arithmetic -----------------------------------------------------------------------------


@intrinsic
def fma(typing, x, y, total):
    """``x * y + total`` with one rounding; `x` may be a scalar."""

    def codegen(context, builder, sig, args):
        left = args[0] if isinstance(x, Vector) else _splat(builder, total, args[0])
        return _call(builder, "fma", total, left, args[1], args[2])

    return total(x if isinstance(x, Vector) else total.element, y, total), codegen


@intrinsic
def sqrt(typing, x):
    """Square root, correctly rounded."""

    def codegen(context, builder, sig, args):
        return _call(builder, "sqrt", x, args[0])

    return x(x), codegen


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
def where(typing, mask, x, y):
    """`x` where the mask is set, `y` elsewhere."""

    def codegen(context, builder, sig, args):
        return builder.select(args[0], args[1], args[2])

    return x(mask, x, y), codegen


@intrinsic
def scale_exponent(typing, x, n):
    """``x * 2**n`` for vectors; `n` holds whole numbers, neither side nor result subnormal."""
    integer = _BITS[x.element]
    mantissa = 23 if x.element == types.float32 else 52

    def codegen(context, builder, sig, args):
        lanes = ir.VectorType(integer, x.lanes)
        shift = ir.Constant(lanes, [mantissa] * x.lanes)
        bits = builder.shl(builder.fptosi(args[1], lanes), shift)
        return builder.bitcast(builder.add(builder.bitcast(args[0], lanes), bits), _llvm(x))

    return x(x, x), codegen


@intrinsic
def split_exponent(typing, x):
    """`(m, e)` with ``x = m * 2**e`` and m in [sqrt(1/2), sqrt(2)), for normal positive `x`."""
    integer = _BITS[x.element]
    mantissa, root = (23, 0x3F3504F3) if x.element == types.float32 else (52, 0x3FE6A09E667F3BCD)

    def codegen(context, builder, sig, args):
        lanes = ir.VectorType(integer, x.lanes)

        def constant(value):
            return ir.Constant(lanes, [value] * x.lanes)

        # Exponent counted from sqrt(1/2): the mantissa then lies symmetric about 1.
        bits = builder.bitcast(args[0], lanes)
        exponent = builder.ashr(builder.sub(bits, constant(root)), constant(mantissa))
        m = builder.sub(bits, builder.shl(exponent, constant(mantissa)))
        pair = [builder.bitcast(m, _llvm(x)), builder.sitofp(exponent, _llvm(x))]
        return context.make_tuple(builder, sig.return_type, pair)

    return types.UniTuple(x, 2)(x), codegen


@intrinsic
def reduce_sum(typing, x):
    """Sum of the lanes, from the first to the last."""

    def codegen(context, builder, sig, args):
        start = ir.Constant(_FLOATS[x.element][0], -0.0)
        suffix = f"llvm.vector.reduce.fadd.v{x.lanes}{_FLOATS[x.element][1]}"
        kind = ir.FunctionType(start.type, [start.type, args[0].type])
        return builder.call(
            cgutils.get_or_insert_function(builder.module, kind, suffix), [start, args[0]]
        )

    return x.element(x), codegen


@intrinsic
def reduce_max(typing, x):
    """The largest lane."""

    def codegen(context, builder, sig, args):
        element = _FLOATS[x.element][0]
        return _call(builder, "vector.reduce.fmax", x, args[0], result=element)

    return x.element(x), codegen


def _define_operator(function, instruction):
    @infer_global(function)
    class _Template(AbstractTemplate):
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
