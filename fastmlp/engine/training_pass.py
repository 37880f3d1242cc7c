"""Epochs of training on the same samples: what does not change between them is made once.

An epoch of a small data set takes the kernels some 40 microseconds. So plan, targets, the optimizer's memory and the
words that the kernels read stay from one epoch to the next, and an epoch renews in place what differs. And several
such epochs can run as one pass: then their batches are one long list to the kernels.
"""

import numpy as np

from ..kernels.abi import STOP, Batches, TrainCall
from ..kernels.code_cache import entry
from ..kernels.words import pack_words, place
from ..system.interrupts import hold
from .epoch import EpochResult, batch_weights, mean_losses, reciprocals
from .structs import (
    as_batches,
    new_masks,
    new_targets,
    new_update_state,
    renew_masks,
    renew_update_state,
    skips_rows,
)


class Steps:
    """The updates of one pass, ready to run.

    Parameters
    ----------
    engine : Engine
    data : Data
    plan : Plan
    targets, update : BatchTargets, UpdateState
        Their arrays may be written to between two runs.
    optimizer : Optimizer
    masks : Masks or None
        The same, of dropout of hidden units.
    average : WeightAverage or None
        Gets the weights folded in; the plan's chunks must end where it folds.
    """

    def __init__(self, engine, data, plan, targets, update, optimizer, masks=None, average=None):
        self.team, self.data, self.optimizer = engine.team, data, optimizer
        self.average, self._params = average, update.params
        # By thread: the number of threads, and the update of its last fold; below 0 for one of an epoch before.
        self._folded = {}
        # Rows left out whose weights move must be caught up before a fold reads them.
        self._settles = bool(update.lazy and (update.has_momentum or update.decays))
        n_samples = len(plan.order) // plan.n_epochs
        self.n_threads = engine.threads_for(data, n_samples, plan.batch_size)
        self.buffers = engine.buffers_for(data, plan)
        network = engine.network_for(plan.batch_size, self.n_threads)
        rule = optimizer.rule()
        self.train = entry("train" if masks is None else "train_dropout", engine.dtype, type(rule))
        structs = [targets, update] if masks is None else [targets, update, masks]
        self._structs = network, structs  # the words hold addresses of their arrays
        self.words = pack_words(rule, network, as_batches(data, self.buffers, 0), *structs)
        # Of the words only these change from chunk to chunk.
        self._n_batches = place(Batches, "n_batches", type(rule), type(network))
        start = len(self.words)
        self._chunk = slice(start, start + place(TrainCall, "done"))
        # Updates after the last whole chunk. Ctrl-C in compiled code is raised as soon as that ends, before its
        # result is here, so that it writes the number itself.
        self._done = np.zeros(1, np.int64)
        self._own = {}  # each thread's words, by the thread and the number of threads

    def _words_of(self, me, n_threads):
        words = self._own.get((me, n_threads))
        if words is None:
            call = TrainCall(0, 0, False, self._done, self.team.sync, me, n_threads)
            words = np.concatenate((self.words, pack_words(call)))
            self._own[me, n_threads] = words
        return words

    def run(self, plan, progress=None):
        """Run the team through the chunks of the plan, which the buffers must fit; return the number of updates.

        Ctrl-C ends it after a chunk, and is raised when the parameters are whole.
        """
        self._done[0] = 0
        self._folded.clear()
        with hold((self.team.sync, STOP)) as interrupts:
            try:
                self.team.run(
                    lambda me, n_threads: self._work(plan, progress, me, n_threads), self.n_threads
                )
            except BaseException:
                self._settle()
                raise
            else:
                if interrupts.kept is not None:
                    self._settle()
            finally:
                n_updates = int(self._done[0])
                self.optimizer.n_updates += n_updates
                if self.average is not None:
                    self.average.n_updates += n_updates
                    self.average.n_pending = n_updates - self._last_fold()
        return n_updates

    def _settle(self):
        """Bring up to date the rows left out, and the average. All else is whole between two chunks."""
        end = TrainCall(0, int(self._done[0]), True, self._done, self.team.sync, 0, 1)
        self.train(np.concatenate((self.words, pack_words(end))))
        self._finish_fold()

    def _last_fold(self):
        """The update of the last fold that a thread has done its part of."""
        return max((fold for _, fold in self._folded.values()), default=-self.average.n_pending)

    def _finish_fold(self):
        """Do the parts of the last fold that a stopped run has left out: no update was made since."""
        if self.average is None:
            return
        last = self._last_fold()
        n_threads = max((n for n, _ in self._folded.values()), default=0)
        for me in range(n_threads):
            _, folded = self._folded.get(me, (n_threads, -self.average.n_pending))
            self.average.fold(self._params, folded, last, me, n_threads)

    def _work(self, plan, progress, me, n_threads):
        words, average = self._words_of(me, n_threads), self.average
        step, folded = 0, 0 if average is None else -average.n_pending
        self._folded[me] = n_threads, folded
        for chunk in range(plan.n_chunks):
            self.data.prepare(plan, chunk, self.buffers, me, n_threads)
            first, stop = plan.chunk_batches(chunk)
            is_last = stop % plan.epoch_batches == 0  # of an epoch
            folds = average is not None and average.folds_after((stop - 1) % plan.epoch_batches + 1)
            words[self._n_batches] = stop - first
            words[self._chunk] = first, step, is_last or (folds and self._settles)
            if self.team.sync[STOP]:  # one thread alone waits at no barrier that would tell
                return
            step = self.train(words)
            if step < 0:
                return
            if is_last and average is not None:
                folds = folds or average.folds_at_end(step - folded)
            if folds:  # all threads are behind the chunk's last barrier, and none passes the next one's first
                average.fold(self._params, folded, step, me, n_threads)
                folded = step
                self._folded[me] = n_threads, folded
            if me == 0 and progress is not None:
                progress(min(stop * plan.batch_size, len(plan.order)))


