"""Checkpoints: a long fit that is killed resumes after its last checkpoint, to the same bits.

A checkpoint is an ordinary pickle of the model as it stood after an epoch, with the pickle's sha256 and a mark behind
it. It is written beside its place, flushed to the disk and renamed, so that a file of its final name is a whole one
whatever happens to the process; the digest tells what happens to the disk.
"""

import hashlib
import os
import pickle
from numbers import Integral
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sklearn.base import _fit_context

from ..system.atomic_files import write_atomically
from ..system.interrupts import Interrupts
from ..system.user_warnings import warn_user
from ..training.schedules import is_per_update
from . import types as t
from .base import BaseMLP
from .callbacks import bare, require_callbacks

Model = TypeVar("Model", bound=BaseMLP)

MARK = b"fastmlp checkpoint\n"
SUFFIX, UNFINISHED = ".checkpoint", ".unfinished"
# Parameters that may differ between the fit that wrote a checkpoint and the one that goes on: they
# do not change what an epoch does, but for `max_iter` where the rate is planned over all epochs.
FREE = {"max_iter", "n_threads", "verbose", "warm_start"}


class Checkpoint:
    """Keep a fit's last states in a folder, and resume from them.

    ``Checkpoint("run").fit(model, X, y)`` trains the model and writes it after each epoch. When
    the process was killed, the same lines run again go on after the last epoch that was written,
    and end with the bits of a fit that nobody disturbed: weights, early stopping, tolerance and
    schedules included.

    It is also a callback of scikit-learn's (1.9 or later) that only writes:
    ``model.set_callbacks(Checkpoint("run"))``.

    Parameters
    ----------
    path : str or path-like
        The folder, made if there is none. It belongs to one fit: two at once get in each other's
        way, so do not use it inside a search.
    every : int, default=1
        Epochs from one checkpoint to the next. `fit` also leaves one of its last whole epoch.
    keep : int, default=2
        How many to keep, the newest.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import Checkpoint, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> folder = tempfile.mkdtemp()
    >>> model = Checkpoint(folder, every=5).fit(MLPClassifier(max_iter=20, random_state=0), X, y)
    >>> Checkpoint.load(folder).n_iter_
    20
    """

    def __init__(self, path: str | os.PathLike[str], every: int = 1, keep: int = 2):
        for name, value in (("every", every), ("keep", keep)):
            if not isinstance(value, Integral) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}.")
        self.path = Path(path)
        self.every = int(every)
        self.keep = int(keep)
        self._unwritten = None

    def __repr__(self) -> str:
        return f"Checkpoint({str(self.path)!r}, every={self.every}, keep={self.keep})"

    def fit(self, model: Model, X: t.MatrixLike, y: t.MatrixLike, **arguments: Any) -> Model:
        """Fit the model, from the newest valid checkpoint if there is one, else from the start.

        Parameters
        ----------
        model : MLPClassifier or MLPRegressor
            With the parameters of the fit that wrote the checkpoints; only `n_threads`, `verbose`,
            `warm_start` and `max_iter`, the number of epochs in all, may be others; `max_iter` not
            with a learning rate that is planned over all epochs, as "cosine" is.
        X, y, **arguments
            As in the `fit` of the model; the same as in the fit that wrote the checkpoints.

        Returns
        -------
        model : MLPClassifier or MLPRegressor

        Raises
        ------
        ValueError
            For files none of which is valid, or checkpoints of a model with other parameters. For
            a parameter that cannot be pickled, as a lambda. And for L-BFGS, which cannot resume:
            scipy keeps what it learned of the loss to itself.
        TypeError
            If the model is of another class.
        ImportError
            If scikit-learn is too old to have callbacks.
        """
        require_callbacks()
        if not isinstance(model, BaseMLP):
            raise TypeError(
                f"Checkpoint.fit needs an MLPClassifier or MLPRegressor, got {type(model).__name__}. "
                "Of a pipeline, transform X first and pass the last step."
            )
        if model.solver == "lbfgs":
            raise ValueError(
                "An L-BFGS fit cannot go on from a checkpoint exactly. To write checkpoints only, "
                "use model.set_callbacks."
            )
        before, interrupts = getattr(model, "_skl_callbacks", []), Interrupts()
        try:
            interrupts.open()
            model.set_callbacks(*(other for other in before if other is not self), self)
            if not _files(self.path):
                return model.fit(X, y, **arguments)
            saved = self.load(self.path)
            _check_same(saved, model, self.path)
            for name in ("coef_init", "intercept_init"):  # a fit's beginning, which is over
                arguments.pop(name, None)
            return _resume(model, saved, X, y, **arguments)
        finally:
            interrupts.held += 1
            model.set_callbacks(*before)
            interrupts.close()

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Any:
        """The model of the newest valid checkpoint in a folder, ready to predict.

        With early stopping its weights are the best ones so far. Loading a checkpoint runs code,
        as unpickling always does: load only your own.

        Parameters
        ----------
        path : str or path-like
            The folder.

        Returns
        -------
        model : MLPClassifier or MLPRegressor

        Raises
        ------
        FileNotFoundError
            If the folder has no checkpoints.
        ValueError
            If none of them is valid. A corrupted one gives a warning, and the one before is taken.
        """
        files = _files(path)
        if not files:
            raise FileNotFoundError(f"There are no checkpoints in {str(path)!r}.")
        for file in reversed(files):
            try:
                return read(file)
            except (OSError, ValueError) as error:
                warn_user(f"{error} The checkpoint before it is tried.")
        raise ValueError(f"None of the {len(files)} checkpoint(s) in {str(path)!r} is valid.")

    # --- scikit-learn's callback protocol -------------------------------------------------------

    def setup(self, estimator: Any, context: Any) -> None:
        """Make the folder, and clear away what a killed process did not finish."""
        _check_pickles(estimator)
        self._unwritten = None
        self.path.mkdir(parents=True, exist_ok=True)
        for file in self.path.glob(f"*{UNFINISHED}"):
            if file.is_file():
                file.unlink(missing_ok=True)

    def teardown(self, estimator: Any, context: Any) -> None:
        """Forget the last epoch."""
        self._unwritten = None

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Nothing is done at the beginning of a task."""

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        """Write the model after every so many epochs, and after the last one of a `fit`."""
        if context.task_name == "epoch" and fitted_estimator is not None:
            self._unwritten = fitted_estimator
            if fitted_estimator.n_iter_ % self.every:
                return
        elif context.task_name != "fit":
            return
        if self._unwritten is not None:
            self.write(self._unwritten)
            self._unwritten = None

    def write(self, model: Any) -> None:
        """Write a fitted model as the folder's newest checkpoint, and remove the oldest."""
        files = _files(self.path)
        number = _number(files[-1]) + 1 if files else 1
        write(self.path / f"{number:06}{SUFFIX}", bare(model))
        for file in _files(self.path)[: -self.keep]:
            file.unlink(missing_ok=True)


