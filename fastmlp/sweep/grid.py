"""What a sweep is made of: settings, their fits, and all that determines a fit's result."""

import json
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import ParameterGrid, StratifiedKFold

from .. import __version__
from ..datasets.samples import Samples
from ..estimators.classifier import MLPClassifier
from ..kernels.code_cache import fingerprint
from ..training.length import DEFAULT_BATCH_SIZE

# What a sample costs beside its products, in hidden units. A rough figure from one machine: nothing
# but the order of the fits and the estimate of the time left goes by it.
OVERHEAD_UNITS = 80


class Layers(tuple):
    """Units of the hidden layers, written 512-256; in the order of their units in all."""

    def __lt__(self, other):
        return (sum(self), tuple(self)) < (sum(other), tuple(other))

    def __gt__(self, other):
        return other < self

    def __str__(self):
        return "-".join(map(str, self))


class Setting(NamedTuple):
    """The parameters that a sweep may vary, under the names of the command's options."""

    hidden: Layers
    lr: float
    momentum: float
    dropout: float = 0.0
    input_dropout: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    average: float = 0.0
    schedule: str = "constant"

    def __str__(self):
        return f"{self.hidden} units, {self.apart_from_units}"

    @property
    def apart_from_units(self) -> str:
        """All but the hidden units, in words; what is switched off is left out, momentum excepted."""
        words = [f"learning rate {self.lr:g}", f"momentum {self.momentum:g}"]
        for name in OPTIONAL:
            value = getattr(self, name)
            if value != self._field_defaults[name]:
                shown = value if isinstance(value, str) else f"{value:g}"
                words.append(f"{name.replace('_', ' ')} {shown}")
        return ", ".join(words)


# Parameters of the estimator by the names of `Setting`, and those that may be left out.
PARAMETERS = {
    "hidden": "hidden_layer_sizes",
    "lr": "learning_rate_init",
    "momentum": "momentum",
    "dropout": "dropout",
    "input_dropout": "input_dropout",
    "weight_decay": "weight_decay",
    "label_smoothing": "label_smoothing",
    "average": "average",
    "schedule": "learning_rate",
}
OPTIONAL = tuple(Setting._field_defaults)


def count_weights(n_features: int, hidden: Layers, n_classes: int) -> int:
    """Weights and biases of a network."""
    sizes = (n_features, *hidden, n_classes)
    return sum((below + 1) * above for below, above in pairwise(sizes))


@dataclass(frozen=True)
class Fit:
    """One training. `fold` is None where the best setting is trained on all of the data."""

    setting: Setting
    fold: int | None
    model: MLPClassifier = field(compare=False)
    key: dict = field(compare=False)
    work: float = field(compare=False)  # in proportion to the seconds it takes
    n_weights: int = field(compare=False)  # of the network
    prepare: Any = field(compare=False, default=None)  # what makes numbers of X, if anything does


@dataclass(frozen=True)
class Plan:
    """The grid, and what all of its fits have in common."""

    hidden: tuple[tuple[int, ...], ...]
    lr: tuple[float, ...]
    momentum: tuple[float, ...]
    dropout: tuple[float, ...] = (0.0,)
    input_dropout: tuple[float, ...] = (0.0,)
    weight_decay: tuple[float, ...] = (0.0,)
    label_smoothing: tuple[float, ...] = (0.0,)
    average: tuple[float, ...] = (0.0,)
    schedule: tuple[str, ...] = ("constant",)
    folds: int = 3
    seed: int = 0
    training: dict = field(default_factory=dict)  # parameters of all networks alike

    @property
    def epochs(self) -> int:
        """Passes over the data of each fit."""
        return self.training["max_iter"]

    @property
    def batch_size(self) -> int:
        """Samples per update."""
        return self.training["batch_size"]

    @property
    def grid(self) -> dict[str, list]:
        """The values of each parameter, ascending, each once."""
        values = {name: getattr(self, name) for name in Setting._fields}
        values["hidden"] = map(Layers, self.hidden)
        return {name: sorted(set(values[name])) for name in Setting._fields}

    @property
    def varied(self) -> tuple[str, ...]:
        """The optional parameters that have more than one value."""
        return tuple(name for name in OPTIONAL if len(self.grid[name]) > 1)

    def settings(self) -> list[Setting]:
        """All combinations, in the order of scikit-learn's ParameterGrid."""
        return [Setting(**values) for values in ParameterGrid(self.grid)]

    def splits(self, y) -> list[tuple[np.ndarray, np.ndarray]]:
        """Row numbers to train on and to validate with, for each fold."""
        classes, counts = np.unique(y, return_counts=True)
        if counts.max() < self.folds:
            raise ValueError(
                f"--folds {self.folds} is more than the {counts.max()} samples of the largest class"
            )
        if counts.min() < 2:
            raise ValueError(
                f"class {classes[counts.argmin()]} has 1 sample to train on; cross-validation needs 2 or more"
            )
        folds = StratifiedKFold(self.folds, shuffle=True, random_state=self.seed)
        splits = list(folds.split(np.zeros(len(y)), y))
        fewest = min(len(train) for train, _ in splits)
        if self.batch_size > fewest and self.batch_size != DEFAULT_BATCH_SIZE:  # as the estimator
            raise ValueError(
                f"--batch-size {self.batch_size} is more than the {fewest} samples that a fold has "
                "to train on; give a smaller one"
            )
        return splits

    def model(self, setting: Setting) -> MLPClassifier:
        """The network of a setting, untrained."""
        varied = {PARAMETERS[name]: value for name, value in setting._asdict().items()}
        varied["hidden_layer_sizes"] = tuple(setting.hidden)
        return MLPClassifier(**self.training | varied)

    def fits(self, data: Samples) -> list[Fit]:
        """Every fit of the cross-validation, setting by setting."""
        return [
            self._fit(setting, fold, {"folds": self.folds, "fold": fold, "seed": self.seed,
                                      "data": data.digest},
                      data, (self.folds - 1) / self.folds)
            for setting in self.settings()
            for fold in range(self.folds)
        ]  # fmt: skip

    def refit(self, setting: Setting, data: Samples) -> Fit:
        """The fit of a setting on all of the data, to be tested with the test samples."""
        return self._fit(setting, None, {"data": data.digest, "test": data.test_digest}, data, 1)

    def _fit(self, setting, fold, key, data, part):
        model = self.model(setting)
        key = key | {"parameters": parameters(model), "made by": made_by()}
        if data.prepare is not None:
            key["prepared by"] = repr(data.prepare)
        n_features = data.X.shape[1]
        n_weights = count_weights(n_features, setting.hidden, len(np.unique(data.y)))
        cost = n_weights + OVERHEAD_UNITS * n_features
        work = part * len(data.X) * self.epochs * cost
        return Fit(setting, fold, model, key, work, n_weights, data.prepare)


def parameters(model) -> dict:
    """The estimator's parameters that change its results, as JSON has them."""
    found = model.get_params()
    del found["n_threads"], found["verbose"]
    return json.loads(json.dumps(found))


def made_by() -> dict[str, str]:
    """The code that results come from: other versions, or another CPU, may give other bits."""
    packages = {name: version(name) for name in ("numpy", "scikit-learn")}
    return {"fastmlp": __version__, "kernels": fingerprint(), **packages}
