"""From the arguments of `fit` to a fitted model, and from a fitted model to its engine.

Nothing of the model changes until the training is over: a fit that fails, for bad input, for want
of memory or because it diverges, leaves the model as it was.
"""

import copy
import dataclasses
import itertools

import numpy as np
from sklearn.utils.multiclass import unique_labels

from ..engine.engine import Engine, not_finite
from ..engine.small_predict import FEW, few_predictor
from ..training import seeding
from ..training.history import Record, State
from ..training.progress import reporter
from ..training.stochastic import Samples, Training, diverged, validate
from . import callbacks
from .targets import Targets, sample_weights
from .validation import check_layers, check_parameters, check_samples, check_training_data, opened

# Attributes of a fitted model whose names do not end in an underscore.
PRIVATE = ("_targets", "_state")


def fit(model, X, y, *, resume=None, **arguments):
    """Fit the model, or go on for one epoch if `incremental`.

    `arguments` are those of `MLPClassifier.fit` and `partial_fit`. With `resume`, a snapshot of an
    earlier `fit` with the same arguments, the model goes on from there up to its `max_iter`.
    """
    before = _fitted(model)
    try:
        if resume is not None:
            vars(model).update(_fitted(resume))
        Job(model, X, y, resumed=resume is not None, **arguments).run()
    except BaseException:
        # In one step: a second Ctrl-C cannot fall between the halves.
        others = vars(model).keys() - _fitted(model).keys()
        model.__dict__ = {name: vars(model)[name] for name in others} | before
        raise


def _fitted(model) -> dict:
    """The attributes that a fit has left in the model."""
    return {
        name: value
        for name, value in vars(model).items()
        if (name.endswith("_") and not name.startswith("_")) or name in PRIVATE
    }


class Job:
    """All that one fit works on, checked and encoded."""

    def __init__(
        self,
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
    ):
        if model.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given together.")
        self.model = model
        self.incremental, self.resumed = incremental, resumed
        self.goes_on = incremental or resumed  # where the last call ended, the optimizer too
        self.stochastic = model.solver != "lbfgs"
        self.first = not hasattr(model, "coefs_") or not (model.warm_start or self.goes_on)
        self.given = X, y, sample_weight
        hidden = check_layers(model.hidden_layer_sizes)
        X, y = check_training_data(model, X, y, reset=self.first)
        self.targets = self.find_targets(y, classes)
        self.layer_sizes = [X.shape[1], *hidden, self.targets.n_outputs]
        labels = self.targets.encode(y)
        weight = sample_weights(
            X,
            y,
            self.targets,
            labels,
            sample_weight=sample_weight,
            class_weight=model.class_weight,
            incremental=incremental,
            dtype=model.dtype,
        )
        self.state = self.next_state()
        self.start = self.best = self.starting_parameters(coef_init, intercept_init)
        if resumed and model._state.latest is not None:
            self.start = model._state.latest
        self.engine = make_engine(model, self.layer_sizes, self.targets.output)
        self.engine.set_parameters(*self.start)
        self.samples = Samples(opened(model, self.engine, X), labels, weight)
        self.validation = None
        if X_val is not None:
            self.validation = labelled(
                model, self.engine, self.targets, X_val, y_val, sample_weight_val
            )
        elif self.stopping:
            self.set_aside_validation()
        self.record = Record.of(
            model, first=self.first, goes_on=self.goes_on, early_stopping=self.stopping
        )

    @property
    def stopping(self):
        """Whether validation samples decide how long to train."""
        return self.model.early_stopping and self.stochastic

    def find_targets(self, y, classes):
        """The classes to train for, which must be those of earlier calls unless it is the first."""
        model = self.model
        if self.first:
            if not self.incremental:
                return Targets.of(y)
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            return Targets.of_classes(classes, y)
        if classes is not None and not np.array_equal(model.classes_, unique_labels(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, "
                f"was: {model.classes_!r}"
            )
        if not self.incremental and not model._targets.multilabel:
            found = unique_labels(y)
            if set(found.tolist()) != set(model.classes_.tolist()):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the "
                    f"previous call to fit. Previously got {model.classes_}, `y` has {found}"
                )
        return model._targets

    def next_state(self):
        """A copy of the model's state to go on from, or a new one with a new seed."""
        if self.first:
            return State(seeding.draw_seed(self.model.random_state))
        state = dataclasses.replace(self.model._state, latest=None)
        if self.goes_on:
            state.optimizer = copy.deepcopy(state.optimizer)  # training changes it in place
        else:
            state.optimizer, state.optimizer_epochs, state.n_rate_cuts = None, 0, 0
        return state

    def starting_parameters(self, coef_init, intercept_init):
        """Weights and biases to start from: those given, else the model's own, else drawn ones."""
        if self.first:
            coefs, intercepts = seeding.initial_parameters(
                self.state.seed, self.layer_sizes, self.model.dtype
            )
        else:
            coefs, intercepts = self.model.coefs_, self.model.intercepts_
        return check_parameters(
            coefs if coef_init is None else coef_init,
            intercepts if intercept_init is None else intercept_init,
            self.layer_sizes,
            self.model.dtype,
        )

    def set_aside_validation(self):
        """Train on some rows of X and validate on the others; no row is copied."""
        samples = self.samples
        train, held_out = seeding.split_rows(
            self.state.seed,
            len(samples),
            self.model.validation_fraction,
            None if self.targets.multilabel else samples.labels[:, 0],
        )
        for name, rows in (("training", train), ("validation", held_out)):
            if samples.weight is not None and not samples.weight[rows].any():
                raise ValueError(f"The {name} samples' weights are all zero.")
        self.samples = dataclasses.replace(samples, rows=train)
        self.validation = dataclasses.replace(samples, rows=held_out)

    def run(self):
        """Train, and bring the model's attributes up to date."""
        model = self.model
        n_epochs = 1 if self.incremental else max(0, model.max_iter - self.record.n_iter)
        task_name = "partial_fit" if self.incremental else "fit"
        task = callbacks.start(model, *self.given, n_epochs, task_name=task_name)
        name = type(model).__name__
        last_epoch = self.record.n_iter + n_epochs
        report = reporter(model.verbose, name, last_epoch, len(self.samples), self.samples.data)
        try:
            parts = (self.record, report, task, self.attributes)
            if self.stochastic:
                training = Training(
                    model, self.engine, self.samples, self.validation, self.state, *parts
                )
                found = training.run(
                    n_epochs, self.best, incremental=self.incremental, resumed=self.resumed
                )
            else:
                from ..training.lbfgs import Minimization

                found = Minimization(model, self.engine, self.samples, self.validation, *parts).run(
                    n_epochs, self.start
                )
        finally:
            report.close()
        if not all(np.isfinite(array).all() for arrays in found for array in arrays):
            raise diverged(model, model.learning_rate_init if self.stochastic else None)
        vars(model).update(self.attributes(*found))
        if task is not None:
            task.end()

    def attributes(self, coefs, intercepts) -> dict:
        """The fitted attributes of a model with these weights, as of now."""
        return {
            "classes_": self.targets.classes,
            "n_outputs_": self.targets.n_outputs,
            "n_layers_": len(self.layer_sizes),
            "out_activation_": self.targets.output,
            "coefs_": coefs,
            "intercepts_": intercepts,
            "density_": self.samples.data.density,
            "zero_skipping_": self.samples.data.zero_skipping,
            "_targets": self.targets,
            "_state": self.state,
            **self.record.attributes(),
        }


