"""What an epoch's batches are to learn, and what the epoch came to."""

from typing import NamedTuple

import numpy as np

from ..kernels.abi import BatchTargets


class EpochResult(NamedTuple):
    """What an epoch came to: the sample-weighted mean loss with its L2 term, accuracy, updates made."""

    loss: float
    accuracy: float
    n_updates: int


def batch_weights(plan, sample_weight, dtype):
    """Sum of the sample weights of each batch; 0 if there is no reciprocal of it in the compute dtype."""
    n, size = len(plan.order), plan.batch_size
    starts = np.arange(0, n, size)
    if sample_weight is None:
        return np.minimum(n - starts, size).astype(float)
    sums = np.add.reduceat(sample_weight[plan.order], starts)
    return np.where(sums < np.finfo(dtype).tiny, 0.0, sums)


def make_targets(plan, labels, sample_weight, sums, dtype, n_panels, *, penalty):
    """What the kernels are told of a plan's batches, and room for what they tell."""
    n = len(plan.order)
    scale = np.zeros(len(sums))
    np.divide(1.0, sums, out=scale, where=sums > 0)
    weight = np.empty(0, dtype)
    if sample_weight is not None:
        weight = np.ascontiguousarray(sample_weight, dtype)
    return BatchTargets(
        order=plan.order,
        labels=labels.reshape(-1),
        weight=weight,
        scale=scale.astype(dtype),
        losses=np.zeros(n),
        hits=np.zeros(n, np.uint8),
        penalty=np.zeros(len(sums) * n_panels if penalty else 0),
        n_panels=n_panels,
        weighted=sample_weight is not None,
        penalised=penalty,
    )


def summary(plan, targets, sums, sample_weight, alpha, n_updates):
    """The epoch's loss as scikit-learn counts it: a batch's is the mean by its weights, and the epoch's the
    mean over batches by their numbers of samples. A batch without weight counts for nothing.
    """
    if n_updates == 0:
        return EpochResult(0.0, 0.0, 0)
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
        loss = float(batch_losses @ shares)
    accuracy = (targets.hits * weight).sum() / sums.sum()
    return EpochResult(loss, float(accuracy), n_updates)
