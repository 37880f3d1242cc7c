"""How Numba is used here. Nothing in this package knows what is computed.

compiler     Numba's passes for kernels and entries
pointer      a bare pointer type
vector       a SIMD value type
struct_view  the compiled side of `abi`: a block of words seen as named fields
"""
