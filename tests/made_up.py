"""Results of sweeps that nobody ran: the truth about them is known."""

from itertools import product

import numpy as np

from fastmlp.sweep.grid import Layers, Setting
from fastmlp.sweep.results import Outcome

NOISE = (-0.002, 0.0, 0.003)  # of three folds
FAILED = {"status": "failed", "reason": "too wild", "seconds": 0.1, "history": {}}
FALLING = (2.0, 1.0, 0.5, 0.4, 0.3, 0.2)


def fold(accuracy, *, ahead=0.01, seconds=1.0, first=0.5, losses=FALLING, validation=None):
    """A fit's result; the losses of both parts are given epoch by epoch."""
    validation = losses if validation is None else validation
    curve = np.linspace(first, accuracy, len(losses)).tolist()
    return {
        "status": "ok", "seconds": seconds, "val_accuracy": accuracy, "val_loss": validation[-1],
        "train_accuracy": accuracy + ahead, "train_loss": losses[-1],
        "history": {"loss": list(losses), "val_loss": list(validation), "accuracy": curve,
                    "val_accuracy": curve},
    }  # fmt: skip


def outcomes(make, hidden=(64,), lr=(0.001,), momentum=(0.0,), **others):
    """A grid's results: ``make(setting, noise)`` is one of a fold; `others` are further fields of `Setting`."""
    settings = [
        Setting(Layers((h,)), r, m, **dict(zip(others, values, strict=True)))
        for h in hidden for r in lr for m in momentum for values in product(*others.values())
    ]  # fmt: skip
    found = [
        Outcome(s, [make(s, noise) for noise in NOISE], n_weights=1000 * sum(s.hidden))
        for s in settings
    ]
    means = [outcome.mean("val_accuracy") for outcome in found]
    for outcome, mean in zip(found, means, strict=True):
        outcome.rank = 1 + sum(other > mean for other in means)
    return found
