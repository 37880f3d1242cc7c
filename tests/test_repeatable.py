"""The same data, parameters and random_state give the same bits, whatever runs the fit."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import joblib
import pytest
from fits import SETTINGS, digest, digests
from joblib import Parallel, delayed, parallel_config
from joblib.parallel import ThreadingBackend
from threadpoolctl import threadpool_limits

from fastmlp.engine import team

pytestmark = pytest.mark.slow


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
    code = "import json, fits; print(json.dumps(fits.digests()))"
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


def test_no_more_threads_than_a_system_starts():
    assert team.usable_threads(1_000_000) == team.MOST_THREADS


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
