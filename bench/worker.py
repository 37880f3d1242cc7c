"""One contender in a process of its own: a line of JSON in is a command, a line out its answer.

Started by `process.Worker` as ``python worker.py CONTENDER JOB FOLDER``, its environment set.
"""

import importlib
import json
import os
import resource
import sys
import time
from importlib import metadata

from load import Others

# Libraries print what they like: the answers have a channel of their own, and stdout joins stderr.
ANSWERS = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def pin(n_threads):
    """Let this process see ``n_threads`` cores: frameworks take their number of threads from it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n_threads])


def versions(packages):
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found


def timed(function, *arguments):
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


class Commands:
    """What the reporting process may ask for."""

    def __init__(self, contender, job, folder):
        import jobs  # numpy comes with it: every contender needs that, none is charged for it

        self.data = jobs.load(job.dataset, folder)
        seconds, self.module = timed(importlib.import_module, f"contenders.{contender.module}")
        more, self.state = timed(self.module.prepare, job, self.data)
        self.ready = {"startup_seconds": seconds + more, "versions": versions(contender.packages)}

    def train(self, epochs):
        with Others() as others:
            seconds, _ = timed(self.module.train, self.state, epochs)
        return {"epochs": epochs, "seconds": seconds, "other_cores": others.cores}

    def evaluate(self):
        loss, accuracy = self.module.evaluate(self.state)
        return {"test_loss": loss, "test_accuracy": accuracy}

    def predict(self, rows, repeats):
        """Seconds per call of ``predict`` over the first ``rows`` test rows; one by one if 0."""
        X = self.data.X_test
        parts = [X[:rows]] * repeats if rows else [X[i : i + 1] for i in range(repeats)]
        seconds, _ = timed(lambda: [self.module.predict(self.state, part) for part in parts])
        return {"seconds": seconds / len(parts)}

    def memory(self):
        return {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main():
    import contenders
    from jobs import Job

    name, job, folder = sys.argv[1:]
    job = Job.from_dict(json.loads(job))
    pin(job.threads)
    commands = Commands(contenders.CONTENDERS[name], job, folder)
    print(json.dumps(commands.ready), file=ANSWERS)
    for line in sys.stdin:
        command, arguments = json.loads(line)
        print(json.dumps(getattr(commands, command)(**arguments)), file=ANSWERS)


if __name__ == "__main__":
    main()
