"""What holds for every test."""

import os
import signal

import pytest
import scipy.linalg  # noqa: F401, so that its BLAS, another than NumPy's, is there to be limited
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def keyboard():
    """Ctrl-C is heard as in a terminal, here and in child processes; shells make jobs in the background deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread_in_each_of_several_processes():
    """OpenBLAS spins while its threads wait for each other: L-BFGS takes ten times as long where a core is not free."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
    else:
        with threadpool_limits(1, "blas"):
            yield
