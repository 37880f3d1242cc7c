"""What a sweep is made of: settings, their fits, and all that determines a fit's result."""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import ParameterGrid, StratifiedKFold

from .. import __version__
from ..estimators.classifier import MLPClassifier
from ..kernels.code_cache import fingerprint

# What a sample costs beside its products, in hidden units. A rough figure from one machine: nothing
# but the order of the fits and the estimate of the time left goes by it.
OVERHEAD_UNITS = 80


class Setting(NamedTuple):
    """The parameters that a sweep varies, under the names of the command's options."""

    hidden: int
    lr: float
    momentum: float

    def __str__(self):
        return f"{self.hidden} units, learning rate {self.lr:g}, momentum {self.momentum:g}"


@dataclass(frozen=True)
class Data:
    """Images to train on and to test with, and what they are called."""

    name: str
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    @cached_property
    def digest(self) -> str:
        """A hash of what is trained on."""
        return _digest(self.X, self.y)

    @cached_property
    def test_digest(self) -> str:
        """A hash of what is tested with."""
        return _digest(self.X_test, self.y_test)


def _digest(*arrays) -> str:
    digest = hashlib.sha256()
    for array in map(np.ascontiguousarray, arrays):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Fit:
    """One training. `fold` is None where the best setting is trained on all of the data."""

    setting: Setting
    fold: int | None
    model: MLPClassifier = field(compare=False)
    key: dict = field(compare=False)
    work: float = field(compare=False)  # in proportion to the seconds it takes


@dataclass(frozen=True)
class Plan:
    """The grid, and what all of its fits have in common."""

    hidden: tuple[int, ...]
    lr: tuple[float, ...]
    momentum: tuple[float, ...]
    folds: int = 3
    epochs: int = 10
    batch_size: int = 128
    seed: int = 0

    @property
    def grid(self) -> dict[str, list]:
        """The values of each parameter, ascending, each once."""
        return {name: sorted(set(getattr(self, name))) for name in Setting._fields}

    def settings(self) -> list[Setting]:
        """All combinations, in the order of scikit-learn's ParameterGrid."""
        return [Setting(**values) for values in ParameterGrid(self.grid)]

    def splits(self, y) -> list[tuple[np.ndarray, np.ndarray]]:
        """Row numbers to train on and to validate with, for each fold."""
        folds = StratifiedKFold(self.folds, shuffle=True, random_state=self.seed)
        splits = list(folds.split(np.zeros(len(y)), y))
        fewest = min(len(train) for train, _ in splits)
        if self.batch_size > fewest:
            raise ValueError(
                f"a batch of {self.batch_size} samples is more than the {fewest} that a fold has "
                "to train on"
            )
        return splits

    def model(self, setting: Setting) -> MLPClassifier:
        """The network of a setting, untrained."""
        return MLPClassifier(
            hidden_layer_sizes=(setting.hidden,),
            learning_rate_init=setting.lr,
            momentum=setting.momentum,
            batch_size=self.batch_size,
            max_iter=self.epochs,
            random_state=self.seed,
        )

    def fits(self, data: Data) -> list[Fit]:
        """Every fit of the cross-validation, setting by setting."""
        return [
            self._fit(setting, fold, {"folds": self.folds, "fold": fold, "data": data.digest},
                      len(data.X) * (self.folds - 1) / self.folds)
            for setting in self.settings()
            for fold in range(self.folds)
        ]  # fmt: skip

    def refit(self, setting: Setting, data: Data) -> Fit:
        """The fit of a setting on all of the data, to be tested with the test images."""
        key = {"data": data.digest, "test": data.test_digest}
        return self._fit(setting, None, key, len(data.X))

    def _fit(self, setting, fold, key, n_samples):
        model = self.model(setting)
        key = key | {"parameters": parameters(model), "made by": made_by()}
        work = n_samples * self.epochs * (setting.hidden + OVERHEAD_UNITS)
        return Fit(setting, fold, model, key, work)


def parameters(model) -> dict:
    """The estimator's parameters that change its results, as JSON has them."""
    found = model.get_params()
    del found["n_threads"], found["verbose"]
    return json.loads(json.dumps(found))


def made_by() -> dict[str, str]:
    """The code that results come from: other versions, or another CPU, may give other bits."""
    packages = {name: version(name) for name in ("numpy", "scikit-learn")}
    return {"fastmlp": __version__, "kernels": fingerprint(), **packages}
