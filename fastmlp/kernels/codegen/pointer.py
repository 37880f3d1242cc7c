"""A bare pointer for Numba: one machine word where an array is seven, and no reference counts.

Compiled code has no arrays; they stay outside, alive in the caller. Indices count elements
from the start, without the wrap-around test that Numba adds to a signed index. With ``FASTMLP_CHECK=1`` in the
environment a pointer also carries its length, and each access is checked (a much slower build for tests).
"""

import operator
import sys
from inspect import signature as signature_of
from types import MappingProxyType

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from ...system.switches import is_on

CHECKED = is_on("FASTMLP_CHECK")
_LENGTH = ir.IntType(64)
_WORD = ir.IntType(32)
# Before llvmlite 0.44 a load yields what its pointer's own type says, and cannot be told.
_LOADS_TAKE_TYPES = "typ" in signature_of(ir.IRBuilder.load).parameters


class Pointer(types.Type):
    """Numba's type of a pointer to `element`s, in rows of `columns` if that is not 0."""

    def __init__(self, element, columns):
        self.element = element
        self.columns = columns
        super().__init__(name=f"Pointer({element}, {columns})")


@register_model(Pointer)
class _PointerModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        bare = dmm.lookup(fe_type.element).get_data_type().as_pointer()
        model = ir.LiteralStructType([bare, _LENGTH]) if CHECKED else bare
        super().__init__(dmm, fe_type, model)


def address(context, builder, pointer_type, pointer, index, count):
    """LLVM address of element `index`, of which `count` elements are about to be used."""
    if CHECKED:
        length = builder.extract_value(pointer, 1)
        pointer = builder.extract_value(pointer, 0)
        outside = builder.or_(
            builder.icmp_signed("<", index, ir.Constant(index.type, 0)),
            builder.icmp_signed(">", builder.add(index, ir.Constant(index.type, count)), length),
        )
        with builder.if_then(outside, likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("kernel access out of bounds",))
    return builder.gep(pointer, [index])


def load_value(builder, place, kind, name="load", **how):
    """The LLVM value of type `kind` at a place; `name` and `how`: the builder's method and its further arguments."""
    if _LOADS_TAKE_TYPES:
        how["typ"] = kind
    return getattr(builder, name)(place, **how)


def make_pointer(context, builder, pointer_type, address_word, length):
    """LLVM value of a pointer, from an address and a length as integers."""
    model = context.get_value_type(pointer_type)
    if not CHECKED:
        return builder.inttoptr(address_word, model)
    value = cgutils.get_null_value(model)
    value = builder.insert_value(value, builder.inttoptr(address_word, model.elements[0]), 0)
    return builder.insert_value(value, length, 1)


@intrinsic
def shifted(typing, base, count):
    """The pointer `count` elements further."""

    def codegen(context, builder, sig, args):
        if not CHECKED:
            return builder.gep(args[0], [args[1]])
        place = builder.gep(builder.extract_value(args[0], 0), [args[1]])
        length = builder.sub(builder.extract_value(args[0], 1), args[1])
        return builder.insert_value(builder.insert_value(args[0], place, 0), length, 1)

    return base(base, types.intp), codegen


@intrinsic
def int64(typing, number):
    """The number, by a type that does not tell its value: a function is compiled anew for each literal argument."""

    def codegen(context, builder, sig, args):
        return args[0]

    return types.int64(types.int64), codegen


@intrinsic
def stride_or(typing, stride, default):
    """`stride`, or `default` where that is None, known when the code is compiled."""
    chosen = 1 if isinstance(stride, types.NoneType) else 0

    def codegen(context, builder, sig, args):
        return args[chosen]

    return types.int64(stride, types.int64), codegen


@intrinsic
def prefetch(typing, base, index):
    """Prefetch the cache line of element `index`, which need not exist."""

    def codegen(context, builder, sig, args):
        start = builder.extract_value(args[0], 0) if CHECKED else args[0]
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        place = builder.bitcast(builder.gep(start, [args[1]]), byte)
        # To be read, and to stay in all caches; data, no instructions.
        builder.call(
            cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8"),
            [place, number(0), number(3), number(1)],
        )
        return context.get_dummy_value()

    return types.void(base, types.intp), codegen


