"""What training needs to resume exactly where it stopped, beside the weights themselves."""

import math
from dataclasses import dataclass
from typing import Any


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
        The weights' average to resume from.
    n_averaged : int
        Updates that the average stands for.
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
