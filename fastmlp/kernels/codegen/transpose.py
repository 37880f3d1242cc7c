"""Columns as vectors: one at a time, and the transpose of a square of numbers with a vector's lanes as its side."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .pointer import address, load_value
from .vector import _llvm


def _in_column(context, builder, pointer_type, pointer, start, stride, row):
    """The address of a column's number in a row."""
    index = builder.add(start, builder.mul(stride, ir.Constant(stride.type, row)))
    return address(context, builder, pointer_type, pointer, index, 1)


@intrinsic
def load_column(typing, like, pointer, start, stride):
    """The vector of p[start + k stride], as wide as `like`."""

    def codegen(context, builder, sig, args):
        vector = _llvm(like)
        column = ir.Constant(vector, ir.Undefined)
        for k in range(like.lanes):
            where = _in_column(context, builder, pointer, *args[1:], k)
            number = load_value(builder, where, vector.element)
            column = builder.insert_element(column, number, ir.Constant(ir.IntType(32), k))
        return column

    return like(like, pointer, types.intp, types.intp), codegen


@intrinsic
def store_column(typing, pointer, start, stride, column):
    """p[start + k stride] = column[k], in p's floating-point type, which is no narrower."""

    def codegen(context, builder, sig, args):
        wider = context.get_data_type(pointer.element)
        for k in range(column.lanes):
            number = builder.extract_element(args[3], ir.Constant(ir.IntType(32), k))
            if pointer.element != column.element:
                number = builder.fpext(number, wider)
            builder.store(number, _in_column(context, builder, pointer, *args[:3], k))
        return context.get_dummy_value()

    return types.void(pointer, types.intp, types.intp, column), codegen


def _exchange(builder, rows, step):
    """Exchange squares of `step` numbers across the diagonals of squares of twice that size."""
    lanes = len(rows)
    mask = ir.VectorType(ir.IntType(32), lanes)
    # Lane numbers from `lanes` on are those of the second row.
    above = [j + lanes - step if j & step else j for j in range(lanes)]
    below = [j + lanes if j & step else j + step for j in range(lanes)]
    exchanged = list(rows)
    for i in range(lanes):
        if not i & step:
            pair = rows[i], rows[i + step]
            exchanged[i] = builder.shuffle_vector(*pair, ir.Constant(mask, above))
            exchanged[i + step] = builder.shuffle_vector(*pair, ir.Constant(mask, below))
    return exchanged


@intrinsic
def transpose_square(typing, like, source, start, stride, out, out_start, out_stride):
    """out[c, r] = source[r, c] for as many rows and columns as `like` has lanes

    Row r of `source` lies at start + r stride, row c of `out` at out_start + c out_stride.
    """

    def codegen(context, builder, sig, args):
        _, source_value, first, step, out_value, out_first, out_step = args
        vector = _llvm(like)

        def place(kind, pointer, start, stride, row):
            index = builder.add(start, builder.mul(stride, ir.Constant(stride.type, row)))
            where = address(context, builder, kind, pointer, index, like.lanes)
            return builder.bitcast(where, vector.as_pointer())

        rows = []
        for r in range(like.lanes):
            row = load_value(builder, place(source, source_value, first, step, r), vector)
            row.align = like.element.bitwidth // 8
            rows.append(row)
        size = 1
        while size < like.lanes:
            rows = _exchange(builder, rows, size)
            size *= 2
        for c, row in enumerate(rows):
            to = place(out, out_value, out_first, out_step, c)
            builder.store(row, to).align = like.element.bitwidth // 8
        return context.get_dummy_value()

    integers = types.intp, types.intp
    return types.void(like, source, *integers, out, *integers), codegen
