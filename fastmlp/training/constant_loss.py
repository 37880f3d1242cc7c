"""The loss of the best prediction that does not look at X: class frequencies, or the mean of the targets."""

import numpy as np
from scipy.special import entr, xlogy


def of_classes(labels, weight):
    """Entropy of the class frequencies; labels (n, 1) are class numbers."""
    counts = np.bincount(labels[:, 0], weights=weight)
    return entr(counts / counts.sum()).sum()


def of_zeros_and_ones(labels, weight):
    """The same of each output's 0 and 1, summed over outputs; labels (n, n_outputs)."""
    share = np.average(labels, axis=0, weights=weight)
    return (entr(share) + entr(1 - share)).sum()


def of_numbers(labels, weight):
    """Half of the variance, averaged over outputs; labels (n, n_outputs)."""
    labels = labels.astype(np.float64)
    mean = np.average(labels, axis=0, weights=weight)
    return np.average((labels - mean) ** 2, axis=0, weights=weight).mean() / 2


def of_counts(labels, weight):
    """Half of the Poisson deviance from the mean, summed over outputs; labels (n, n_outputs)."""
    labels = labels.astype(np.float64)
    mean = np.average(labels, axis=0, weights=weight)
    ratio = np.divide(labels, mean, out=np.ones_like(labels), where=mean > 0)
    return np.average(xlogy(labels, ratio), axis=0, weights=weight).sum()


# By the loss's name.
CONSTANT_LOSSES = {
    "softmax_cross_entropy": of_classes,
    "one_class_cross_entropy": of_zeros_and_ones,
    "logistic_cross_entropy": of_zeros_and_ones,
    "squared_error": of_numbers,
    "poisson": of_counts,
}


def constant_loss(loss, samples) -> float:
    """Return the mean loss of the best constant prediction for the samples.

    Parameters
    ----------
    loss : engine.losses.Loss
    samples : Samples
    """
    labels, weight = samples.labels, samples.weight
    if samples.rows is not None:
        labels = labels[samples.rows]
        weight = None if weight is None else weight[samples.rows]
    return float(CONSTANT_LOSSES[loss.name](labels, weight))
