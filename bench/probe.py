"""Figures that need a fresh process each: memory of a fit, import time, the first fit's extra time.

As a program, ``python probe.py KIND FOLDER`` is that process and prints one line of JSON.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

PROCESSES = 5


def _run(kind, folder, **environment):
    from process import ContenderError, child_environment

    finished = subprocess.run(
        [sys.executable, __file__, kind, str(folder)],
        capture_output=True,
        text=True,
        env=child_environment(2, environment),
        check=False,
    )
    if finished.returncode:
        raise ContenderError(finished.stderr.strip()[-2000:])
    return json.loads(finished.stdout.splitlines()[-1])


def _medians(kind, folder, **environment):
    answers = [_run(kind, folder, **environment) for _ in range(PROCESSES)]
    return {key: median(answer[key] for answer in answers) for key in answers[0]}


def memory(folder):
    """MB at the peak of a fit on uint8 MNIST, over those after ``warmup()`` with X loaded."""
    import jobs

    jobs.save("mnist", folder)
    _run("memory", folder)  # fills the cache: compiling takes memory too
    answer = _medians("memory", folder)
    return answer["more"], f"{answer['before']:.0f} MB before, {answer['peak']:.0f} MB at the peak"


def import_time(folder):
    """Milliseconds of ``from fastmlp import MLPClassifier`` once sklearn.base is imported."""
    answer = _medians("import", folder)
    if answer["numba"]:
        return float("inf"), "it imports numba"
    return answer["ms"], f"sklearn.base itself {answer['sklearn_ms']:.0f} ms; numba not imported"


def first_fit(folder):
    """Seconds by which the first fit of a process is slower than the second, code cached."""
    import jobs

    jobs.save("mnist", folder)
    _run("fits", folder)
    answer = _medians("fits", folder)
    return answer[
        "more"
    ], f"{answer['first']:.2f} s, then {answer['second']:.2f} s (one epoch each)"


def first_fit_ever(folder):
    """Seconds of the first fit of one epoch with an empty cache of compiled code."""
    import jobs

    jobs.save("mnist", folder)
    with tempfile.TemporaryDirectory() as cache:
        answer = _run("fits", folder, FASTMLP_CACHE=cache)
        if not any(Path(cache).rglob("*.bin")):
            raise RuntimeError("the cache folder was not used")
    return answer["first"], f"the second {answer['second']:.2f} s (one epoch each)"


def _status(field):
    """A line of /proc/self/status in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise KeyError(field)


def _probe_memory(folder):
    import numpy as np

    from fastmlp import MLPClassifier, warmup

    X = np.load(folder / "mnist" / "X_train.npy")
    images = np.rint(X * 255).astype(np.uint8)
    del X
    labels = np.load(folder / "mnist" / "labels.npz")["y_train"]
    warmup()
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    MLPClassifier(max_iter=2, n_threads=2, random_state=0).fit(images, labels)
    peak = _status("VmHWM")
    return {"before": before, "peak": peak, "more": peak - before}


def _probe_import(_):
    start = time.perf_counter()
    import sklearn.base  # noqa: F401

    middle = time.perf_counter()
    from fastmlp import MLPClassifier  # noqa: F401

    end = time.perf_counter()
    return {
        "ms": 1000 * (end - middle),
        "sklearn_ms": 1000 * (middle - start),
        "numba": "numba" in sys.modules,
    }


def _probe_fits(folder):
    import numpy as np

    from fastmlp import MLPClassifier

    X = np.load(folder / "mnist" / "X_train.npy")
    y = np.load(folder / "mnist" / "labels.npz")["y_train"]
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        MLPClassifier(max_iter=1, n_threads=2, random_state=0).fit(X, y)
        seconds.append(time.perf_counter() - start)
    return {"first": seconds[0], "second": seconds[1], "more": seconds[0] - seconds[1]}


if __name__ == "__main__":
    kinds = {"memory": _probe_memory, "import": _probe_import, "fits": _probe_fits}
    print(json.dumps(kinds[sys.argv[1]](Path(sys.argv[2]))))
