"""How long a fit is: samples per update, epochs, and when small data have had enough of them."""

import math

import numpy as np

from ..system.user_warnings import warn_user
from .constant_loss import constant_loss, least_loss

# The estimators' default `batch_size`: no warning where there are fewer samples, since nobody asked for it.
DEFAULT_BATCH_SIZE = 128
MOST_EPOCHS = 1 << 62  # more than anybody waits for
# max_iter="auto": see `n_epochs`, and bench/defaults.py for the choice.
AUTO_EPOCHS, AUTO_UPDATES = 20, 1500
# Epochs that are enough on small data, by the loss's metric, if the loss is then below this share of a constant
# prediction's: see `is_enough`. A regressor's outputs have to grow to the targets' scale first.
ENOUGH_EPOCHS, USEFUL_LOSS = {"accuracy": 100, "r2": 200}, 0.9
# A classifier with fewer units than this in its widest layer learns more slowly, by the root of the ratio. A regressor
# does, too, but would overfit noisy targets.
ENOUGH_UNITS = 512
# The same for L-BFGS, whose iterations go through all of the data: scikit-learn's default; and how many a classifier
# takes with so few samples or fewer. From twice as many samples on it takes all. See `n_iterations`.
AUTO_ITERATIONS, FEW_ITERATIONS, FEW_SAMPLES = 200, 50, 300


def n_epochs(model, n_samples: int) -> int:
    """Return the number of epochs that `max_iter` asks for.

    "auto" is 20, but as many as make `AUTO_UPDATES` updates where that is more: on a small data set 20 epochs
    are too few updates to learn anything. A fit may end earlier: see `is_enough`.
    """
    if model.max_iter != "auto":
        return min(int(model.max_iter), MOST_EPOCHS)
    per_epoch = -(-n_samples // min(n_samples, _given_batch_size(model)))
    return max(AUTO_EPOCHS, -(-AUTO_UPDATES // per_epoch))


def n_iterations(model, samples, metric: str) -> int:
    """Return the number of L-BFGS's iterations that `max_iter` asks for.

    "auto" is 200, but fewer for a classifier of few samples, unless there is a `tol`: it would learn them by heart,
    until its probabilities are 0 and 1. A regressor may have to meet its targets exactly.
    """
    if model.max_iter != "auto":
        return int(model.max_iter)
    if metric != "accuracy" or model.tol is not None:
        return AUTO_ITERATIONS
    n = len(samples)
    if samples.weight is not None:  # integers are as good as repeated samples, and 0 as none
        n = max(np.count_nonzero(samples.weight), samples.weight.sum())
    share = (n - FEW_SAMPLES) / FEW_SAMPLES
    return int(FEW_ITERATIONS + min(1, max(0, share)) * (AUTO_ITERATIONS - FEW_ITERATIONS))


def _given_batch_size(model) -> int:
    return 200 if model.batch_size == "auto" else int(model.batch_size)


def batch_size(model, n_samples: int) -> int:
    """Return the samples per update, never more than there are."""
    if model.batch_size == "auto":
        return min(_given_batch_size(model), n_samples)
    if model.batch_size > n_samples and model.batch_size != DEFAULT_BATCH_SIZE:
        warn_user(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
        )
    return min(int(model.batch_size), n_samples)


def enough_epochs(metric: str, layer_sizes) -> int:
    """Return how many epochs are enough for a network of these sizes, inputs and outputs among them."""
    widest = max(layer_sizes[1:-1], default=1)
    slower = math.sqrt(max(1.0, ENOUGH_UNITS / widest)) if metric == "accuracy" else 1.0
    return round(ENOUGH_EPOCHS[metric] * slower)


def _enough(context):
    return enough_epochs(context.record.metric, context.engine.layout.sizes)


def is_enough(context) -> bool:
    """Return whether max_iter="auto" ends after this epoch: on small data, RMSprop overfits in more of them.

    Where the loss is hardly better than a constant prediction's, as it is for features or targets that are far
    from unit scale, training goes on.
    """
    if context.model.max_iter != "auto" or context.model.solver != "rmsprop":
        return False
    if context.state.optimizer_epochs != _enough(context):
        return False
    engine = context.engine
    how = engine.layout.sizes[-1], engine.label_smoothing
    least = least_loss(engine.loss, *how)
    constant = constant_loss(engine.loss, context.samples, *how)
    return context.record.loss - least < USEFUL_LOSS * (constant - least)


def until_enough(context) -> float:
    """Return after how many epochs `is_enough` may say so; infinity where it no longer can."""
    if context.model.max_iter != "auto":
        return math.inf
    left = _enough(context) - context.state.optimizer_epochs
    return left if left > 0 else math.inf
