"""How Numba is used here. Nothing in this package knows what is computed.

compiler     how kernels and entries are compiled
lean_pipeline  the passes that they need, of Numba's private parts; `compiler` does without where it must
pointer      a bare pointer type
vector       a SIMD value type
transpose    the transpose of a square of numbers, in vectors
struct_view  the compiled side of `abi`: a block of words seen as named fields
"""
