"""The compiled side of `words.pack_words`: words seen as the tuples that Python wrote into them.

A view is one machine word, where its tuple would be dozens, passed to every kernel and compiled in each. A field is
read where it is used. Python does not write the words while compiled code runs. `invariant.load` tells LLVM
so, which moves the reads out of loops.
"""

from functools import cache

from llvmlite import ir
from numba import types
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, lower_getattr_generic, models, register_model

from ..abi import Array
from ..words import fields, slots, width
from .pointer import Pointer, load_value, make_pointer

# What an entry is given: a bare address in a checking build, too.
WORDS = types.CPointer(types.int64)
_WORD = ir.IntType(64)


class View(types.Type):
    """Numba's type of a tuple of class `kind` among the words, its compute type being `real`."""

    def __init__(self, kind, real):
        self.kind, self.real = kind, real
        super().__init__(name=f"View({kind.__name__}, {real})")


@register_model(View)
class _ViewModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _WORD.as_pointer())


@cache
def _places(kind):
    """For each field its first word and what it is."""
    places, slot = {}, 0
    for name, field in zip(kind._fields, fields(kind), strict=True):
        places[name] = slot, field
        slot += width(field)
    return places


def _type_of(field, real):
    if isinstance(field, Array):
        element = real if field.element == "real" else getattr(types, field.element)
        return Pointer(element, field.columns)
    return real if field is float else types.int64


@infer_getattr
class _ViewAttribute(AttributeTemplate):
    key = View

    def generic_resolve(self, view, name):
        place = _places(view.kind).get(name)
        return place and _type_of(place[1], view.real)


@lower_getattr_generic(View)
def _get_field(context, builder, view, value, name):
    slot, field = _places(view.kind)[name]

    def word(number):
        place = builder.gep(value, [ir.Constant(_WORD, number)])
        load = load_value(builder, place, _WORD)
        load.set_metadata("invariant.load", builder.module.add_metadata([]))
        return load

    result = _type_of(field, view.real)
    if isinstance(field, Array):
        return make_pointer(context, builder, result, word(slot), word(slot + 1))
    if field is float:
        number = builder.bitcast(word(slot), ir.DoubleType())
        return context.cast(builder, number, types.float64, view.real)
    return word(slot)


def readers(real, *kinds):
    """For each class of tuple an intrinsic ``read(words)``, the tuples lying one after the other."""
    made, offset = [], 0
    for kind in kinds:
        made.append(_reader(View(kind, real), offset))
        offset += slots(kind)
    return made


def _reader(view, offset):
    def read(typing, words):
        def codegen(context, builder, sig, args):
            return builder.gep(args[0], [ir.Constant(_WORD, offset)])

        return view(words), codegen

    read.__name__ = f"read_{view.kind.__name__}"
    return intrinsic(read)
