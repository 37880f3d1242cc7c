"""Searches and sweeps on a Dask cluster: the same scores, and workers and the scheduler may die."""

import contextlib
import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import dask
import distributed
import numpy as np
import pytest
from fits import assert_same_scores
from readme import CLUSTER_BLOCKS
from sklearn.model_selection import GridSearchCV
from small import SOLVERS

import fastmlp
from fastmlp import MLPClassifier
from fastmlp.cli import main
from fastmlp.datasets import load_mnist
from fastmlp.sweep import grid

pytestmark = pytest.mark.slow

SLOW = 150  # epochs, so that a fit takes a while
PATIENCE = 250  # seconds; a worker takes a while to start on a busy machine


@contextlib.contextmanager
def cluster_of_two(threads):
    """A scheduler and two worker processes on this machine; yields (cluster, client)."""
    with (
        # A busy machine may take longer than the default to start a worker again.
        dask.config.set({"distributed.deploy.lost-worker-timeout": "5 minutes"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=threads, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster, timeout=PATIENCE) as client,
    ):
        client.wait_for_workers(2, timeout=PATIENCE)
        yield cluster, client


def run_readme(client, search, X, y):
    """The documentation's code for a cluster, on this client's one."""
    (block,) = CLUSTER_BLOCKS
    assert 'Client("scheduler:8786")' in block
    block = block.replace('Client("scheduler:8786")', "here")
    exec(compile(block, "README.md", "exec"), {"here": client, "search": search, "X": X, "y": y})


@pytest.fixture(scope="module")
def mnist():
    (X, y), _ = load_mnist()
    return X[:240], y[:240]


def make_search(solver="rmsprop", max_iter=3):
    grid = {"hidden_layer_sizes": [(8,), (16,)], "learning_rate_init": [1e-3, 1e-2]}
    model = MLPClassifier(
        solver=solver, batch_size=32, max_iter=max_iter, random_state=0, n_threads=1
    )
    return GridSearchCV(model, grid, cv=2, return_train_score=True, refit=False)


@pytest.fixture(scope="module", params=[1, 2])
def client(request):
    with cluster_of_two(request.param) as (_, client):
        yield client


@pytest.mark.parametrize("solver", SOLVERS)
def test_scores_are_those_of_one_machine(client, solver, mnist):
    local, distant = make_search(solver).fit(*mnist), make_search(solver)
    with fastmlp.distributed.dask_backend(client):
        distant.fit(*mnist)
    assert_same_scores(distant, local)


def test_the_client_stays_as_it_was(client, mnist):
    before, threshold = client.scatter, "distributed.admin.large-graph-warning-threshold"
    limit = dask.config.get(threshold)
    with fastmlp.distributed.dask_backend():  # the client made last
        assert dask.config.get(threshold) != limit
        make_search().fit(*mnist)
    assert client.scatter == before
    assert dask.config.get(threshold) == limit


def test_a_killed_worker_loses_nothing(mnist):
    local, distant = make_search(max_iter=SLOW).fit(*mnist), make_search(max_iter=SLOW)
    with cluster_of_two(1) as (cluster, client):
        finished = threading.Event()
        told = {}

        def kill():
            """End one worker when the first results or data are there."""
            while sum(map(len, client.has_what().values())) < 1 and not finished.is_set():
                time.sleep(0.02)
            told["in the middle"] = not finished.is_set()
            os.kill(cluster.workers[0].pid, signal.SIGKILL)

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        run_readme(client, distant, *mnist)
        finished.set()
        killer.join(PATIENCE)
    assert told["in the middle"]
    assert_same_scores(distant, local)


# --- sweeps -----------------------------------------------------------------------------------

N_FITS = 8


@pytest.fixture(scope="module", autouse=True)
def small_file(tmp_path_factory):
    """A part of MNIST, with few images to test with."""
    (X, y), (X_test, y_test) = load_mnist(dtype="uint8", flatten=False)
    folder = tmp_path_factory.mktemp("data")
    np.savez(
        folder / "small.npz",
        x_train=X[:800],
        y_train=y[:800],
        x_test=X_test[:50],
        y_test=y_test[:50],
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMALL_FILE", str(folder / "small.npz"))
        yield


def sweep_words(folder, *cluster, epochs=SLOW):
    return ["sweep", "--output", str(folder), "--no-report", "--data", os.environ["SMALL_FILE"],
            "--epochs", str(epochs), "--hidden", "32", "32-16", "--lr", "0.001", "--momentum", "0", "0.9",
            "--folds", "2", *cluster]  # fmt: skip


def table(folder):
    """The table without the seconds."""
    with open(folder / "results.csv", newline="") as file:
        return [
            {k: v for k, v in row.items() if "seconds" not in k} for row in csv.DictReader(file)
        ]


def n_kept(folder):
    return len(list((folder / "fits").glob("*.json")))


@pytest.fixture(scope="module")
def by_one_machine(tmp_path_factory):
    """What the sweep finds without a cluster."""
    folder = tmp_path_factory.mktemp("alone")
    assert main.main(sweep_words(folder, "--jobs", "1")) == 0
    return table(folder)


class Cluster:
    """A scheduler and workers, each a process of its own that may be killed."""

    def __init__(self, folder, n_workers):
        self.file, self.processes = folder / "scheduler.json", []
        os.makedirs(folder, exist_ok=True)
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(self.file),
            "--no-dashboard",
        )  # fmt: skip
        self._wait_until(self.file.exists)
        self.workers = [self.add_worker() for _ in range(n_workers)]

    def add_worker(self):
        return self._start("worker", "--scheduler-file", str(self.file), "--nthreads", "1",
                           "--no-dashboard", "--no-nanny")  # fmt: skip

    @property
    def address(self):
        return json.loads(self.file.read_text())["address"].removeprefix("tcp://")

    def _start(self, *words):
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *words], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd=self.file.parent,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def _wait_until(self, there):
        until = time.monotonic() + PATIENCE
        while not there():
            assert time.monotonic() < until
            time.sleep(0.05)

    def close(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@contextlib.contextmanager
def cluster_of(folder, n_workers):
    cluster = Cluster(folder, n_workers)
    try:
        yield cluster
    finally:
        cluster.close()


@contextlib.contextmanager
def when_kept(folder, least, action):
    """Do something in a thread as soon as so many fits are kept; yields a dict that tells how many were."""
    told, over = {}, threading.Event()

    def watch():
        while n_kept(folder) < least and not over.is_set():
            time.sleep(0.02)
        told["kept"] = n_kept(folder)
        action()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        over.set()
        thread.join(PATIENCE)


def test_a_sweep_on_a_cluster_that_loses_a_worker(tmp_path, by_one_machine, capsys):
    with cluster_of(tmp_path / "dask", 2) as cluster:
        with when_kept(tmp_path, 2, cluster.workers[0].kill) as told:
            assert main.main(sweep_words(tmp_path, "--cluster", cluster.address)) == 0
    assert 2 <= told["kept"] < N_FITS  # it was killed in the middle
    assert cluster.workers[0].returncode == -signal.SIGKILL
    assert table(tmp_path) == by_one_machine
    assert f"cluster {cluster.address}" in capsys.readouterr().out


def test_a_sweep_on_a_cluster_that_loses_its_scheduler_resumes(tmp_path, by_one_machine, capsys):
    with cluster_of(tmp_path / "dask", 2) as cluster:
        with when_kept(tmp_path, 2, cluster.scheduler.kill) as told:
            assert main.main(sweep_words(tmp_path, "--cluster", cluster.address)) == 1
    assert 2 <= told["kept"] < N_FITS
    said = re.search(r"the cluster's scheduler is gone: (\d) of 8 fits are finished and kept; the same "
                     "command resumes from there", capsys.readouterr().err)  # fmt: skip
    finished = n_kept(tmp_path)
    assert int(said[1]) == finished
    before = {path: path.stat().st_ino for path in (tmp_path / "fits").glob("*.json")}
    with cluster_of(tmp_path / "another", 1) as cluster:
        assert main.main(sweep_words(tmp_path, "--cluster", cluster.address)) == 0
    assert f"{finished} of them are already in" in capsys.readouterr().out
    assert all(path.stat().st_ino == inode for path, inode in before.items())  # untouched
    assert n_kept(tmp_path) == N_FITS + 1
    assert table(tmp_path) == by_one_machine


def test_no_scheduler_is_said_at_once(tmp_path, capsys):
    folder = tmp_path / "sweep"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main.main(sweep_words(folder, "--cluster", address)) == 2
    assert f"no Dask scheduler answers at {address}" in capsys.readouterr().err


def test_a_worker_of_another_version_is_refused(tmp_path, monkeypatch, capsys):
    """The cluster's processes are what is installed; this one says that it is another."""
    made_by = grid.made_by
    monkeypatch.setattr(grid, "made_by", lambda: made_by() | {"numpy": "0.1"})
    with cluster_of(tmp_path / "dask", 1) as cluster:
        assert main.main(sweep_words(tmp_path, "--cluster", cluster.address, epochs=1)) == 1
    said = capsys.readouterr().err
    assert re.search(
        r"a fit could not be done: a worker has numpy \S+ instead of 0\.1: 0 of 8", said
    )


def test_without_dask_the_extra_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main.main(sweep_words(tmp_path, "--cluster", "127.0.0.1:1", epochs=1)) == 2
    assert "extra 'cluster'" in capsys.readouterr().err
