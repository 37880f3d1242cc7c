"""One fit, from the arguments of `fit` to a fitted model.

Nothing of the model changes until the training is over: a fit that fails, for bad input, for want
of memory or because it diverges, leaves the model as it was.
"""

import dataclasses
from typing import Any

import numpy as np

from ..engine.engine import Engine
from ..engine.optimizers import SOLVERS
from ..kernels.compile_notice import notices
from ..system.interrupts import Interrupts
from ..training import seeding
from ..training.context import FitContext, Samples, diverged
from ..training.history import Record, cut_lists
from ..training.improvement import goes_by_validation
from ..training.lbfgs import Minimization
from ..training.length import n_epochs, n_iterations
from ..training.progress import reporter
from ..training.resume_state import State
from ..training.stochastic import Training, dropout_rates
from . import callbacks
from .attributes import fitted_attributes
from .base import PRIVATE
from .fitted import labelled, make_engine
from .sample_weights import sample_weights
from .starting_point import Call, next_state, resumes_latest, starting_parameters
from .validation import check_layers, check_same_network, check_training_data, opened, scale_hint


def fit(model, X, y, *, resume=None, **arguments):
    """Fit the model, or train for one more epoch if `incremental`.

    `arguments` are those of `prepare`. With `resume`, a snapshot of an earlier `fit` with the same
    arguments, the model resumes from there, up to its `max_iter`.
    """
    before, interrupts = _fitted(model), Interrupts()
    n_epochs_before = len(before.get("loss_curve_", ()))
    try:
        interrupts.open()
        if resume is not None:
            vars(model).update(_fitted(resume))
        prepare(model, X, y, resumed=resume is not None, **arguments).run()
    except BaseException:
        interrupts.held += (
            1  # before any call: a second Ctrl-C waits until the model is what it was
        )
        cut_lists(before, n_epochs_before)
        others = vars(model).keys() - _fitted(model).keys()
        model.__dict__ = {name: vars(model)[name] for name in others} | before
        raise
    finally:
        interrupts.held += 1
        interrupts.close()


def _fitted(model) -> dict:
    """The attributes that a fit has left in the model."""
    return {
        name: value
        for name, value in vars(model).items()
        if (name.endswith("_") and not name.startswith("_")) or name in PRIVATE
    }


@dataclasses.dataclass
class FitTask:
    """All that one fit works on, checked and encoded."""

    model: Any
    call: Call
    given: tuple  # X, y and sample_weight as the caller has them, for callbacks
    targets: Any
    engine: Engine
    samples: Samples
    validation: Samples | None
    state: State
    record: Record
    start: tuple  # (coefs, intercepts)
    best: tuple
    hint: str | None = None  # for `verbose`
    validation_decides: bool = True

    def run(self):
        """Train, and bring the model's attributes up to date."""
        model, record = self.model, self.record
        n_epochs = 1 if self.call.incremental else max(0, self.max_iter - record.n_iter)
        task_name = "partial_fit" if self.call.incremental else "fit"
        task = callbacks.start(model, *self.given, n_epochs, task_name=task_name)
        last_epoch = record.n_iter + n_epochs
        report = reporter(
            model.verbose,
            type(model).__name__,
            last_epoch,
            len(self.samples),
            self.samples.data,
            record.n_iter,
        )
        context = FitContext(
            model=model,
            engine=self.engine,
            samples=self.samples,
            validation=self.validation,
            validation_decides=self.validation_decides,
            state=self.state,
            record=record,
            report=report,
            task=task,
            attributes=self.attributes,
        )
        stochastic = SOLVERS[model.solver].stochastic
        if self.hint is not None:
            report.message(f"Hint: {self.hint}")
        try:
            with notices(report.message if model.verbose else None):
                if stochastic:
                    found = Training(context).run(
                        n_epochs,
                        self.best,
                        incremental=self.call.incremental,
                        resumed=self.call.resumed,
                        warm=not (self.call.first or self.call.goes_on),
                    )
                else:
                    found = Minimization(context).run(n_epochs, self.start)
        finally:
            report.close()
        if not all(np.isfinite(array).all() for arrays in found for array in arrays):
            raise diverged(model, model.learning_rate_init if stochastic else None)
        vars(model).update(self.attributes(*found))
        if task is not None:
            task.end()

    @property
    def max_iter(self) -> int:
        """Epochs, or L-BFGS's iterations, that the model's `max_iter` asks for."""
        if SOLVERS[self.model.solver].stochastic:
            return n_epochs(self.model, len(self.samples))
        return n_iterations(self.model, self.samples, self.record.metric)

    def attributes(self, coefs, intercepts) -> dict:
        """Return the fitted attributes of a model with these weights, as of now."""
        data = self.samples.data
        return fitted_attributes(
            self.targets, self.record, self.state, coefs, intercepts,
            out_activation=self.engine.loss.output_activation,
            density=data.density,
            zero_skipping=data.zero_skipping,
            baselines=data.baselines if len(data.shifted) else None,
        )  # fmt: skip


