"""How busy other programs keep the machine: a benchmark beside them measures them too.

BLAS libraries and thread pools with spinning barriers lose many times over when one of their
threads has no core, so a turn is started when the machine is quiet, and the share that others took
during it is recorded.
"""

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")  # Linux only; elsewhere nothing is known and nothing waited for
QUIET = 0.15  # cores
LOOK = 0.25  # seconds, many ticks of the clock in STAT


def busy_seconds():
    """Core-seconds all programs together have used since boot, or None."""
    try:
        first = STAT.read_text().partition("\n")[0].split()
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, first[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


class Others:
    """Cores that other programs used while a ``with`` block ran: ``cores`` afterwards."""

    def __enter__(self):
        self._before = busy_seconds(), sum(os.times()[:4]), time.perf_counter()
        self.cores = None
        return self

    def __exit__(self, *_):
        busy, own, start = self._before
        if busy is not None:
            seconds = max(time.perf_counter() - start, 1e-9)
            used = busy_seconds() - busy - (sum(os.times()[:4]) - own)
            self.cores = round(max(used, 0.0) / seconds, 3)


def wait_until_quiet(patience, say):
    """Return when other programs use next to nothing, or after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    told = False
    while time.monotonic() < deadline:
        with Others() as others:
            time.sleep(LOOK)
        if others.cores is None or others.cores < QUIET:
            return
        if not told:
            say(f"  waiting: other programs use {others.cores:.1f} cores")
            told = True
