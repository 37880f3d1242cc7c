"""An exponential moving average of the weights, kept beside them while they are trained."""

import math

import numpy as np

from .panel_layout import aligned

# Updates between two folds of the weights into the average. A fold reads all weights and costs about half of what an
# update of all of them does.
FOLD_EVERY = 64
BLOCK = (
    1 << 14
)  # weights averaged at a time: they and the temporaries stay in the second-level cache


def share_of(decay, n_new, n_all):
    """Return the share of the average that the last `n_new` of `n_all` updates have: as in Adam's bias correction.

    share = (1 - decay^n_new) / (1 - decay^n_all)
    """
    log_decay = math.log(decay)
    return math.expm1(n_new * log_decay) / math.expm1(n_all * log_decay)


def mixed(average, weights, share, out=None):
    """Return ``(1 - share) average + share weights``, rounded alike for arrays of any length."""
    real = average.dtype.type
    # The loss tells of weights that overflowed.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.add(average * real(1.0 - share), weights * real(share), out=out)


class WeightAverage:
    """The mean of the weights after some of the updates, weighted by ``decay ** age`` in updates.

    The weights are folded in after each `every` updates of an epoch, and at the end of an epoch if at least so many
    are pending, that is, were made since the last fold. A fold stands for all pending updates, so that the average
    forgets as fast as if each update had been folded in. The initial weights are not part of it.

    Parameters
    ----------
    decay : float
        Above 0 and below 1.
    values : ndarray
        The average as of the last fold, in the packed layout; written to.
    n_updates : int
        Updates made so far. Before the first fold, `values` are any finite weights.
    n_pending : int
        How many of them are pending.
    every : int
        Batches of an epoch from one fold to the next.
    """

    def __init__(self, decay, values, *, n_updates=0, n_pending=0, every=FOLD_EVERY):
        self.decay, self.values, self.every = decay, values, every
        self.n_updates, self.n_pending = n_updates, n_pending

    def folds_after(self, n_batches):
        """Whether the weights are folded in after so many batches of an epoch."""
        return n_batches % self.every == 0

    def folds_at_end(self, n_pending):
        """Whether they are folded in at the end of an epoch with so many pending updates."""
        return n_pending >= self.every

    def epochs_to_fold(self, n_batches):
        """Return how many epochs of so many batches end before the weights are folded in, the last of them with it."""
        return max(1, -(-(self.every - self.n_pending) // n_batches))

    def fold(self, params, before, now, me=0, n_threads=1):
        """Fold in the weights after update `now` of this pass; the last fold was after update `before`.

        average += share * (weights - average), see `share_of`

        Each thread does a part. An element's arithmetic does not depend on the part that it is in, and a block is
        written in one step, so that Ctrl-C leaves it either old or new.
        """
        if now == before:
            return
        share = share_of(self.decay, now - before, self.n_updates + now)
        first, stop = (len(params) * part // n_threads for part in (me, me + 1))
        for start in range(first, stop, BLOCK):
            part = slice(start, min(start + BLOCK, stop))
            mixed(self.values[part], params[part], share, out=self.values[part])

    def read(self, params):
        """Return the average with the pending updates in it, which ended with these weights.

        The average itself stays as it is, so that it does not depend on who reads it.
        """
        if self.n_pending == 0:
            return self.values
        share = share_of(self.decay, self.n_pending, self.n_updates)
        return mixed(self.values, params, share, out=aligned(len(params), params.dtype))
