"""The fit loop of the stochastic solvers: epochs, schedules, validation, stopping, history."""

import copy
import math
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .seeding import epoch_order


def diverged(model, learning_rate=None) -> ValueError:
    """The error of a fit that ended in infinities, with scikit-learn's words and a likely cause."""
    message = (
        "Solver produced non-finite parameter weights. The input data may contain large values "
        "and need to be preprocessed."
    )
    if learning_rate is not None:
        message += f" Or learning_rate_init={learning_rate:g} is too large for '{model.solver}'."
    return ValueError(message)


@dataclass
class Samples:
    """Rows to train on or to judge by: an opened X, and what is indexed by its row numbers."""

    data: Any
    labels: np.ndarray
    weight: np.ndarray | None = None
    rows: np.ndarray | None = None  # None: all of them

    def __len__(self):
        return self.data.n_samples if self.rows is None else len(self.rows)


def make_optimizer(model):
    """The optimizer that the model's parameters ask for, with no state yet."""
    from ..engine.optimizers import SGD, Adam, RMSprop

    if model.solver == "rmsprop":
        return RMSprop(rho=model.rho, momentum=model.momentum, epsilon=model.epsilon)
    if model.solver == "adam":
        return Adam(beta_1=model.beta_1, beta_2=model.beta_2, epsilon=model.epsilon)
    return SGD(momentum=model.momentum, nesterov=model.nesterovs_momentum and model.momentum > 0)


def next_optimizer(model, previous):
    """The optimizer that the parameters ask for now; one of the same kind hands its state over."""
    optimizer = make_optimizer(model)
    if type(previous) is type(optimizer):
        optimizer.state, optimizer.n_updates = previous.state, previous.n_updates
    return optimizer


def batch_size(model, n_samples: int) -> int:
    """The samples per update, never more than there are."""
    if model.batch_size == "auto":
        return min(200, n_samples)
    if model.batch_size > n_samples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=2,
        )
    return min(int(model.batch_size), n_samples)