class TrainingPass:
    """Epochs of mini-batch updates; the arguments are those of `Engine.train_epoch`.

    Parameters and state of the optimizer are used where they lie: a new array in the place of one of them, or another
    number of samples or of epochs in a pass, makes everything anew.
    """

    def __init__(
        self, engine, data, labels, *, batch_size, optimizer, alpha=0.0, weight_decay=0.0,
        sample_weight=None, average=None,
    ):  # fmt: skip
        self.engine, self.data, self.labels = engine, data, labels
        self.average = average
        self.batch_size, self.optimizer, self.alpha = batch_size, optimizer, alpha
        self.weight_decay, self.sample_weight = weight_decay, sample_weight
        self._plan = self._steps = self._masks = None

    def epoch(self, order, learning_rate, progress=None, dropout=None) -> EpochResult:
        """Train for one epoch; see `Engine.train_epoch`."""
        return self.run(order[np.newaxis], learning_rate, progress, dropout)[0]

    def run(self, orders, learning_rate, progress=None, dropout=None) -> list[EpochResult]:
        """Train for some epochs, one after the other as one pass; return what became of each.

        Parameters
        ----------
        orders : int64 ndarray of shape (n_epochs, n_samples)
        learning_rate : float or ndarray of shape (n_epochs * n_batches,)
        progress, dropout
            See `Engine.train_epoch`. Dropout is for one epoch only; with an average there are
            at most `WeightAverage.epochs_to_fold`.
        """
        plan = self._plan_for(orders)
        plan.drop_inputs(dropout)
        if dropout is not None and not dropout.of_hidden:
            dropout = None
        if self._steps is None or not self._still_fits(plan, learning_rate, dropout):
            self._prepare(plan, learning_rate, dropout)
        else:
            self._renew(plan, learning_rate, dropout)
        n_updates = self._steps.run(plan, progress)
        return self._results(plan, n_updates)

    def _results(self, plan, n_updates):
        """Loss and score of each epoch of a pass; of none that Ctrl-C has cut short."""
        losses = mean_losses(self._batches, self._targets, self.sample_weight, self.alpha)
        updates = self._batches.updates[plan.epoch_batches - 1 :: plan.epoch_batches].tolist()
        size = len(plan.order) // plan.n_epochs
        results, before = [], 0
        for epoch, (loss, now) in enumerate(zip(losses, updates, strict=True)):
            if now > n_updates:
                break
            if now == before:  # no sample has weight
                results.append(EpochResult(0.0, 0.0, 0))
                continue
            which = slice(epoch * size, (epoch + 1) * size)
            score = self.engine.score_of(self._targets, self.labels, self.sample_weight, which)
            results.append(EpochResult(loss, score, now - before))
            before = now
        return results

    def _plan_for(self, orders):
        """The plan of the epochs' orders. Without zeros to skip, all plans of as many samples have the same offsets."""
        data, plan = self.data, self._plan
        n_epochs, n_samples = orders.shape
        order = orders.reshape(-1)
        if (
            plan is None
            or data.gathers
            or n_epochs != plan.n_epochs
            or len(order) != len(plan.order)
        ):
            engine = self.engine
            per_chunk = engine.work(data).batches_per_chunk(self.batch_size, engine.team.n_threads)
            return data.plan(
                order, self.batch_size, columns=True, n_epochs=n_epochs, batches_per_chunk=per_chunk,
                stop_every=self._stop_every(n_samples, n_epochs),
            )  # fmt: skip
        return data.reordered(plan, order)

    def _stop_every(self, n_samples, n_epochs):
        """After how many batches a chunk has to end, or None."""
        if self.average is not None and n_epochs == 1:
            return self.average.every
        # Lazy rows catch up after each epoch.
        return (
            -(-n_samples // self.batch_size) if n_epochs > 1 and self.data.zero_skipping else None
        )

    def _still_fits(self, plan, learning_rate, dropout):
        """Whether the words name the arrays that this epoch is about."""
        update = self._update
        state = self.optimizer.state
        return (
            len(plan.order) == len(self._targets.order)
            and plan.n_epochs == self._plan.n_epochs
            and self.engine.params is update.params
            and state["square"] is update.square
            and state["momentum"] is update.momentum
            and (plan is self._plan or self._steps.buffers.fits(plan))
            and (dropout is None) == (self._masks is None)
            and (self.weight_decay == 0 or self._skips_rows(learning_rate) == update.lazy)
        )

    def _skips_rows(self, learning_rate):
        """Whether this epoch leaves rows out."""
        return skips_rows(
            self.data, self.optimizer, learning_rate, alpha=self.alpha,
            weight_decay=self.weight_decay, n_batches=len(self._update.rate),
        )  # fmt: skip

    def _prepare(self, plan, learning_rate, dropout):
        engine, weight = self.engine, self.sample_weight
        self._plan = plan
        self._batches = batch_weights(
            plan.order, plan.batch_size, weight, engine.dtype, plan.n_epochs
        )
        sums = self._batches.sums
        self._targets = new_targets(
            engine.layout, engine.loss, self.labels, plan.order.copy(), reciprocals(sums),
            sample_weight=weight, penalised=self.alpha > 0, smoothing=engine.label_smoothing,
        )  # fmt: skip
        self._update = new_update_state(
            engine.layout, self.data, engine.params, self.optimizer, learning_rate,
            alpha=self.alpha, updates=self._batches.updates, weight_decay=self.weight_decay,
        )  # fmt: skip
        self._masks = None
        if dropout is not None:
            self._masks = new_masks(engine.layout, self._targets.order, dropout)
        self._steps = Steps(
            engine, self.data, plan, self._targets, self._update, self.optimizer, self._masks,
            self.average,
        )  # fmt: skip

    def _renew(self, plan, learning_rate, dropout):
        """Write what differs from the epoch before."""
        self._targets.order[:] = plan.order
        if self.sample_weight is not None:
            self._batches = batch_weights(
                plan.order, plan.batch_size, self.sample_weight, self.engine.dtype, plan.n_epochs
            )
            self._targets.scale[:] = reciprocals(self._batches.sums)
        renew_update_state(
            self._update, self.optimizer, learning_rate, self._batches.updates, self.weight_decay
        )
        if dropout is not None:
            renew_masks(self._masks, dropout)
