"""A network that is ready to run: train for some epochs, predict, evaluate.

Between a network's arrays in scikit-learn's form and the compiled kernels stands an `Engine`: it owns the packed
parameters and the working memory, and runs a team of threads through the chunks of batches.
"""

from contextlib import contextmanager
from functools import cached_property

import numpy as np

from ..data.source import open_data
from ..kernels.abi import ACTIVATIONS, OUTPUTS, EvaluateCall, PredictCall
from .forward_pass import plan_forward, run_forward
from .losses import LOSSES, weighted
from .panel_layout import layout_of
from .structs import new_network, new_targets
from .team import Team, usable_threads
from .training_pass import TrainingPass
from .work import Work


def not_finite(dtype) -> ValueError:
    """The error of predictions, or of a loss, that came out as NaN or infinity."""
    wider = ", or use dtype='float64'" if dtype == np.float32 else ""
    return ValueError(
        f"Predictions are not finite: X, coefs_ or intercepts_ have values too large for {dtype}, or NaN. "
        f"Scale the data{wider}. If a fit has made the weights so large, its learning_rate_init is too large."
    )


class Engine:
    """A network ready to run.

    Parameters
    ----------
    layer_sizes : sequence of int
        Features, hidden units layer by layer, outputs.
    activation : str
        A key of `abi.ACTIVATIONS`.
    loss : str
        A key of `losses.LOSSES`.
    dtype : {"float32", "float64"}
    n_threads : int or None
        See `team.usable_threads`.
    label_smoothing : float
        Share of a class target that is spread evenly over the classes, in training and in `evaluate`.
    """

    def __init__(
        self, layer_sizes, *, activation, loss, dtype, n_threads=None, label_smoothing=0.0
    ):
        self.layout = layout_of(tuple(map(int, layer_sizes)), np.dtype(dtype).name)
        self.dtype = self.layout.dtype
        self.activation = ACTIVATIONS[activation]
        self.loss = LOSSES[loss]
        self.label_smoothing = label_smoothing
        self._n_threads = n_threads
        self.params = None
        self._buffers = self._network = None
        self.forward_memory = {}  # by thread, of `forward_pass`

    @cached_property
    def team(self):
        """The threads; made when they are first asked for."""
        return Team(usable_threads(self._n_threads))

    def set_parameters(self, coefs, intercepts):
        """Take weights (fan_in, fan_out) and biases (fan_out,), one of each per layer."""
        self.params = self.layout.pack(coefs, intercepts)

    def get_parameters(self):
        """Weights and biases as fresh arrays."""
        return self.layout.unpack(self.params)

    @contextmanager
    def using(self, params):
        """Have all passes of a ``with`` block read these packed parameters instead."""
        before, self.params = self.params, params
        try:
            yield
        finally:
            self.params = before

    def open(self, X, *, reuse=True, shift=False):
        """X made ready for batches; see `data.open_data`."""
        units = self.layout.sizes[1]
        return open_data(X, self.dtype, self.team, units, reuse=reuse, shift=shift)

    def epochs(self, data, labels, **how):
        """Prepare epochs of `train_epoch` that share all but the order and the learning rate: a `TrainingPass`."""
        return TrainingPass(self, data, labels, **how)

    def work(self, data):
        """How much there is to do in passes over `data`: a `Work`."""
        return Work(self.layout, data)

    def train_epoch(
        self, data, labels, order, *, batch_size, optimizer, learning_rate, alpha=0.0, weight_decay=0.0,
        dropout=None, sample_weight=None, average=None, progress=None,
    ):  # fmt: skip
        """One epoch of mini-batch updates.

        Parameters
        ----------
        data : Data
            From `open`.
        labels : ndarray of shape (n_samples, n label columns)
            As the loss wants them: class numbers, zeros and ones, or numbers of the compute dtype.
        order : int64 ndarray
            Row numbers in the order of use.
        batch_size : int
        optimizer : Optimizer
            Its state goes on from where it is.
        learning_rate : float or ndarray of shape (n_batches,)
            For all updates, or for each.
        alpha : float
            Strength of the L2 term, ``alpha / (2 B) ||W||²`` per batch.
        weight_decay : float
            Each update first makes weights smaller by this share, times the learning rate.
        dropout : Dropout or None
        sample_weight : float64 ndarray of shape (n_samples,) or None
        average : WeightAverage or None
            Gets the parameters folded in.
        progress : callable or None
            Called as ``progress(samples_done)`` between chunks.

        Returns
        -------
        EpochResult

        Raises
        ------
        KeyboardInterrupt
            Between two chunks; the parameters are then those after the last whole chunk.
        """
        epochs = self.epochs(
            data, labels, batch_size=batch_size, optimizer=optimizer, alpha=alpha,
            weight_decay=weight_decay, sample_weight=sample_weight, average=average,
        )  # fmt: skip
        return epochs.epoch(order, learning_rate, progress, dropout)

    def predict(self, data, rows=None, *, kind=OUTPUTS, both=False):
        """Outputs of shape (n, n_outputs) for the given rows of `data`, by default all.

        Parameters
        ----------
        data : Data
            From `open`.
        rows : int64 ndarray or None
        kind : int
            `abi.OUTPUTS`, LOG_OUTPUTS for their logarithm, or LOGITS.
        both : bool
            Whether a single logistic output comes as two columns, the first of them for the other class.
        """
        plan, team_size = plan_forward(self, data, rows)
        outputs = np.empty((len(plan.order), self.layout.sizes[-1] + both), self.dtype)
        call = PredictCall(self.params, outputs, kind, both, self.team.sync)
        run_forward(self, "predict", data, plan, team_size, call)
        return outputs

    def evaluate(self, data, labels, rows=None, sample_weight=None):
        """Sample-weighted mean loss, without the L2 term, and score of the given rows.

        Returns
        -------
        loss, score : float

        Raises
        ------
        ValueError
            If the loss is not finite.
        """
        plan, team_size = plan_forward(self, data, rows)
        targets = new_targets(
            self.layout, self.loss, labels, plan.order, np.zeros(1), smoothing=self.label_smoothing
        )
        call = EvaluateCall(self.params, self.team.sync)
        run_forward(self, "evaluate", data, plan, team_size, targets, call)
        weight = None if sample_weight is None else sample_weight[plan.order]
        with np.errstate(
            invalid="ignore", over="ignore"
        ):  # the loss tells of logits that overflowed
            if weight is None:
                loss = float(targets.losses.mean())
            else:
                loss = float(weighted(targets.losses, weight).sum() / weight.sum())
        if not np.isfinite(loss):
            raise not_finite(self.dtype)
        return loss, self.score_of(targets, labels, sample_weight)

    def score_of(self, targets, labels, sample_weight, which=slice(None)):
        """The score of a slice of the samples that the kernels have measured."""
        n_measures = self.loss.n_measures(self.layout.sizes[-1])
        measure = targets.measure.reshape(-1, n_measures)[which]
        order = targets.order[which]
        weight = None if sample_weight is None else sample_weight[order]
        # Hits are scored by themselves, residuals beside the labels' own spread.
        labels = labels.take(order, axis=0) if self.loss.measures_outputs else None
        return self.loss.score(measure, labels, weight)

    # --- preparations ---------------------------------------------------------------------------

    def threads_for(self, data, n_samples, batch_size, *, training=True):
        """How many of the team's threads to take for a pass: all, or one where there is little to do.

        A number of threads that was asked for is taken as it is. No choice changes a bit.
        """
        n_threads = self.team.n_threads
        if n_threads == 1 or self._n_threads not in (None, -1):
            return n_threads
        pays = self.work(data).is_worth_threads(n_samples, batch_size, training=training)
        return n_threads if pays else 1

    def network_for(self, batch_size, n_threads):
        """Shape and working memory for batches of this size; kept for the next pass."""
        kept = self._network
        if (
            kept is None
            or kept.batch_size != batch_size
            or len(kept.scratch) < n_threads * kept.scratch_size
        ):
            self._network = new_network(
                self.layout,
                batch_size,
                loss=self.loss.code,
                activation=self.activation,
                n_threads=n_threads,
            )
        return self._network

    def buffers_for(self, data, plan):
        """Memory for a chunk of the plan; kept for the next pass."""
        if self._buffers is None or not self._buffers.fits(plan):
            self._buffers = data.new_buffers(plan)
        return self._buffers
