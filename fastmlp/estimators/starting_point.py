"""What a fit starts from: nothing, the model's own weights and state, or those of a checkpoint."""

import copy
import dataclasses

import numpy as np
from sklearn.exceptions import NotFittedError

from ..training import seeding
from ..training.resume_state import State
from .validation import check_parameters


@dataclasses.dataclass(frozen=True)
class Call:
    """What kind of call it is: what it starts from, and what it runs.

    Attributes
    ----------
    incremental : bool
        Whether it is a `partial_fit`: one epoch.
    resumed : bool
        Whether it resumes a fit from a checkpoint.
    first : bool
        Whether nothing of an earlier call is used.
    """

    incremental: bool
    resumed: bool
    first: bool

    @classmethod
    def of(cls, model, *, incremental, resumed):
        """Classify a call on a model."""
        continues = model.warm_start or incremental or resumed
        if continues and "coefs_" in vars(model) and not model.__sklearn_is_fitted__():
            raise NotFittedError(
                "coefs_ were assigned to a model that was never fitted. Pass weights to start from to `fit`, "
                "as coef_init and intercept_init."
            )
        return cls(incremental, resumed, first=not hasattr(model, "coefs_") or not continues)

    @property
    def goes_on(self) -> bool:
        """Whether the optimizer continues where the last call ended."""
        return self.incremental or self.resumed


def next_state(model, call) -> State:
    """A copy of the model's state to go on from, or a new one with a new seed."""
    if call.first:
        return State(seeding.draw_seed(model.random_state))
    state = dataclasses.replace(model._state, latest=None, average=None)
    if call.goes_on:
        state.optimizer = copy.deepcopy(state.optimizer)  # training changes it in place
    else:
        state.optimizer, state.optimizer_epochs, state.n_rate_cuts = None, 0, 0
    return state


def resumes_latest(model, call) -> bool:
    """Whether training goes on from other weights than the model's own, which are the best ones or averages.

    It does not where somebody has assigned others in the place of the averages.
    """
    if not call.goes_on or call.first or model._state.latest is None:
        return False
    if call.resumed:
        return True
    if model._state.average is None:
        return False
    own = [*model.coefs_, *model.intercepts_]
    averages = model._state.read_average()
    return len(own) == len(averages) and all(map(np.array_equal, own, averages))


def starting_parameters(model, call, state, layer_sizes, coef_init, intercept_init):
    """Weights and biases to start from: those given, else the model's own, else drawn ones."""
    if call.first:
        coefs, intercepts = seeding.initial_parameters(state.seed, layer_sizes, model.dtype)
    else:
        coefs, intercepts = model.coefs_, model.intercepts_
    return check_parameters(
        ("coefs_", coefs) if coef_init is None else ("coef_init", coef_init),
        ("intercepts_", intercepts)
        if intercept_init is None
        else ("intercept_init", intercept_init),
        layer_sizes,
        model.dtype,
    )
