"""exp, expm1, log, log1p and erfc on vectors: our own polynomials, so that every lane of every call rounds alike.

Argument reduction is Cody and Waite's; the polynomials are the plain Taylor series of exp and of
atanh, cut where the next term is below half a unit in the last place of the dtype. That of erfc is an interpolation.
"""

from math import factorial, inf

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..codegen.compiler import inlined
from ..codegen.vector import (
    _FLOATS,
    Vector,
    _call,
    _constant,
    _llvm,
    fma,
    less,
    rint,
    splat,
    where,
)  # fmt: skip

_BITS = {types.float32: ir.IntType(32), types.float64: ir.IntType(64)}
_EXP_DEGREE = {types.float32: 7, types.float64: 13}
_ATANH_DEGREE = {types.float32: 7, types.float64: 16}
# ln 2 in two parts: the first has enough trailing zeros for n * LN2_HIGH to be exact.
_LN2 = {
    types.float32: (0.693359375, -2.12194440054690583e-4),
    types.float64: (0.693147180369123816490, 1.90821492927058770002e-10),
}
# exp(x^2) erfc(x) for x in [0, end], interpolated at Chebyshev's points of ``t = 2 / (2 + x)``: coefficients of the
# powers of a variable that goes from -1 at the end to 1 at 0, highest first.
_ERFC_END = {types.float32: 4.0, types.float64: 6.0}
_ERFC_SERIES = {
    types.float32: (
        -7.538517702919439e-7, -8.2052179811582792e-6, 3.4861879001556282e-5, 9.891992493198711e-5,
        -0.00086138957608593527, -0.0016015017984181337, 0.022509531567742089, 0.14242693719431557,
        0.40981802124616259, 0.42758357744616538,
    ),
    types.float64: (
        5.6497299986033862e-13, 9.3922651886686975e-11, -3.0404893925451127e-10, -2.7745552072589168e-10,
        3.3794130243467258e-9, -7.3528254999029226e-9, -6.5291208659183265e-9, 8.6469822503844623e-8,
        -1.9837445846902281e-7, -2.8233964321270446e-7, 2.8381380827824633e-6, -4.2711172950804982e-6,
        -2.2700158552076703e-5, 0.00010054189865915536, 0.00013358426932798316, -0.0016653643667926356,
        -0.0016702444046761187, 0.032993429477890728, 0.16940759095449716, 0.42218758361344775,
        0.37853741692923972,
    ),
}  # fmt: skip
# Beyond these exp underflows to zero (the result's last normal number) or overflows.
_EXP_RANGE = {types.float32: (-87.0, 88.0), types.float64: (-708.0, 709.0)}


def _series(builder, vector, x, coefficients):
    """Horner's rule, highest coefficient first."""
    total = _constant(builder, vector, coefficients[0])
    for coefficient in coefficients[1:]:
        total = _call(builder, "fma", vector, total, x, _constant(builder, vector, coefficient))
    return total


@intrinsic
def _scale_exponent(typing, x, n):
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
def _split_exponent(typing, x):
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
def _expm1_over_r(typing, r):
    """``(exp(r) - 1) / r`` for ``|r| <= ln(2) / 2``."""
    coefficients = [1 / factorial(k + 1) for k in reversed(range(_EXP_DEGREE[r.element]))]

    def codegen(context, builder, sig, args):
        return _series(builder, r, args[0], coefficients)

    return r(r), codegen


@intrinsic
def _atanh_over_s(typing, s2):
    """``atanh(s) / s`` as a function of ``s**2 <= 1/9``."""
    coefficients = [1 / (2 * k + 1) for k in reversed(range(_ATANH_DEGREE[s2.element] + 1))]

    def codegen(context, builder, sig, args):
        return _series(builder, s2, args[0], coefficients)

    return s2(s2), codegen


@intrinsic
def _erfc_series(typing, s):
    """``exp(x**2) erfc(x)``, s from -1 at the end of the range to 1 at x = 0."""
    coefficients = _ERFC_SERIES[s.element]

    def codegen(context, builder, sig, args):
        return _series(builder, s, args[0], coefficients)

    return s(s), codegen


def _per_dtype(name, values):
    """An intrinsic ``name(like)``: the dtype's number from `values`, in every lane."""

    def constant(typing, like):
        def codegen(context, builder, sig, args):
            return _constant(builder, like, values[like.element])

        return like(like), codegen

    constant.__name__ = name
    return intrinsic(constant)


_ln2_high = _per_dtype("_ln2_high", {k: v[0] for k, v in _LN2.items()})
_ln2_low = _per_dtype("_ln2_low", {k: v[1] for k, v in _LN2.items()})
_exp_lowest = _per_dtype("_exp_lowest", {k: v[0] for k, v in _EXP_RANGE.items()})
_exp_highest = _per_dtype("_exp_highest", {k: v[1] for k, v in _EXP_RANGE.items()})
smallest_normal = _per_dtype(
    "smallest_normal", {types.float32: 2.0**-126, types.float64: 2.0**-1022}
)
_log2_e = _per_dtype("_log2_e", dict.fromkeys(_FLOATS, 1.4426950408889634))
_erfc_end = _per_dtype("_erfc_end", _ERFC_END)


@intrinsic
def _is_nan(typing, x):
    def codegen(context, builder, sig, args):
        return builder.fcmp_unordered("uno", args[0], args[0])

    return Vector(types.boolean, x.lanes)(x), codegen


@intrinsic
def absolute(typing, x):
    """``|x|``."""

    def codegen(context, builder, sig, args):
        return _call(builder, "fabs", x, args[0])

    return x(x), codegen


@inlined
def _reduce(x):
    """`(n, r)` with ``x = n ln 2 + r`` and ``|r| <= ln(2) / 2``."""
    n = rint(x * _log2_e(x))
    zero = splat(x, 0.0)
    r = fma(zero - n, _ln2_high(x), x)
    return n, fma(zero - n, _ln2_low(x), r)


@inlined
def exp(x):
    """``e**x``: 0 below the smallest normal number, the largest finite power above the range."""
    low, high, one = _exp_lowest(x), _exp_highest(x), splat(x, 1.0)
    inside = where(less(x, low), low, where(less(high, x), high, x))
    n, r = _reduce(inside)
    result = _scale_exponent(fma(_expm1_over_r(r), r, one), n)
    result = where(less(x, low), splat(x, 0.0), result)
    return where(_is_nan(x), x, result)


@inlined
def exp_or_inf(x):
    """``e**x`` as `exp`, but infinite above the range: for a mean that has to be noticed when it overflows."""
    return where(less(_exp_highest(x), x), splat(x, inf), exp(x))


@inlined
def expm1(x):
    """``e**x - 1``, small arguments exact; beyond 40 on either side as at 40."""
    one, limit = splat(x, 1.0), splat(x, 40.0)
    inside = where(less(limit, x), limit, x)
    inside = where(less(inside, splat(x, -40.0)), splat(x, -40.0), inside)
    n, r = _reduce(inside)
    power = _scale_exponent(one, n)
    return where(_is_nan(x), x, fma(_expm1_over_r(r) * r, power, power - one))


@inlined
def log1p(x):
    """``ln(1 + x)`` for x in [0, 1]: ``2 atanh(x / (2 + x))``."""
    s = x / (splat(x, 2.0) + x)
    return splat(x, 2.0) * s * _atanh_over_s(s * s)


@inlined
def log(x):
    """``ln x`` for normal positive x."""
    one = splat(x, 1.0)
    m, e = _split_exponent(x)
    s = (m - one) / (m + one)
    result = fma(e, _ln2_low(x), splat(x, 2.0) * s * _atanh_over_s(s * s))
    return where(_is_nan(x), x, fma(e, _ln2_high(x), result))


@inlined
def erfc_scaled(x):
    """``exp(x**2) erfc(x)`` for x >= 0; at the end of its range, where erfc is below rounding, it stays as it is."""
    one, two, end = splat(x, 1.0), splat(x, 2.0), _erfc_end(x)
    last = two / (two + end)
    t = two / (two + where(less(x, end), x, end))
    return _erfc_series((two * t - last - one) / (one - last))
