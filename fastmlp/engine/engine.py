"""Passes over the data: train for an epoch, sum up a gradient, predict, evaluate.

Between a network's arrays in scikit-learn's form and the compiled kernels stands an `Engine`: it owns the packed
parameters and the working memory, and runs a team of threads through the chunks of batches.
"""

from functools import cached_property

import numpy as np

from ..data.source import open_data
from ..kernels.abi import (
    ACTIVATIONS,
    FAN_OUT,
    FEEDS,
    LANES,
    LOGISTIC_OUTPUT,
    PANEL_BYTES,
    PANELS,
    RELU,
    RETURNS,
    ROWS,
    SOFTMAX,
    Batches,
    Network,
    PredictCall,
    TrainCall,
    UpdateState,
    pack_words,
    place,
)  # fmt: skip
from ..kernels.code_cache import entry
from .epoch import batch_weights, make_targets, summary
from .optimizers import Gradient
from .panel_layout import aligned, layout_of
from .team import Team, usable_threads

# Between two chunks Python can stop, report or take Ctrl-C: about 40 ms of one core's arithmetic.
CHUNK_FLOPS = 2e9
# Forward passes take samples in batches that keep a layer's activations in the second-level cache.
PREDICT_BATCH = 128


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
    activation : {"identity", "relu", "tanh", "logistic"}
    output : {"softmax", "logistic"}
    dtype : {"float32", "float64"}
    n_threads : int or None
        See `team.usable_threads`.
    """

    def __init__(self, layer_sizes, *, activation, output, dtype, n_threads=None):
        self.layout = layout_of(tuple(map(int, layer_sizes)), np.dtype(dtype).name)
        self.dtype = self.layout.dtype
        self.activation = ACTIVATIONS[activation]
        self.output = SOFTMAX if output == "softmax" else LOGISTIC_OUTPUT
        self._n_threads = n_threads
        self.params = None
        self._buffers = self._network = None

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

    def open(self, X, *, reuse=True):
        """X made ready for batches; see `data.open_data`."""
        return open_data(X, self.dtype, self.team, reuse=reuse)

    def train_epoch(
        self, data, labels, order, *, batch_size, optimizer, learning_rate, alpha=0.0, sample_weight=None,
        progress=None,
    ):  # fmt: skip
        """One epoch of mini-batch updates.

        Parameters
        ----------
        data : Data
            From `open`.
        labels : int32 ndarray
            (n_samples, 1) class numbers for softmax, (n_samples, n_outputs) zeros and ones for logistic.
        order : int64 ndarray
            Row numbers in the order of use.
        batch_size : int
        optimizer : Optimizer
            Its state goes on from where it is.
        learning_rate : float
        alpha : float
            Strength of the L2 term, ``alpha / (2 B) ||W||²`` per batch.
        sample_weight : float64 ndarray of shape (n_samples,) or None
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
        plan = data.plan(
            order,
            batch_size,
            columns=True,
            batches_per_chunk=self._batches_per_chunk(data, batch_size),
        )
        sums = batch_weights(plan, sample_weight, self.dtype)
        targets = make_targets(
            plan, labels, sample_weight, sums, self.dtype, self.layout.n_panels, penalty=alpha > 0
        )
        learning = self._learning(data, optimizer, learning_rate, alpha, sums)
        n_updates = self._train(data, plan, targets, learning, optimizer, progress)
        return summary(plan, targets, sums, sample_weight, alpha, n_updates)

    def loss_and_gradient(self, data, labels, *, alpha=0.0, sample_weight=None, order=None):
        """Loss over all samples, with its L2 term, and its gradient.

        Returns
        -------
        loss : float
        coef_grads, intercept_grads : lists of ndarray
            In the shapes of the parameters.
        """
        if order is None:
            order = np.arange(data.n_samples)
        plan = data.plan(
            order, PREDICT_BATCH, columns=True,
            batches_per_chunk=self._batches_per_chunk(data, PREDICT_BATCH),
        )  # fmt: skip
        total = len(order) if sample_weight is None else sample_weight[order].sum()
        sums = np.full(-(-len(order) // plan.batch_size), float(total))
        targets = make_targets(
            plan, labels, sample_weight, sums, self.dtype, self.layout.n_panels, penalty=False
        )
        optimizer = Gradient()
        learning = self._learning(data, optimizer, 1.0, 0.0, sums)
        self._train(data, plan, targets, learning, optimizer, None)
        weight = 1.0 if sample_weight is None else sample_weight[order]
        loss = float((targets.losses * weight).sum() / total)
        coef_grads, intercept_grads = self.layout.unpack(optimizer.state["square"])
        if alpha > 0:
            coefs, _ = self.get_parameters()
            loss += 0.5 * alpha / total * sum(float(np.vdot(c, c)) for c in coefs)
            for grad, coef in zip(coef_grads, coefs, strict=True):
                grad += self.dtype.type(alpha / total) * coef
        return loss, coef_grads, intercept_grads

    def predict(self, data, rows=None, *, logits=False):
        """Probabilities, or logits, of shape (n, n_outputs) for the given rows of `data`, by default all."""
        plan = data.plan(rows, PREDICT_BATCH, columns=False)
        outputs = np.empty((len(plan.order), self.layout.sizes[-1]), self.dtype)
        buffers = self.buffers_for(data, plan)
        network = self.network_for(plan.batch_size, self.team.n_threads)
        words = pack_words(network, as_batches(data, buffers, 0))
        n_batches = place(Batches, "n_batches", Network)
        predict = entry("predict", self.dtype)

        def work(me, n_threads):
            reading = pack_words(
                PredictCall(self.params, outputs, logits, self.team.sync, me, n_threads)
            )
            mine = np.concatenate((words, reading))
            for chunk in range(plan.n_chunks):
                data.prepare(plan, chunk, buffers, me, n_threads)
                first, stop = plan.chunk_batches(chunk)
                mine[n_batches] = stop - first
                if predict(mine) < 0:
                    return

        self.team.run(work)
        return outputs

    def evaluate(self, data, labels, rows=None, sample_weight=None):
        """Sample-weighted mean loss, without the L2 term, and accuracy of the given rows.

        Returns
        -------
        loss, accuracy : float

        Raises
        ------
        ValueError
            If the loss is not finite.
        """
        # From the logits: a probability that has rounded to 0 or 1 no longer tells how wrong it is.
        z = self.predict(data, rows, logits=True).astype(float)
        y = labels if rows is None else labels[rows]
        weight = None
        if sample_weight is not None:
            weight = sample_weight if rows is None else sample_weight[rows]
        with np.errstate(
            invalid="ignore", over="ignore"
        ):  # the loss tells of logits that overflowed
            if self.output == SOFTMAX:
                top = z.max(axis=1, keepdims=True)
                chosen = np.take_along_axis(z, y, axis=1) - top
                losses = np.log(np.exp(z - top).sum(axis=1)) - chosen[:, 0]
                hits = z.argmax(axis=1) == y[:, 0]
            else:
                losses = (np.logaddexp(0, z) - y * z).sum(axis=1)
                hits = ((z > 0) == y).all(axis=1)
            loss = float(np.average(losses, weights=weight))
        if not np.isfinite(loss):
            raise not_finite(self.dtype)
        return loss, float(np.average(hits, weights=weight))

    # --- preparations ---------------------------------------------------------------------------

    def _batches_per_chunk(self, data, batch_size):
        """So many that a chunk takes long enough for Python's share to vanish, and not longer."""
        weights = sum(
            a * b for a, b in zip(self.layout.sizes[1:-1], self.layout.sizes[2:], strict=True)
        )
        first = data.n_features * self.layout.sizes[1]
        flops = 6 * batch_size * (weights + first * (data.density if data.zero_skipping else 1))
        return max(1, int(CHUNK_FLOPS / (flops + 10 * (weights + first))))

    def _learning(self, data, optimizer, learning_rate, alpha, sums):
        square, momentum = optimizer.memory(self.layout.n_params, self.dtype, aligned)
        lazy = data.zero_skipping and optimizer.skips_untouched and alpha == 0
        updates = np.cumsum(sums > 0)
        n_powers = int(updates[-1]) + 1 if lazy else 1
        rows = int(self.layout.layers[0, PANELS]) * data.n_features
        with np.errstate(over="ignore"):  # the weights will tell of a rate that overflows
            rate = optimizer.rates(learning_rate, updates).astype(self.dtype)
        return UpdateState(
            params=self.params,
            square=square,
            momentum=momentum,
            rate=rate,
            last=np.zeros(rows if lazy else 0, np.int32),
            powers=optimizer.powers(n_powers - 1).astype(self.dtype).reshape(-1),
            alpha=alpha,
            n_powers=n_powers,
            has_square=square.size > 0,
            has_momentum=momentum.size > 0,
            lazy=lazy,
        )

    def network_for(self, batch_size, n_threads):
        """Shape and working memory for batches of this size; kept for the next pass."""
        network = self._network
        small = network is not None and len(network.scratch) < n_threads * network.scratch_size
        if network is None or network.batch_size != batch_size or small:
            layers = self.layout.for_batch(batch_size, relu=self.activation == RELU)
            units = self.layout.n_units * batch_size
            listed = layers[:, [FEEDS, RETURNS]].any()
            panel = PANEL_BYTES // self.dtype.itemsize
            widest = int(
                (-(-layers[1:, FAN_OUT] // layers[1:, LANES]) * layers[1:, LANES]).max(initial=0)
            )
            size = panel * (max(widest, ROWS) + 1)
            records = aligned(2 * units * listed, self.dtype)
            network = self._network = Network(
                layers=layers,
                hidden=aligned(units, self.dtype),
                delta=aligned(units, self.dtype),
                scratch=aligned(n_threads * size, self.dtype),
                edges=np.zeros(self.layout.n_edges * batch_size * listed, np.int64),
                index=np.zeros(units * listed, np.uint32),
                value=aligned(units * listed, self.dtype),
                count=np.zeros(self.layout.n_units * listed, np.int64),
                row=records.view(np.uint32),
                records=records,
                n_layers=len(layers),
                activation=self.activation,
                output=self.output,
                batch_size=batch_size,
                full_lanes=panel,
                scratch_size=size,
            )
        return network

    def buffers_for(self, data, plan):
        """Memory for a chunk of the plan; kept for the next pass."""
        if self._buffers is None or not self._buffers.fits(plan):
            self._buffers = data.new_buffers(plan)
        return self._buffers

    # --- the epoch ------------------------------------------------------------------------------

    def _train(self, data, plan, targets, learning, optimizer, progress):
        """Run the team through the plan's chunks; returns the number of updates."""
        buffers = self.buffers_for(data, plan)
        network = self.network_for(plan.batch_size, self.team.n_threads)
        rule = optimizer.rule()
        train = entry("train", self.dtype, type(rule))
        words = pack_words(rule, network, as_batches(data, buffers, 0), targets, learning)
        # Of the words only these change from chunk to chunk.
        n_batches = place(Batches, "n_batches", type(rule), Network)
        chunk_words = slice(len(words), len(words) + place(TrainCall, "done"))

        sync = self.team.sync
        last_chunk = plan.n_chunks - 1
        # Updates after the last whole chunk. Ctrl-C in compiled code is raised as soon as that ends, before its
        # result is here, so that it writes the number itself.
        done = np.zeros(1, np.int64)

        def work(me, n_threads):
            step = 0
            mine = np.concatenate(
                (words, pack_words(TrainCall(0, 0, False, done, sync, me, n_threads)))
            )
            for chunk in range(plan.n_chunks):
                data.prepare(plan, chunk, buffers, me, n_threads)
                first, stop = plan.chunk_batches(chunk)
                mine[n_batches], mine[chunk_words] = (
                    stop - first,
                    (first, step, chunk == last_chunk),
                )
                step = train(mine)
                if step < 0:
                    return
                if me == 0 and progress is not None:
                    progress(min(stop * plan.batch_size, len(plan.order)))

        try:
            self.team.run(work)
        except BaseException:
            # Between two chunks the parameters are whole; only rows left out have yet to be settled.
            end = TrainCall(0, int(done[0]), True, done, sync, 0, 1)
            train(np.concatenate((words, pack_words(end))))
            raise
        finally:
            optimizer.n_updates += int(done[0])
        return int(done[0])


def as_batches(data, buffers, n_batches):
    """A chunk of prepared batches for compiled code."""
    return Batches(
        buffers.table, buffers.edges, buffers.index, buffers.value, buffers.feature, buffers.column,
        buffers.records, buffers.dense, n_batches, data.n_blocks, data.zero_skipping,
    )  # fmt: skip
