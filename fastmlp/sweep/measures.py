"""What the claims about parameters measure of a fold's result, or of all folds of a setting."""

import math
from collections.abc import Callable

import numpy as np

STALLED = 0.01  # a training loss that falls by less than this share in an epoch has stopped falling


def of(name: str) -> Callable:
    """A score by its name."""
    return lambda fold: fold[name]


def log_of(name: str) -> Callable:
    """The logarithm of a score: losses and seconds are compared by their ratios."""
    return lambda fold: _log(fold[name])


def first_epoch(fold) -> float:
    """Validation accuracy after one epoch."""
    return fold["history"]["val_accuracy"][0]


def setbacks(fold) -> float:
    """Share of the epochs after which the training loss was higher than before."""
    steps = np.diff(fold["history"]["loss"])
    return float(np.mean(steps > 0)) if len(steps) else math.nan


def overfitting(fold) -> float:
    """How far the validation loss rose from its least to the end, as a logarithm.

    0 while it falls; and 0 where the training loss did not fall meanwhile, for that is another fault.
    """
    train, validation = (np.asarray(fold["history"][name]) for name in ("loss", "val_loss"))
    least = int(validation.argmin())
    if not train[-1] < train[least]:
        return 0.0
    return _log(validation[-1]) - _log(validation[least])


def _log(value):
    return math.log(max(value, 1e-12))  # a loss may be 0


def still_falling(outcome) -> bool:
    """Whether the validation loss, averaged over the folds, is at its least in the last epoch."""
    curve = np.mean(outcome.curves("val_loss"), axis=0)
    return int(curve.argmin()) == len(curve) - 1


def stalled(outcome) -> bool:
    """Whether the training loss, averaged over the folds, has stopped falling."""
    before, last = np.mean(outcome.curves("loss"), axis=0)[-2:]
    return last > (1 - STALLED) * before
