"""Mini-batch training, epoch by epoch."""

import copy
import math
import time
from contextlib import nullcontext
from numbers import Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..engine.dropout import Dropout
from ..engine.optimizers import SOLVERS
from ..engine.weight_average import WeightAverage
from ..system.interrupts import hold
from ..system.user_warnings import warn_user
from .context import diverged, validate
from .history import with_own_lists
from .improvement import Improvement
from .length import batch_size, is_enough, n_epochs, until_enough
from .schedules import is_per_update, learning_rate, schedule_of, update_rates
from .seeding import epoch_order, mask_keys


def next_optimizer(model, previous):
    """Return the optimizer that the parameters ask for now; one of the same kind hands its state over."""
    optimizer = SOLVERS[model.solver].make(model)
    if type(previous) is type(optimizer):
        optimizer.state, optimizer.n_updates = previous.state, previous.n_updates
    return optimizer


def dropout_rates(model, n_hidden: int) -> np.ndarray:
    """Return the share of inputs, and of each hidden layer's units, that an epoch drops.

    Raises
    ------
    ValueError
        If `dropout` is not a number of [0, 1), nor one for each hidden layer.
    """
    given = model.dropout
    try:
        hidden = np.asarray(given if np.ndim(given) else [given] * n_hidden)
    except ValueError:  # nested sequences of different lengths
        hidden = np.empty((0, 0))
    if hidden.shape != (n_hidden,) or not all(
        isinstance(rate, Real) and 0 <= rate < 1 for rate in hidden.tolist()
    ):
        raise ValueError(
            "dropout must be a number of [0, 1), or a sequence of them with one for each of the "
            f"{n_hidden} hidden layer(s), got {given!r}."
        )
    return np.array([model.input_dropout, *hidden], np.float64)


