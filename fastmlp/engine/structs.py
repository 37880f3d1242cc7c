"""Builders of the structs that compiled code reads: one for each, with the memory that belongs to it."""

import numpy as np

from ..kernels.abi import (
    FAN_OUT,
    FEEDS,
    GELU,
    LANES,
    PANEL_BYTES,
    PANELS,
    RELU,
    RETURNS,
    ROWS,
    TILES,
    Batches,
    BatchTargets,
    Masks,
    Network,
    UpdateState,
)
from .panel_layout import aligned


def new_network(layout, batch_size, *, loss, activation, n_threads, backward=True):
    """Return the shape of a network and working memory for batches of this size.

    Parameters
    ----------
    layout : PanelLayout
    batch_size : int
    loss, activation : int
        Codes of `abi`.
    n_threads : int
        Threads that need scratch memory; more may not take part in a backward pass.
    backward : bool
        Whether there is memory for a backward pass.
    """
    dtype = layout.dtype
    layers = layout.for_batch(batch_size, relu=activation == RELU)
    n_hidden = layout.n_units * batch_size
    n_listed = n_hidden * bool(layers[:, [FEEDS, RETURNS]].any())
    full_lanes = PANEL_BYTES // dtype.itemsize
    # A thread's transposed panel, or tiles of gradient rows, or logits side by side, and one row of zeros.
    widest = int((-(-layers[1:, FAN_OUT] // layers[1:, LANES]) * layers[1:, LANES]).max(initial=0))
    scratch_size = full_lanes * (max(widest, TILES * ROWS) + 1) if backward else 0
    records = aligned(2 * n_listed, dtype)
    return Network(
        layers=layers,
        hidden=aligned(n_hidden, dtype),
        inputs=aligned(n_hidden * (activation >= GELU), dtype),
        delta=aligned(n_hidden, dtype),
        scratch=aligned(n_threads * scratch_size, dtype),
        edges=np.zeros(layout.n_edges * batch_size * (n_listed > 0), np.int64),
        index=np.zeros(n_listed, np.uint32),
        value=aligned(n_listed, dtype),
        count=np.zeros(layout.n_units * (n_listed > 0), np.int64),
        row=records.view(np.uint32),
        records=records,
        brackets=aligned(max(n_threads, int(layers[0, PANELS])) * full_lanes, dtype),
        n_layers=len(layers),
        activation=activation,
        loss=loss,
        batch_size=batch_size,
        full_lanes=full_lanes,
        scratch_size=scratch_size,
    )


def as_batches(data, buffers, n_batches):
    """Return a chunk of prepared batches."""
    return Batches(
        buffers.table, buffers.edges, buffers.index, buffers.value, buffers.feature, buffers.column,
        buffers.records, buffers.dense, data.baselines, data.shifted, len(data.shifted), n_batches,
        data.n_blocks, data.lanes, data.zero_skipping,
    )  # fmt: skip


def new_targets(
    layout, loss, labels, order, scale, *, sample_weight=None, penalised=False, smoothing=0.0
):
    """Return the targets of the batches, and room for what the kernels note of each sample.

    Parameters
    ----------
    layout : PanelLayout
    loss : Loss
    labels : ndarray of shape (n_samples, loss.label_columns(n_outputs))
    order : int64 ndarray of shape (n,)
        Row numbers in the order of use.
    scale : ndarray of shape (n_batches,)
        What each batch's deltas are multiplied by: 1 / B, or 0 for a batch without weight.
    sample_weight : ndarray of shape (n_samples,) or None
    smoothing : float
        The label smoothing, of a loss that has classes.
    penalised : bool
        Whether the squared norms of the weights are wanted.
    """
    dtype = layout.dtype
    weight = np.empty(0, dtype)
    if sample_weight is not None:
        weight = np.ascontiguousarray(sample_weight, dtype)
    classes = loss.has_classes
    return BatchTargets(
        order=order,
        labels=labels.reshape(-1) if classes else np.empty(0, np.int32),
        values=np.empty(0, dtype) if classes else np.ascontiguousarray(labels, dtype).reshape(-1),
        weight=weight,
        scale=scale.astype(dtype),
        losses=np.zeros(len(order)),
        measure=np.zeros(len(order) * loss.n_measures(layout.sizes[-1]), dtype),
        penalty=np.zeros(len(scale) * layout.n_panels if penalised else 0),
        smoothing=smoothing,
        n_panels=layout.n_panels,
        weighted=sample_weight is not None,
        penalised=penalised,
    )


def kept_until(optimizer, learning_rate, weight_decay, updates):
    """Return the share of a weight that decay leaves after 0, 1, ... updates; `updates` as in `new_update_state`."""
    kept = optimizer.kept(learning_rate, weight_decay, len(updates))
    kept = kept[np.diff(updates, prepend=0) > 0]
    return np.cumprod(np.concatenate(([1.0], kept, np.ones(len(updates) - len(kept)))))


def skips_rows(data, optimizer, learning_rate, *, alpha, weight_decay, n_batches):
    """Whether an epoch leaves out rows whose feature is zero in the whole batch, to catch them up later."""
    # A feature's baseline gives its row a gradient in every batch.
    unshifted = len(data.shifted) == 0
    lazy = data.zero_skipping and unshifted and optimizer.skips_untouched and alpha == 0
    if not lazy or weight_decay == 0:
        return lazy
    # With momentum, a row's way has no closed form. Without, it is multiplied by a ratio of products of what decay
    # leaves: they must not vanish.
    kept = optimizer.kept(learning_rate, weight_decay, n_batches)
    return "momentum" not in optimizer.uses and bool(np.cumprod(kept).min() > 1e-200)


def new_update_state(
    layout, data, params, optimizer, learning_rate, *, alpha, updates, weight_decay=0.0
):
    """Return the optimizer's memory for batches; `updates` are how many are made once each is done."""
    dtype = layout.dtype
    square, momentum = optimizer.memory(layout.n_params, dtype, aligned)
    lazy = skips_rows(
        data,
        optimizer,
        learning_rate,
        alpha=alpha,
        weight_decay=weight_decay,
        n_batches=len(updates),
    )
    n_powers = len(updates) + 1 if lazy else 1
    rows = int(layout.layers[0, PANELS]) * data.n_features
    update = UpdateState(
        params=params,
        square=square,
        momentum=momentum,
        rate=np.empty(len(updates), dtype),
        kept=np.ones(len(updates), dtype),
        kept_until=np.empty(n_powers if weight_decay > 0 else 0),
        last=np.empty(rows if lazy else 0, np.int32),
        powers=optimizer.powers(n_powers - 1).astype(dtype).reshape(-1),
        alpha=alpha,
        n_powers=n_powers,
        has_square=square.size > 0,
        has_momentum=momentum.size > 0,
        decays=weight_decay > 0,
        lazy=lazy,
    )
    renew_update_state(update, optimizer, learning_rate, updates, weight_decay)
    return update


def renew_update_state(update, optimizer, learning_rate, updates, weight_decay):
    """Make the memory of an epoch that of the next one, in place."""
    # The weights will tell of a rate, or of a decay, that overflows.
    with np.errstate(over="ignore", invalid="ignore"):
        if update.decays:
            update.kept[:] = optimizer.kept(learning_rate, weight_decay, len(updates))
        if update.decays and update.lazy:
            update.kept_until[:] = kept_until(optimizer, learning_rate, weight_decay, updates)
        update.rate[:] = optimizer.rates(learning_rate, updates)
    if update.lazy:
        update.last[:] = 0


def new_masks(layout, order, dropout):
    """Return what the kernels need for dropout of hidden units; `order` as in `new_targets`."""
    n_hidden = len(layout.layers) - 1
    masks = Masks(
        order=order,
        key=np.empty(n_hidden, np.int64),
        threshold=np.empty(n_hidden, np.int64),
        keep=np.empty(n_hidden, layout.dtype),
    )
    renew_masks(masks, dropout)
    return masks


def renew_masks(masks, dropout):
    """Make the masks of an epoch those of the next one, in place."""
    masks.key[:] = dropout.keys[1:].view(np.int64)
    masks.threshold[:] = dropout.thresholds[1:]
    masks.keep[:] = dropout.keep[1:]
