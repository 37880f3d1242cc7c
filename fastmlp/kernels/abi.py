"""What compiled code works on, by name: plain tuples. They travel as one array of words (words.py).

One row of `layers` describes one layer; its columns are numbered here. All offsets count elements of a flat array:
WEIGHT and BIAS of the parameters (and of the optimizer's state, which has their layout), HIDDEN of the activations
and deltas. With B the batch size, a layer's outputs are ``[panel][B samples][lanes]``.

The annotations are read: Python fills the tuples with arrays and numbers, `words.pack_words` writes addresses,
lengths and numbers one after the other, and compiled code (struct_view.readers) finds pointers and numbers there by
the same names.
"""

from typing import NamedTuple

FAN_IN, FAN_OUT, LANES, PANELS, WEIGHT, ROW_STRIDE, PANEL_STRIDE, BIAS, HIDDEN = range(9)
# Of a hidden layer whose zeros may be skipped (nonzero_lists.py): whether the layer above takes its outputs as lists,
# whether the layer below takes its deltas so, panels per block of a list, where its edges begin, units of the layers
# before.
FEEDS, RETURNS, BLOCK_PANELS, EDGES_AT, UNITS = range(9, 14)
LAYER_COLUMNS = 14

# Columns of a chunk's `table` of batches, written by the data path.
START, SIZE, EDGES, ACTIVE, N_ACTIVE, COLUMN, DENSE = range(7)
TABLE_COLUMNS = 8

# Losses, each with its output activation.
SOFTMAX_CROSS_ENTROPY, LOGISTIC_CROSS_ENTROPY, SQUARED_ERROR, POISSON = range(4)
# What is read of the outputs: through the output activation, as logits, or the logarithm of the first.
OUTPUTS, LOGITS, LOG_OUTPUTS = range(3)
# From GELU on the derivative does not follow from the output: these keep their input for the backward pass.
IDENTITY, RELU, TANH, LOGISTIC, LEAKY_RELU, ELU, SELU, GELU, SILU, MISH = range(10)
# Further functions of a vector, where they are called one by one (single_kernels.py).
EXP, LOG, LOG1P = 10, 11, 12
ACTIVATIONS = {
    "identity": IDENTITY,
    "relu": RELU,
    "tanh": TANH,
    "logistic": LOGISTIC,
    "leaky_relu": LEAKY_RELU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "silu": SILU,
    "mish": MISH,
}
LEAKY_SLOPE = 0.01
# Klambauer and others' fixed point: mean 0 and variance 1 stay as they are from layer to layer.
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

# Bytes of a vector value: a cache line, one AVX-512 register, two of AVX2 or four of NEON.
VECTOR_BYTES = 64
# Bytes of one row of the widest panel: 64 float32, eight AVX2 registers. Panels of dense input are no wider.
PANEL_BYTES = 256
HALF_PANEL_BYTES = PANEL_BYTES // 2
# Rows of a register tile: 6 rows of 64 bytes fill twelve of AVX2's sixteen registers.
ROWS = 6
# Such tiles of gradient rows that are summed up together, where a batch has many samples.
TILES = 8

# The words of a team's `sync`: three counters, each on a cache line of its own, then a line for each thread. Beside the
# last counter, which is hardly ever written, stands how often a waiting thread looks before it yields its core.
GENERATION, WAITING, STOP, PATIENCE = 0, 8, 16, 17
SYNC_SIZE, SYNC_LINE = 24, 8  # words, and words more for each thread


class Array(NamedTuple):
    """An array's element type ("real" is the compute dtype) and, for a table, its columns."""

    element: str
    columns: int = 0


REAL = Array("real")
INT64 = Array("int64")
INT32 = Array("int32")
UINT32 = Array("uint32")


class Network(NamedTuple):
    """Shape and memory of a network; hidden and delta hold one batch."""

    layers: Array("int64", LAYER_COLUMNS)
    hidden: REAL  # activations of every layer, the output layer's before softmax
    inputs: REAL  # what the activation was taken of, in hidden's places, if that is GELU or a later one; else empty
    delta: REAL  # gradients of the loss with respect to the layers' inputs
    scratch: REAL  # n_threads * scratch_size: a thread's transposed panel, logits or rows of gradient, then zeros
    # Non-zeros of hidden or delta, see nonzero_lists.py; empty if no layer skips any.
    edges: INT64
    index: UINT32
    value: REAL
    count: INT64
    row: UINT32  # the memory of records, in words
    records: REAL
    brackets: REAL  # full_lanes for each part of the first layer's loop: a panel's bias and the products with baselines
    n_layers: int
    activation: int
    loss: int
    batch_size: int
    full_lanes: int  # lanes of the widest panel
    scratch_size: int


class Batches(NamedTuple):
    """A chunk of prepared batches, as data.Buffers holds them."""

    table: Array("int64", TABLE_COLUMNS)
    edges: INT64
    index: UINT32
    value: REAL
    feature: UINT32
    column: INT64
    records: REAL  # see pointer.record
    dense: REAL
    # What the non-zeros are differences from, if X is shifted: a value per feature, and the features where it is not 0.
    baseline: REAL
    shifted: UINT32
    n_shifted: int
    n_batches: int
    n_blocks: int
    dense_lanes: int  # features in a panel of dense
    zero_skipping: int


class BatchTargets(NamedTuple):
    """What the batches are trained towards, and the results; `order` and the results are indexed by position."""

    order: INT64  # (n,) row numbers
    labels: INT32  # (n_samples,) class numbers or (n_samples * n_outputs,) indicators, if the loss has classes
    values: REAL  # (n_samples * n_outputs,) numbers to predict, if it has not
    weight: REAL  # (n_samples,) sample weights, if weighted
    scale: REAL  # (n_batches of the pass,) 1 / sum of the batch's weights, 0 for a batch without weight
    losses: Array("float64")  # (n,)
    measure: REAL  # (n,) 1 for a hit, or (n * n_outputs,) residuals: what the score is made of
    penalty: Array("float64")  # (n_batches of the pass * n_panels,) squared norms, if penalised
    smoothing: float  # share of a class target that is spread evenly over the classes
    n_panels: int
    weighted: int
    penalised: int


class UpdateState(NamedTuple):
    """The optimizer's memory."""

    params: REAL
    square: REAL  # if has_square
    momentum: REAL  # if has_momentum
    rate: REAL  # (n_batches of the pass,) step size, with a rule's own correction
    kept: REAL  # (n_batches of the pass,) share of a weight that decay leaves: 1 - rate * decay, 1 without decay
    # (n_powers,), if lazy and decays: product of the shares of that many updates
    kept_until: Array("float64")
    last: INT32  # (panels of the first layer * n_features,), if lazy: the update that last reached a row
    powers: REAL  # (3 * n_powers,): see decay_untouched
    alpha: float
    n_powers: int
    has_square: int
    has_momentum: int
    decays: int  # whether there is weight decay
    lazy: int  # leave out rows whose feature is zero in the whole batch


class Masks(NamedTuple):
    """Dropout of hidden units in an epoch; arrays by hidden layer."""

    order: INT64  # (n,) row numbers in the order of use, as in BatchTargets
    key: INT64  # the layer's key, of seed and epoch
    threshold: INT64  # a unit is dropped if its random word of 32 bits is below; 0: none
    keep: REAL  # share of the units that is kept, 1 - rate


class RMSpropRule(NamedTuple):
    """Hyper-parameters of rmsprop_momentum_update."""

    rho: float
    complement: float  # 1 - rho, rounded once
    momentum: float
    epsilon: float


class AdamRule(NamedTuple):
    """Hyper-parameters of adam_update."""

    beta_1: float
    complement_1: float
    beta_2: float
    complement_2: float
    epsilon: float


class SGDRule(NamedTuple):
    """Hyper-parameters of sgd_update."""

    momentum: float
    nesterov: float  # 1 or 0


class GradientRule(NamedTuple):
    """store_gradient has none; a class of its own chooses the kernel, and a structure cannot be empty."""

    unused: float = 0.0


class TrainCall(NamedTuple):
    """One call of train_chunk."""

    first_batch: int  # the chunk's first batch in the pass
    step: int  # updates before it in this pass
    finish: int  # whether rows left out catch up at the end: the weights are read then
    done: INT64  # (1,) gets the number of updates, for a caller that Ctrl-C keeps from the result
    sync: INT64
    me: int
    n_threads: int


class PredictCall(NamedTuple):
    """One call of predict_chunk."""

    params: REAL
    outputs: REAL  # (n * columns,), rows by position in the order of use
    kind: int  # OUTPUTS, LOGITS or LOG_OUTPUTS
    both: int  # whether a single logistic output comes as two columns, the first of them for the other class
    sync: INT64  # of a team, whose barriers one thread alone does not use


class EvaluateCall(NamedTuple):
    """One call of evaluate_chunk."""

    params: REAL
    sync: INT64  # as in PredictCall


class MatmulCall(NamedTuple):
    """One call of the entry "matmul"."""

    params: REAL
    outputs: REAL  # (n * n_outputs,), rows by position in the order of use
    sync: INT64
    me: int
    n_threads: int


class LayerCall(NamedTuple):
    """One call of the entry "layer"."""

    weight: REAL
    bias: REAL
    outputs: REAL  # this and the next two: as in PredictCall
    kind: int
    both: int
    number: int


class ElementsCall(NamedTuple):
    """One call of elements_entry."""

    x: REAL  # a whole number of 64-byte vectors
    size: int
    function: int
    me: int
    n_threads: int


class UpdateCall(NamedTuple):
    """One call of update_entry."""

    gradient: REAL  # this and the others: a whole number of 64-byte vectors
    weight: REAL
    square: REAL  # may be empty, as in UpdateState
    momentum: REAL
    rate: float
    size: int  # elements of gradient
    me: int
    n_threads: int
