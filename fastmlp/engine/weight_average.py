"""An exponential moving average of the weights, kept beside them while they are trained."""

import math

import numpy as np

# Updates between two folds of the weights into the average. A fold reads all weights and costs about half of what an
# update of all of them does.
FOLD_EVERY = 32
BLOCK = (
    1 << 14
)  # weights averaged at a time: they and the temporaries stay in the second-level cache


class WeightAverage:
    """The mean of the weights after some of the updates, weighted by ``decay ** age`` in updates.

    The weights are folded in every `every` updates and at the end of each epoch. A fold stands for all updates since
    the last one, so that the average forgets as fast as if each update had been folded in. The initial weights are
    not part of it.

    Parameters
    ----------
    decay : float
        Above 0 and below 1.
    values : ndarray
        The average so far in the packed layout; written to.
    n_updates : int
        Updates that the average stands for. After none, `values` are any weights to use until the first fold.
    every : int
        Batches of an epoch from one fold to the next.
    """

    def __init__(self, decay, values, *, n_updates=0, every=FOLD_EVERY):
        self._log_decay = math.log(decay)
        self.values, self.n_updates, self.every = values, n_updates, every

    def folds_after(self, n_batches, is_last):
        """Whether the weights are folded in after so many batches of an epoch."""
        return is_last or n_batches % self.every == 0

    def fold(self, params, before, now, me=0, n_threads=1):
        """Fold in the weights after update `now` of this epoch; the last fold was after update `before`.

        average += share * (weights - average), share = (1 - decay^k) / (1 - decay^t), of k updates among t

        Each thread does a part. An element's arithmetic does not depend on the part that it is in, and a block is
        written in one step, so that Ctrl-C leaves it either old or new.
        """
        if now == before:
            return
        # The share that an update has of all so far, as in Adam's bias correction.
        share = math.expm1((now - before) * self._log_decay)
        share /= math.expm1((self.n_updates + now) * self._log_decay)
        real = self.values.dtype.type
        new, old = real(share), real(1.0 - share)
        first, stop = (len(params) * part // n_threads for part in (me, me + 1))
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # the loss tells of weights that overflowed
            for start in range(first, stop, BLOCK):
                part = slice(start, min(start + BLOCK, stop))
                np.add(self.values[part] * old, params[part] * new, out=self.values[part])