def make_engine(model, layer_sizes, output):
    """An engine for a network of the model's kind, without parameters yet."""
    return Engine(
        layer_sizes,
        activation=model.activation,
        output=output,
        dtype=model.dtype,
        n_threads=model.n_threads,
    )


def network_sizes(model):
    """Layer sizes of a fitted model's weights as they are now, whoever put them there."""
    coefs, intercepts = model.coefs_, model.intercepts_
    sizes = [model.n_features_in_, *(np.shape(bias)[0] for bias in intercepts)]
    shapes = [np.shape(coef) for coef in coefs]
    if shapes != list(itertools.pairwise(sizes)) or sizes[-1] != model.n_outputs_:
        raise ValueError(
            f"coefs_ of shapes {shapes} and intercepts_ of sizes {sizes[1:]} make no network "
            f"from {model.n_features_in_} features to {model.n_outputs_} output(s)."
        )
    return sizes


def fitted_engine(model):
    """An engine with the weights that a fitted model has now."""
    engine = make_engine(model, network_sizes(model), model.out_activation_)
    engine.set_parameters(model.coefs_, model.intercepts_)
    return engine


def probabilities(model, X) -> np.ndarray:
    """The fitted model's outputs for X, (n_samples, n_outputs_)."""
    X = check_samples(model, X)
    if X.shape[0] <= FEW:
        how = {
            "activation": model.activation,
            "output": model.out_activation_,
            "dtype": model.dtype,
        }
        with few_predictor(network_sizes(model), **how) as few:
            data = opened(model, few.engine, X, reuse=False)
            outputs = few.predict(data, model.coefs_, model.intercepts_)
    else:
        engine = fitted_engine(model)
        outputs = engine.predict(opened(model, engine, X, reuse=False))
    if not np.isfinite(outputs.sum()):
        raise not_finite(outputs.dtype)
    return outputs


def labelled(model, engine, targets, X, y, sample_weight, *, reuse=True) -> Samples:
    """Samples with labels to judge a fitted model by, checked and encoded."""
    X, y = check_training_data(model, X, y, reset=False)
    labels = targets.encode(y)
    weight = sample_weights(X, y, targets, labels, sample_weight=sample_weight, class_weight=None)
    return Samples(opened(model, engine, X, reuse=reuse), labels, weight)


def evaluate(model, X, y, sample_weight) -> dict[str, float]:
    """The fitted model's loss and accuracy on labelled samples."""
    engine = fitted_engine(model)
    samples = labelled(model, engine, model._targets, X, y, sample_weight, reuse=False)
    judged = validate(engine, samples)
    return {"loss": judged["val_loss"], "accuracy": judged["val_accuracy"]}
