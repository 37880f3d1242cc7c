"""The arrays that the training step works on, by name. Pure data: importing this costs nothing.

One row of `layers` describes one layer; its columns are numbered here. All offsets count elements of a flat
array: WEIGHT and BIAS of the parameters (and of the optimizer's state, which has their layout), HIDDEN of
the activations and deltas. With B the batch size, a layer's outputs are ``[panel][B samples][lanes]``.
"""

from typing import Any, NamedTuple

FAN_IN, FAN_OUT, LANES, PANELS, WEIGHT, ROW_STRIDE, PANEL_STRIDE, BIAS, HIDDEN = range(9)
LAYER_COLUMNS = 9

# Columns of a chunk's `table` of batches, written by the data path.
START, SIZE, EDGES, ACTIVE, N_ACTIVE, COLUMN, DENSE = range(7)

SOFTMAX, LOGISTIC_OUTPUT = 0, 1


class Network(NamedTuple):
    """Shape and memory of a network; hidden and delta hold one batch."""

    layers: Any  # (n_layers, LAYER_COLUMNS) int64
    activation: int
    output: int
    batch_size: int
    hidden: Any  # activations of every layer, the output layer's before softmax
    delta: Any  # gradients of the loss with respect to the layers' inputs
    scratch: Any  # (n_threads, ...) a thread's own: a transposed panel, then six rows of gradient


class Batches(NamedTuple):
    """A chunk of prepared batches, as data.Buffers holds them."""

    table: Any
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
    labels: Any  # (n_samples, 1) class numbers or (n_samples, n_outputs) indicators, int32
    weight: Any  # (n_samples,) sample weights of the compute dtype, or empty
    scale: Any  # (n_batches of the epoch,) 1 / sum of the batch's weights, 0 for a batch without weight
    losses: Any  # (n,) float64
    hits: Any  # (n,) uint8
    penalty: Any  # (n_batches of the epoch, panels of all layers) squared norms, empty without L2


class Learning(NamedTuple):
    """The optimizer's memory."""

    params: Any
    square: Any
    momentum: Any
    rate: Any  # (n_batches of the epoch,) step size, with a rule's own correction
    alpha: float
    lazy: bool  # leave out rows whose feature is zero in the whole batch
    last: Any  # (panels of the first layer, n_features) int32: the update that last reached the row
    powers: Any  # (3, updates of an epoch + 1): see decay_untouched
