"""An epoch's batches in figures: what each weighs, and the loss of all of them."""

from typing import NamedTuple

import numpy as np


class EpochResult(NamedTuple):
    """Result of an epoch: the sample-weighted mean loss with its L2 term, the score, updates made."""

    loss: float
    score: float
    n_updates: int


def batch_weights(plan, sample_weight, dtype):
    """Sum of the sample weights of each batch; 0 if there is no reciprocal of it in the compute dtype."""
    n, size = len(plan.order), plan.batch_size
    starts = np.arange(0, n, size)
    if sample_weight is None:
        return np.minimum(n - starts, size).astype(float)
    sums = np.add.reduceat(sample_weight[plan.order], starts)
    return np.where(sums < np.finfo(dtype).tiny, 0.0, sums)


def reciprocals(sums):
    """Return 1 / sums, and 0 where a sum is 0."""
    return np.divide(1.0, sums, out=np.zeros(len(sums)), where=sums > 0)


def mean_loss(plan, targets, sums, sample_weight, alpha):
    """Return the epoch's loss as scikit-learn counts it.

    A batch's loss is the mean by its weights, and the epoch's the mean over batches by their numbers of samples.
    A batch without weight counts for nothing. At least one has weight.
    """
    n, size = len(plan.order), plan.batch_size
    starts = np.arange(0, n, size)
    shares = np.minimum(n - starts, size) * (sums > 0)
    shares = shares / shares.sum()
    weight = 1.0 if sample_weight is None else sample_weight[plan.order]
    safe = np.where(sums > 0, sums, 1.0)
    with np.errstate(over="ignore", invalid="ignore"):  # left to the caller to notice
        batch_losses = np.add.reduceat(targets.losses * weight, starts) / safe
        if alpha > 0:
            squared_norms = targets.penalty.reshape(len(sums), -1).sum(axis=1)
            batch_losses += 0.5 * alpha * squared_norms / safe
        return float(batch_losses @ shares)
