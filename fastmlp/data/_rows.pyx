# cython: language_level=3
"""Whole matrices, row by row: check a CSR, count non-zeros, encode a dense array.

Every function works on the rows that it is given, without the GIL, and allocates nothing: threads
call it side by side on slices of their own. A build with FASTMLP_CHECK=1 checks all bounds.
"""

from libc.stdint cimport int64_t, uint32_t

from fastmlp.data._rows cimport compact, csr_index_t, encoded_index_t, real_t, source_t, value_t


def check_csr(const int64_t[::1] starts, const csr_index_t[::1] index, int64_t n_features):
    """Judge the indices of some rows: -1 out of range, 0 not strictly ascending, 1 canonical.

    ``starts`` is (rows + 1), never descends and stays within ``index``.
    """
    cdef int64_t i, j, feature, previous
    cdef bint inside = True, ascending = True
    with nogil:
        for i in range(starts.shape[0] - 1):
            previous = -1
            for j in range(starts[i], starts[i + 1]):
                feature = index[j]
                inside &= (feature >= 0) & (feature < n_features)
                ascending &= feature > previous
                previous = feature
    return (1 if ascending else 0) if inside else -1


def count_dense(const source_t[:, ::1] x, bint narrow, int64_t[::1] counts):
    """Set counts to the number of non-zeros of each row of x; return whether all of x is finite.

    ``narrow`` says that the compute dtype is float32: a double that rounds to zero is a zero.
    """
    cdef int64_t i, j, n_features = x.shape[1]
    cdef uint32_t n, odd = 0  # as wide as a float, so that compilers count whole vectors
    with nogil:
        for i in range(x.shape[0]):
            n = 0
            if source_t is double and narrow:
                for j in range(n_features):
                    n += <float> x[i, j] != 0
                    odd |= <float> x[i, j] - <float> x[i, j] != 0  # too large, too
            else:
                for j in range(n_features):
                    n += x[i, j] != 0
                    odd |= x[i, j] - x[i, j] != 0
            counts[i] = n
    return odd == 0


def count_sparse(const int64_t[::1] starts, const value_t[::1] value, bint narrow,
                 int64_t[::1] counts):
    """Set counts to the number of stored values that are not zero in each row; return as above."""
    cdef int64_t i, j, n
    cdef uint32_t odd = 0
    with nogil:
        for i in range(starts.shape[0] - 1):
            n = 0
            for j in range(starts[i], starts[i + 1]):
                if value_t is double and narrow:
                    n += <float> value[j] != 0
                    odd |= <float> value[j] - <float> value[j] != 0
                else:
                    n += value[j] != 0
                    odd |= value[j] - value[j] != 0
            counts[i] = n
    return odd == 0


def count_shifted(const source_t[:, ::1] x, const real_t[::1] baselines, int64_t[::1] counts):
    """Set counts to how many numbers of each row of x differ from the baseline of their feature."""
    cdef int64_t i, j, n_features = x.shape[1]
    cdef uint32_t n
    with nogil:
        for i in range(x.shape[0]):
            n = 0
            for j in range(n_features):
                n += <real_t> x[i, j] != baselines[j]
            counts[i] = n


def count_equal(const source_t[:, ::1] x, const real_t[::1] candidates, uint32_t[::1] counts):
    """Add to counts, for each feature, how many rows of x have the candidate there."""
    cdef int64_t i, j, n_features = x.shape[1]
    with nogil:
        for i in range(x.shape[0]):
            for j in range(n_features):
                counts[j] += <real_t> x[i, j] == candidates[j]


def encode(const source_t[:, ::1] x, const value_t[::1] baselines, const int64_t[::1] starts,
           encoded_index_t[::1] index, value_t[::1] value, int64_t[::1] counts):
    """Write the non-zeros of row i of x to starts[i] .. starts[i + 1] of index and value.

    With ``baselines``, which may be empty, those of its difference from them. Set counts[i] to
    their number: fewer than there is room for if x has changed since it was counted. The rest of
    the room then holds zeros, as stored zeros of a CSR do.
    """
    cdef int64_t i, k, stop
    with nogil:
        for i in range(x.shape[0]):
            stop = compact(x, i, baselines, index, value, starts[i], starts[i + 1])
            counts[i] = stop - starts[i]
            for k in range(stop, starts[i + 1]):
                index[k] = 0
                value[k] = 0
