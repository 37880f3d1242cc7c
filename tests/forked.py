"""Work in a forked child, for tests that kill, interrupt or starve a process."""

import os
import traceback

import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def in_a_fork(work):
    """Start `work` in a process of its own, which ends with it; returns the process's number."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def run_in_a_fork(work):
    """Do `work` in a process of its own, and fail where it fails."""
    _, status = os.waitpid(in_a_fork(work), 0)
    assert os.waitstatus_to_exitcode(status) == 0
