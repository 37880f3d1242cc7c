"""Start contenders in processes of their own and talk to them."""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from contenders import CONTENDERS

HERE = Path(__file__).resolve().parent

# Settings of the calling shell that would favour or cripple one BLAS.
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_ENABLE_INSTRUCTIONS", "XLA_FLAGS")
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "NPROC",  # XLA's
)
# After a turn OpenMP pools spin for a moment: the next contender waits that long.
SETTLE_SECONDS = 0.3


class ContenderError(RuntimeError):
    """A contender's process has ended before its time."""


def child_environment(n_threads, extra=()):
    """The environment of a child: the shell's, without BLAS tuning, with the number of threads."""
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    environment |= dict.fromkeys(THREADS, str(n_threads))
    return environment | dict(extra)


class Worker:
    """One contender on one job; ``ask`` it to train, evaluate, predict or tell its memory."""

    def __init__(self, name, job, folder):
        contender = CONTENDERS[name]
        self.name = name
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), name, json.dumps(job.to_dict()), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=child_environment(job.threads, contender.environment),
            start_new_session=True,  # Ctrl-C is for the reporting process alone
        )
        self.started = self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.log.seek(0)
            tail = "".join(self.log.readlines()[-15:])
            raise ContenderError(f"{self.name} ended with {self.process.returncode}:\n{tail}")
        return json.loads(line)

    def ask(self, command, **arguments):
        """Send a command, wait for its answer, then let the machine settle."""
        try:
            self.process.stdin.write(json.dumps([command, arguments]) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # `_answer` finds out why
        answer = self._answer()
        time.sleep(SETTLE_SECONDS)
        return answer

    def close(self):
        with suppress(OSError):
            self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
