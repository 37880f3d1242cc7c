"""Dask clusters: scikit-learn's searches on them, and what a sweep needs of them.

Dask is not installed with fastmlp: ``python -m pip install distributed``.
"""

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dask.distributed import Client, Future

__all__ = ["dask_backend"]


@contextlib.contextmanager
def dask_backend(client: "Client | None" = None) -> Iterator[None]:
    """Let joblib run on a Dask cluster, where workers may die.

    joblib's own backend for Dask puts X, y and the folds on the workers in single copies, and a worker
    that dies takes them with it. Here they are results of tasks, which Dask computes again.

    Parameters
    ----------
    client : dask.distributed.Client, default=None
        Of the cluster to use; None is the client made last in this process.

    Notes
    -----
    Dask gives a task up that was running on more than three workers as they died. Raise its
    ``distributed.scheduler.allowed-failures`` where machines come and go.

    Examples
    --------
    ::

        with fastmlp.distributed.dask_backend(Client("scheduler:8786")):
            GridSearchCV(model, grid).fit(X, y)
    """
    _require()
    import joblib
    from dask.distributed import get_client

    if client is None:
        client = get_client()
    with (
        _large_tasks_are_meant(),
        joblib.parallel_config(backend="dask", client=_WithScatter(client)),
    ):
        yield


def hand_out(client: "Client", data: Any) -> "Future":
    """Put data on the cluster as the result of a task, which is done again if a worker takes it along."""
    return client.submit(_as_it_is, data, pure=False)


@contextlib.contextmanager
def connected(address: str, timeout: float = 10.0) -> Iterator["Client"]:
    """Connect to a scheduler; an OSError that names it if there is none."""
    _require()
    from dask.distributed import Client

    try:
        client = Client(address, timeout=timeout, set_as_default=False)
    except (OSError, ValueError) as error:
        raise OSError(f"no Dask scheduler answers at {address}: {error}") from error
    log = logging.getLogger("distributed.client")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)  # the fit that needs the scheduler says that it is gone
    try:
        with _large_tasks_are_meant():
            yield client
    finally:
        log.setLevel(level)
        with contextlib.suppress(Exception):  # the scheduler may be gone
            client.close(timeout=5)


def _require():
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "clusters need Dask: python -m pip install distributed (or fastmlp's extra 'cluster')"
        ) from error


def _large_tasks_are_meant():
    """No warning that data go through the scheduler: there they outlive the workers."""
    import dask

    return dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"})


def _as_it_is(data):
    return data


class _WithScatter:
    """A client whose ``scatter`` hands data out; for the rest it is the client that it is made of."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        return getattr(self._client, name)

    async def scatter(self, data, **options):
        return hand_out(self._client, data)
