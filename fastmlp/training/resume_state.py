"""What training needs to resume exactly where it stopped, beside the weights themselves."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine.weight_average import mixed, share_of


@dataclass
class State:
    """The state of a training run between two epochs.

    Attributes
    ----------
    seed : int
        The fit's one random number.
    epoch : int
        Epochs of this seed that are over: the number of the next permutation.
    optimizer : Optimizer or None
    optimizer_epochs : int
        Epochs since the optimizer was made.
    n_rate_cuts : int
        Cuts that the "adaptive" schedule has made.
    n_no_improvement : int
        Epochs in a row without improvement.
    best_score : float
        The best validation score that the "adaptive" schedule has seen, without early stopping.
    latest : (coefs, intercepts) or None
        The weights to resume from, where the model's own are others: the best ones in a snapshot, or averages.
    average : (coefs, intercepts) or None
        The weights' average to resume from, without the pending updates.
    n_averaged, n_pending : int
        Updates made while the weights are averaged, and how many of them are pending: see `WeightAverage`.
    decay : float
        The average's decay.
    """

    seed: int
    epoch: int = 0
    optimizer: Any = None
    optimizer_epochs: int = 0
    n_rate_cuts: int = 0
    n_no_improvement: int = 0
    best_score: float = -math.inf
    latest: Any = None
    average: Any = None
    n_averaged: int = 0
    n_pending: int = 0
    decay: float = 0.0

    def read_average(self) -> list[np.ndarray]:
        """Return the averages that predict, coefs first: those to resume from with the pending updates in them."""
        average, latest = (
            [*coefs, *intercepts] for coefs, intercepts in (self.average, self.latest)
        )
        if self.n_pending == 0:
            return average
        share = share_of(self.decay, self.n_pending, self.n_averaged)
        return [mixed(old, new, share) for old, new in zip(average, latest, strict=True)]
