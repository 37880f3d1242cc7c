"""Losses: everything that training and prediction have to know about what a network is for.

A `Loss` names its output activation, the kind of its labels and its metric. Its arithmetic is a kernel
(`kernels.primitives.losses`), chosen by `code`; training and `Engine.evaluate` run that same kernel.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..kernels.abi import (
    LOGISTIC_CROSS_ENTROPY,
    POISSON,
    SOFTMAX_CROSS_ENTROPY,
    SQUARED_ERROR,
)


def weighted(losses, weight):
    """Return losses * weight; a sample without weight has none, even if its own loss is not finite."""
    return np.multiply(losses, weight, out=np.zeros(len(losses)), where=weight != 0)


def that_count(weight, *arrays):
    """Return the weights, and the arrays' rows, of samples whose weight is not 0; weight None: of all.

    A sum with 0 times what a sample without weight holds could still overflow, or lose digits.
    """
    if weight is None or (counts := weight != 0).all():
        return weight, *arrays
    return weight[counts], *(array[counts] for array in arrays)


def accuracy(measure, labels, weight) -> float:
    """Return the weighted share of hits; measure (n, 1) is 1 for a hit."""
    if weight is None:
        return float(np.count_nonzero(measure) / len(measure))
    hits = measure[:, 0].astype(np.float64) * weight
    return float(hits.sum() / weight.sum(dtype=np.float64))


def always_right(measure, labels, weight) -> float:
    """Return 1: where there is one class only, it is predicted whatever the output."""
    return 1.0


def r2(measure, labels, weight) -> float:
    """Return R², averaged over outputs; measure (n, n_outputs) is the residuals.

    As scikit-learn's `r2_score`: an output whose labels are all the same counts 1 if they are met exactly, else 0;
    and R² of less than two samples is NaN.
    """
    if len(labels) < 2:
        return float("nan")
    weight, measure, labels = that_count(weight, measure, labels)
    with np.errstate(over="ignore", invalid="ignore"):  # the loss tells of what overflowed
        columns = zip(measure.T, labels.T, strict=True)
        return float(np.mean([_r2_of_column(*column, weight) for column in columns]))


def _r2_of_column(residuals, labels, weight):
    """R² of one output; column by column, because rows of few numbers are slow to work on."""
    residual = _sum_of_squares(residuals.astype(np.float64), weight)
    labels = labels.astype(np.float64)
    labels -= labels[0]  # so that equal labels have a deviation of exactly 0
    labels -= labels.mean() if weight is None else (weight * labels).sum() / weight.sum()
    deviation = _sum_of_squares(labels, weight)
    return 1 - residual / deviation if deviation > 0 else float(residual == 0)


def _sum_of_squares(numbers, weight):
    """Overwrites the numbers."""
    np.multiply(numbers, numbers, out=numbers)
    if weight is not None:
        numbers *= weight
    return numbers.sum()  # not a product of vectors, whose bits depend on the threads of the BLAS


@dataclass(frozen=True)
class Loss:
    """A loss and what belongs to it.

    Attributes
    ----------
    name : str
        Key in `LOSSES`.
    code : int
        The kernels' number of the loss.
    output_activation : {"softmax", "logistic", "identity", "exp"}
        What turns logits into predictions.
    has_classes : bool
        Whether labels are class numbers or marks, int32; else they are numbers of the compute dtype.
    metric : str
        What the score is called in `history_` and in texts.
    score : callable
        ``score(measure, labels, weight)`` of samples: the kernel's measure (n, n_measures), the labels
        (n, label columns), read only where the kernel `measures_outputs`, and sample weights (n,) or None.
    one_column : bool
        Whether labels have one column whatever the number of outputs, as class numbers do.
    measures_outputs : bool
        Whether the kernel measures each output of a sample, or the sample.
    least_samples : int
        Of fewer samples there is no score.
    """

    name: str
    code: int
    output_activation: str
    has_classes: bool
    metric: str
    score: Callable
    one_column: bool = False
    measures_outputs: bool = False
    least_samples: int = 1

    def label_columns(self, n_outputs: int) -> int:
        """Return the number of columns that labels have."""
        return 1 if self.one_column else n_outputs

    def n_measures(self, n_outputs: int) -> int:
        """Return how many numbers the kernel notes of each sample, beside its loss."""
        return n_outputs if self.measures_outputs else 1


_ALL = (
    Loss(
        "softmax_cross_entropy", SOFTMAX_CROSS_ENTROPY, "softmax", True, "accuracy", accuracy,
        one_column=True,
    ),
    Loss("one_class_cross_entropy", LOGISTIC_CROSS_ENTROPY, "logistic", True, "accuracy", always_right),
    Loss("logistic_cross_entropy", LOGISTIC_CROSS_ENTROPY, "logistic", True, "accuracy", accuracy),
    Loss("squared_error", SQUARED_ERROR, "identity", False, "r2", r2, measures_outputs=True, least_samples=2),
    Loss("poisson", POISSON, "exp", False, "r2", r2, measures_outputs=True, least_samples=2),
)  # fmt: skip
LOSSES = {loss.name: loss for loss in _ALL}