def prepare(
    model,
    X,
    y,
    *,
    sample_weight,
    incremental=False,
    resumed=False,
    classes=None,
    X_val=None,
    y_val=None,
    sample_weight_val=None,
    coef_init=None,
    intercept_init=None,
    validation_decides=True,
) -> FitTask:
    """Check and encode the arguments of `fit` or `partial_fit`.

    Each step takes what the steps before it made; none changes the model, `n_features_in_` and
    `feature_names_in_` apart. `validation_decides`: see `FitContext`.
    """
    if model.early_stopping and incremental:
        raise ValueError("partial_fit does not support early_stopping=True")
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val must be given together.")
    if sample_weight_val is not None and X_val is None:
        raise ValueError("sample_weight_val was given without X_val and y_val.")
    call = Call.of(model, incremental=incremental, resumed=resumed)
    given = X, y, sample_weight
    hidden = check_layers(model.hidden_layer_sizes)
    dropout_rates(model, len(hidden))
    X, y = check_training_data(model, X, y, reset=call.first)
    targets = model._find_targets(y, classes, call)
    layer_sizes = [X.shape[1], *hidden, targets.n_outputs]
    if not call.first:
        check_same_network(model, layer_sizes)
    labels = targets.encode(y, model.dtype)
    weight = sample_weights(
        X,
        y,
        targets,
        labels,
        sample_weight=sample_weight,
        class_weight=getattr(model, "class_weight", None),
        incremental=incremental,
        dtype=model.dtype,
    )
    if call.first and getattr(model, "scale_target", False):
        targets.standardise(y, weight)
        labels = targets.encode(y, model.dtype)
    state = next_state(model, call)
    best = starting_parameters(model, call, state, layer_sizes, coef_init, intercept_init)
    start = best
    if resumes_latest(model, call):
        start, state.average = model._state.latest, model._state.average
    engine = make_engine(model, layer_sizes, targets.loss)
    engine.set_parameters(*start)
    stochastic = SOLVERS[model.solver].stochastic
    # Dropped features become zeros, not baselines.
    shift = model.input_dropout == 0 or not stochastic
    samples, validation = Samples(opened(model, engine, X, shift=shift), labels, weight), None
    # Validation samples decide how long to train.
    stopping = model.early_stopping and stochastic
    if X_val is not None:
        try:
            validation = labelled(model, engine, targets, X_val, y_val, sample_weight_val)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"In X_val, y_val or sample_weight_val: {error}") from error
    elif stopping:
        samples, validation = _split(samples, targets, state.seed, model.validation_fraction)
        if model.scoring is not None and model.scoring != "loss":
            validation.X, validation.y = X[validation.rows], y[validation.rows]
    least = engine.loss.least_samples
    judges = stochastic and goes_by_validation(model, validation, validation_decides)
    if judges and model.scoring is None and len(validation) < least:
        what = "Early stopping" if stopping else 'learning_rate="adaptive"'
        raise ValueError(
            f"{what} by {engine.loss.metric} needs at least {least} validation samples, "
            f"got {len(validation)}."
        )
    record = Record.of(
        model,
        engine.loss.metric,
        first=call.first,
        goes_on=call.goes_on,
        early_stopping=stopping,
        one_epoch=incremental,
    )
    return FitTask(
        model=model,
        call=call,
        given=given,
        targets=targets,
        engine=engine,
        samples=samples,
        validation=validation,
        validation_decides=validation_decides,
        state=state,
        record=record,
        start=start,
        best=best,
        hint=scale_hint(X) if model.verbose and call.first else None,
    )


def _split(samples, targets, seed, fraction):
    """Some rows of X to train on and the others to validate with; no row is copied."""
    train, held_out = seeding.split_rows(
        seed, len(samples), fraction, targets.strata(samples.labels)
    )
    for name, rows in (("training", train), ("validation", held_out)):
        if samples.weight is not None and not samples.weight[rows].any():
            raise ValueError(f"The {name} samples' weights are all zero.")
    return dataclasses.replace(samples, rows=train), dataclasses.replace(samples, rows=held_out)
