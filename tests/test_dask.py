"""scikit-learn's own search on a Dask cluster: the same scores."""

import contextlib

import dask
import distributed
import joblib
import pytest
from sklearn.model_selection import GridSearchCV
from small import SOLVERS
from test_search import assert_same_scores

from fastmlp import MLPClassifier
from fastmlp.datasets import load_mnist

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
