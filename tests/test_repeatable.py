"""The same data, parameters and random_state give the same bits, whatever runs the fit."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import joblib
import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from joblib.parallel import ThreadingBackend
from threadpoolctl import threadpool_limits

from fastmlp import MLPClassifier
from fastmlp.engine import team

# More parameters than OpenBLAS leaves to one thread, rows that no batch divides, layers that no
# vector does.
SHAPE = {"hidden_layer_sizes": (100, 70), "batch_size": 32, "random_state": 5}
EARLY = {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 8}
SETTINGS = {
    "rmsprop": {"solver": "rmsprop", "momentum": 0.9, "max_iter": 3},
    "adam": {"solver": "adam", "max_iter": 3},
    "sgd": {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": True, "max_iter": 3},
    "lbfgs": {"solver": "lbfgs", "max_iter": 6},
    "rmsprop-early": {"solver": "rmsprop", "momentum": 0.9, **EARLY},
    "adam-early": {"solver": "adam", **EARLY},
    "sgd-early": {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": True, **EARLY},
    "float64": {"solver": "adam", "dtype": "float64", "max_iter": 2},
}


def data(zeros):
    """300 samples of 64 features and 4 classes, with this share of zeros."""
    rng = np.random.default_rng(7)
    X = rng.standard_normal((300, 64))
    y = (X @ rng.standard_normal((64, 4))).argmax(axis=1)
    return np.where(rng.random(X.shape) < zeros, 0, X).astype(np.float32), y


def digest(name, n_threads=None):
    """What a fit comes to, every bit of it: on dense data, and on such where zeros are skipped."""
    found = hashlib.sha256()
    for zeros in (0.0, 0.9):
        X, y = data(zeros)
        model = MLPClassifier(**SHAPE | SETTINGS[name], n_threads=n_threads).fit(X, y)
        assert model.zero_skipping_ == bool(zeros)
        history = {key: list(map(float, model.history_[key])) for key in model.history_}
        history["seconds"] = len(history["seconds"])
        found.update(json.dumps([history, model.n_iter_, float(model.loss_)]).encode())
        for array in (*model.coefs_, *model.intercepts_, model.predict_proba(X)):
            found.update(array.tobytes())
    return found.hexdigest()


def digests(n_threads=None):
    """`digest` of every setting, and the number of threads that a fit would take."""
    return {name: digest(name, n_threads) for name in SETTINGS}, team.usable_threads()


@pytest.fixture(scope="module")
def expected():
    return digests(n_threads=1)[0]


def test_a_digest_tells_fits_apart(expected):
    assert len(set(expected.values())) == len(SETTINGS)


@pytest.mark.parametrize("n_threads", [2, 3, 5])
@pytest.mark.parametrize("name", SETTINGS)
def test_threads(name, n_threads, expected):
    assert digest(name, n_threads) == expected[name]


@pytest.mark.parametrize("name", SETTINGS)
def test_again_in_the_same_process(name, expected):
    assert digest(name) == expected[name]


def test_threads_of_blas(expected):
    """scipy's L-BFGS asks BLAS for its sums, whose order depends on its threads."""
    for limit in (1, 2, 3):
        with threadpool_limits(limit, "blas"):
            assert digest("lbfgs", n_threads=1) == expected["lbfgs"]


@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_joblib_workers(backend, expected):
    found = Parallel(n_jobs=2, backend=backend)(delayed(digests)() for _ in range(2))
    assert found == [(expected, 1)] * 2  # and one thread each


def test_loky_workers_with_the_threads_that_loky_gives_them(expected):
    share = min(2, joblib.cpu_count())
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=2):
        assert Parallel()(delayed(digests)() for _ in range(2)) == [(expected, share)] * 2


def test_processes_one_after_another(expected):
    code = "import json, test_repeatable; print(json.dumps(test_repeatable.digests()))"
    for seed in ("0", "1"):
        run = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": seed},
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=240,
            check=True,
        )
        assert json.loads(run.stdout)[0] == expected


def in_another_thread(function):
    """What the function returns in a thread that is not the main one."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def test_usable_threads_of_workers(monkeypatch):
    """On eight cores; `nested` is how joblib marks a worker that is a process, or a thread."""
    nested = {"backend": ThreadingBackend(nesting_level=1), "n_jobs": 1}

    def in_worker():
        with parallel_config(**nested):
            return team.usable_threads()

    monkeypatch.setattr(team, "_cores", lambda pid, affinity: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert (team.usable_threads(), in_worker()) == (8, 1)
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert (team.usable_threads(), in_worker(), in_another_thread(in_worker)) == (4, 4, 1)
    monkeypatch.setattr(team.multiprocessing.process.current_process(), "_config", {"daemon": True})
    assert (team.usable_threads(), in_worker()) == (4, 1)