@intrinsic
def pair(typing, base, index):
    """``p[index], p[index + 1]``, by one load."""
    number = base.element

    def codegen(context, builder, sig, args):
        place = address(context, builder, base, args[0], args[1], 2)
        if number == types.uint32:
            parts = _two_words(builder, place)
        else:
            both = ir.VectorType(context.get_value_type(number), 2)
            both = load_value(builder, builder.bitcast(place, both.as_pointer()), both)
            both.align = number.bitwidth // 8
            parts = [builder.extract_element(both, ir.Constant(_WORD, k)) for k in (0, 1)]
        return context.make_tuple(builder, sig.return_type, parts)

    return types.UniTuple(number, 2)(base, types.intp), codegen


@intrinsic
def record(typing, base, index):
    """``(i, x)`` of record `index`: two numbers wide, i a word of 32 bits where the first begins, x the second."""
    number = base.element

    def codegen(context, builder, sig, args):
        first = builder.shl(args[1], ir.Constant(args[1].type, 1))
        place = address(context, builder, base, args[0], first, 2)
        word, value = _two_words(builder, place)
        if number == types.float32:  # both by one load
            value = builder.bitcast(value, ir.FloatType())
        else:
            value = builder.load(builder.gep(place, [ir.Constant(args[1].type, 1)]))
        word = builder.zext(word, ir.IntType(64))
        return context.make_tuple(builder, sig.return_type, [word, value])

    return types.Tuple((types.int64, number))(base, types.intp), codegen


def _two_words(builder, place):
    """The two words of 32 bits at a place in memory, by one load."""
    both = ir.IntType(64)
    both = load_value(builder, builder.bitcast(place, both.as_pointer()), both)
    both.align = 4
    low = builder.trunc(both, _WORD)
    high = builder.trunc(builder.lshr(both, ir.Constant(both.type, 32)), _WORD)
    return (low, high) if sys.byteorder == "little" else (high, low)


@intrinsic
def words_of(typing, base):
    """How many words of 32 bits an element has, a constant."""

    def codegen(context, builder, sig, args):
        return ir.Constant(ir.IntType(64), base.element.bitwidth // 32)

    return types.int64(base), codegen


# --- p[i], and p[row, column] of a table -----------------------------------------------------


class FirstTemplate(AbstractTemplate):
    """What an operator does to a type of ours; Numba asks it before its own templates, which are many."""

    metadata = MappingProxyType({"target": "cpu"})  # Numba orders by target; its own say "generic"


@infer_global(operator.getitem)
class _GetItem(FirstTemplate):
    def generic(self, args, kws):
        if isinstance(args[0], Pointer):
            return signature(args[0].element, args[0], _index_type(args[0], args[1]))
        return None


@infer_global(operator.setitem)
class _SetItem(FirstTemplate):
    def generic(self, args, kws):
        if isinstance(args[0], Pointer):
            return signature(types.none, args[0], _index_type(args[0], args[1]), args[0].element)
        return None


def _index_type(base, index):
    return types.UniTuple(types.intp, 2) if base.columns else types.intp


def _place(context, builder, base, pointer_value, index):
    if base.columns:
        row, column = cgutils.unpack_tuple(builder, index, 2)
        columns = ir.Constant(row.type, base.columns)
        index = builder.add(builder.mul(row, columns), column)
    return address(context, builder, base, pointer_value, index, 1)


@lower_builtin(operator.getitem, Pointer, types.Any)
def _get(context, builder, sig, args):
    base = sig.args[0]
    return context.unpack_value(
        builder, base.element, _place(context, builder, base, args[0], args[1])
    )


@lower_builtin(operator.setitem, Pointer, types.Any, types.Any)
def _set(context, builder, sig, args):
    base = sig.args[0]
    place = _place(context, builder, base, args[0], args[1])
    context.pack_value(builder, base.element, args[2], place)
    return context.get_dummy_value()
