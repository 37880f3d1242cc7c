# cython: language_level=3
"""Dropout of inputs: random words that depend on (key, row, feature) alone.

The arithmetic is that of kernels/primitives/random.py.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastmlp.data._rows cimport real_t


cdef inline uint64_t row_sequence(uint64_t key, int64_t row) noexcept nogil:
    """Where the row's sequence of words starts."""
    cdef uint64_t z = key + <uint64_t> (row + 1) * <uint64_t> 0x9E3779B97F4A7C15
    z = (z ^ (z >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t> 0x94D049BB133111EB
    return z ^ (z >> 31)


cdef inline uint32_t word_of(uint64_t sequence, uint32_t unit) noexcept nogil:
    """Word number `unit` of the sequence."""
    cdef uint32_t x = unit * <uint32_t> 0x9E3779B9 + <uint32_t> sequence
    x = (x ^ (x >> 16)) * <uint32_t> 0x7FEB352D + <uint32_t> (sequence >> 32)
    x = (x ^ (x >> 15)) * <uint32_t> 0x846CA68B
    return x ^ (x >> 16)


cdef inline int64_t drop(uint32_t[::1] index, real_t[::1] value, int64_t start, int64_t stop,
                         uint64_t sequence, uint32_t threshold, real_t scale) except -1 nogil:
    """Keep the entries whose word is at least `threshold`, times `scale`; return where they end."""
    cdef int64_t k, kept = start
    cdef uint32_t f
    cdef real_t element
    for k in range(start, stop):
        f = index[k]
        element = value[k]
        index[kept] = f
        value[kept] = element * scale
        kept += word_of(sequence, f) >= threshold
    return kept
