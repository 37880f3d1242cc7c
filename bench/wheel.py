"""What an installed wheel does: its kernels against code for this very CPU, and the first fit after the installation.

The wheel is built with ``FASTMLP_PREBUILT=1`` from this checkout, which takes minutes of CPU time, once per run of
``bars.py``; ``FASTMLP_WHEEL=PATH`` names one that is there. As a program, ``python wheel.py FOLDER LEVEL EPOCHS`` is a
fresh process that times a fit and prints one line of JSON.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 5
EPOCHS = 10
NATIVE = "native"


def installed(folder):
    """The folder that the wheel is installed into, for `PYTHONPATH`; without its dependencies."""
    place = Path(folder) / "wheel" / "site-packages"
    if not place.is_dir():
        wheel = os.environ.get("FASTMLP_WHEEL") or _built(place.parent)
        _pip("install", "--quiet", "--no-deps", "--target", place, wheel)
    return place


def _built(folder):
    _pip("wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, FASTMLP_PREBUILT="1")
    (wheel,) = folder.glob("*.whl")
    return wheel


def _pip(*arguments, **environment):
    subprocess.run(
        [sys.executable, "-m", "pip", *map(str, arguments)],
        check=True,
        env=os.environ | environment,
    )


def _run(folder, script, *arguments, **environment):
    """The output of a process that imports the installed fastmlp."""
    from process import ContenderError, child_environment

    extra = {"PYTHONPATH": str(installed(folder))} | environment
    done = subprocess.run(
        [sys.executable, "-P", str(script), *map(str, arguments)],
        capture_output=True, text=True, env=child_environment(2, extra), cwd=folder, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ContenderError((done.stderr or done.stdout).strip()[-2000:])
    return done.stdout


def has(level):
    """Whether this CPU runs a level's code."""
    from fastmlp.kernels import prebuilt
    from fastmlp.system.cpu import cpu_features

    features = cpu_features()
    return any(one.name == level and features.issuperset(one.needed) for one in prebuilt.levels())


def epoch_over_native(level, rounds=ROUNDS, epochs=EPOCHS):
    """Measure the main job's epoch by a level's kernels over that by native ones, each fit in a fresh process."""

    def measure(folder):
        import jobs
        from load import wait_until_quiet
        from process import ContenderError
        from rounds import PATIENCE, say

        if not has(level):
            raise ContenderError(f"this CPU does not run {level}")
        jobs.save("mnist", folder)
        with tempfile.TemporaryDirectory() as cache:
            seconds = {level: [], NATIVE: []}
            for number in range(rounds + 1):
                for code, mine in seconds.items():
                    wait_until_quiet(PATIENCE, say)
                    # The first round compiles the native code, and is not counted.
                    wanted = epochs if number else 1
                    # Native code in a cache would be preferred to the wheel's.
                    where = cache if code == NATIVE else os.devnull
                    out = _run(folder, __file__, folder, code, wanted, FASTMLP_CACHE=where)
                    if number:
                        mine.append(json.loads(out.splitlines()[-1])["seconds"] / epochs)
                        say(f"  {number}/{rounds} {code} {mine[-1]:.3f} s per epoch")
        ratios = sorted(a / b for a, b in zip(*seconds.values(), strict=True))
        remark = "; ".join(
            f"{code} {median(mine):.3f} s ({min(mine):.3f}–{max(mine):.3f})"
            for code, mine in seconds.items()
        )
        ratio = median(seconds[level]) / median(seconds[NATIVE])
        return ratio, f"{remark}; per round {ratios[0]:.3f}–{ratios[-1]:.3f}"

    return measure


def first_fit(folder, solvers=("rmsprop", "adam", "sgd"), rounds=ROUNDS):
    """Seconds of the first fit and prediction of a process by its slowest solver: no cache, no home, no Numba."""
    script = ROOT / ".ci" / "installed_kernels.py"
    how = {"FASTMLP_CACHE": os.devnull, "HOME": "/nowhere"}
    medians = {}
    for solver in solvers:
        found = [_run(folder, script, "first", solver, "inf", **how) for _ in range(rounds)]
        medians[solver] = median(float(text.split()[-2]) for text in found)
    return max(medians.values()), ", ".join(f"{name} {s:.2f} s" for name, s in medians.items())


def main():
    import numpy as np

    import fastmlp
    from fastmlp.kernels import code_cache, prebuilt

    folder, code, epochs = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    assert "site-packages" in fastmlp.__file__, fastmlp.__file__
    prebuilt.level = lambda: None if code == NATIVE else code
    X = np.load(folder / "mnist" / "X_train.npy")
    y = np.load(folder / "mnist" / "labels.npz")["y_train"]

    def fit(epochs):
        model = fastmlp.MLPClassifier(max_iter=epochs, n_threads=2, random_state=0)
        start = time.perf_counter()
        model.fit(X, y)
        return time.perf_counter() - start

    fit(1)  # loads the kernels
    seconds = fit(epochs)
    sources = {entry.source for entry in code_cache._ENTRIES.values()}
    assert sources <= ({code_cache.CACHE, code_cache.COMPILED} if code == NATIVE else {code}), (
        sources
    )
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