class Training:
    """The epochs of one call of `fit` or `partial_fit`.

    Parameters
    ----------
    context : FitContext
    """

    def __init__(self, context):
        self.context = context
        self.model, self.engine = context.model, context.engine
        self.state, self.record, self.task = context.state, context.record, context.task
        self.early_stopping = self.model.early_stopping
        self.batch_size = batch_size(self.model, len(context.samples))
        self.n_batches = -(-len(context.samples) // self.batch_size)  # of an epoch
        self.schedule = schedule_of(self.model)
        self.n_epochs = n_epochs(self.model, len(context.samples))
        self._dropped = None, None, None  # both parameters as an epoch found them, and its rates
        self.improvement = Improvement(context)
        self.state.optimizer = next_optimizer(self.model, self.state.optimizer)
        self.average = self.weight_average()
        self.epochs = self.engine.epochs(
            context.samples.data,
            context.samples.labels,
            batch_size=self.batch_size,
            optimizer=self.state.optimizer,
            alpha=self.model.alpha,
            weight_decay=self.model.weight_decay,
            sample_weight=context.samples.weight,
            average=self.average,
        )

    def weight_average(self) -> WeightAverage | None:
        """Return the average of the weights that `average` asks for, continued where the state has one."""
        state, engine = self.state, self.engine
        decay, given = float(self.model.average), state.average
        state.average = None
        if given is None or decay == 0:
            state.n_averaged = state.n_pending = 0
        if decay == 0:
            return None
        start = engine.get_parameters() if given is None else given
        every = engine.work(self.context.samples.data).updates_per_fold(self.batch_size)
        return WeightAverage(
            decay, engine.layout.pack(*start), n_updates=state.n_averaged, n_pending=state.n_pending,
            every=every,
        )  # fmt: skip

    def run(self, n_epochs: int, best, *, incremental=False, resumed=False, warm=False):
        """Train for at most n_epochs; return the parameters to keep: (coefs, intercepts).

        `best` are the best parameters so far. Ctrl-C ends it early, with a warning. With `warm`, a warm start, they are
        judged anew: the earlier fit's score may be that of other samples, or another score.
        """
        self.best = best
        if resumed and (self.improvement.stagnates or self.is_enough):  # it had come to its end
            return self.finished()
        try:
            if warm and self.improvement.validates:
                self.improvement.start_afresh(validate(self.engine, self.context.validation))
            left = n_epochs
            while left > 0:
                if self.task is not None:
                    self.task.begin_epoch()
                together = self.epochs_together(left)
                self.train(together)
                left -= together
                stop = self.out_of_patience() or self.is_enough
                if self.task is not None:
                    stop |= self.task.end_epoch(self.snapshot)
                if stop:
                    break
            else:
                if self.model.tol is not None and not incremental:
                    warn_user(
                        f"Stochastic Optimizer: Maximum iterations ({self.record.n_iter}) reached and the "
                        "optimization hasn't converged yet.",
                        ConvergenceWarning,
                    )
        except KeyboardInterrupt:
            warn_user("Training interrupted by user.")
        return self.finished()

    def finished(self):
        """Return the parameters to keep, and leave in the state what training resumes from."""
        if not self.early_stopping:  # which drops all but the best
            self.keep_latest(self.state)
        return self.parameters()

    def epochs_together(self, left: int) -> int:
        """Return how many of the epochs that are left to run as one pass: on small data several, else one.

        None but the last of them may be followed by anything that looks at the weights or can end training.
        """
        if (
            self.task is not None
            or self.context.validation is not None
            or self.rates_of_dropout() is not None
            or self.schedule == "invscaling"
            # Which rows are left out then depends on the number of updates.
            or (self.model.weight_decay > 0 and self.context.samples.data.zero_skipping)
        ):
            return 1
        samples, state = self.context.samples, self.state
        most = self.engine.work(samples.data).epochs_per_pass(len(samples), self.batch_size)
        limits = [left, most]
        if self.average is not None:
            until_fold = self.average.epochs_to_fold(self.n_batches)
            # In passes of one length: another one is prepared anew.
            limits.append(-(-until_fold // -(-until_fold // most)))
        if self.improvement.has_rule:
            limits.append(self.model.n_iter_no_change + 1 - state.n_no_improvement)
        return max(1, min(*limits, until_enough(self.context)))

    def train(self, n_epochs: int):
        """Train for some epochs as one pass, judge and note them."""
        state, model, samples = self.state, self.model, self.context.samples
        orders = np.empty((n_epochs, len(samples)), np.int64)
        for ahead, order in enumerate(orders):
            order[:] = epoch_order(
                state.seed, state.epoch + ahead, samples.rows, len(samples), model.shuffle
            )
        rates = [self.learning_rates(ahead) for ahead in range(n_epochs)]
        start = time.perf_counter()
        with hold():  # whole epochs are noted even where Ctrl-C has ended the pass
            progress = self.context.report.advance if n_epochs == 1 else None
            results = self.epochs.run(orders, np.concatenate(rates), progress, self.dropout())
            seconds = (time.perf_counter() - start) / n_epochs
            for result, rate in zip(results, rates[:-1], strict=False):
                self.note(result, rate, seconds)
        self.note(results[-1], rates[-1], seconds)

    def note(self, result, rates, seconds):
        """Judge an epoch that is over, with these learning rates, and note it."""
        if not math.isfinite(result.loss):
            raise diverged(self.model, float(rates.max()))
        row = {"loss": result.loss, self.record.metric: result.score}
        with self.weights_to_judge():
            row |= validate(self.engine, self.context.validation)
            row |= {"learning_rate": float(rates[-1]), "seconds": seconds}
            score = self.improvement.score(row)
            with hold():  # an epoch is noted as a whole
                self.state.epoch += 1
                self.state.optimizer_epochs += 1
                self.record.add(row, len(self.context.samples), score)
                if self.improvement.note(row, score):
                    self.best = self.engine.get_parameters()
        n_samples = len(self.context.samples)
        self.context.report.epoch(self.record.n_iter, row, n_samples / seconds)

    def weights_to_judge(self):
        """Have the engine use the weights' average within a ``with`` block, if there is one to validate."""
        if self.average is None or self.context.validation is None:
            return nullcontext()
        return self.engine.using(self.average.read(self.engine.params))

    @property
    def is_enough(self) -> bool:
        """Whether max_iter="auto" ends after this epoch; a rule or schedule that the user asked for decides alone."""
        return (
            not self.improvement.has_rule
            and self.schedule == "constant"
            and is_enough(self.context)
        )

    def out_of_patience(self) -> bool:
        """Return whether there were too many epochs without improvement, and no rate is left to cut."""
        if not self.improvement.stagnates:
            return False
        message = self.improvement.message
        report = self.context.report
        if self.schedule != "adaptive":
            report.message(f"{message} Stopping.")
            return True
        if self.learning_rates()[0] <= 1e-6:
            report.message(f"{message} Learning rate too small. Stopping.")
            return True
        self.state.n_rate_cuts += 1
        self.state.n_no_improvement = 0
        report.message(f"{message} Setting learning rate to {self.learning_rates()[0]:f}")
        return False

    def learning_rates(self, ahead=0) -> np.ndarray:
        """Return the learning rates of an epoch's updates: the next one's, or one's further ahead."""
        if is_per_update(self.schedule):
            epoch = self.state.optimizer_epochs + ahead
            return update_rates(self.model, epoch, self.n_epochs, self.n_batches)
        rate = learning_rate(self.model, self.schedule, self.state, self.record)
        return np.full(self.n_batches, rate)

    def rates_of_dropout(self) -> np.ndarray | None:
        """Return the next epoch's `dropout_rates`, or None where nothing is dropped."""
        model = self.model
        hidden, inputs, rates = self._dropped
        if model.dropout is not hidden or model.input_dropout is not inputs:
            rates = dropout_rates(model, np.size(model.hidden_layer_sizes))
            rates = rates if rates.any() else None
            self._dropped = model.dropout, model.input_dropout, rates
        return rates

    def dropout(self) -> Dropout | None:
        """Return the next epoch's dropout, if there is any."""
        rates = self.rates_of_dropout()
        if rates is None:
            return None
        return Dropout(rates, mask_keys(self.state.seed, self.state.epoch, len(rates)))

    def parameters(self):
        """Return the weights to keep: the best ones with early stopping, else the last."""
        if self.early_stopping:
            return self.best
        if self.average is None:
            return self.engine.get_parameters()
        return self.engine.layout.unpack(self.average.read(self.engine.params))

    def keep_latest(self, state):
        """Put into a state the weights to resume from, with `average`."""
        if self.average is None:
            return
        state.latest = self.engine.get_parameters()
        state.average = self.engine.layout.unpack(self.average.values)
        state.n_averaged, state.n_pending = self.average.n_updates, self.average.n_pending
        state.decay = self.average.decay

    def snapshot(self) -> dict:
        """Return the attributes of a model fitted until now, which training leaves alone from now on."""
        state = copy.deepcopy(self.state)
        self.keep_latest(state)
        if self.early_stopping:
            state.latest = self.engine.get_parameters()
        coefs, intercepts = ([array.copy() for array in arrays] for arrays in self.parameters())
        return with_own_lists(self.context.attributes(coefs, intercepts)) | {"_state": state}
