# cython: language_level=3
"""From arrays to batches: the integer work that does not depend on the CPU's vector width.

Rows come from a dense array or from rows of non-zeros (scipy's CSR, or our own encoding of a dense
array). A batch leaves as non-zeros row by row, the same non-zeros column by column, or dense
panels. Every function works on the rows, or on the batches of the table, that it is given,
without the GIL, and allocates nothing: threads call it side by side on slices of their own.

All element access goes through memoryviews, without checks of bounds: those are a directive of the
build, see ``setup.py``, and a build with them checks every access.
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from fastmlp.data._rows cimport (
    compact, index_t, lowest_bit, prefetch, prefetch_to_write, real_t, source_t, value_t,
    write_record,
)
from fastmlp.data._dropout cimport drop, row_sequence, word_of


cpdef enum:
    # The columns of a batch table: one row per batch of a chunk, offsets into the chunk's buffers.
    START = 0     # position in the epoch's order of the batch's first sample
    SIZE = 1      # samples
    EDGES = 2     # offset in `edges`
    ACTIVE = 3    # offset in `feature`
    N_ACTIVE = 4  # features that are not zero in the whole batch; `transpose` fills it in
    COLUMN = 5    # offset in `column`
    DENSE = 6     # offset in `dense`
    ENTRY = 7     # offset in `index` and `value`, and number of the first of `records`
    N_FIELDS = 8


cdef inline int cut(const uint32_t[::1] index, int64_t start, int64_t stop, int64_t n_blocks,
                    int64_t block_features, int64_t[::1] edges, int64_t edge) except -1 nogil:
    """Set edges[edge + k], k = 0..n_blocks, to where a sample's entries enter feature block k."""
    cdef int64_t k, low, n, half
    edges[edge] = start
    # Bisections without branches, which could not be predicted, and each from the start, so that
    # the CPU works on all of them at once.
    for k in range(1, n_blocks):
        low = start
        n = stop - start
        while n > 0:
            half = (n + 1) >> 1
            low += half * (index[low + half - 1] < k * block_features)
            n -= half
        edges[edge + k] = low
    edges[edge + n_blocks] = stop
    return 0


# A row is prefetched so many rows before it is read, and its start as many before that: rows in
# random order lie far apart.
cdef int64_t AHEAD = 4
# Dense rows are read faster. Of a long one the first lines will do: the CPU foresees the rest.
cdef int64_t DENSE_AHEAD = 16
cdef int64_t MOST_LINES = 8


cdef inline int prefetch_row(const int64_t[::1] starts, const index_t[::1] source_index,
                             const value_t[::1] source_value, int64_t row) except -1 nogil:
    """Prefetch the cache lines of a row's entries."""
    cdef int64_t k = starts[row]
    while k < starts[row + 1]:
        prefetch(<const void *> &source_index[k])
        k += 64 // <int64_t> sizeof(index_t)
    k = starts[row]
    while k < starts[row + 1]:
        prefetch(<const void *> &source_value[k])
        k += 64 // <int64_t> sizeof(value_t)
    return 0


cdef inline int64_t ascending(const uint32_t[::1] index, int64_t start, int64_t stop,
                              int64_t n_features) except -1 nogil:
    """Return where the entries from ``start`` on cease to be features in ascending order.

    That is before ``stop`` only if a user's CSR has changed since `check_csr`. ``index`` is our
    own copy.
    """
    cdef int64_t k
    cdef uint32_t descends = 0
    if start == stop:
        return stop
    for k in range(start + 1, stop):  # without a branch: compilers compare whole vectors
        descends |= index[k] <= index[k - 1]
    if descends == 0 and index[stop - 1] < n_features:
        return stop
    k = start
    while k < stop and index[k] < n_features and (k == start or index[k - 1] < index[k]):
        k += 1
    return k


cdef inline int put(uint32_t[::1] row, real_t[::1] records, int64_t position, int64_t sample,
                    real_t value) except -1 nogil:
    """Write a record."""
    if real_t is float:
        write_record(&records[2 * position + 1], <uint32_t> sample, value)
    else:
        row[4 * position] = <uint32_t> sample
        records[2 * position + 1] = value
    return 0


