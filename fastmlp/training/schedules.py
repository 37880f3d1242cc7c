"""Learning rates: of each epoch, and of each update.

"invscaling" and "adaptive" go by what an epoch ended with. The others are functions of the progress alone, so that
they need no state: a factor of `learning_rate_init` for update number `step` of `total`.
"""

import math
from numbers import Real

import numpy as np

from ..engine.optimizers import SOLVERS


def cosine(step, total):
    """Half a cosine from 1 to 0: PyTorch's CosineAnnealingLR, Keras's CosineDecay."""
    return 0.5 * (1.0 + np.cos(np.pi * step / total))


def linear(step, total):
    """A straight line from 1 to 0."""
    return 1.0 - step / total


# Of "one_cycle": the share of the updates in which the rate grows, and where it starts and ends.
GROWTH, START, END = 0.3, 1 / 25, 1 / 25e4


def one_cycle(step, total):
    """From 1/25 up to 1 in the first 30% of the updates, then down to 1/250000: PyTorch's OneCycleLR."""
    peak = GROWTH * total - 1
    up = np.clip(step / peak, 0.0, 1.0) if peak > 0 else np.ones(len(step))
    down = np.clip((step - peak) / (total - 1 - peak), 0.0, 1.0)
    growing = START + (1.0 - START) * 0.5 * (1.0 - np.cos(np.pi * up))
    falling = END + (1.0 - END) * 0.5 * (1.0 + np.cos(np.pi * down))
    return np.where(step <= peak, growing, falling)


# By `learning_rate`: factor(step, total), steps as an array of floats.
PER_UPDATE = {"cosine": cosine, "linear": linear, "one_cycle": one_cycle}
PER_EPOCH = ("constant", "invscaling", "adaptive")


def is_per_update(schedule) -> bool:
    """Whether a value of `learning_rate` gives each update a rate of its own."""
    return callable(schedule) or schedule in PER_UPDATE


def schedule_of(model):
    """Return the schedule in use: `learning_rate`, or "constant" where the solver has none of its kind."""
    has_schedule = SOLVERS[model.solver].has_schedule
    return model.learning_rate if has_schedule or is_per_update(model.learning_rate) else "constant"


def update_rates(model, epoch: int, n_epochs: int, n_batches: int) -> np.ndarray:
    """Return the learning rates of an epoch's updates, for a schedule that `is_per_update`.

    Parameters
    ----------
    model : BaseMLP
        Read for `learning_rate` and `learning_rate_init`.
    epoch, n_epochs : int
        Number of the epoch, and of all epochs. Later ones keep the last update's rate.
    n_batches : int
        Updates of an epoch.
    """
    total = n_epochs * n_batches
    step = np.minimum(epoch * n_batches + np.arange(n_batches, dtype=float), float(total - 1))
    if callable(model.learning_rate):
        factor = np.array([_called(model.learning_rate, progress) for progress in step / total])
    else:
        factor = PER_UPDATE[model.learning_rate](step, total)
    return float(model.learning_rate_init) * factor


def _called(schedule, progress) -> float:
    """What a user's schedule returns, checked."""
    factor = schedule(float(progress))
    if not isinstance(factor, Real) or not 0 <= factor < math.inf:
        raise ValueError(
            f"learning_rate must return a finite number that is not negative, got {factor!r} "
            f"at progress {progress:g}."
        )
    return float(factor)


def learning_rate(model, schedule, state, record) -> float:
    """Return the next epoch's learning rate, for a schedule of `PER_EPOCH`.

    Parameters
    ----------
    model : BaseMLP
        Read for `learning_rate_init` and `power_t`.
    schedule : {"constant", "invscaling", "adaptive"}
    state : State
        Read for the epochs of the optimizer and the cuts of "adaptive".
    record : Record
        Read for the number of samples seen, which "invscaling" goes by.
    """
    rate = float(model.learning_rate_init)
    if schedule == "invscaling" and state.optimizer_epochs > 0:
        try:
            return rate / float(record.t + 1) ** model.power_t
        except OverflowError:
            return 0.0
    if schedule == "adaptive":
        for _ in range(state.n_rate_cuts):
            rate /= 5.0
    return rate
