"""A fitted model's private state as plain dicts and arrays, which is how it is pickled.

A pickle then names no class of fastmlp's but the estimator: it survives moves inside the package, and skops trusts one
type.
"""

from typing import Any

from ..engine.optimizers import SOLVERS
from ..training.resume_state import State
from .regression_targets import RegressionTargets
from .targets import ClassTargets

KINDS = {
    cls.__name__: cls
    for cls in (ClassTargets, RegressionTargets, State, *(s.optimizer for s in SOLVERS.values()))
}
KIND = "kind"  # the key that tells which class a dict was


def plain(value: Any) -> Any:
    """The attributes of one of KINDS as a dict, and everything in them likewise; other values as they are."""
    name = type(value).__name__
    if KINDS.get(name) is not type(value):
        return value
    return {KIND: name} | {key: plain(part) for key, part in vars(value).items()}


def restored(value: Any) -> Any:
    """What `plain` was given."""
    if not isinstance(value, dict) or value.get(KIND) not in KINDS:
        return value
    cls = KINDS[value[KIND]]
    made = cls.__new__(cls)
    vars(made).update({key: restored(part) for key, part in value.items() if key != KIND})
    return made
