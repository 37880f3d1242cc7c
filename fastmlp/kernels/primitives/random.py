"""Random words as a pure function of (key, row, unit): what dropout draws from.

There is no state. The key stands for seed, epoch and layer; a 64-bit mix of key and row starts a sequence of its own
for each row, whose word number `unit` is a 32-bit mix. `data/_dropout.pxd` says the same in C, for the input's units.
The mixing steps are those of SplitMix64 (row) and of Chris Wellons's lowbias32 (unit), keyed once more on the way.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..codegen.vector import Vector

ROW_STEP, ROW_FACTORS = 0x9E3779B97F4A7C15, (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
UNIT_STEP, UNIT_FACTORS = 0x9E3779B9, (0x7FEB352D, 0x846CA68B)
_WORD, _HALF = ir.IntType(64), ir.IntType(32)


def _xor_shift(builder, x, bits):
    shift = [bits] * x.type.count if isinstance(x.type, ir.VectorType) else bits
    return builder.xor(x, builder.lshr(x, ir.Constant(x.type, shift)))


@intrinsic
def row_sequence(typing, key, row):
    """z = key + (row + 1) ROW_STEP, mixed: where the row's sequence of words starts."""

    def codegen(context, builder, sig, args):
        number = builder.add(args[1], ir.Constant(_WORD, 1))
        z = builder.add(args[0], builder.mul(number, ir.Constant(_WORD, ROW_STEP)))
        for bits, factor in zip((30, 27), ROW_FACTORS, strict=True):
            z = builder.mul(_xor_shift(builder, z, bits), ir.Constant(_WORD, factor))
        return _xor_shift(builder, z, 31)

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def not_below(typing, like, sequence, unit, threshold):
    """Mask of the lanes whose word is at least `threshold`: word number `unit` of a row's sequence, and those after it

    word = mix(unit UNIT_STEP + low half of the sequence; its high half is added between the two multiplications)
    """

    def codegen(context, builder, sig, args):
        lanes = ir.VectorType(_HALF, like.lanes)

        def constant(value):
            return ir.Constant(lanes, [value] * like.lanes)

        def splat(word):
            first = builder.insert_element(
                ir.Constant(lanes, ir.Undefined), builder.trunc(word, _HALF), ir.Constant(_HALF, 0)
            )
            return builder.shuffle_vector(first, first, ir.Constant(lanes, None))

        _, sequence, unit, threshold = args
        steps = ir.Constant(lanes, [k * UNIT_STEP & 0xFFFFFFFF for k in range(like.lanes)])
        start = builder.add(builder.mul(unit, ir.Constant(_WORD, UNIT_STEP)), sequence)
        x = builder.add(splat(start), steps)
        x = builder.mul(_xor_shift(builder, x, 16), constant(UNIT_FACTORS[0]))
        x = builder.add(x, splat(builder.lshr(sequence, ir.Constant(_WORD, 32))))
        x = builder.mul(_xor_shift(builder, x, 15), constant(UNIT_FACTORS[1]))
        return builder.icmp_unsigned(">=", _xor_shift(builder, x, 16), splat(threshold))

    mask = Vector(types.boolean, like.lanes)
    return mask(like, types.int64, types.int64, types.int64), codegen
