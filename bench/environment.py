"""Where a measurement was taken: machine, versions, commit."""

import os
import platform
import subprocess
import time
from importlib import metadata
from pathlib import Path

import numpy as np


def _cpu():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _git(*arguments):
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _version(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def changes_since(commit):
    """Return how many commits have changed fastmlp's code since this one; None where git cannot tell."""
    number = commit and _git("rev-list", "--count", f"{commit}..HEAD", "--", ":/fastmlp")
    return int(number) if number else None


def changed_code():
    """Return whether fastmlp's code differs from the commit's; of other files it does not matter."""
    return bool(_git("status", "--porcelain", "--untracked-files=no", "--", ":/fastmlp"))


def describe():
    """A dict of plain values, for the results file."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    features = np.show_config(mode="dicts")["SIMD Extensions"]
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return {
        "date": time.strftime("%Y-%m-%d %H:%M:%S %Z"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "simd": features.get("found"),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "numpy_blas": f"{blas['name']} {blas['version']}",
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed_files": bool(changed),
        "fastmlp": _version("fastmlp"),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }
