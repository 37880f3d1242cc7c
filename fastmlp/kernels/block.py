"""The compiled side of layout.block: from a block of words to tuples of pointers and numbers."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .layout import Array, fields, slots
from .pointer import Pointer, make_pointer

# What an entry is given: a bare address in a checking build, too.
BLOCK = types.CPointer(types.int64)


def readers(real, *kinds):
    """For each class of tuple an intrinsic ``read(block)``, the tuples lying one after the other."""
    made, offset = [], 0
    for kind in kinds:
        made.append(_reader(real, kind, offset))
        offset += slots(kind)
    return made


def _reader(real, kind, offset):
    kinds = fields(kind)

    def numba_type(field):
        if isinstance(field, Array):
            element = real if field.element == "real" else getattr(types, field.element)
            return Pointer(element, field.columns)
        return real if field is float else types.int64

    members = [numba_type(field) for field in kinds]
    result = types.BaseTuple.from_types(members, kind)

    def read(typing, block):
        def codegen(context, builder, sig, args):
            word = ir.IntType(64)
            values, slot = [], offset

            def next_word():
                nonlocal slot
                place = builder.gep(args[0], [ir.Constant(word, slot)])
                slot += 1
                return builder.load(place, typ=word)

            for field, member in zip(kinds, members, strict=True):
                if isinstance(field, Array):
                    address, length = next_word(), next_word()
                    values.append(make_pointer(context, builder, member, address, length))
                elif field is float:
                    number = builder.bitcast(next_word(), ir.DoubleType())
                    values.append(context.cast(builder, number, types.float64, real))
                else:
                    values.append(next_word())
            return context.make_tuple(builder, sig.return_type, values)

        return result(block), codegen

    read.__name__ = f"read_{kind.__name__}"
    return intrinsic(read)


