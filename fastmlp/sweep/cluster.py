"""The fits of a sweep on a Dask cluster: the same results, and workers and scheduler may die.

A fit is a task; it returns its result to this process, which keeps it in the store at once. A worker
that dies costs the fits that it was doing, which Dask gives to others. If the scheduler dies, what was
finished is in the store, and the same command resumes from it.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError

from ..datasets.samples import Samples
from ..distributed import hand_out
from .fits import measure_fold
from .grid import Fit, Plan, made_by
from .store import Store


class ClusterFailure(RuntimeError):
    """The cluster cannot do the fits that are left; the message says why."""


def slots(client) -> int:
    """How many fits the cluster does at a time: one for each thread of its workers."""
    return sum(client.ncores().values())


def wait_for_workers(client) -> int:
    """Wait until there is one, and return how many fits are done at a time."""
    if not slots(client):
        print("the cluster has no worker yet: waiting for one", flush=True)
        client.wait_for_workers(1)
    return slots(client)


def run_on_cluster(
    fits: list[Fit], data: Samples, plan: Plan, store: Store, client, *, n_threads: int = 1
) -> Iterator[tuple[Fit, dict]]:
    """Do the fits and keep their results; yield each as it is finished.

    Parameters
    ----------
    fits : list of Fit
        Those that the store has no result of. The largest come first.
    data : Samples
    plan : Plan
    store : Store
        On this machine; the workers need not see it.
    client : dask.distributed.Client
    n_threads : int
        Threads of each fit, which do not change a result.

    Raises
    ------
    ClusterFailure
        The scheduler is gone, or a fit killed its workers, or they have another fastmlp. All other
        fits are finished first where that is possible.
    """
    from dask.distributed import as_completed

    splits = plan.splits(data.y)
    fits = sorted(fits, key=lambda fit: fit.work, reverse=True)
    X, y = hand_out(client, data.X), hand_out(client, data.y)
    futures = {
        client.submit(_on_worker, fit, X, y, splits[fit.fold], n_threads, pure=False,
                      priority=len(fits) - number): fit
        for number, fit in enumerate(fits)
    }  # fmt: skip
    failure, told = None, False
    for future in as_completed(list(futures), loop=client.loop):
        fit = futures.pop(future)
        try:
            result, same_kernels = future.result()
        except CancelledError as error:
            raise ClusterFailure("the cluster's scheduler is gone") from error
        except Exception as error:  # KilledWorker, or whatever a worker without fastmlp raises
            failure = error
            if not futures:
                break
            continue
        if not (same_kernels or told):
            told = True
            print(
                "some workers have another CPU, Python or Numba than this machine: their results may "
                "differ from this machine's in the last bits",
                file=sys.stderr,
            )
        store.put(fit.key, result)
        yield fit, result
    if failure is not None:
        raise ClusterFailure(f"a fit could not be done: {failure}") from failure


def _on_worker(fit, X, y, split, n_threads):
    here, wanted = made_by(), fit.key["made by"]
    others = [f"{name} {here[name]} instead of {wanted[name]}" for name in here
              if name != "kernels" and here[name] != wanted[name]]  # fmt: skip
    if others:
        raise RuntimeError(f"a worker has {', '.join(others)}")
    return measure_fold(fit, X, y, split, n_threads), here["kernels"] == wanted["kernels"]
