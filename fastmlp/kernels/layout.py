"""What the training step works on, by name.

One row of `layers` describes one layer; its columns are numbered here. All offsets count elements of a flat array:
WEIGHT and BIAS of the parameters (and of the optimizer's state, which has their layout), HIDDEN of the activations
and deltas. With B the batch size, a layer's outputs are ``[panel][B samples][lanes]``.

Python fills the named tuples with arrays; the entries (step.py) put pointers in their place.
"""

from typing import Any, NamedTuple

FAN_IN, FAN_OUT, LANES, PANELS, WEIGHT, ROW_STRIDE, PANEL_STRIDE, BIAS, HIDDEN = range(9)
LAYER_COLUMNS = 9

# Columns of a chunk's `table` of batches, written by the data path.
START, SIZE, EDGES, ACTIVE, N_ACTIVE, COLUMN, DENSE = range(7)
TABLE_COLUMNS = 8

SOFTMAX, LOGISTIC_OUTPUT = 0, 1


class Network(NamedTuple):
    """Shape and memory of a network; hidden and delta hold one batch."""

    layers: Any  # (n_layers, LAYER_COLUMNS) int64
    hidden: Any  # activations of every layer, the output layer's before softmax
    delta: Any  # gradients of the loss with respect to the layers' inputs
    scratch: Any  # n_threads * scratch_size: a thread's own transposed panel or rows of gradient, then zeros
    n_layers: int
    activation: int
    output: int
    batch_size: int
    full_lanes: int  # lanes of the widest panel, and of a panel of dense input
    scratch_size: int


class Batches(NamedTuple):
    """A chunk of prepared batches, as data.Buffers holds them."""

    table: Any  # (n_batches, TABLE_COLUMNS) int64
    edges: Any
    index: Any
    value: Any
    feature: Any
    column: Any
    row: Any
    row_value: Any
    dense: Any
    n_batches: int
    n_blocks: int
    zero_skipping: bool


class Targets(NamedTuple):
    """What the batches are to be, and what came out; `order` and the results are indexed by position."""

    order: Any  # (n,) int64 row numbers
    labels: Any  # (n_samples,) class numbers or (n_samples * n_outputs,) indicators, int32
    weight: Any  # (n_samples,) sample weights of the compute dtype, if weighted
    scale: Any  # (n_batches of the epoch,) 1 / sum of the batch's weights, 0 for a batch without weight
    losses: Any  # (n,) float64
    hits: Any  # (n,) uint8
    penalty: Any  # (n_batches of the epoch * n_panels,) squared norms of the panels, if penalised
    n_panels: int
    weighted: bool
    penalised: bool


class Learning(NamedTuple):
    """The optimizer's memory."""

    params: Any
    square: Any  # if has_square
    momentum: Any  # if has_momentum
    rate: Any  # (n_batches of the epoch,) step size, with a rule's own correction
    last: Any  # (panels of the first layer * n_features,) int32, if lazy: the update that last reached a row
    powers: Any  # (3 * n_powers,): see decay_untouched
    alpha: float
    n_powers: int
    has_square: bool
    has_momentum: bool
    lazy: bool  # leave out rows whose feature is zero in the whole batch
