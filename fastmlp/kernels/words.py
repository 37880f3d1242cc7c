"""How the tuples of `abi` travel to compiled code: as one array of words, addresses and numbers."""

import ctypes
import struct
from functools import lru_cache

import numpy as np

from .abi import Array


@lru_cache
def fields(kind):
    """What the fields of a class of tuples are: `Array`, int or float."""
    return tuple(kind.__annotations__.values())


def width(field):
    """Words that a field takes: an array has an address and a length."""
    return 2 if isinstance(field, Array) else 1


def slots(kind):
    """Words that a tuple of this class takes."""
    return sum(map(width, fields(kind)))


def place(kind, name, *before):
    """Return the number of the first word of field `name` of `kind`, which follows tuples of the classes `before`."""
    at = kind._fields.index(name)
    return sum(map(slots, before)) + sum(map(width, fields(kind)[:at]))


def pack_words(*parts):
    """Return the tuples as words: an array by address and length, a float by its bits.

    The arrays must stay alive while the words are in use; words can be joined by ``np.concatenate``.
    """
    words = []
    for part in parts:
        for value, field in zip(part, fields(type(part)), strict=True):
            if field is int:
                words.append(value)
            elif field is float:
                words += struct.unpack("q", struct.pack("d", value))
            else:
                words += (address(value), value.size)
    return np.array(words, dtype=np.int64)


_NO_BYTES = ctypes.c_char * 0


def address(array):
    """Return where a contiguous array's memory begins."""
    try:
        # `array.ctypes` takes several times as long.
        return ctypes.addressof(_NO_BYTES.from_buffer(array))
    except TypeError:  # it is read-only
        return array.ctypes.data