cdef int transpose(int64_t[:, :] table, int64_t b, int64_t n_blocks,
                   const int64_t[::1] edges, const uint32_t[::1] index, const real_t[::1] value,
                   uint32_t[::1] feature, int64_t[::1] column, uint32_t[::1] row,
                   real_t[::1] records, int64_t[::1] cursor,
                   uint64_t[::1] present) except -1 nogil:
    """Sort the non-zeros of the table's batch b by feature, then by sample.

    A counting sort. Where there are more features than non-zeros its cost depends on these alone.
    ``cursor`` (features) and ``present`` (features / 64, a bit each) are this thread's own; they
    are all zero before and after. A record is two numbers wide, so that its parts are written to
    one cache line: the second is the value, and where the first would be ``row``, which is the
    same memory, has the number of the sample.
    """
    cdef int64_t i, k, a = 0, f, w, position, count, p0, p1, p2, p3
    cdef int64_t active = table[b, ACTIVE], first = table[b, COLUMN], start = table[b, ENTRY]
    cdef int64_t n = table[b, SIZE], edge = table[b, EDGES]
    cdef int64_t stop = edges[edge + n * (n_blocks + 1) - 1]
    cdef int64_t line = 64 // (2 * <int64_t> sizeof(real_t))  # records of a cache line
    cdef uint64_t word
    cdef bint few = stop - start < cursor.shape[0]

    # Count each feature. Meanwhile prefetch the lines that records will be written to, here
    # and there: the CPU writes in order, so a line that is not in the cache delays all after it.
    k = start
    while k + line <= stop:
        prefetch_to_write(<const void *> &records[2 * k])
        for i in range(line):
            cursor[index[k + i]] += 1
        k += line
    for k in range(k, stop):
        cursor[index[k]] += 1
    # Of few non-zeros, note too which features there are.
    if few:
        for k in range(start, stop):
            present[index[k] >> 6] |= <uint64_t> 1 << (index[k] & 63)

    # List the features in ascending order, and turn counts into positions.
    position = start
    if few:
        for w in range(present.shape[0]):
            word = present[w]
            present[w] = 0
            while word:
                f = (w << 6) + lowest_bit(word)
                word &= word - 1
                feature[active + a] = <uint32_t> f
                column[first + a] = position
                position += cursor[f]
                cursor[f] = column[first + a]
                a += 1
    else:
        for f in range(cursor.shape[0]):  # without a branch, which could not be predicted
            count = cursor[f]
            feature[active + a] = <uint32_t> f
            column[first + a] = position
            cursor[f] = position
            position += count
            a += count != 0
    column[first + a] = position
    table[b, N_ACTIVE] = a

    # Write each entry to its column. A sample's features differ, whatever has become of x:
    # `compact` and `ascending` see to it. So four entries at a time do not depend on each other.
    for i in range(n):
        k = edges[edge]
        stop = edges[edge + n_blocks]
        while k + 4 <= stop:
            p0 = cursor[index[k]]
            p1 = cursor[index[k + 1]]
            p2 = cursor[index[k + 2]]
            p3 = cursor[index[k + 3]]
            cursor[index[k]] = p0 + 1
            cursor[index[k + 1]] = p1 + 1
            cursor[index[k + 2]] = p2 + 1
            cursor[index[k + 3]] = p3 + 1
            put(row, records, p0, i, value[k])
            put(row, records, p1, i, value[k + 1])
            put(row, records, p2, i, value[k + 2])
            put(row, records, p3, i, value[k + 3])
            k += 4
        while k < stop:
            p0 = cursor[index[k]]
            cursor[index[k]] = p0 + 1
            put(row, records, p0, i, value[k])
            k += 1
        edge += n_blocks + 1
    if few:
        for a in range(table[b, N_ACTIVE]):
            cursor[feature[active + a]] = 0
    else:
        cursor[:] = 0
    return 0


def gather_sparse(const int64_t[::1] starts, const index_t[::1] source_index,
                  const value_t[::1] source_value, int64_t n_features,
                  const int64_t[::1] counts, const int64_t[::1] order, int64_t[:, :] table,
                  int64_t n_blocks,
                  int64_t block_features, int64_t[::1] edges, uint32_t[::1] index,
                  real_t[::1] value, bint columns, uint32_t[::1] feature, int64_t[::1] column,
                  uint32_t[::1] row, real_t[::1] records, int64_t[::1] cursor,
                  uint64_t[::1] present, uint64_t key, uint32_t threshold, double keep):
    """Gather the non-zeros of the table's batches by sample; `transpose` them if ``columns``.

    Row i of the source is entries starts[i] .. starts[i + 1]; counts[i] of them are not zero. If
    values or indices have changed since they were counted and checked, a row comes shorter: its
    features ascend and are below ``n_features`` nevertheless. A batch is transposed while it is in
    the cache, and without coming back to the interpreter in between, where threads would wait for
    each other. With a ``threshold`` above 0 entries are dropped at random, see `drop`, and the
    others divided by ``keep``.
    """
    cdef int64_t b, i, sample, edge, source, shift, start, stop, k, position
    cdef real_t element, scale = 1 / <real_t> keep
    with nogil:
        for b in range(table.shape[0]):
            start = table[b, ENTRY]
            edge = table[b, EDGES]
            for i in range(table[b, SIZE]):
                position = table[b, START] + i
                if position + 2 * AHEAD < order.shape[0]:
                    sample = order[position + 2 * AHEAD]
                    prefetch(<const void *> &starts[sample])
                    prefetch(<const void *> &counts[sample])
                if position + AHEAD < order.shape[0]:
                    prefetch_row(starts, source_index, source_value, order[position + AHEAD])
                sample = order[position]
                stop = start + counts[sample]
                source = starts[sample]
                if starts[sample + 1] - source == counts[sample]:  # plain copies, as vectors
                    shift = source - start
                    for k in range(start, stop):
                        index[k] = <uint32_t> source_index[shift + k]
                    for k in range(start, stop):
                        value[k] = <real_t> source_value[shift + k]
                else:  # zeros are stored too: drop them, as in `compact`
                    k = start
                    while k < stop and source < starts[sample + 1]:
                        element = <real_t> source_value[source]
                        value[k] = element
                        index[k] = <uint32_t> source_index[source]
                        k += element != 0
                        source += 1
                    stop = k
                if index_t is not uint16_t:  # else it is an encoding, which nobody else can change
                    stop = ascending(index, start, stop, n_features)
                if threshold:
                    stop = drop(index, value, start, stop, row_sequence(key, sample), threshold,
                                scale)
                cut(index, start, stop, n_blocks, block_features, edges, edge)
                edge += n_blocks + 1
                start = stop
            if columns:
                transpose(table, b, n_blocks, edges, index, value, feature, column, row, records,
                          cursor, present)


