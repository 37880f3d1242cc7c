"""Losses and their gradients with respect to the logits."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..engine.losses import LOSSES
from ..engine.panel_layout import PanelLayout
from ..engine.structs import new_targets
from ..engine.team import Team, usable_threads
from ..kernels.abi import LANES, SIZE, TABLE_COLUMNS, Batches, TrainCall
from ..kernels.code_cache import entry
from ..kernels.words import pack_words
from .packing import fill_panels, floats, one_layer


def softmax_cross_entropy_backward(
    logits: ArrayLike, labels: ArrayLike, sample_weight: ArrayLike | None = None, *,
    n_threads: int | None = None,
) -> tuple[float, NDArray[Any], float]:  # fmt: skip
    """loss = -mean log softmax(logits)[label];  delta = (softmax(logits) - onehot) / batch

    Parameters
    ----------
    logits : ndarray of shape (n, n_outputs), float32 or float64
    labels : integer ndarray of shape (n, 1)
        Class numbers, 0 to n_outputs - 1.
    sample_weight : ndarray of shape (n,) or None
        What each sample counts in the mean; the batch is then their sum.
    n_threads : int or None
        None or -1: the cores that this process may use.

    Returns
    -------
    loss : float
    delta : ndarray of shape (n, n_outputs), of logits' dtype
        Gradient of the loss with respect to the logits.
    accuracy : float
        Weighted share of the samples whose label has the largest logit, the first of equal ones.

    Raises
    ------
    TypeError
        If a dtype is another one.
    ValueError
        If a shape is another one, a dimension is 0, a label is out of range, a weight is negative
        or not finite, or all are zero.
    """
    logits = floats("logits", logits, 2)
    return _loss_backward(
        "softmax_cross_entropy", logits, labels, 1, logits.shape[1], sample_weight, n_threads
    )


def logistic_cross_entropy_backward(
    logits: ArrayLike, labels: ArrayLike, sample_weight: ArrayLike | None = None, *,
    n_threads: int | None = None,
) -> tuple[float, NDArray[Any], float]:  # fmt: skip
    """loss = mean (log(1 + exp(z)) - y z), summed over outputs;  delta = (logistic(z) - y) / batch

    Parameters and errors are those of `softmax_cross_entropy_backward`, but labels are y, zeros and
    ones of shape (n, n_outputs). A sample is right when all of its outputs are.

    Returns
    -------
    loss : float
    delta : ndarray of shape (n, n_outputs), of logits' dtype
    accuracy : float
    """
    logits = floats("logits", logits, 2)
    return _loss_backward(
        "logistic_cross_entropy", logits, labels, logits.shape[1], 2, sample_weight, n_threads
    )


def squared_error_backward(
    outputs: ArrayLike, values: ArrayLike, sample_weight: ArrayLike | None = None, *,
    n_threads: int | None = None,
) -> tuple[float, NDArray[Any], float]:  # fmt: skip
    """loss = mean (z - y)² / 2, averaged over outputs;  delta = (z - y) / batch

    Sample weights, threads and errors are those of `softmax_cross_entropy_backward`. As in scikit-learn the loss is
    averaged over outputs while delta is not: it is the gradient of n_outputs times the loss.

    Parameters
    ----------
    outputs : ndarray of shape (n, n_outputs), float32 or float64
        z.
    values : real ndarray of that shape
        y, the numbers to predict.

    Returns
    -------
    loss : float
    delta : ndarray of shape (n, n_outputs), of outputs' dtype
    r2 : float
        Weighted R², averaged over outputs.
    """
    return _value_loss_backward(
        "squared_error", "outputs", outputs, values, sample_weight, n_threads
    )


def poisson_backward(
    logits: ArrayLike, values: ArrayLike, sample_weight: ArrayLike | None = None, *,
    n_threads: int | None = None,
) -> tuple[float, NDArray[Any], float]:  # fmt: skip
    """loss = mean (y log(y / p) - y + p), summed over outputs;  delta = (p - y) / batch;  p = exp(z)

    Half of the Poisson deviance. Parameters, returns and errors are those of `squared_error_backward`, but
    the logits z are logarithms of the means, and values are not negative.
    """
    if np.asarray(values).size and np.min(values) < 0:
        raise ValueError("values must not be negative")
    return _value_loss_backward("poisson", "logits", logits, values, sample_weight, n_threads)


def _value_loss_backward(name, argument, outputs, values, sample_weight, n_threads):
    """`argument`: how the caller names the outputs."""
    outputs, values = floats(argument, outputs, 2), np.asarray(values)
    if outputs.size == 0:
        raise ValueError(f"{argument} must not be empty, got the shape {outputs.shape}")
    if values.dtype.kind not in "buif":
        raise TypeError(f"values must be real numbers, got {values.dtype}")
    if values.shape != outputs.shape:
        raise ValueError(f"values must have the shape {outputs.shape}, got {values.shape}")
    with np.errstate(over="ignore"):
        values = values.astype(outputs.dtype)
    if not np.isfinite(values).all():
        raise ValueError(f"values must be finite, and not too large for {outputs.dtype}")
    return _run(LOSSES[name], outputs, values, sample_weight, n_threads)


def _loss_backward(name, logits, labels, columns, n_labels, sample_weight, n_threads):
    n = len(logits)
    if logits.size == 0:
        raise ValueError(f"logits must not be empty, got the shape {logits.shape}")
    labels = np.asarray(labels)
    if labels.dtype.kind not in "bui":
        raise TypeError(f"labels must be integers, got {labels.dtype}")
    if labels.shape != (n, columns):
        raise ValueError(f"labels must have the shape {(n, columns)}, got {labels.shape}")
    if labels.min() < 0 or labels.max() >= n_labels:
        found = f"{labels.min()} to {labels.max()}"
        raise ValueError(f"labels must lie between 0 and {n_labels - 1}, got {found}")
    return _run(
        LOSSES[name], logits, np.ascontiguousarray(labels, np.int32), sample_weight, n_threads
    )


def _run(loss, logits, labels, sample_weight, n_threads):
    """Run the loss's kernel on one batch; labels are as `new_targets` takes them."""
    n, n_outputs = logits.shape
    weight = _sample_weight(sample_weight, n)
    total = weight.sum()

    # One batch of a network whose only layer's sums are there already.
    layout = PanelLayout((1, n_outputs), logits.dtype)
    team = Team(usable_threads(n_threads))
    network = one_layer(layout, n, loss.code, team.n_threads)
    lanes = layout.layers[0, LANES]
    fill_panels(network.hidden, logits, lanes)
    table = np.zeros((1, TABLE_COLUMNS), np.int64)
    table[0, SIZE] = n
    none = np.empty(0)
    batches = Batches(
        table, *[none] * 9, n_shifted=0, n_batches=1, n_blocks=1, dense_lanes=1, zero_skipping=False
    )
    targets = new_targets(
        layout,
        loss,
        labels,
        np.arange(n),
        np.array([1 / total]),
        sample_weight=None if sample_weight is None else weight,
    )
    words = pack_words(network, batches, targets)
    run = entry("loss", layout.dtype)
    team.run(
        lambda me, m: run(
            np.concatenate((words, pack_words(TrainCall(0, 0, True, none, team.sync, me, m))))
        )
    )
    delta = network.delta.reshape(-1, n, lanes).transpose(1, 0, 2).reshape(n, -1)[:, :n_outputs]
    mean = float((targets.losses * (weight / total)).sum())
    score = loss.score(
        targets.measure.reshape(n, -1), labels, None if sample_weight is None else weight
    )
    return mean, np.ascontiguousarray(delta), score


def _sample_weight(sample_weight, n):
    if sample_weight is None:
        return np.ones(n)
    weight = np.asarray(sample_weight)
    if weight.dtype.kind not in "buif":
        raise TypeError(f"sample_weight must be real numbers, got {weight.dtype}")
    if weight.shape != (n,):
        raise ValueError(f"sample_weight must have the shape {(n,)}, got {weight.shape}")
    weight = weight.astype(np.float64)
    if not (np.isfinite(weight).all() and weight.min() >= 0 and weight.any()):
        raise ValueError("sample_weight must be finite, none negative and not all zero")
    # Only their ratios count: so scaled, which is exact, neither they nor their sum overflow.
    return np.ldexp(weight, -np.frexp(weight.max())[1])
