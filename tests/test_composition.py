"""Fits beside forks, pools, workers, others' threads and an end of the interpreter.

Each scenario runs in a process of its own, for it may hang or abort, and is a function here that
prints what its fits came to. That has to be what a plain serial fit comes to.
"""

import atexit
import importlib.util
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from fits import SHAPE, data, digest
from sklearn.model_selection import GridSearchCV, cross_val_score

from fastmlp import MLPClassifier

pytestmark = pytest.mark.slow

LIMIT = 200  # seconds; a scenario takes a few
SOLVERS = ("rmsprop", "lbfgs", "adam")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are POSIX's")


def run(scenario):
    """What a scenario prints, from JSON; it must end in time and without complaint."""
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", f"import test_composition as t; t.{scenario}"],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # to end it with all its children
    )
    with process:  # closes its pipes, whatever happens
        try:
            printed, complaints = process.communicate(timeout=LIMIT)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode == 0, complaints
    return json.loads(printed)


def tell(found):
    """Print for `run`."""
    print(json.dumps(found), flush=True)


@pytest.fixture(scope="module")
def expected():
    return {name: digest(name, n_threads=1) for name in SOLVERS}


def forks():
    """Fork while one thread is in the middle of fits and predictions; fit in the children."""
    X, y = data(0.0)
    model = MLPClassifier(**SHAPE, max_iter=2).fit(X, y)
    model.predict(X[:2])  # all is compiled by now

    def go_on():
        while True:
            digest("rmsprop", 2)
            model.predict(X[:2])

    threading.Thread(target=go_on, daemon=True).start()
    found = []
    for moment in range(6):
        time.sleep(0.011 * moment)
        reading, writing = os.pipe()
        if os.fork() == 0:
            model.predict(X[:2])
            os.write(writing, digest("rmsprop", 2).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            found.append(pipe.read())
        status = os.wait()[1]
        assert status == 0
    tell(found)


@needs_fork
def test_fork_amid_a_fit_and_fit_in_the_child(expected):
    assert run("forks()") == [expected["rmsprop"]] * 6


def pool(method):
    """Fits in a pool's workers, two threads each, after one in this process."""
    digest("rmsprop", 2)
    with multiprocessing.get_context(method).Pool(2) as workers:
        tell(workers.starmap(digest, [(name, 2) for name in SOLVERS], chunksize=1))


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_multiprocessing_pool(method, expected):
    assert run(f"pool({method!r})") == list(expected.values())


def nested(n_jobs):
    """A search in each fold of a cross-validation."""
    model = MLPClassifier(**SHAPE, max_iter=2)
    rates = {"learning_rate_init": [0.001, 0.01]}
    search = GridSearchCV(model, rates, cv=2, n_jobs=n_jobs, scoring="neg_log_loss")
    scores = cross_val_score(search, *data(0.0), cv=2, n_jobs=n_jobs, scoring="neg_log_loss")
    return scores.tolist()


def test_a_search_in_a_cross_validation():
    assert run("tell(t.nested(2))") == nested(1)


def beside(library):
    """Fits while another thread keeps another library's thread pool busy with products."""
    if library == "torch":
        import torch

        torch.set_num_threads(2)
        asarray = torch.asarray
    else:
        asarray = np.asarray
    factor = asarray(np.random.default_rng(0).standard_normal((500, 500)))
    product = factor @ factor
    over, wrong, n_products = threading.Event(), 0, 0

    def multiply():
        nonlocal wrong, n_products
        while not over.is_set():
            wrong += not bool((factor @ factor == product).all())
            n_products += 1

    thread = threading.Thread(target=multiply)
    thread.start()
    found = [digest(name, 2) for name in SOLVERS]
    over.set()
    thread.join()
    tell([found, wrong, n_products > 0])


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_beside_another_thread_pool(library, expected):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    assert run(f"beside({library!r})") == [list(expected.values()), 0, True]


def late(how):
    """The process's first fit and prediction, when its main thread has ended already."""

    def fit():
        threading.main_thread().join()
        tell(digest("rmsprop", 2))

    if how == "atexit":
        atexit.register(lambda: tell(digest("rmsprop", 2)))
    else:
        threading.Thread(target=fit).start()


@pytest.mark.parametrize("how", ["atexit", "thread"])
def test_fit_when_the_interpreter_is_ending(how, expected):
    assert run(f"late({how!r})") == expected["rmsprop"]


def left_behind():
    """Interpreters that end in the middle of a daemon thread's fit; their exit statuses."""
    digest("rmsprop", 2)  # so that the children have nothing left to import
    statuses = []
    for moment in range(10):
        child = os.fork()
        if child == 0:
            model = MLPClassifier(**SHAPE, max_iter=10**6, n_threads=2)
            threading.Thread(target=model.fit, args=data(0.9 * (moment % 2)), daemon=True).start()
            time.sleep(0.05 + 0.013 * moment)
            return
        statuses.append(os.waitpid(child, 0)[1])
    tell(statuses)


@needs_fork
def test_the_main_thread_ends_amid_a_daemons_fit():
    assert run("left_behind()") == [0] * 10