@_fit_context(prefer_skip_nested_validation=True)
def _resume(model, saved, X, y, sample_weight=None, **arguments):
    from .fit_task import fit

    fit(model, X, y, resume=saved, sample_weight=sample_weight, **arguments)
    return model


def _check_pickles(model):
    """Refuse a parameter that no checkpoint can hold, before anything is trained."""
    for name, value in model.get_params(deep=False).items():
        try:
            pickle.dumps(value)
        except Exception as error:  # whatever an object's own methods raise
            advice = " Define the function in a module, with def." if callable(value) else ""
            raise ValueError(
                f"A checkpoint is a pickle of the model, and its {name} cannot be pickled: {error}.{advice}"
            ) from error


def _check_same(saved, model, path):
    """Refuse to go on with a model of other parameters than the checkpoint's."""
    if type(saved) is not type(model):
        raise ValueError(
            f"The checkpoints in {str(path)!r} are of {_kind(saved)}, not of {_kind(model)}. Use another folder, or "
            "remove them."
        )
    mine, theirs = model.get_params(), saved.get_params()
    if isinstance(model.random_state, np.random.RandomState):
        mine.pop("random_state")  # it has moved on; the checkpoint has the seed that was drawn
    free = FREE - {"max_iter"} if is_per_update(saved.learning_rate) else FREE
    for name in mine:
        if name not in free and not _same(mine[name], theirs[name]):
            raise ValueError(
                f"The checkpoints in {str(path)!r} are of a fit with {name}={theirs[name]!r}, not "
                f"{mine[name]!r}. Use another folder, or remove them."
            )


def _kind(model):
    return f"{type(model).__name__} objects"


def _same(mine, theirs) -> bool:
    """Whether two values of a parameter are equal; objects that compare by identity are if their pickles are."""
    if np.array_equal(mine, theirs):
        return True
    try:  # a pickle may change how an object's parts refer to each other, so both go through one
        mine, theirs = (pickle.loads(pickle.dumps(value)) for value in (mine, theirs))
        return pickle.dumps(mine) == pickle.dumps(theirs)
    except Exception:  # what cannot be pickled was not in a checkpoint
        return False


def _number(file):
    return int(file.stem) if file.stem.isdecimal() else -1


def _files(path) -> list[Path]:
    """The folder's checkpoints, oldest first."""
    found = (
        file for file in Path(path).glob(f"*{SUFFIX}") if _number(file) >= 0 and file.is_file()
    )
    return sorted(found, key=_number)


def write(file: Path, model: Any) -> None:
    """Write a model into a file that appears all at once, or not at all."""
    content = pickle.dumps(model, protocol=pickle.HIGHEST_PROTOCOL)
    mark = hashlib.sha256(content).digest() + MARK
    write_atomically(file, lambda stream: stream.writelines((content, mark)), part=UNFINISHED)


def read(file: Path) -> Any:
    """Read a model that `write` wrote; a corrupted file is a ValueError that names it."""
    content = Path(file).read_bytes()
    size = len(content) - len(MARK) - hashlib.sha256().digest_size
    payload = memoryview(content)[: max(size, 0)]
    if size <= 0 or content[size:] != hashlib.sha256(payload).digest() + MARK:
        raise ValueError(f"{str(file)!r} is corrupted: it is not what was written.")
    model = pickle.loads(payload)
    if not isinstance(model, BaseMLP):
        raise ValueError(f"{str(file)!r} holds no model of fastmlp.")
    return model
