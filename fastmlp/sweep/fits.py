"""The fits of a sweep: one of them, and all of them, in this process or in several."""

import contextlib
import hashlib
import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import joblib
from sklearn.base import clone

from ..datasets.samples import Samples, prepared, rows, with_preparation
from ..estimators.classifier import MLPClassifier
from ..estimators.watched_fit import fit_watched
from ..system.atomic_files import write_atomically
from .grid import Fit, Plan
from .store import Store

FAILED = "failed"


def run(
    fits: list[Fit], data: Samples, plan: Plan, store: Store, *, n_jobs: int = 1, n_threads: int = 1
) -> Iterator[tuple[Fit, dict]]:
    """Do the fits and keep their results; yield each as it is finished.

    Parameters
    ----------
    fits : list of Fit
        Those that the store has no result of. The largest come first, so that all processes have
        something to do until near the end.
    data : Samples
    plan : Plan
    store : Store
    n_jobs : int
        Fits at a time, each in a process of its own.
    n_threads : int
        Threads of each fit. Neither number changes a result.
    """
    splits = plan.splits(data.y)
    fits = sorted(fits, key=lambda fit: fit.work, reverse=True)
    tasks = (
        joblib.delayed(_one)(number, fit, data.X, data.y, splits[fit.fold], store, n_threads, os.getpid())
        for number, fit in enumerate(fits)
    )  # fmt: skip
    parallel = joblib.Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator_unordered")
    for number, result in parallel(tasks):
        yield fits[number], result


def _one(number, fit, X, y, split, store, n_threads, parent):
    if os.getpid() != parent:
        # Ctrl-C reaches the workers, too. It is the parent's to end them.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _end_with(parent)
    result = store.get(fit.key)  # another sweep in the same folder may have it by now
    if result is None:
        result = measure_fold(fit, X, y, split, n_threads)
        store.put(fit.key, result)
    return number, result


@lru_cache
def _end_with(parent):
    """Have this worker process end soon after its parent, which may be killed, is gone."""

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, name="fastmlp-watch", daemon=True).start()


def measure_fold(fit: Fit, X, y, split, n_threads: int) -> dict:
    """Do one fit of the cross-validation; nothing that is prepared knows of the validation samples."""
    train, validation = split
    _, X_train, X_val = prepared(fit.prepare, rows(X, train), rows(X, validation))
    model = clone(fit.model).set_params(n_threads=n_threads)
    return measure(model, X_train, y[train], X_val, y[validation])


def measure(model: MLPClassifier, X, y, X_val, y_val) -> dict:
    """Train, validate after each epoch, and judge the trained network by both parts.

    Returns
    -------
    result : dict
        ``status`` is "ok" or "failed", ``seconds`` those of the fit, ``history`` the estimator's.
        "ok" has ``train_loss``, ``train_accuracy``, ``val_loss``, ``val_accuracy`` of the trained
        network; "failed" has a ``reason``, and the history up to the epoch that failed.
    """
    start = time.perf_counter()
    try:
        with whole_fits():
            fit_watched(model, X, y, X_val=X_val, y_val=y_val)
    except ValueError as error:
        seconds = time.perf_counter() - start
        history = history_of_failure(clone(model), X, y, X_val, y_val)
        return {"status": FAILED, "reason": str(error), "seconds": seconds, "history": history}
    seconds = time.perf_counter() - start
    train = model.evaluate(X, y)
    return {
        "status": "ok",
        "seconds": seconds,
        "train_loss": train["loss"],
        "train_accuracy": train["accuracy"],
        "val_loss": model.history_["val_loss"][-1],
        "val_accuracy": float(model.score(X_val, y_val)),  # what GridSearchCV calls it by
        "history": model.history_,
    }


@contextlib.contextmanager
def whole_fits():
    """Ctrl-C ends a fit early, with a warning. Half a fit is no result: here it is an exception.

    Only the main thread hears of Ctrl-C, and filters of warnings are no business of other threads.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupted = "Training interrupted by user"
    with warnings.catch_warnings():
        warnings.filterwarnings("error", interrupted)
        try:
            yield
        except UserWarning as warning:
            if interrupted in str(warning):
                raise KeyboardInterrupt from None
            raise


def history_of_failure(model, X, y, X_val, y_val) -> dict:
    """The epochs before the one that fails: a fit that fails leaves nothing, so do it again."""
    history = {}
    classes = sorted(set(y.tolist()))
    with contextlib.suppress(ValueError), whole_fits():
        for _ in range(model.max_iter):
            fit_watched(model, X, y, X_val=X_val, y_val=y_val, classes=classes, incremental=True)
            history = {name: list(values) for name, values in model.history_.items()}
    return history


def refit(fit_all: Fit, data: Samples, store: Store, file: Path, *, n_threads: int):
    """The best setting trained on all of the data, tested with the test images, and saved.

    Returns
    -------
    model, result : MLPClassifier or Pipeline, dict
        As `measure` returns it, with the test samples for validation. What is already there is
        taken as it is. A pipeline prepares the samples first.
    """
    result = store.get(fit_all.key)
    if result is not None and result.get("model") == _hash_of(file):
        return joblib.load(file), result
    model = clone(fit_all.model).set_params(n_threads=n_threads)
    fitted, X, X_test = prepared(data.prepare, data.X, data.X_test)
    result = measure(model, X, data.y, X_test, data.y_test)
    if result["status"] == FAILED:
        return None, result
    model.set_params(n_threads=None)  # whoever loads it has another machine
    model = with_preparation(fitted, model)
    write_atomically(file, lambda out: joblib.dump(model, out))
    result["model"] = _hash_of(file)
    store.put(fit_all.key, result)
    return model, result


def _hash_of(file):
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None
