"""How much arithmetic a pass over the data is, and how it is cut up for that.

No choice made here changes a bit of a result.
"""

from itertools import pairwise

from .weight_average import FOLD_EVERY

# Between two chunks Python can stop, report or take Ctrl-C: about 40 ms of one core's arithmetic.
CHUNK_FLOPS = 2e9
# Activation, loss and bookkeeping of one unit for one sample take as long as so many operations of a product.
UNIT_FLOPS = 200
# A second thread has to be started for every pass, and waited for several times in each batch. With less work than
# this in a batch of training, or in the whole pass, one is faster; so it is in a batch of a prediction. In a pass a
# little longer, a second thread gains a tenth, and loses half where a BLAS's thread still waits with a busy core.
BATCH_FLOPS = 2e6
EPOCH_FLOPS = 3e8
PREDICT_BATCH_FLOPS = 2e5
PREDICT_FLOPS = 6e7
# Several epochs run as one pass up to so much work, a few hundredths of a second, so many epochs, and so many samples:
# the pass's own arrays grow with them. What each batch takes beside its arithmetic counts as so many operations.
TOGETHER_FLOPS = 1e9
MOST_EPOCHS = 64
TOGETHER_SAMPLES = 500_000
UPDATE_FLOPS = 1e5


class Work:
    """What a network's passes over some data take, in floating-point operations of its products.

    Parameters
    ----------
    layout : PanelLayout
    data : Data

    Attributes
    ----------
    used, all_weights : float
        Weights that a sample is multiplied by on average, and all there are.
    """

    def __init__(self, layout, data):
        sizes = layout.sizes
        weights = sum(a * b for a, b in pairwise(sizes[1:]))
        first = data.n_features * sizes[1]
        self.used = weights + first * (data.density if data.zero_skipping else 1)
        # At the crossover skipping zeros takes as long as products with all of them.
        self._predicted = weights + first * min(1, data.density / data.crossover)
        self.all_weights = weights + first
        self._n_units = sum(sizes[1:])
        self._scale = layout.dtype.itemsize / 4

    def of_epoch(self, n_samples, batch_size):
        """Operations of an epoch of training."""
        sample = 6 * self.used + UNIT_FLOPS * self._n_units
        return sample * n_samples + 10 * self.all_weights * -(-n_samples // batch_size)

    def batches_per_chunk(self, batch_size, n_threads=1):
        """So many that a chunk takes long enough for Python's share to vanish, and not longer.

        Of large batches one for each thread that prepares them, unless that takes ten times as long.
        """
        share = CHUNK_FLOPS / self.of_epoch(batch_size, batch_size)
        return max(1, int(share), min(n_threads, int(10 * share)))

    def epochs_per_pass(self, n_samples, batch_size):
        """So many epochs that Python's share of a pass of them vanishes, and that Ctrl-C does not wait for it."""
        epoch = self.of_epoch(n_samples, batch_size) + UPDATE_FLOPS * -(-n_samples // batch_size)
        return max(1, min(MOST_EPOCHS, TOGETHER_SAMPLES // n_samples, int(TOGETHER_FLOPS / epoch)))

    def updates_per_fold(self, batch_size):
        """Updates between two folds into a `WeightAverage`: more where an update changes few of the weights.

        It is a function of the values of X alone, not of its form or of the number of threads.
        """
        return FOLD_EVERY * max(1, -(-int(self.all_weights) // max(1, int(batch_size * self.used))))

    def is_worth_threads(self, n_samples, batch_size, *, training):
        """Whether there is enough to do in a pass for more than one thread."""
        if training:
            batch = self.of_epoch(batch_size, batch_size)
            return (
                self._scale * batch >= BATCH_FLOPS
                and self._scale * self.of_epoch(n_samples, batch_size) >= EPOCH_FLOPS
            )
        sample = self._scale * 2 * self._predicted
        return sample * batch_size >= PREDICT_BATCH_FLOPS and sample * n_samples >= PREDICT_FLOPS
