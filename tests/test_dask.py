"""scikit-learn's own search on a Dask cluster: the same scores, and workers may die."""

import contextlib
import os
import signal
import threading
import time

import dask
import distributed
import joblib
import pytest
from fits import assert_same_scores
from readme import BLOCKS
from sklearn.model_selection import GridSearchCV
from small import SOLVERS

from fastmlp import MLPClassifier
from fastmlp.datasets import load_mnist

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
    """README's code for a cluster, on this client's one."""
    (block,) = (block for block in BLOCKS if "dask" in block)
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
    with joblib.parallel_config(backend="dask"):
        distant.fit(*mnist)
    assert_same_scores(distant, local)


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