def gather_dense(const source_t[:, ::1] x, bint taken, const int64_t[::1] counts,
                 const int64_t[::1] order, int64_t[:, :] table, int64_t n_blocks,
                 int64_t block_features, int64_t[::1] edges, uint32_t[::1] index,
                 real_t[::1] value, bint columns, uint32_t[::1] feature, int64_t[::1] column,
                 uint32_t[::1] row, real_t[::1] records, int64_t[::1] cursor,
                 uint64_t[::1] present, uint64_t key, uint32_t threshold, double keep):
    """As `gather_sparse`, straight from dense rows.

    ``taken`` says that x holds one batch's own samples, in order, instead of all rows.
    """
    cdef int64_t b, i, sample, edge, start, stop
    cdef real_t scale = 1 / <real_t> keep
    cdef const real_t[::1] none = value[:0]  # rows that are encoded here have no baselines
    with nogil:
        for b in range(table.shape[0]):
            start = table[b, ENTRY]
            edge = table[b, EDGES]
            for i in range(table[b, SIZE]):
                sample = order[table[b, START] + i]
                stop = start + counts[sample]
                stop = compact(x, i if taken else sample, none, index, value, start, stop)
                if threshold:
                    stop = drop(index, value, start, stop, row_sequence(key, sample), threshold,
                                scale)
                cut(index, start, stop, n_blocks, block_features, edges, edge)
                edge += n_blocks + 1
                start = stop
            if columns:
                transpose(table, b, n_blocks, edges, index, value, feature, column, row, records,
                          cursor, present)


def pack_dense(const source_t[:, ::1] x, bint taken, const int64_t[::1] order,
               const int64_t[:, :] table, int64_t part, int64_t parts, int64_t batch_size,
               int64_t lanes, real_t[::1] dense, uint64_t key, uint32_t threshold, double keep):
    """Copy dense rows into panels of ``lanes`` features: [panel][sample][lanes].

    Of each batch, part number ``part`` of ``parts`` of its samples; ``taken``: x has no other rows.
    With a ``threshold`` above 0 elements become 0 at random, as `drop` chooses them, and the
    others are divided by ``keep``.
    """
    cdef int64_t b, i, j, q, first, sample, start, width, ahead, n_features = x.shape[1]
    cdef int64_t line = 64 // <int64_t> sizeof(source_t), lines = (n_features + line - 1) // line
    cdef uint64_t sequence
    cdef real_t scale = 1 / <real_t> keep
    with nogil:
        for b in range(table.shape[0]):
            first = table[b, SIZE] * part // parts
            for i in range(first, table[b, SIZE] * (part + 1) // parts):
                sample = i - first if taken else order[table[b, START] + i]
                ahead = table[b, START] + i + DENSE_AHEAD
                if not taken and ahead < order.shape[0]:
                    for j in range(min(lines, MOST_LINES)):
                        prefetch(<const void *> &x[order[ahead], j * line])
                for q in range((n_features + lanes - 1) // lanes):
                    start = table[b, DENSE] + (q * batch_size + i) * lanes
                    width = min(lanes, n_features - q * lanes)
                    for j in range(width):
                        dense[start + j] = <real_t> x[sample, q * lanes + j]
                    for j in range(width, lanes):
                        dense[start + j] = 0
                    if threshold:
                        sequence = row_sequence(key, order[table[b, START] + i])
                        for j in range(width):
                            if word_of(sequence, <uint32_t> (q * lanes + j)) < threshold:
                                dense[start + j] = 0
                            else:
                                dense[start + j] *= scale


def pack_sparse(const int64_t[:, :] table, int64_t n_features, const int64_t[::1] edges,
                const uint32_t[::1] index, const real_t[::1] value, int64_t batch_size,
                int64_t lanes, real_t[::1] dense):
    """Spread gathered non-zeros (in one block) over the panels of `pack_dense`."""
    cdef int64_t b, i, j, k, q, f, start
    with nogil:
        for b in range(table.shape[0]):
            for i in range(table[b, SIZE]):
                start = table[b, DENSE] + i * lanes
                for q in range((n_features + lanes - 1) // lanes):
                    for j in range(lanes):
                        dense[start + q * batch_size * lanes + j] = 0
                for k in range(edges[table[b, EDGES] + 2 * i], edges[table[b, EDGES] + 2 * i + 1]):
                    f = index[k]
                    dense[start + f // lanes * batch_size * lanes + f % lanes] = value[k]