class Training:
    """The epochs of one call of `fit` or `partial_fit`.

    Parameters
    ----------
    model : MLPClassifier
        Read for its parameters only.
    engine : Engine
        Has the weights to start from; has the trained ones afterwards.
    samples : Samples
        What to train on.
    validation : Samples or None
    state : State
    record : Record
        Both go on from what they hold.
    report : object of `progress`
    task : callbacks.Fit or None
    attributes : callable
        ``attributes(coefs, intercepts)`` returns a fitted model's attributes, for callbacks.
    """

    def __init__(self, model, engine, samples, validation, state, record, report, task, attributes):
        self.model = model
        self.engine = engine
        self.samples = samples
        self.validation = validation
        self.state = state
        self.record = record
        self.report = report
        self.task = task
        self.attributes = attributes
        self.early_stopping = model.early_stopping
        self.batch_size = batch_size(model, len(samples))
        # Schedules are SGD's in scikit-learn, and RMSprop's here; Adam sets its own step.
        self.schedule = "constant" if model.solver == "adam" else model.learning_rate
        # Whether training may end, or slow down, for want of improvement; and what that means.
        self.has_rule = model.tol is not None or self.early_stopping or self.schedule == "adaptive"
        self.tol = 0.0 if model.tol is None else model.tol
        state.optimizer = next_optimizer(model, state.optimizer)

    def run(self, n_epochs: int, best, *, incremental=False, resumed=False):
        """Train for at most n_epochs; returns the parameters to keep: (coefs, intercepts).

        `best` are the best parameters so far. Ctrl-C ends it early, with a warning.
        """
        self.best = best
        if resumed and self.stagnates:  # it had come to its end
            return self.parameters()
        try:
            for _ in range(n_epochs):
                if self.task is not None:
                    self.task.begin_epoch()
                self.epoch()
                stop = self.out_of_patience()
                if self.task is not None:
                    stop |= self.task.end_epoch(self.snapshot)
                if stop:
                    break
            else:
                if self.model.tol is not None and not incremental:
                    warnings.warn(
                        f"Stochastic Optimizer: Maximum iterations ({self.record.n_iter}) reached and the "
                        "optimization hasn't converged yet.",
                        ConvergenceWarning,
                        stacklevel=2,
                    )
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=2)
        return self.parameters()

    def epoch(self):
        """Train for one epoch, judge it, and note it."""
        state, model, samples = self.state, self.model, self.samples
        order = epoch_order(state.seed, state.epoch, samples.rows, len(samples), model.shuffle)
        rate = self.learning_rate()
        start = time.perf_counter()
        result = self.engine.train_epoch(
            samples.data,
            samples.labels,
            order,
            batch_size=self.batch_size,
            optimizer=state.optimizer,
            learning_rate=rate,
            alpha=model.alpha,
            sample_weight=samples.weight,
            progress=self.report.advance,
        )
        seconds = time.perf_counter() - start
        state.epoch += 1
        state.optimizer_epochs += 1
        if not math.isfinite(result.loss):
            raise diverged(model, rate)
        row = {"loss": float(result.loss), "accuracy": float(result.accuracy)}
        row |= validate(self.engine, self.validation)
        row |= {"learning_rate": rate, "seconds": seconds}
        self.record.add(row, len(samples))
        self.report.epoch(self.record.n_iter, row, len(samples) / seconds)
        self.note_best(row)

    def note_best(self, row):
        """Keep the best loss or score so far, and count the epochs without a better one."""
        record, state = self.record, self.state
        if self.early_stopping:
            score = row["val_accuracy"]
            worse = score < record.best_score + self.tol
            if score > record.best_score:
                record.best_score = score
                self.best = self.engine.get_parameters()
        else:
            worse = row["loss"] > record.best_loss - self.tol
            record.best_loss = min(record.best_loss, row["loss"])
        state.n_no_improvement = state.n_no_improvement + 1 if worse and self.has_rule else 0

    @property
    def stagnates(self) -> bool:
        """Whether there were too many epochs without improvement."""
        return self.state.n_no_improvement > self.model.n_iter_no_change

    def out_of_patience(self) -> bool:
        """Whether there were too many epochs without improvement, and no rate is left to cut."""
        if not self.stagnates:
            return False
        what = "Validation score" if self.early_stopping else "Training loss"
        message = (
            f"{what} did not improve more than tol={self.tol:f} "
            f"for {self.model.n_iter_no_change} consecutive epochs."
        )
        if self.schedule != "adaptive":
            self.report.message(f"{message} Stopping.")
            return True
        if self.learning_rate() <= 1e-6:
            self.report.message(f"{message} Learning rate too small. Stopping.")
            return True
        self.state.n_rate_cuts += 1
        self.state.n_no_improvement = 0
        self.report.message(f"{message} Setting learning rate to {self.learning_rate():f}")
        return False

    def learning_rate(self) -> float:
        """The next epoch's learning rate."""
        rate = float(self.model.learning_rate_init)
        if self.schedule == "invscaling" and self.state.optimizer_epochs > 0:
            return rate / (self.record.t + 1) ** self.model.power_t
        if self.schedule == "adaptive":
            for _ in range(self.state.n_rate_cuts):
                rate /= 5.0
        return rate

    def parameters(self):
        """The weights to keep: the best ones with early stopping, else the last."""
        return self.best if self.early_stopping else self.engine.get_parameters()

    def snapshot(self) -> dict:
        """The attributes of a model fitted until now, which training leaves alone from now on."""
        state = copy.deepcopy(self.state)
        if self.early_stopping:
            state.latest = self.engine.get_parameters()
        coefs, intercepts = ([array.copy() for array in arrays] for arrays in self.parameters())
        return self.attributes(coefs, intercepts) | {"_state": state}


def validate(engine, validation) -> dict:
    """The history's entries about the validation samples, if there are any."""
    if validation is None:
        return {}
    loss, accuracy = engine.evaluate(
        validation.data,
        validation.labels,
        rows=validation.rows,
        sample_weight=validation.weight,
    )
    return {"val_loss": float(loss), "val_accuracy": float(accuracy)}
