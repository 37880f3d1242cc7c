"""The loss of the best prediction that does not look at X: class frequencies, or the mean of the targets."""

import numpy as np
from scipy.special import entr, xlogy

from ..engine.losses import that_count


def of_classes(labels, weight, n_outputs, smoothing):
    """Entropy of the smoothed class frequencies; labels (n, 1) are class numbers."""
    counts = np.bincount(labels[:, 0], weights=weight, minlength=n_outputs)
    share = (1 - smoothing) * (counts / counts.sum()) + smoothing / n_outputs
    return entr(share).sum()


def of_zeros_and_ones(labels, weight, n_outputs, smoothing):
    """The same of each output's 0 and 1, summed over outputs; labels (n, n_outputs)."""
    share = (1 - smoothing) * np.average(labels, axis=0, weights=weight) + smoothing / 2
    return (entr(share) + entr(1 - share)).sum()


def of_numbers(labels, weight, n_outputs, smoothing):
    """Half of the variance, averaged over outputs; labels (n, n_outputs)."""
    labels = labels.astype(np.float64)
    mean = np.average(labels, axis=0, weights=weight)
    return np.average((labels - mean) ** 2, axis=0, weights=weight).mean() / 2


def of_counts(labels, weight, n_outputs, smoothing):
    """Half of the Poisson deviance from the mean, summed over outputs; labels (n, n_outputs)."""
    labels = labels.astype(np.float64)
    mean = np.average(labels, axis=0, weights=weight)
    ratio = np.divide(labels, mean, out=np.ones_like(labels), where=mean > 0)
    return np.average(xlogy(labels, ratio), axis=0, weights=weight).sum()


def least_loss(loss, n_outputs: int, smoothing: float) -> float:
    """Return the least loss that a prediction can have: smoothed labels are never quite right."""
    if loss.name == "softmax_cross_entropy":
        wrong = smoothing / n_outputs
        return float(entr(1 - smoothing + wrong) + (n_outputs - 1) * entr(wrong))
    if loss.measures_outputs:
        return 0.0
    return float(n_outputs * (entr(1 - smoothing / 2) + entr(smoothing / 2)))


# By the loss's name.
CONSTANT_LOSSES = {
    "softmax_cross_entropy": of_classes,
    "one_class_cross_entropy": of_zeros_and_ones,
    "logistic_cross_entropy": of_zeros_and_ones,
    "squared_error": of_numbers,
    "poisson": of_counts,
}


def constant_loss(loss, samples, n_outputs: int, smoothing: float = 0.0) -> float:
    """Return the mean loss of the best constant prediction for the samples.

    Parameters
    ----------
    loss : engine.losses.Loss
    samples : Samples
    n_outputs : int
    smoothing : float
        As the estimators' `label_smoothing`; losses of numbers have none.
    """
    labels, weight = samples.labels, samples.weight
    if samples.rows is not None:
        labels = labels[samples.rows]
        weight = None if weight is None else weight[samples.rows]
    weight, labels = that_count(weight, labels)
    return float(CONSTANT_LOSSES[loss.name](labels, weight, n_outputs, smoothing))
