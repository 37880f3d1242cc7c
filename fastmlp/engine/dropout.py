"""Dropout: which share of which layer's units an epoch drops, and the keys of its random masks."""

from typing import NamedTuple

import numpy as np


class Dropout(NamedTuple):
    """Dropout of one epoch, for the inputs first and then for each hidden layer.

    Attributes
    ----------
    rates : float64 ndarray of shape (1 + n_hidden,)
        Share of the units that is dropped, at least 0 and below 1.
    keys : uint64 ndarray of shape (1 + n_hidden,)
        Random numbers of seed, epoch and layer. Key, row of X and unit decide whether a unit is dropped.
    """

    rates: np.ndarray
    keys: np.ndarray

    @property
    def thresholds(self):
        """A unit is dropped where its random word of 32 bits is below this; int64."""
        return np.minimum(np.rint(self.rates * 2.0**32), 2.0**32 - 1).astype(np.int64)

    @property
    def keep(self):
        """Share of the units that is kept. A kept unit's output is divided by it."""
        return 1.0 - self.rates

    @property
    def of_inputs(self) -> bool:
        """Whether inputs are dropped."""
        return bool(self.rates[0] > 0)

    @property
    def of_hidden(self) -> bool:
        """Whether hidden units are dropped."""
        return bool((self.rates[1:] > 0).any())
