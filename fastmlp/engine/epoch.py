"""The batches of epochs in figures: what each weighs, and the loss of all of an epoch."""

from typing import NamedTuple

import numpy as np

from ..data.batch_plan import batch_starts
from .losses import weighted


class EpochResult(NamedTuple):
    """Result of an epoch: the sample-weighted mean loss with its L2 term, the score, updates made."""

    loss: float
    score: float
    n_updates: int


class BatchWeights(NamedTuple):
    """What the batches of one or several epochs weigh."""

    starts: np.ndarray  # position of each batch's first sample
    sums: (
        np.ndarray
    )  # of its samples' weights; 0 if there is no reciprocal of it in the compute dtype
    safe: np.ndarray  # the same, 1 in the place of 0
    updates: np.ndarray  # made once the batch is done; a batch without weight makes none
    shares: (
        np.ndarray
    )  # (epochs, batches of one): its part of all samples of batches that have weight


def batch_weights(order, size, sample_weight, dtype, n_epochs=1) -> BatchWeights:
    """Weigh the batches of `size` samples that the order of each epoch is cut into."""
    n = len(order)
    starts = batch_starts(n, size, n_epochs)
    numbers = np.diff(starts, append=n)
    if sample_weight is None:
        sums = numbers.astype(float)
    else:
        sums = np.add.reduceat(sample_weight[order], starts)
        sums = np.where(sums < np.finfo(dtype).tiny, 0.0, sums)
    weighs = sums > 0
    counted = (numbers * weighs).reshape(n_epochs, -1)
    shares = counted / np.maximum(1, counted.sum(axis=1, keepdims=True))
    return BatchWeights(starts, sums, np.where(weighs, sums, 1.0), np.cumsum(weighs), shares)


def reciprocals(sums):
    """Return 1 / sums, and 0 where a sum is 0."""
    return np.divide(1.0, sums, out=np.zeros(len(sums)), where=sums > 0)


def mean_losses(batches, targets, sample_weight, alpha):
    """Return each epoch's loss as scikit-learn counts it, a list.

    A batch's loss is the mean by its weights, and the epoch's the mean over batches by their numbers of samples.
    A batch without weight counts for nothing.
    """
    losses = targets.losses
    with np.errstate(over="ignore", invalid="ignore"):  # left to the caller to notice
        if sample_weight is not None:
            losses = weighted(losses, sample_weight[targets.order])
        batch_losses = np.add.reduceat(losses, batches.starts) / batches.safe
        if alpha > 0:
            squared_norms = targets.penalty.reshape(len(batches.sums), -1).sum(axis=1)
            batch_losses += 0.5 * alpha * squared_norms / batches.safe
        shares = batches.shares
        by_epoch = zip(batch_losses.reshape(shares.shape), shares, strict=True)
        return [float(losses @ share) for losses, share in by_epoch]
