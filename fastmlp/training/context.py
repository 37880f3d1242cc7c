"""What one fit works on, handed to whichever solver runs it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .history import Record
from .resume_state import State


@dataclass
class Samples:
    """Rows to train on or to judge by: an opened X, and arrays that are indexed by its row numbers."""

    data: Any
    labels: np.ndarray
    weight: np.ndarray | None = None
    rows: np.ndarray | None = None  # None: all of them
    # The same rows and their labels as a scorer wants them; None where none will be called.
    X: Any = None
    y: Any = None

    def __len__(self):
        return self.data.n_samples if self.rows is None else len(self.rows)


@dataclass
class FitContext:
    """One call of `fit` or `partial_fit`, checked and encoded.

    Attributes
    ----------
    model : BaseMLP
        Read for its parameters only.
    engine : Engine
        Has the weights to start from; has the trained ones afterwards.
    samples : Samples
        The samples to train on.
    validation : Samples or None
    state : State
        Updated while training runs.
    record : Record
        Updated while training runs.
    report : object of `progress`
    task : callbacks.Fit or None
    attributes : callable
        ``attributes(coefs, intercepts)`` returns a fitted model's attributes, for callbacks.
    validation_decides : bool
        Whether the validation samples may change the learning rate, or are measured only.
    """

    model: Any
    engine: Any
    samples: Samples
    validation: Samples | None
    state: State
    record: Record
    report: Any
    task: Any
    attributes: Callable
    validation_decides: bool = True


def diverged(model, learning_rate=None) -> ValueError:
    """Return the error of a fit that ended in infinities: scikit-learn's words and a likely cause."""
    message = (
        "Solver produced non-finite parameter weights. The input data may contain large values "
        "and need to be preprocessed."
    )
    if learning_rate is not None:
        given = f"learning_rate_init={model.learning_rate_init:g}"
        if not np.isclose(learning_rate, model.learning_rate_init, rtol=1e-6, atol=0):
            given = f"a learning rate of {learning_rate:g} ({given})"
        message += f" Or {given} is too large for '{model.solver}'."
    return ValueError(message)


def validate(engine, validation) -> dict:
    """Return the history's entries about the validation samples, if there are any."""
    if validation is None:
        return {}
    loss, score = engine.evaluate(
        validation.data,
        validation.labels,
        rows=validation.rows,
        sample_weight=validation.weight,
    )
    return {"val_loss": loss, f"val_{engine.loss.metric}": score}
