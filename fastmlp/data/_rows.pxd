# cython: language_level=3
"""What the modules of the data path share: C helpers, dtypes, and the scan of a dense row."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #if defined(_MSC_VER)
    #include <intrin.h>
    static __inline int lowest_bit(uint64_t word) {
        unsigned long bit; _BitScanForward64(&bit, word); return (int) bit;
    }
    #else
    #define lowest_bit(word) __builtin_ctzll(word)
    #endif
    #if defined(__GNUC__)
    #define prefetch(address) __builtin_prefetch(address)
    #define prefetch_to_write(address) __builtin_prefetch(address, 1)
    #else
    #define prefetch(address)
    #define prefetch_to_write(address)
    #endif
    /* Eight bytes that are 0 or 1 as eight bits, the first one lowest. */
    static inline uint64_t eight_bits(const uint8_t *flag) {
        uint64_t bytes = 0;
        for (int i = 0; i < 8; i++) bytes |= (uint64_t) flag[i] << (8 * i);  /* one load */
        return (bytes * UINT64_C(0x0102040810204080)) >> 56;
    }
    /* A record of float32, whose last number is at `end`, written as one word. */
    static inline void write_record(float *end, uint32_t row, float value) {
        uint32_t bits;
        uint64_t word;
        memcpy(&bits, &value, sizeof bits);
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = (uint64_t) row << 32 | bits;
    #else
        word = (uint64_t) bits << 32 | row;
    #endif
        memcpy(end - 1, &word, sizeof word);
    }
    """
    int lowest_bit(uint64_t word) nogil
    void prefetch(const void *address) nogil
    void prefetch_to_write(const void *address) nogil
    uint64_t eight_bits(const uint8_t *flag) nogil
    void write_record(float *end, uint32_t row, float value) nogil


ctypedef fused source_t:
    uint8_t
    float
    double

ctypedef fused value_t:
    uint8_t
    float
    double

ctypedef fused real_t:
    float
    double

ctypedef fused encoded_index_t:
    uint16_t
    uint32_t

ctypedef fused csr_index_t:
    int32_t
    int64_t

ctypedef fused index_t:
    uint16_t
    uint32_t
    int64_t


cdef inline int64_t compact(const source_t[:, ::1] x, int64_t i, const value_t[::1] baselines,
                            encoded_index_t[::1] index, value_t[::1] value, int64_t start,
                            int64_t stop) except -1 nogil:
    """Write the non-zeros of row i of x from index[start] and value[start] on; return their end.

    With ``baselines``, one for each feature, those of the row's difference from them.

    64 features at a time: one test of all of them, as vectors, then one step per non-zero. The bits
    of that one test are both count and indices: features ascend, and none comes twice, whatever
    happens to x meanwhile. If x has more non-zeros than it had when it was counted, those beyond
    ``stop`` are left out; if it has fewer, the end comes before ``stop``.
    """
    cdef int64_t j, f, l, width, k = start, n_features = x.shape[1]
    cdef uint8_t flag[64]
    cdef uint64_t word
    cdef bint shifted = baselines.shape[0] > 0
    for j in range(0, n_features, 64):
        width = min(n_features - j, 64)
        # Four loops: compilers make vectors of 64 features only if nothing else is to be decided.
        if shifted and width == 64:
            for l in range(64):
                flag[l] = <value_t> x[i, j + l] != baselines[j + l]
        elif shifted:
            for l in range(width):
                flag[l] = <value_t> x[i, j + l] != baselines[j + l]
        elif width == 64:
            for l in range(64):
                flag[l] = <value_t> x[i, j + l] != 0
        else:
            for l in range(width):
                flag[l] = <value_t> x[i, j + l] != 0
        for l in range(width, 64):
            flag[l] = 0
        word = 0
        for l in range(8):
            word |= eight_bits(&flag[8 * l]) << (8 * l)
        while word and k < stop:
            f = j + lowest_bit(word)
            word &= word - 1
            index[k] = <encoded_index_t> f
            value[k] = <value_t> x[i, f]
            if shifted:
                value[k] -= baselines[f]
            k += 1
    return k
