"""A team of threads that runs one function side by side."""

import multiprocessing
import os
import threading
import time
from functools import lru_cache
from numbers import Integral

import numpy as np

from ..kernels.abi import PATIENCE, STOP, SYNC_LINE, SYNC_SIZE
from ..kernels.words import address
from ..system.limits import MOST_THREADS

# How often a waiting thread looks before it yields its core. With a core for each thread, some 50 microseconds: longer
# than threads in step ever wait. A thread that yields earlier, beside another program, loses a time slice of
# milliseconds at each barrier. With more threads than cores, about a microsecond: the one it waits for needs the core.
SPINS, SPINS_WITHOUT_CORE = 50_000, 1000


@lru_cache(maxsize=8)
def _cores(pid, affinity):
    import joblib

    return joblib.cpu_count()


def _usable_cores():
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return _cores(os.getpid(), affinity)


def usable_threads(n_threads=None):
    """Number of threads to run.

    Parameters
    ----------
    n_threads : int or None
        The number itself, or `MOST_THREADS` if it is more; or None or -1: the cores that this process may use
        (cgroup and affinity), never more than ``OMP_NUM_THREADS``. Inside a joblib worker 1, unless it is a
        process of loky's, to which joblib gives its share of the cores in ``OMP_NUM_THREADS``.
    """
    if n_threads is not None and n_threads != -1:
        if not isinstance(n_threads, Integral) or n_threads < 1:
            raise ValueError(
                f"n_threads must be None, -1 or a whole number of at least 1, got {n_threads!r}."
            )
        return min(int(n_threads), MOST_THREADS)
    from joblib.parallel import get_active_backend

    # It may be a list, one per nesting level.
    limit = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    limit = int(limit) if limit.strip().isdecimal() else None
    if (get_active_backend()[0].nesting_level or 0) > 0 and (limit is None or not _in_loky()):
        return 1
    cores = _usable_cores()
    return max(1, cores if limit is None else min(cores, limit))


def _in_loky():
    """Whether a joblib worker is one of loky's, by what only those are.

    The workers of "threading" are no main threads, and those of "multiprocessing" are daemons, which
    inherit the parent's ``OMP_NUM_THREADS`` and would all take it in full.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    return in_main_thread and not multiprocessing.current_process().daemon


class Team:
    """Runs a function on `n_threads` threads at once.

    The threads live for the length of one call of `run`; between calls there is nothing to fork, pickle or
    shut down. `sync` is the memory that their barriers and loops share.
    """

    def __init__(self, n_threads):
        self.n_threads = n_threads
        size = SYNC_SIZE + SYNC_LINE * n_threads
        block = np.zeros(size + 8, dtype=np.int64)
        skip = -address(block) % 64 // 8  # each counter on a cache line of its own
        self.sync = block[skip : skip + size]
        if n_threads > 1:
            self.sync[PATIENCE] = SPINS if n_threads <= _usable_cores() else SPINS_WITHOUT_CORE

    def run(self, function, n_threads=None):
        """Call ``function(me, n_threads)`` on each thread; the caller is thread 0.

        `n_threads` is how many of the team take part, by default all.

        When one call raises, the others' barriers end and the exception is raised here. When the operating
        system (or an interpreter that is shutting down) refuses a thread, one thread does the work.
        """
        if n_threads is None:
            n_threads = self.n_threads
        if n_threads > 1:
            try:
                return self._run(function, n_threads)
            except _ThreadRefused:
                pass
        return self._run(function, 1)

    def _run(self, function, n_threads):
        errors, owners = [], {}

        def work(me):
            try:
                function(me, n_threads)
            except BaseException as error:
                self.sync[STOP] = 1
                errors.append(error)

        def begin(me):
            # Ctrl-C may come before the caller knows that a thread has begun. Whichever of the two is the
            # first to put its name here decides whether the thread works, and is waited for.
            if owners.setdefault(me, "thread") == "thread":
                work(me)
                owners[me] = "over"

        threads, whole = [], False
        try:
            for me in range(1, n_threads):
                thread = threading.Thread(
                    target=begin, args=(me,), name=f"fastmlp-{me}", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError as error:
                    raise _ThreadRefused from error
                threads.append(thread)
            work(0)
            whole = True
        finally:
            while True:
                try:
                    if not whole:
                        self.sync[STOP] = 1
                    for thread in threads:
                        thread.join()
                    for me in range(1, n_threads):
                        while owners.setdefault(me, "caller") == "thread":
                            time.sleep(1e-4)
                    break
                except BaseException as interrupt:
                    # Ctrl-C, or what another signal's handler raised. The threads end at their next barrier or chunk;
                    # wait on, then report: a thread that outlived its team would wait at a barrier for ever.
                    whole = False
                    errors.append(interrupt)
            patience = self.sync[PATIENCE]
            self.sync[:] = 0
            self.sync[PATIENCE] = patience
        if errors:
            try:
                raise errors[0]
            finally:
                errors.clear()  # no cycle of frame and exception


class _ThreadRefused(Exception):
    pass
