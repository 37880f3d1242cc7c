"""A process that fits again and again does not grow."""

import os
from pathlib import Path

import pytest
from trained import X, Y, make

pytestmark = pytest.mark.slow

STATM = Path("/proc/self/statm")


def resident():
    """Megabytes of this process that are in memory now (not the most that ever were)."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(not STATM.exists(), reason="needs Linux's /proc")
def test_300_refits_do_not_grow():
    model = make(max_iter=2, n_threads=2)

    def refit(n):
        for _ in range(n):
            model.fit(X, Y).predict(X)
        return resident()

    before = refit(60)
    # A copy of X kept by each fit would be 300 times its size.
    assert 300 * X.nbytes / 2**20 > 4
    assert refit(300) - before < 2
