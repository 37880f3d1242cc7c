"""Fuzz the Cython data path under AddressSanitizer and UndefinedBehaviorSanitizer.

    python tests/fuzz/fuzz_batches.py --seconds 20

builds ``fastmlp.data._batches`` with both sanitizers in a scratch folder (Linux, gcc), makes sure that
they are awake, and runs random cases, each from its own number, for so many seconds of computing
(a pause does not count). Ctrl-C ends the run after the case at hand. A failure prints how to run
its case again; ``--seed`` and ``--first`` do so.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
OPTIONS = {
    # Leaks are Python's to tell; a small quarantine keeps long runs small.
    "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=32",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "OPENBLAS_NUM_THREADS": "1",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="of computing")
    parser.add_argument("--seed", type=int, default=None, help="default: the time")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--cases", type=int, default=None, help="the most cases; default: any")
    parser.add_argument(
        "--build", type=Path, help="folder to build in, or that has a build already"
    )
    parser.add_argument("--child", choices=["canary", "run"], help=argparse.SUPPRESS)
    parser.add_argument("--status", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.seed is None:
        args.seed = int(time.time())
    if args.child == "canary":
        return canary()
    if args.child == "run":
        return run(args)
    return parent(args)


def parent(args):
    """Build, check the sanitizers, run the cases in a process of their own."""
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        environment = build(args.build or scratch / "build")
        asleep = child(environment, "canary", capture_output=True, text=True)
        if "heap-buffer-overflow" not in asleep.stderr:
            raise SystemExit(f"the sanitizer did not see an overrun:\n{asleep.stderr}")
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the child's
        status = scratch / "status"
        status.write_text(str(args.first))
        numbers = ["--seconds", args.seconds, "--seed", args.seed, "--first", args.first]
        numbers += [] if args.cases is None else ["--cases", args.cases]
        done = child(environment, "run", "--status", status, *numbers)
        if done.returncode:
            case = status.read_text()
            raise SystemExit(
                f"FAILED at case {case}; again: python {' '.join(sys.argv[:1])} "
                f"--seed {args.seed} --first {case} --cases 1"
            )


def build(folder):
    """Compile a copy of the package with the sanitizers; the environment in which to run it."""
    if not folder.exists():
        ignored = shutil.ignore_patterns("*.so", "__pycache__")
        shutil.copytree(REPOSITORY / "fastmlp", folder / "fastmlp", ignore=ignored)
        for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(REPOSITORY / name, folder)
        environment = os.environ | {"FASTMLP_SANITIZE": "1", "FASTMLP_CHECK": "0"}
        command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
        subprocess.run(command, cwd=folder, env=environment, check=True)
    libraries = [
        subprocess.check_output(["gcc", f"-print-file-name={name}"], text=True).strip()
        for name in ("libasan.so", "libubsan.so", "libstdc++.so.6")
    ]
    path = os.pathsep.join(map(str, (folder, REPOSITORY / "tests")))
    return os.environ | OPTIONS | {"LD_PRELOAD": " ".join(libraries), "PYTHONPATH": path}


def child(environment, task, *arguments, **options):
    """Run this file again, under the sanitizers."""
    command = [sys.executable, __file__, "--child", task, *map(str, arguments)]
    return subprocess.run(command, env=environment, check=False, **options)


def canary():
    """Write out of bounds, which the sanitizer must see."""
    import numpy as np

    from fastmlp.data import _rows

    _rows.count_dense(np.ones((1000, 3)), False, np.zeros(400, np.int64))


def run(args):
    """Run cases until the time is over."""
    import warnings

    import numpy as np
    from cases import run as run_case

    import fastmlp

    warnings.simplefilter("ignore")  # of casts of NaN and infinity, which are legion
    assert Path(fastmlp.__file__).parents[1] != REPOSITORY
    stopped = []
    signal.signal(signal.SIGINT, lambda *_: stopped.append(True))
    case, start, began = args.first, time.process_time(), time.monotonic()
    last = float("inf") if args.cases is None else case + args.cases
    with open(args.status, "w") as status:
        while not stopped and case < last and time.process_time() - start < args.seconds:
            status.seek(0)
            status.write(str(case))
            status.flush()  # whatever ends this process, the number is there
            run_case(np.random.default_rng([args.seed, case]))
            case += 1
    computing, passed = time.process_time() - start, time.monotonic() - began
    print(
        f"{case - args.first:,} cases without a finding in {computing:.0f} s of computing "
        f"({passed:.0f} s passed; seed {args.seed}, NumPy {np.__version__})"
    )


if __name__ == "__main__":
    main()
